"""The contact policy's services on one kind of store, as its contract tests use them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from shared.contact_policy.model.people import Person
from shared.contact_policy.model.standing import ConsentKey, Effective
from shared.contact_policy.ports import DeferralStore, PersonStore, PolicyStore
from shared.contact_policy.service.cases import CaseService
from shared.contact_policy.service.consents import ConsentService, Statement
from shared.contact_policy.service.control_groups import ControlGroupService
from shared.contact_policy.service.decisions import Answer, DecisionService
from shared.contact_policy.service.deferrals import DeferralService
from shared.contact_policy.service.effects import EffectService
from shared.contact_policy.service.noting import NotingService
from shared.contact_policy.service.people import PersonService
from shared.contact_policy.service.personal import PersonalPolicy
from shared.contact_policy.service.policies import PolicyCache, PolicyService
from shared.contact_policy.service.preferences import PreferenceService
from shared.contact_policy.service.protection import ProtectionService
from shared.contact_policy.service.whereabouts import WhereaboutsService
from shared.kernel.decisions import Candidate, Decision
from shared.kernel.events import Channel, Purpose
from shared.kernel.ids import Ids
from shared.platform.dynamodb import pause_after
from tests.fakes.clock import ManualClock
from tests.fakes.contact_policy import ADA, candidate
from tests.fakes.contact_policy_stores import (
    InMemoryDeferralStore,
    InMemoryPersonStore,
    InMemoryPolicyStore,
    Memory,
    OnePlace,
)

APP = "app_1"
HOUR = timedelta(hours=1)
EMAIL = ConsentKey(Purpose.MARKETING, Channel.EMAIL)


@dataclass(frozen=True, kw_only=True)
class Merge:
    """An intent as registrations notes it."""

    edge_id: str
    stays: str
    moves: str
    members: frozenset[str]
    app_id: str = APP


def merge(edge_id: str, stays: str, moves: str, *others: str) -> Merge:
    return Merge(edge_id=edge_id, stays=stays, moves=moves, members=frozenset({moves, *others}))


@dataclass(frozen=True, kw_only=True)
class PolicyServices:
    """The services on one kind of store, and a way to read what they told."""

    policy_store: PolicyStore
    person_store: PersonStore
    deferral_store: DeferralStore
    clock: ManualClock
    ids: Ids
    rules: PolicyCache
    decisions: DecisionService
    consents: ConsentService
    preferences: PreferenceService
    cases: CaseService
    whereabouts: WhereaboutsService
    policies: PolicyService
    control_groups: ControlGroupService
    people: PersonService
    personal: PersonalPolicy
    deferrals: DeferralService
    noting: NotingService
    effects: EffectService
    told: Callable[[], list[Mapping[str, Any]]]

    def under(self, **sections: Any) -> None:
        """Put a policy in force that has no more than these sections."""
        self.policies.put_policy(APP, sections, version=None, by="ada")

    def capped(self, limit: int, **cap: Any) -> None:
        self.under(caps=[{"id": "cap", "limit": limit, "window": {"rolling": 24}, **cap}])

    def reserve(self, contact_id: str = ADA, **asked: Any) -> Answer:
        options = {name: asked.pop(name) for name in ("key", "hold", "tells") if name in asked}
        return self.decisions.reserve(candidate(contact_id=contact_id, **asked), **options)

    def reserved(self, contact_id: str = ADA, **asked: Any) -> str:
        """Reserve, and return the reservation's id."""
        _, reservation = self.reserve(contact_id, **asked)
        assert reservation is not None
        return reservation.reservation_id

    def decide(self, contact_id: str = ADA, **asked: Any) -> Decision:
        return self.decisions.decide(candidate(contact_id=contact_id, **asked))

    def person(self, contact_id: str = ADA) -> Person:
        return self.person_store.people({contact_id}, app_id=APP)[contact_id]

    def effective(self, contact_id: str = ADA) -> Effective:
        return Effective(self.person(contact_id).standing, at=self.clock())

    def types(self) -> list[str]:
        return [str(event["type"]) for event in self.told()]


def statement(contact_id: str = ADA, key: ConsentKey = EMAIL, **said: Any) -> Statement:
    words: dict[str, Any] = {"obtained_by": "form", "by": "shop", "text": "May we write?"}
    return Statement(app_id=APP, contact_id=contact_id, key=key, **{**words, **said})


def a_candidate(contact_id: str = ADA, **asked: Any) -> Candidate:
    return candidate(contact_id=contact_id, **asked)


def in_memory() -> PolicyServices:
    memory = Memory()
    return assemble(
        InMemoryPolicyStore(memory),
        InMemoryPersonStore(memory),
        InMemoryDeferralStore(memory),
        told=lambda: [
            {"type": one.type, "channel": one.channel, "source": one.source, "data": one.data}
            for one in memory.events
        ],
    )


def on_dynamodb(request: pytest.FixtureRequest) -> PolicyServices:
    tables: Mapping[str, str] = request.getfixturevalue("tables")
    return on_tables(tables)


def on_tables(tables: Mapping[str, str]) -> PolicyServices:
    from shared.contact_policy.store import (  # noqa: PLC0415 - needs the environment's tables
        DynamoDeferralStore,
        DynamoPersonStore,
        DynamoPolicyStore,
    )
    from shared.platform.dynamodb import bind  # noqa: PLC0415
    from shared.platform.ledger import EventRow, Ledger, from_row  # noqa: PLC0415

    ledger, table = Ledger(table=tables["contact_events"]), tables["contact_policy"]

    def told() -> list[Mapping[str, Any]]:
        rows = bind(EventRow, table=tables["contact_events"]).scan()
        events = sorted(map(from_row, rows), key=lambda event: event.sequence)
        return [
            {"type": one.type, "channel": one.channel, "source": one.source, "data": one.data}
            for one in events
        ]

    return assemble(
        DynamoPolicyStore(table=table, ledger=ledger),
        DynamoPersonStore(table=table, ledger=ledger),
        DynamoDeferralStore(table=table, ledger=ledger),
        told=told,
    )


def assemble(
    policies: PolicyStore,
    people: PersonStore,
    deferrals: DeferralStore,
    *,
    told: Callable[[], list[Mapping[str, Any]]],
) -> PolicyServices:
    clock = ManualClock()
    ids = Ids(clock=clock)
    # The same hands of the clock: what is put in force is read at once after ten seconds.
    rules = PolicyCache(store=policies, apps=OnePlace(), elapsed=lambda: clock().timestamp())
    pause = pause_after
    consents = ConsentService(people=people, clock=clock, ids=ids, pause=pause)
    cases = CaseService(people=people, clock=clock, ids=ids, pause=pause)
    noting = NotingService(people=people, rules=rules, clock=clock, pause=pause)
    return PolicyServices(
        policy_store=policies,
        person_store=people,
        deferral_store=deferrals,
        clock=clock,
        ids=ids,
        rules=rules,
        decisions=DecisionService(people=people, rules=rules, clock=clock, ids=ids, pause=pause),
        consents=consents,
        preferences=PreferenceService(people=people, clock=clock, ids=ids, pause=pause),
        cases=cases,
        whereabouts=WhereaboutsService(people=people, pause=pause),
        policies=PolicyService(store=policies, clock=clock, ids=ids),
        control_groups=ControlGroupService(store=policies, clock=clock, ids=ids, pause=pause),
        people=PersonService(people=people, policies=policies, pause=pause),
        personal=PersonalPolicy(people=people, deferrals=deferrals, pause=pause),
        deferrals=DeferralService(store=deferrals, clock=clock),
        noting=noting,
        effects=EffectService(
            protection=ProtectionService(cases=cases, consents=consents), cases=cases, noting=noting
        ),
        told=told,
    )

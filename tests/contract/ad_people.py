"""States of people on one kind of store, as their contract tests and races use them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from shared.placements.model.ad_state import AdState, Seen
from shared.placements.ports.decisions import AdStates
from shared.placements.service.ad_states import AdStateService
from shared.placements.service.people import PersonalAdStates, PersonService
from shared.placements.service.promises import Decided, PromiseService
from shared.platform.dynamodb import pause_after
from tests.fakes.ad_states import FixedFacts, InMemoryAdStates
from tests.fakes.clock import ManualClock

APP = "app_1"
ADA, BOB, EVE = "con_ada", "con_bob", "con_eve"
HELD = timedelta(minutes=10)
LONGEST = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """A merge, as registrations tells of it."""

    edge_id: str
    stays: str
    moves: str
    app_id: str = APP
    members: frozenset[str] = frozenset()


def seen(
    token_id: str, at: datetime, *, ad_id: str = "ad_1", held: bool = False, origin: str = ""
) -> Seen:
    return Seen(
        ad_id=ad_id,
        flight_id=f"flt_of_{ad_id}",
        ad_campaign_id="adc_1",
        advertiser_id="adv_1",
        placement_id="plc_1",
        at=at,
        token_id=token_id,
        held_until=at + HELD if held else None,
        labels=frozenset({"cars"}),
        origin=origin,
    )


@dataclass
class AdPeople:
    states: AdStates
    facts: FixedFacts = field(default_factory=FixedFacts)
    clock: ManualClock = field(default_factory=ManualClock)

    def __post_init__(self) -> None:
        self.service = AdStateService(states=self.states, facts=self.facts, pause=pause_after)
        self.promises = PromiseService(
            states=self.states, longest=lambda _app_id: LONGEST, pause=pause_after
        )
        self.people = PersonService(states=self.states, pause=pause_after)
        self.personal = PersonalAdStates(states=self.states, pause=pause_after)

    def state(self, contact_id: str = ADA) -> AdState:
        return self.states.read_latest(contact_id, app_id=APP)

    def shows(self, token_id: str, contact_id: str = ADA, *, ad_id: str = "ad_1") -> None:
        at = self.clock()
        one = seen(token_id, at, ad_id=ad_id)
        self.promises.show(contact_id, one, app_id=APP, at=at)

    def tokens(self, contact_id: str = ADA) -> Sequence[str]:
        return [one.token_id for one in self.state(contact_id).seen]

    def asks(self, token_id: str, contact_id: str = ADA, *, cap: int = 1) -> bool:
        """Ask for an ad under a strict cap; say whether one is given."""
        at = self.clock()

        def decide(state: AdState) -> Decided[bool]:
            if sum(one.counts(at) for one in state.seen) >= cap:
                return Decided(outcome=False)
            return Decided(
                outcome=True, promises=[seen(token_id, at, held=True, origin=contact_id)]
            )

        read = self.states.read(contact_id, app_id=APP)
        return self.promises.reserve(read, decide, at=at)


def in_memory() -> AdPeople:
    return AdPeople(InMemoryAdStates())


def on_dynamodb(request: pytest.FixtureRequest) -> AdPeople:
    return on_table(request.getfixturevalue("tables")["placements"])


def on_table(table: str) -> AdPeople:
    from shared.placements.store.ad_states import (  # noqa: PLC0415 - needs the tables
        DynamoAdStates,
    )

    return AdPeople(DynamoAdStates(table=table))

"""The services of what becomes of ads on one kind of store, as their contract tests use them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from shared.kernel.envelope import Envelope
from shared.kernel.ids import Ids
from shared.placements.model.engagements import Engagement, Grant
from shared.placements.model.leases import Lease
from shared.placements.ports.engagements import EngagementStore
from shared.placements.service.claiming import ClaimingService
from shared.placements.service.converting import ConversionService
from shared.placements.service.engagements import Answer, EngagementService, Report
from shared.placements.service.judging import Judge, Teller
from tests.fakes.ad_events import (
    InMemoryEngagementStore,
    JoinedPersons,
    OneLanding,
    OneRate,
    PlainTokens,
    SomeBounds,
    SomePromises,
    SomeStates,
    slot_of,
)
from tests.fakes.ads import ADA, PHONE, SHOP, a_grant
from tests.fakes.clock import NOON, ManualClock

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
DEVICE = Teller(app_id=SHOP, device_id=PHONE)
IMPRESSION, CLICK = Engagement.IMPRESSION, Engagement.CLICK


@dataclass(kw_only=True)
class Engagements:
    """The services on one kind of store; ``told`` reads the ledger, ``take`` takes a slot."""

    store: EngagementStore
    told: Callable[[], list[Envelope]]
    take: Callable[[Grant], None]
    clock: ManualClock = field(default_factory=ManualClock)
    tokens: PlainTokens = field(default_factory=PlainTokens)
    states: SomeStates = field(default_factory=SomeStates)
    promises: SomePromises = field(default_factory=SomePromises)
    bounds: SomeBounds = field(default_factory=SomeBounds)
    landings: OneLanding = field(default_factory=OneLanding)
    rates: OneRate = field(default_factory=OneRate)
    persons: JoinedPersons = field(default_factory=JoinedPersons)
    revocations: int = 0

    def __post_init__(self) -> None:
        self.clock.advance(SECOND)
        ids = Ids(clock=self.clock)
        self.service = EngagementService(
            tokens=self.tokens,
            store=self.store,
            judge=Judge(
                states=self.states,
                promises=self.promises,
                bounds=self.bounds,
                revocations=lambda _: self.revocations,
            ),
            landings=self.landings,
            clock=self.clock,
            ids=ids,
        )
        self.claims = ClaimingService(store=self.store, persons=self.persons, ids=ids)
        self.conversions = ConversionService(
            store=self.store, rates=self.rates, persons=self.persons, ids=ids
        )

    def given(self, number: int = 1, **others: Any) -> str:
        """Give an ad; return its token."""
        return self.tokens.token_of(a_grant(number, **others))

    def tell(
        self, token: str, engagement: Engagement = IMPRESSION, *, by: Teller = DEVICE, **others: Any
    ) -> Answer:
        report = Report(token=token, engagement=engagement, **others)
        (answer,) = self.service.record([report], by=by)
        return answer

    def shown_and_clicked(self, number: int = 1, **others: Any) -> str:
        """Give an ad, and have it shown, and tapped a second later."""
        token = self.given(number, **{"issued_at": self.clock.at, **others})
        self.tell(token)
        self.clock.advance(SECOND)
        self.tell(token, CLICK)
        return token

    def convert(self, coupon_id: str, *, contact_id: str = ADA, cause: str = "evt_1") -> bool:
        return self.conversions.convert(
            coupon_id, app_id=SHOP, contact_id=contact_id, cause=cause, at=self.clock()
        )

    def claim(self, token_id: str, *, contact_id: str = ADA) -> bool:
        return self.claims.count(
            token_id, app_id=SHOP, contact_id=contact_id, cause="evt_1", at=self.clock()
        )

    def types(self) -> list[str]:
        return [event.type for event in self.told()]


def in_memory() -> Engagements:
    store = InMemoryEngagementStore()
    return Engagements(
        store=store,
        told=lambda: sorted(store.events.values(), key=lambda event: event.sequence),
        take=lambda grant: store.taken.add(slot_of(grant)),
    )


def on_dynamodb(request: pytest.FixtureRequest) -> Engagements:
    tables: Mapping[str, str] = request.getfixturevalue("tables")
    return on_tables(tables)


def on_tables(tables: Mapping[str, str]) -> Engagements:
    from shared.placements.store.engagements import (  # noqa: PLC0415 - needs the tables
        DynamoEngagementStore,
    )
    from shared.placements.store.leases import SLOT, LeaseSlots  # noqa: PLC0415
    from shared.platform.dynamodb import bind, commit  # noqa: PLC0415
    from shared.platform.ledger import EventRow, from_row  # noqa: PLC0415

    slots = LeaseSlots(table=tables["placements"])

    def take(grant: Grant) -> None:
        assert grant.lease is not None
        lease = Lease(
            app_id=grant.app_id,
            flight_id=grant.flight_id,
            shard=grant.shard,
            number=grant.lease,
        )
        commit({SLOT: slots.used_by(lease, "somebody else's")})

    def told() -> list[Envelope]:
        rows = bind(EventRow, table=tables["contact_events"]).scan()
        return sorted(map(from_row, rows), key=lambda event: event.sequence)

    return Engagements(
        store=DynamoEngagementStore(events_table=tables["contact_events"], slots=slots),
        told=told,
        take=take,
    )


__all__ = ["CLICK", "DEVICE", "IMPRESSION", "MINUTE", "NOON", "SECOND", "Engagements"]

"""The services of redemptions on one kind of store, as their contract tests use them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from shared.coupons.model.baskets import Basket, Line
from shared.coupons.model.codes import CodeKind
from shared.coupons.model.coupons import Coupon
from shared.coupons.model.discounts import PercentOff
from shared.coupons.model.limits import Limit, Period, Subject
from shared.coupons.model.places import Counted, LimitSheet, Subjects, counted_by, sheet_of
from shared.coupons.model.redemptions import Applied, GivenBack, Redemption, Refund
from shared.coupons.model.rules import Circumstances
from shared.coupons.model.tickets import KnownEmpty
from shared.coupons.model.validity import Validity
from shared.coupons.ports.redemptions import RedemptionStore, TicketStore, UseStore
from shared.coupons.service.audit import Audit, LimitAudit
from shared.coupons.service.availability import Availability
from shared.coupons.service.drawing import Drawer
from shared.coupons.service.ending import Ending
from shared.coupons.service.limits import LimitService
from shared.coupons.service.people import PersonService
from shared.coupons.service.redemptions import Order, RedemptionService, Wanted
from shared.coupons.service.rollbacks import RollbackService
from shared.coupons.service.sweeping import Sweeping
from shared.kernel.clock import Clock
from shared.kernel.ids import Ids
from shared.platform.dynamodb import pause_after
from tests.fakes.clock import ManualClock
from tests.fakes.redemptions import (
    InMemoryRedemptionStore,
    InMemoryTicketStore,
    InMemoryUseStore,
    Memory,
)

APP = "app_1"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOLD = timedelta(minutes=15)
ADA = "con_00000000000000000000000001"
BOB = "con_00000000000000000000000002"
BASKET = Basket(
    currency="CHF",
    lines=(
        Line(line_id="1", product_id="shirt", quantity=2, unit_price=2_500),
        Line(line_id="2", product_id="socks", quantity=5, unit_price=1_000),
    ),
)
TOTAL = Limit(limit_id="total", subject=Subject.COUPON, uses=3)
ONE_EACH = Limit(limit_id="each", subject=Subject.CONTACT, uses=1)


def a_coupon(*limits: Limit, coupon_id: str = "cpn_1", **terms: Any) -> Coupon:
    fields: dict[str, Any] = {
        "coupon_id": coupon_id,
        "app_id": APP,
        "name": "A tenth off",
        "discount": PercentOff(hundredths=1_000),
        "validity": Validity(zone="Europe/Zurich"),
        "created_at": NOON,
        "limits": limits,
    }
    return Coupon(**(fields | terms))


def red(number: int) -> str:
    return f"red_{number:026d}"


def contact(number: int) -> str:
    return f"con_{number:026d}"


def tenth(coupon_id: str, **more: Any) -> Applied:
    return Applied(coupon_id=coupon_id, discount=1_000, lines={"1": 500, "2": 500}, **more)


def share_by_piece(redemption: Redemption, pieces: Mapping[str, int]) -> Refund:
    """Give back each piece at its even share; the figures of the tests divide without a rest."""
    quantities = {line.line_id: line.quantity for line in redemption.basket.lines}
    prices = {line.line_id: line.unit_price for line in redemption.basket.lines}
    discounts = {
        part.applied.coupon_id: {
            line: part.applied.lines[line] * count // quantities[line]
            for line, count in pieces.items()
            if line in part.applied.lines
        }
        for part in redemption.parts
    }
    lines = {
        line: prices[line] * count - sum(by_line.get(line, 0) for by_line in discounts.values())
        for line, count in pieces.items()
    }
    given_back = tuple(
        GivenBack(coupon_id=coupon_id, lines=of) for coupon_id, of in discounts.items()
    )
    return Refund(pieces=pieces, lines=lines, given_back=given_back)


@dataclass(frozen=True, kw_only=True)
class CouponServices:
    """The services on one kind of store, as one process has them."""

    ticket_store: TicketStore
    use_store: UseStore
    redemption_store: RedemptionStore
    clock: ManualClock
    ids: Ids
    redemptions: RedemptionService
    rollbacks: RollbackService
    limits: LimitService
    sweeping: Sweeping
    audits: Audit
    drawer: Drawer
    people: PersonService
    availability: Availability
    told: Callable[[], list[Mapping[str, Any]]]
    put_version: Callable[[str, str | None, int], None]
    coupons: dict[str, Coupon] = field(default_factory=dict)

    def has(self, coupon: Coupon) -> Coupon:
        """Have the app offer a coupon as it is from now on."""
        self.coupons[coupon.coupon_id] = coupon
        self.put_version(APP, coupon.coupon_id, coupon.limits_version)
        return coupon

    def relimited(self, *limits: Limit, coupon_id: str = "cpn_1") -> Coupon:
        """Change a coupon's limits."""
        coupon = self.coupons[coupon_id]
        version = coupon.limits_version + 1
        return self.has(replace(coupon, limits=limits, limits_version=version))

    def redeem(self, number: int, who: str | None = ADA, **asked: Any) -> Redemption:
        return self.redemptions.redeem(self.order(number, who, **asked))

    def reserve(
        self, number: int, who: str | None = ADA, *, hold: timedelta = HOLD, **asked: Any
    ) -> Redemption:
        return self.redemptions.reserve(self.order(number, who, **asked), hold=hold)

    def commit(self, number: int) -> Redemption:
        return self.redemptions.commit(red(number), app_id=APP)

    def release(self, number: int) -> Redemption:
        return self.redemptions.release(red(number), app_id=APP)

    def roll_back(
        self, number: int, pieces: Mapping[str, int] | None = None, *, key: str = "rol_1"
    ) -> Redemption:
        return self.rollbacks.roll_back(
            red(number), app_id=APP, rollback_id=key, refunds=share_by_piece, pieces=pieces
        )

    def order(
        self,
        number: int,
        who: str | None = ADA,
        *,
        coupon_ids: Collection[str] | None = None,
        fingerprint: str = "asked",
        device_id: str | None = None,
        store_id: str | None = None,
        code: str | None = None,
        kind: CodeKind | None = None,
        app_limits: LimitSheet | None = None,
        origin_id: str | None = None,
        basket: Basket = BASKET,
    ) -> Order:
        coupons = [self.coupons[one] for one in coupon_ids or list(self.coupons)[:1]]
        return Order(
            redemption_id=red(number),
            fingerprint=fingerprint,
            basket=basket,
            wanted=tuple(
                Wanted(applied=tenth(one.coupon_id, fingerprint=code), coupon=one, code=kind)
                for one in coupons
            ),
            circumstances=Circumstances(
                app_id=APP,
                at=self.clock(),
                contact_id=who,
                device_id=device_id,
                store_id=store_id,
            ),
            app_limits=app_limits,
            origin_id=origin_id,
        )

    def sheet(self, coupon_id: str = "cpn_1") -> LimitSheet:
        return sheet_of(self.coupons[coupon_id])

    def audit(self, coupon_id: str = "cpn_1") -> list[LimitAudit]:
        return list(self.audits.audit(self.sheet(coupon_id)))

    def counted(self, who: str = ADA, coupon_id: str = "cpn_1") -> Sequence[Counted]:
        return counted_by(self.sheet(coupon_id), Subjects(contact_id=who), self.clock())

    def sweep(self, coupon_id: str = "cpn_1") -> None:
        """Sweep all tickets of a coupon twice, as long apart as it takes."""
        for _ in range(2):
            for limit in self.coupons[coupon_id].limits:
                self.sweeping.sweep_tickets(APP, coupon_id, limit.limit_id)
            self.clock.advance(timedelta(minutes=1))

    def types(self) -> list[str]:
        return [str(event["type"]) for event in self.told()]


def assemble(
    tickets: TicketStore,
    uses: UseStore,
    redemptions: RedemptionStore,
    *,
    clock: Clock,
    ids: Ids,
    seed: int = 7,
    pause: Callable[[int], None] = pause_after,
) -> dict[str, Any]:
    """Return the services over some stores, as one process makes them."""
    chance = Random(seed)  # noqa: S311 - a test repeats itself

    def shuffled(numbers: Collection[int]) -> Sequence[int]:
        return chance.sample(list(numbers), len(numbers))

    known = KnownEmpty(shuffled=shuffled)
    drawer = Drawer(store=tickets, known=known, clock=clock, ids=ids)
    ending = Ending(
        redemptions=redemptions, uses=uses, drawer=drawer, clock=clock, ids=ids, pause=pause
    )
    return {
        "drawer": drawer,
        "redemptions": RedemptionService(
            redemptions=redemptions,
            drawer=drawer,
            notes=ending.notes,
            ending=ending,
            clock=clock,
            ids=ids,
            pause=pause,
        ),
        "rollbacks": RollbackService(
            redemptions=redemptions, ending=ending, clock=clock, ids=ids, pause=pause
        ),
        "availability": Availability(tickets=tickets, uses=uses, known=known, clock=clock),
        "people": PersonService(uses=uses, pause=pause),
        "limits": LimitService(tickets=tickets, known=known, clock=clock, pause=pause),
        "sweeping": Sweeping(
            redemptions=redemptions, tickets=tickets, known=known, ending=ending, clock=clock
        ),
        "audits": Audit(tickets=tickets, uses=uses, redemptions=redemptions, clock=clock),
    }


def in_memory() -> CouponServices:
    memory, clock = Memory(), ManualClock(NOON)
    ids = Ids(clock=clock)
    stores = (
        InMemoryTicketStore(memory),
        InMemoryUseStore(memory),
        InMemoryRedemptionStore(memory),
    )

    def put_version(app_id: str, coupon_id: str | None, version: int) -> None:
        memory.versions[app_id, coupon_id] = version

    return CouponServices(
        ticket_store=stores[0],
        use_store=stores[1],
        redemption_store=stores[2],
        clock=clock,
        ids=ids,
        told=lambda: [
            {"type": one.type, "subject": one.subject.id, "data": one.data} for one in memory.events
        ],
        put_version=put_version,
        **assemble(*stores, clock=clock, ids=ids),
    )


def on_dynamodb(request: pytest.FixtureRequest) -> CouponServices:
    tables: Mapping[str, str] = request.getfixturevalue("tables")
    return on_tables(tables)


def on_tables(tables: Mapping[str, str]) -> CouponServices:
    from pynamodb.attributes import NumberAttribute  # noqa: PLC0415

    from shared.coupons.store import (  # noqa: PLC0415 - needs the environment's tables
        DynamoRedemptionStore,
        DynamoTicketStore,
        DynamoUseStore,
    )
    from shared.coupons.store.keys import limits_key  # noqa: PLC0415
    from shared.platform.dynamodb import Put, Row, bind, commit  # noqa: PLC0415
    from shared.platform.ledger import EventRow, Ledger, from_row  # noqa: PLC0415

    class LimitsRow(Row):
        """A coupon, or an app's settings, as far as redemptions look at them."""

        version = NumberAttribute()
        limits_version = NumberAttribute()

    table, ledger = tables["coupons"], Ledger(table=tables["contact_events"])
    limits = bind(LimitsRow, table=table)
    clock = ManualClock(NOON)
    ids = Ids(clock=clock)
    stores = (
        DynamoTicketStore(table=table, ledger=ledger),
        DynamoUseStore(table=table),
        DynamoRedemptionStore(table=table, ledger=ledger),
    )

    def put_version(app_id: str, coupon_id: str | None, version: int) -> None:
        row = limits(*limits_key(app_id, coupon_id), version=version, limits_version=version)
        commit({"limits": Put(row=row)})

    def told() -> list[Mapping[str, Any]]:
        rows = bind(EventRow, table=tables["contact_events"]).scan()
        events = sorted(map(from_row, rows), key=lambda event: event.sequence)
        return [{"type": one.type, "subject": one.subject.id, "data": one.data} for one in events]

    return CouponServices(
        ticket_store=stores[0],
        use_store=stores[1],
        redemption_store=stores[2],
        clock=clock,
        ids=ids,
        told=told,
        put_version=put_version,
        **assemble(*stores, clock=clock, ids=ids),
    )


DAILY = Limit(limit_id="daily", subject=Subject.COUPON, period=Period.DAY, uses=2)

"""Rounds of the sweep: every limit in its turn, and on where time ran out."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import chain, repeat

from typing_extensions import override

from shared.coupons.model.coupons import CouponState
from shared.coupons.model.rounds import Spot
from shared.coupons.ports.rounds import RoundStore
from shared.coupons.service.noting import GRACE
from shared.coupons.service.rounds import RoundService
from tests.contract.redeeming import APP, TOTAL, CouponServices, a_coupon, in_memory
from tests.fakes.coupons import InMemoryCouponStore


@dataclass
class NotedSpots(RoundStore):
    spots: dict[str, Spot | None] = field(default_factory=dict)

    @override
    def spot_of(self, app_id: str) -> Spot | None:
        return self.spots.get(app_id)

    @override
    def put_spot(self, app_id: str, spot: Spot | None) -> None:
        self.spots[app_id] = spot


@dataclass(kw_only=True)
class Sweeper:
    it: CouponServices = field(default_factory=in_memory)
    spots: NotedSpots = field(default_factory=NotedSpots)
    coupons: InMemoryCouponStore = field(default_factory=InMemoryCouponStore)

    def __post_init__(self) -> None:
        self.rounds = RoundService(
            coupons=self.coupons, rounds=self.spots, sweeping=self.it.sweeping
        )

    def has(self, *coupon_ids: str, state: CouponState = CouponState.ACTIVE) -> None:
        """Offer coupons, of each of which a ticket is drawn whose holder died."""
        for one in coupon_ids:
            coupon = self.it.has(replace(a_coupon(TOTAL, coupon_id=one), state=state))
            self.coupons.kept[APP, one] = coupon
            assert self.it.drawer.ticket(self.it.counted(coupon_id=one)[0])

    def go_on(self, *, limits: int | None = None) -> bool:
        """Go on for so many limits, or to the end."""
        time: Iterator[bool] = repeat(True)
        if limits is not None:
            time = chain(repeat(True, limits), repeat(False))
        return self.rounds.go_on(APP, has_time=lambda: next(time))

    def waiting(self) -> list[str]:
        """Return the coupons of which a ticket is still nobody's."""
        return [
            coupon_id
            for _, coupon_id in self.coupons.kept
            if any(one.in_flight for one in self.it.audit(coupon_id))
        ]


def test_a_round_sweeps_every_active_coupon_once_its_tickets_are_old() -> None:
    it = Sweeper()
    it.has("cpn_1", "cpn_2", "cpn_3")
    assert it.go_on()
    assert it.waiting() == ["cpn_1", "cpn_2", "cpn_3"]
    it.it.clock.advance(2 * GRACE)
    assert it.go_on()
    assert it.waiting() == []


def test_a_round_that_has_no_time_left_goes_on_there() -> None:
    it = Sweeper()
    it.has("cpn_1", "cpn_2", "cpn_3")
    it.go_on()
    it.it.clock.advance(2 * GRACE)
    assert not it.go_on(limits=1)
    assert it.waiting() == ["cpn_2", "cpn_3"]
    assert it.spots.spot_of(APP) == Spot(coupon_id="cpn_2", limit_id=TOTAL.limit_id)
    assert it.go_on()
    assert it.waiting() == []
    assert it.spots.spot_of(APP) is None


def test_a_round_goes_on_after_a_coupon_that_ended_meanwhile() -> None:
    it = Sweeper()
    it.has("cpn_1", "cpn_2", "cpn_3")
    it.go_on()
    it.it.clock.advance(2 * GRACE)
    assert not it.go_on(limits=1)
    ended = replace(it.coupons.kept[APP, "cpn_2"], state=CouponState.ENDED)
    it.coupons.kept[APP, "cpn_2"] = ended
    assert it.go_on()
    assert it.waiting() == ["cpn_2"]


def test_a_coupon_that_is_not_active_is_passed_over() -> None:
    it = Sweeper()
    it.has("cpn_1", state=CouponState.PAUSED)
    it.go_on()
    it.it.clock.advance(2 * GRACE)
    assert it.go_on()
    assert it.waiting() == ["cpn_1"]

"""What pacing steers by is what is live and what was counted of it."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from shared.placements.model import folding
from shared.placements.model.demand import Goal, Pricing, Rate, Target
from shared.placements.model.engagements import Engagement
from shared.placements.model.folding import CounterKey
from shared.placements.model.pacing import Figures, Traffic
from shared.placements.service.steering import (
    EXPECTED_FOR,
    REFRESH,
    CountedDeliveries,
    DeliveredBounds,
    LiveBookings,
    SeenTraffic,
)
from tests.fakes.ad_counters import InMemoryCounterStore, InZone
from tests.fakes.ads import a_grant
from tests.unit.placements.markets import APP, AT, DAY, Market, cache_of

FLIGHT = "flt_shoes"
LIFE = CounterKey(app_id=APP, flight_id=FLIGHT)
TODAY = CounterKey(app_id=APP, flight_id=FLIGHT, day=date(2026, 11, 23))


def a_market(**terms: Any) -> Market:
    market = Market()
    market.placement("top")
    market.flight("shoes", **terms)
    return market


def bookings(market: Market) -> LiveBookings:
    return LiveBookings(snapshots=cache_of(market), zones=InZone("Asia/Kolkata"))


def test_a_booking_has_the_day_of_the_apps_zone() -> None:
    found = bookings(a_market(target=Target(daily=50))).of(APP, [FLIGHT, "flt_gone"], at=AT)
    assert found.keys() == {FLIGHT}
    assert found[FLIGHT].day_from == datetime(2026, 11, 22, 18, 30, tzinfo=UTC)
    assert found[FLIGHT].day_until == datetime(2026, 11, 23, 18, 30, tzinfo=UTC)
    assert (found[FLIGHT].target, found[FLIGHT].ends_at) == (Target(daily=50), None)


def test_what_was_delivered_is_counted_in_all_and_on_the_day() -> None:
    counters = InMemoryCounterStore()
    counters.counted[LIFE] = folding.Figures(shown=9, clicks=4, claims=3, conversions=2, revenue=1)
    counters.counted[TODAY] = folding.Figures(shown=5)
    deliveries = CountedDeliveries(counters=counters, zones=InZone("Asia/Kolkata"))
    booked = bookings(a_market()).of(APP, [FLIGHT], at=AT)
    found = deliveries.of(APP, booked.values())[FLIGHT]
    assert found.life == Figures(impressions=9, clicks=4, coupon_claims=3, conversions=2, revenue=1)
    assert found.day == Figures(impressions=5)


def hour(flight: str, at: datetime) -> CounterKey:
    return CounterKey(app_id=APP, flight_id=f"flt_{flight}", hour=at)


def test_traffic_is_expected_as_it_was_and_read_once_an_hour() -> None:
    counters, noon = InMemoryCounterStore(), AT.replace(minute=0)
    seen = SeenTraffic(snapshots=cache_of(a_market()), counters=counters)
    assert seen.traffic(APP, at=AT) == Traffic()
    counters.counted[hour("shoes", noon - DAY)] = folding.Figures(shown=24)
    assert seen.traffic(APP, at=AT + EXPECTED_FOR - timedelta(seconds=1)) == Traffic()
    found = seen.traffic(APP, at=AT + EXPECTED_FOR)
    assert (found.hours[12], found.hours[11]) == (24.1, 0.1)


def test_traffic_is_told_by_flights_without_bounds_first() -> None:
    counters, market = InMemoryCounterStore(), a_market(target=Target(lifetime=9))
    for name in ("a", "b", "c"):
        market.flight(name)
    counters.counted[hour("shoes", AT - DAY)] = folding.Figures(shown=24)
    seen = SeenTraffic(snapshots=cache_of(market), counters=counters)
    assert seen.traffic(APP, at=AT) == Traffic()


class Bounded:
    """A flight with a target, and what was delivered of it."""

    def __init__(self, target: Target, **terms: Any) -> None:
        market, self.counters, zones = (
            a_market(target=target, **terms),
            InMemoryCounterStore(),
            InZone(),
        )
        self.bounds = DeliveredBounds(
            snapshots=cache_of(market),
            bookings=LiveBookings(snapshots=cache_of(market), zones=zones),
            deliveries=CountedDeliveries(counters=self.counters, zones=zones),
        )

    def delivers(self, **figures: int) -> "Bounded":
        self.counters.counted[LIFE] = folding.Figures(**figures)
        return self

    def is_over(
        self, engagement: Engagement = Engagement.IMPRESSION, *, at: datetime = AT, **given: Any
    ) -> bool:
        known = {"app_id": APP, "flight_id": FLIGHT, "ad_id": "ad_shoes.0", **given}
        return self.bounds.is_over(a_grant(**known), engagement, at=at)


def test_a_target_is_over_when_it_is_reached_and_figures_are_read_again() -> None:
    bounded = Bounded(Target(lifetime=10)).delivers(shown=9)
    assert not bounded.is_over()
    bounded.delivers(shown=10)
    assert not bounded.is_over(at=AT + REFRESH - timedelta(seconds=1))
    assert bounded.is_over(at=AT + REFRESH)


def test_the_target_of_a_day_is_over_on_that_day() -> None:
    bounded = Bounded(Target(lifetime=100, daily=10))
    bounded.counters.counted[TODAY] = folding.Figures(shown=10)
    assert bounded.is_over()
    assert not bounded.is_over(at=AT + DAY)


@pytest.mark.parametrize(
    ("engagement", "is_over"),
    [(Engagement.CLICK, True), (Engagement.IMPRESSION, False), (Engagement.LOADED, False)],
)
def test_a_target_bounds_what_it_counts(engagement: Engagement, is_over: bool) -> None:
    bounded = Bounded(Target(goal=Goal.CLICKS, lifetime=2)).delivers(clicks=2, shown=90)
    assert bounded.is_over(engagement) is is_over


def test_a_target_of_revenue_bounds_what_is_paid_for() -> None:
    rate = Rate(pricing=Pricing.CPC, amount=50, currency="CHF")
    bounded = Bounded(Target(goal=Goal.REVENUE, lifetime=3), rate=rate).delivers(revenue=3_000_000)
    paid: dict[str, Any] = {"pricing": Pricing.CPC, "price": 50_000_000}
    assert bounded.is_over(Engagement.CLICK, **paid)
    assert not bounded.is_over(Engagement.IMPRESSION, **paid)


@pytest.mark.parametrize("target", [Target(), Target(lifetime=10, exact=True)])
def test_what_has_no_bound_or_is_bounded_by_numbers_is_never_over(target: Target) -> None:
    assert not Bounded(target).delivers(shown=99).is_over()


def test_an_ad_that_is_not_live_is_not_bounded() -> None:
    bounded = Bounded(Target(lifetime=10)).delivers(shown=10)
    assert not bounded.is_over(ad_id="ad_gone")
    assert not bounded.is_over(app_id="app_of_nobody")

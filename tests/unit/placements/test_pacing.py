"""A flight's pace: what it lacks, what is in flight, and what traffic will come."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.placements.model.demand import Goal, Pacing, Target
from shared.placements.model.pacing import (
    FREE,
    Booking,
    Delivered,
    Figures,
    Flow,
    Pace,
    Sample,
    Traffic,
    curve,
    pace,
    yield_of,
)
from shared.placements.service.pacing import PacingService
from tests.day_of_ads import with_counter, with_pacing
from tests.fakes.leases import InMemoryLeaseStore
from tests.fakes.pacing import FixedBookings, FixedDeliveries, FixedForecasts, InMemoryFlowStore

MIDNIGHT = datetime(2026, 11, 23, tzinfo=UTC)
NOON = MIDNIGHT + timedelta(hours=12)
DAY = timedelta(days=1)
APP, FLIGHT = "app_1", "flt_1"
REQUESTS = 8_000


def booked(target: Target, *, days: int = 1) -> Booking:
    return Booking(
        flight_id=FLIGHT,
        target=target,
        starts_at=MIDNIGHT,
        ends_at=MIDNIGHT + days * DAY,
        day_from=MIDNIGHT,
        day_until=MIDNIGHT + DAY,
    )


def shown(impressions: int, *, today: int | None = None) -> Delivered:
    of_day = impressions if today is None else today
    return Delivered(life=Figures(impressions=impressions), day=Figures(impressions=of_day))


def at_noon(
    target: Target, delivered: Delivered, flow: Flow, *, days: int = 1, at: datetime = NOON
) -> Pace:
    return pace(booked(target, days=days), delivered, flow, Traffic(), at=at)


def steady(given: int) -> Flow:
    """Return a flow of which all but the last is long over."""
    return Flow(
        given=given,
        samples=(Sample(at=NOON - timedelta(hours=1), given=given, brought=given, share=1.0),),
    )


def test_a_flight_without_bounds_takes_all() -> None:
    assert at_noon(Target(), shown(5), Flow()) == FREE


def test_a_flight_that_is_on_its_curve_gives_what_a_minute_brings() -> None:
    paced = at_noon(Target(lifetime=144_000), shown(72_000), steady(72_000))
    assert paced.most - 72_000 == pytest.approx(100, abs=1)


def test_a_flight_ahead_of_its_curve_gives_nothing() -> None:
    paced = at_noon(Target(lifetime=1_000), shown(600), steady(600))
    assert paced == Pace(share=0.0, most=600)


def test_what_is_in_flight_counts_by_what_an_ad_brings() -> None:
    past = Sample(at=NOON - timedelta(hours=1), given=70_000, brought=70_000, share=1.0)
    in_flight = Flow(given=71_000, samples=(past,))
    paced = at_noon(Target(lifetime=144_000), shown(70_000), in_flight)
    each = yield_of(Goal.IMPRESSIONS, brought=70_000, given=71_000)
    lacking = 144_000 * (12 * 60 + 1) / (24 * 60) - 70_000 - 1_000 * each
    assert paced.most - 71_000 == int(lacking / each)


def test_what_is_in_flight_is_over_after_the_life_of_an_ad() -> None:
    life = timedelta(minutes=10)
    flow = Flow(given=50, samples=(Sample(at=NOON, given=40, brought=30.0, share=1.0),))
    assert flow.in_flight(35.0, at=NOON + timedelta(minutes=9), life=life) == 15
    assert flow.in_flight(35.0, at=NOON + life, life=life) == 5


def test_a_small_goal_is_not_passed_if_all_in_flight_is_shown() -> None:
    target = Target(lifetime=50, pacing=Pacing.ASAP)
    assert at_noon(target, shown(20), Flow(given=30)).most == 50
    assert at_noon(target, shown(0), Flow(given=50)).most == 50
    over = Flow(given=50, samples=(Sample(at=MIDNIGHT, given=40, brought=20.0, share=1.0),))
    assert at_noon(target, shown(20), over).most == 50 + 50 - 20 - 10


def test_the_bound_of_a_day_holds_beside_that_of_the_life() -> None:
    target = Target(lifetime=10_000, daily=100, pacing=Pacing.ASAP)
    paced = at_noon(target, shown(500, today=100), steady(500), days=10)
    assert paced.share == 0.0
    paced = at_noon(target, shown(500, today=50), steady(500), days=10)
    assert paced.most == 550


def test_a_front_loaded_flight_is_done_before_its_end() -> None:
    assert curve(Pacing.FRONT_LOADED, 0.4) == 0.5
    assert curve(Pacing.FRONT_LOADED, 0.8) == 1.0
    assert curve(Pacing.EVEN, 0.4) == 0.4
    assert curve(Pacing.ASAP, 0.0) == 1.0


def test_a_share_follows_the_requests_that_were_seen() -> None:
    sample = Sample(at=NOON - timedelta(minutes=20), given=70_000, brought=70_000.0, share=0.5)
    flow = Flow(given=72_000, samples=(sample,))
    paced = at_noon(Target(lifetime=144_000), shown(72_000), flow)
    # A hundred a minute were given at a share of a half: two hundred requests could have been.
    assert paced.share == pytest.approx(0.5, rel=0.05)


def test_revenue_is_paced_in_minor_units() -> None:
    target = Target(goal=Goal.REVENUE, lifetime=1_000)
    earned = Delivered(life=Figures(impressions=900, revenue=900_000_000))
    assert at_noon(target, earned, steady(900)).share == 0.0


@given(st.lists(st.floats(0, 1_000), min_size=24, max_size=24), st.integers(0, 5_000))
def test_traffic_between_instants_adds_up(hours: list[float], minutes: int) -> None:
    traffic = Traffic(hours=tuple(hours))
    middle, end = MIDNIGHT + timedelta(minutes=minutes), MIDNIGHT + timedelta(minutes=5_000)
    parts = traffic.between(MIDNIGHT, middle) + traffic.between(middle, end)
    assert parts == pytest.approx(traffic.between(MIDNIGHT, end))


def test_an_hour_without_traffic_can_bring_some() -> None:
    assert Traffic.of([]) == Traffic()
    some = Traffic.of([[24.0] + [0.0] * 23])
    assert some.hours[:2] == (24.1, 0.1)


def test_a_process_reads_figures_every_ten_seconds_and_takes_blocks() -> None:
    deliveries, flows = FixedDeliveries(), InMemoryFlowStore()
    target = Target(lifetime=10_000, pacing=Pacing.ASAP)
    service = PacingService(
        bookings=FixedBookings({FLIGHT: booked(target)}),
        deliveries=deliveries,
        forecasts=FixedForecasts(),
        flows=flows,
        leases=InMemoryLeaseStore(),
    )
    for second in range(10):
        assert service.take(APP, FLIGHT, at=NOON + timedelta(seconds=second))
    assert (deliveries.reads, flows.flows[APP, FLIGHT].given) == (1, 10)
    assert flows.writes == 2 + 1  # blocks of five, and a sample
    assert service.of(APP, [FLIGHT, "flt_2"], at=NOON) == {FLIGHT: 1.0, "flt_2": 1.0}
    assert service.take(APP, "flt_2", at=NOON)
    deliveries.delivered[FLIGHT] = shown(10_200)
    later = NOON + timedelta(seconds=10)
    assert service.of(APP, [FLIGHT], at=later) == {FLIGHT: 0.0}
    assert not service.take(APP, FLIGHT, at=later)


def test_flights_without_bounds_write_nothing() -> None:
    flows = InMemoryFlowStore()
    service = PacingService(
        bookings=FixedBookings({FLIGHT: replace(booked(Target()), ends_at=None)}),
        deliveries=FixedDeliveries(),
        forecasts=FixedForecasts(),
        flows=flows,
        leases=InMemoryLeaseStore(),
    )
    assert service.take(APP, FLIGHT, at=NOON)
    assert flows.writes == 0


@pytest.mark.parametrize("goal", [50, 1_000])
def test_a_day_brings_its_goal_and_no_more_than_a_hundredth_above(goal: int) -> None:
    aired = with_pacing(goal, requests=REQUESTS, seed=goal, exact=False)
    assert 0.97 <= aired.part <= 1.01
    assert aired.farthest <= 0.05


def test_an_exact_flight_of_a_day_is_never_passed() -> None:
    aired = with_pacing(50, requests=REQUESTS, seed=1, exact=True)
    assert 48 <= aired.shown <= 50


def test_a_counter_of_five_minutes_passes_a_small_goal() -> None:
    assert with_counter(50, requests=REQUESTS * 10, seed=1).part > 1.1

"""How long sending takes, and what it costs: held against the governor that it foretells."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.push.model.estimates import Pace, forecast, seconds_to_deliver
from shared.push.model.quota import BLOCK, QUOTA, Bucket, Lane, full, leased
from tests.fakes.clock import NOON

MILLION = 1_000_000
COUNTS = st.integers(min_value=0, max_value=5 * MILLION)


def bottleneck(pace: Pace) -> str:
    found = seconds_to_deliver(MILLION, pace)
    return max(found, key=lambda part: found[part])


@pytest.mark.parametrize("messages", [5_000, 100_000, MILLION])
def test_the_quota_takes_as_long_as_the_governor_does(messages: int) -> None:
    bucket, at = full(NOON), NOON
    for _ in range(messages // BLOCK):
        found = leased(bucket, lane=Lane.CAMPAIGN, at=at)
        while not isinstance(found, Bucket):
            at += found
            found = leased(bucket, lane=Lane.CAMPAIGN, at=at)
        bucket = found
    foretold = seconds_to_deliver(messages, Pace(senders=1))["quota of FCM"]
    # The first block goes at once.
    assert foretold == pytest.approx((at - NOON).total_seconds(), rel=0.06)


@pytest.mark.parametrize(
    ("pace", "part"),
    [
        (Pace(senders=2), "senders"),
        (Pace(senders=1_000), "writes of a table"),
        (Pace(senders=1_000, table_writes=40_000), "quota of FCM"),
    ],
)
def test_what_is_scarcest_is_the_bottleneck_of_a_million_messages(pace: Pace, part: str) -> None:
    assert bottleneck(pace) == part


@given(messages=COUNTS, senders=st.integers(min_value=1, max_value=1_000))
def test_more_messages_never_take_less_time(messages: int, senders: int) -> None:
    pace = Pace(senders=senders)
    fewer, more = (seconds_to_deliver(count, pace) for count in (messages, messages + 1))
    assert all(fewer[part] <= more[part] for part in fewer)


def test_a_forecast_counts_each_part_of_a_million_pushes() -> None:
    found = forecast(MILLION, holdout_percent=0, throttle_per_minute=None, spread=timedelta(0))
    assert (found.messages, found.bottleneck) == (MILLION, "quota of FCM")
    assert found.minutes == pytest.approx(2.34, abs=0.01)
    assert 0.5 < found.quota_share <= 1
    # 3.23 writes, 3.19 reads, an event of the bus, and five seconds of a thousand senders' time.
    assert found.cost == pytest.approx(2.02 + 0.40 + 1 + 0.07, abs=0.02)


@given(devices=COUNTS, throttle=st.integers(min_value=1, max_value=2 * QUOTA) | st.none())
def test_no_forecast_takes_more_than_the_quota(devices: int, throttle: int | None) -> None:
    found = forecast(devices, holdout_percent=10, throttle_per_minute=throttle, spread=timedelta(0))
    assert found.quota_share <= 1
    assert found.messages + found.held_out == devices


def test_zones_and_throttles_bound_the_time_where_they_are_slower() -> None:
    by_zones = forecast(100, holdout_percent=0, throttle_per_minute=10, spread=timedelta(hours=9))
    assert (by_zones.minutes, by_zones.bottleneck) == (540, "time zones")
    throttled = forecast(100, holdout_percent=0, throttle_per_minute=10, spread=timedelta(0))
    assert (throttled.minutes, throttled.bottleneck) == (10, "throttle_per_minute")


def test_a_copy_in_the_inbox_costs_a_write_for_each_that_is_told() -> None:
    terms: dict[str, Any] = {
        "holdout_percent": 10,
        "throttle_per_minute": None,
        "spread": timedelta(0),
    }
    bare = forecast(MILLION, **terms)
    copied = forecast(MILLION, **terms, leaves_copies=True)
    assert copied.cost - bare.cost == pytest.approx(900_000 * 0.625e-6, rel=0.5)
    assert replace(copied, cost=bare.cost) == bare

"""Windows are those of the wall clock, on the days on which it is changed too."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.coupons.model.limits import Limit, Period, Subject
from shared.coupons.model.windows import window_of

ZONES = ("Europe/Zurich", "America/Sao_Paulo", "America/Havana", "Asia/Beirut", "UTC")
"""Clocks change at night in Zurich; in the others they skip or repeat midnight."""

CALENDAR = (Period.DAY, Period.WEEK, Period.MONTH)
MILLISECOND = timedelta(milliseconds=1)


def limit(period: Period, hours: int | None = None) -> Limit:
    return Limit(limit_id="one", subject=Subject.COUPON, uses=1, period=period, hours=hours)


def label_by_zoneinfo(at: datetime, period: Period, zone: str) -> str:
    local = at.astimezone(ZoneInfo(zone))
    if period is Period.DAY:
        return f"{local:%Y-%m-%d}"
    return f"{local:%G-W%V}" if period is Period.WEEK else f"{local:%Y-%m}"


instants = st.datetimes(
    min_value=datetime(2015, 1, 1), max_value=datetime(2035, 1, 1), timezones=st.just(UTC)
)


@given(instants, st.sampled_from(CALENDAR), st.sampled_from(ZONES))
def test_an_instant_lies_in_the_window_that_the_wall_clock_shows(
    at: datetime, period: Period, zone: str
) -> None:
    window = window_of(limit(period), at, zone=zone)
    assert window.label == label_by_zoneinfo(at, period, zone)
    assert window.covers(at)


@given(instants, st.sampled_from(CALENDAR), st.sampled_from(ZONES))
def test_a_window_begins_and_ends_where_its_label_changes(
    at: datetime, period: Period, zone: str
) -> None:
    window = window_of(limit(period), at, zone=zone)
    assert window.start is not None
    assert window.end is not None
    for inside in (window.start, window.end - MILLISECOND):
        assert label_by_zoneinfo(inside, period, zone) == window.label
        assert window.covers(inside)
    for outside in (window.start - MILLISECOND, window.end):
        assert label_by_zoneinfo(outside, period, zone) != window.label
        assert not window.covers(outside)


@pytest.mark.parametrize(("day", "hours"), [((3, 29), 23), ((10, 25), 25), ((11, 23), 24)])
def test_a_day_is_as_long_as_it_is_in_zurich(day: tuple[int, int], hours: int) -> None:
    at = datetime(2026, *day, 12, tzinfo=UTC)
    window = window_of(limit(Period.DAY), at, zone="Europe/Zurich")
    assert window.start is not None
    assert window.end is not None
    assert window.end - window.start == timedelta(hours=hours)


def test_a_week_begins_on_monday() -> None:
    at = datetime(2026, 11, 22, 23, 0, tzinfo=UTC)  # Monday, midnight in Zurich
    assert window_of(limit(Period.WEEK), at, zone="Europe/Zurich").label == "2026-W48"
    before = at - MILLISECOND
    assert window_of(limit(Period.WEEK), before, zone="Europe/Zurich").label == "2026-W47"


def test_a_rolling_window_has_the_last_hours_and_what_faster_clocks_say() -> None:
    at = datetime(2026, 11, 23, 12, tzinfo=UTC)
    window = window_of(limit(Period.ROLLING, hours=24), at, zone="UTC")
    assert window.covers(at - timedelta(hours=24) + MILLISECOND)
    assert not window.covers(at - timedelta(hours=24))
    assert window.covers(at + timedelta(seconds=1))


def test_ever_is_never_over() -> None:
    window = window_of(limit(Period.EVER), datetime(2026, 11, 23, tzinfo=UTC), zone="UTC")
    assert window.covers(datetime(1970, 1, 1, tzinfo=UTC))
    assert not window.is_over(datetime(9999, 1, 1, tzinfo=UTC))

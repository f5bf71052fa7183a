"""When a coupon is valid, held against zoneinfo minute by minute on the days clocks change."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.coupons.model.rules import Reason
from shared.coupons.model.validity import Hours, Validity, start_of

ZURICH = "Europe/Zurich"
MINUTE = timedelta(minutes=1)
ZONES = [ZURICH, "America/New_York", "America/Havana", "Australia/Lord_Howe", "Africa/Cairo", "UTC"]
CHANGES = {
    ZURICH: (date(2026, 3, 29), date(2026, 10, 25)),
    "America/New_York": (date(2026, 3, 8), date(2026, 11, 1)),
    "America/Havana": (date(2026, 3, 8), date(2026, 11, 1)),
    "Australia/Lord_Howe": (date(2026, 4, 5), date(2026, 10, 4)),
    "Africa/Cairo": (date(2026, 4, 24), date(2026, 10, 30)),
    "UTC": (date(2026, 3, 29),),
}


def zurich(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ZURICH)).astimezone(UTC)


def clock(text: str) -> time:
    return time.fromisoformat(text)


def test_an_end_without_a_time_is_the_end_of_the_local_day() -> None:
    validity = Validity(zone=ZURICH, start=date(2026, 11, 23), end=date(2026, 11, 24))
    second = timedelta(seconds=1)
    begin, over = zurich("2026-11-23T00:00"), zurich("2026-11-25T00:00")
    assert validity.refusal(begin - second) is Reason.NOT_YET_ACTIVE
    assert validity.refusal(begin) is None
    assert validity.refusal(over - second) is None
    assert validity.refusal(over) is Reason.EXPIRED


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 11, 23), 24)]
)
def test_a_local_day_lasts_as_long_as_its_clock_says(day: date, hours: int) -> None:
    validity = Validity(zone=ZURICH, start=day, end=day)
    assert validity.starts_at is not None
    assert validity.ends_at is not None
    assert validity.ends_at - validity.starts_at == timedelta(hours=hours)


def test_instants_are_half_open() -> None:
    start, end = datetime(2026, 11, 23, 9, tzinfo=UTC), datetime(2026, 11, 23, 10, tzinfo=UTC)
    validity = Validity(start=start, end=end)
    assert validity.refusal(start) is None
    assert validity.refusal(end) is Reason.EXPIRED
    assert validity.next_valid(start - MINUTE) == start
    assert validity.next_valid(end) is None


def test_hours_past_midnight_belong_to_the_day_on_which_they_start() -> None:
    friday_night = Validity(
        zone=ZURICH,
        weekdays=frozenset({5}),
        hours=(Hours(start=clock("22:00"), end=clock("02:00")),),
    )
    assert friday_night.refusal(zurich("2026-11-27T23:00")) is None
    assert friday_night.refusal(zurich("2026-11-28T01:59")) is None
    assert friday_night.refusal(zurich("2026-11-28T02:00")) is Reason.NOT_ACTIVE_NOW
    assert friday_night.refusal(zurich("2026-11-27T01:00")) is Reason.NOT_ACTIVE_NOW
    assert friday_night.next_valid(zurich("2026-11-28T02:00")) == zurich("2026-12-04T22:00")


def test_hours_that_end_at_midnight_end_with_the_day() -> None:
    evening = Validity(zone=ZURICH, hours=(Hours(start=clock("18:00"), end=clock("00:00")),))
    assert evening.refusal(zurich("2026-11-23T23:59")) is None
    assert evening.refusal(zurich("2026-11-24T00:00")) is Reason.NOT_ACTIVE_NOW


def test_hours_that_open_within_a_skipped_hour_open_when_the_clock_has_skipped() -> None:
    night = Validity(zone=ZURICH, hours=(Hours(start=clock("02:30"), end=clock("05:00")),))
    assert night.next_valid(zurich("2026-03-29T01:00")) == datetime(2026, 3, 29, 1, tzinfo=UTC)


def test_hours_that_lie_within_a_skipped_hour_come_on_the_next_day() -> None:
    night = Validity(
        zone=ZURICH,
        weekdays=frozenset({7}),
        hours=(Hours(start=clock("02:15"), end=clock("02:45")),),
    )
    assert night.next_valid(zurich("2026-03-28T12:00")) == zurich("2026-04-05T02:15")


def test_a_claim_ends_with_its_time_or_with_the_coupon_whatever_comes_first() -> None:
    claimed = datetime(2026, 11, 23, 12, tzinfo=UTC)
    week = timedelta(days=7)
    validity = Validity(end=date(2026, 11, 26), after_claim=week)
    assert validity.ends_for(claimed) == datetime(2026, 11, 27, tzinfo=UTC)
    assert Validity(after_claim=week).ends_for(claimed) == claimed + week
    assert Validity(after_claim=week).ends_for(None) is None
    assert Validity(after_claim=week).refusal(claimed + week, claimed_at=claimed) is Reason.EXPIRED
    assert Validity(after_claim=week).refusal(claimed + week) is None


def test_a_day_that_the_clock_skips_begins_with_the_next() -> None:
    # Samoa had no 30 December 2011.
    zone = "Pacific/Apia"
    assert start_of(date(2011, 12, 30), zone=zone) == start_of(date(2011, 12, 31), zone=zone)


def is_open_by_wall(validity: Validity, at: datetime) -> bool:
    """Judge an instant by the wall, written another way: as minutes since the week began."""
    local = at.astimezone(ZoneInfo(validity.zone))
    shown = local.weekday() * 1_440 + local.hour * 60 + local.minute
    for weekday in validity.weekdays or range(1, 8):
        for one in validity.hours or (Hours(start=time(), end=time()),):
            begin = (weekday - 1) * 1_440 + one.start.hour * 60 + one.start.minute
            length = (one.end.hour - one.start.hour) * 60 + one.end.minute - one.start.minute
            if (shown - begin) % (7 * 1_440) < (length if length > 0 else length + 1_440):
                return True
    return False


quarters = st.builds(time, hour=st.integers(0, 23), minute=st.sampled_from([0, 15, 30, 45]))
hours = st.builds(Hours, start=quarters, end=quarters)


@settings(deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    weekdays=st.frozensets(st.integers(1, 7), max_size=3),
    parts=st.lists(hours, max_size=2),
    data=st.data(),
)
def test_validity_is_what_the_clock_on_the_wall_says_minute_by_minute(
    zone: str, weekdays: frozenset[int], parts: list[Hours], data: st.DataObject
) -> None:
    validity = Validity(zone=zone, weekdays=weekdays, hours=tuple(parts))
    day = data.draw(st.sampled_from(CHANGES[zone]))
    first = start_of(day, zone=zone) - timedelta(hours=1)
    after: datetime | None = None
    # From the last minute to the first, so that the next open minute is known at each.
    for minute in reversed(range(28 * 60)):
        at = first + minute * MINUTE
        is_open = is_open_by_wall(validity, at)
        assert (validity.refusal(at) is None) is is_open
        after = at if is_open else after
        if after is not None and minute % 15 == 0:
            assert validity.next_valid(at) == after


@settings(deadline=None)
@given(zone=st.sampled_from(ZONES), data=st.data())
def test_a_local_day_is_every_minute_that_shows_its_date(zone: str, data: st.DataObject) -> None:
    day = data.draw(st.sampled_from(CHANGES[zone])) + timedelta(days=data.draw(st.integers(-1, 1)))
    validity = Validity(zone=zone, start=day, end=day)
    noon = datetime.combine(day, time(12), tzinfo=ZoneInfo(zone)).astimezone(UTC)
    for minute in range(-14 * 60, 14 * 60):
        at = noon + minute * MINUTE
        shows = at.astimezone(ZoneInfo(zone)).date() == day
        assert (validity.refusal(at) is None) is shows

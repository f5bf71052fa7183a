from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contact_policy.model.policy import Hours, Weekday, Window
from shared.contact_policy.model.quiet_hours import (
    LocalHours,
    Opening,
    is_open,
    next_opening,
    public_holidays,
    spans_of_day,
)

PARIS, NEW_YORK, UTC_ZONE = "Europe/Paris", "America/New_York", "UTC"
NOBODY: frozenset[str] = frozenset()
DAYTIME = Hours(windows=(Window(opens=8 * 60, closes=21 * 60),))
NIGHT = Hours(windows=(Window(days=frozenset({Weekday.SAT}), opens=22 * 60, closes=2 * 60),))


def local(text: str, zone: str = PARIS, *, fold: int = 0) -> int:
    at = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)
    return int(at.timestamp())


def opening(
    hours: Hours, at: int, *zones: str, app_zone: str = UTC_ZONE, countries: frozenset[str] = NOBODY
) -> Opening | None:
    return next_opening([(hours, countries)], zones=zones or (PARIS,), app_zone=app_zone, now=at)


def at(hours: Hours, asked: int, *zones: str, **changed: frozenset[str]) -> int:
    found = opening(hours, asked, *zones, **changed)  # type: ignore[arg-type]
    assert found is not None
    return found.at


def test_an_open_instant_is_its_own_answer() -> None:
    assert at(DAYTIME, local("2026-03-03 12:00")) == local("2026-03-03 12:00")


def test_the_closing_minute_is_closed_and_the_opening_minute_open() -> None:
    assert at(DAYTIME, local("2026-03-03 21:00")) == local("2026-03-04 08:00")
    assert at(DAYTIME, local("2026-03-03 08:00")) == local("2026-03-03 08:00")


def test_a_window_that_crosses_midnight_belongs_to_the_day_on_which_it_opens() -> None:
    assert at(NIGHT, local("2026-03-07 12:00")) == local("2026-03-07 22:00")
    assert at(NIGHT, local("2026-03-08 01:59")) == local("2026-03-08 01:59")
    assert at(NIGHT, local("2026-03-08 02:00")) == local("2026-03-14 22:00")


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_eight_in_the_morning_is_eight_on_the_wall_when_the_clock_changes(day: str) -> None:
    assert at(DAYTIME, local(f"{day} 00:30")) == local(f"{day} 08:00")


def test_a_window_that_opens_in_a_skipped_hour_opens_when_the_clock_has_skipped() -> None:
    early = Hours(windows=(Window(opens=2 * 60 + 30, closes=4 * 60),))
    assert at(early, local("2026-03-29 01:00")) == local("2026-03-29 03:00")
    assert at(early, local("2026-03-28 01:00")) == local("2026-03-28 02:30")


def test_a_window_within_a_skipped_hour_does_not_open_that_day() -> None:
    skipped = Hours(windows=(Window(opens=2 * 60, closes=3 * 60),))
    assert at(skipped, local("2026-03-29 01:00")) == local("2026-03-30 02:00")


def test_an_hour_that_comes_twice_is_judged_by_the_clock_on_the_wall() -> None:
    early = Hours(windows=(Window(opens=2 * 60 + 30, closes=4 * 60),))
    assert at(early, local("2026-10-25 02:00")) == local("2026-10-25 02:30")
    again = local("2026-10-25 02:00", fold=1)
    assert at(early, again) == local("2026-10-25 02:30", fold=1) == again + 1800


@given(
    st.sampled_from([PARIS, NEW_YORK, "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Cairo"]),
    st.integers(0, 2 * 365 * 24 * 4),
    st.integers(0, 95),
    st.integers(1, 96),
)
def test_an_instant_is_open_when_the_clock_on_the_wall_says_so(
    zone: str, quarter: int, opens: int, closes: int
) -> None:
    if opens == closes:
        return
    asked = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) + quarter * 900
    hours = Hours(windows=(Window(opens=opens * 15, closes=closes * 15),))
    wall = datetime.fromtimestamp(asked, ZoneInfo(zone))
    shown = wall.hour * 4 + wall.minute // 15
    expected = opens <= shown < closes if opens < closes else (shown >= opens or shown < closes)
    assert is_open(hours, NOBODY, zones=[zone], now=asked) is expected


@given(st.integers(0, 365 * 24 * 60), st.sampled_from([DAYTIME, NIGHT]))
def test_the_next_opening_is_open_and_nothing_before_it_is(minutes: int, hours: Hours) -> None:
    asked = local("2026-01-01 00:00") + minutes * 60
    found = opening(hours, asked, PARIS, NEW_YORK)
    if found is None or found.is_ambiguous:
        return
    zones = (PARIS, NEW_YORK)
    assert is_open(hours, NOBODY, zones=zones, now=found.at)
    for before in range(asked, found.at, 900):
        assert not is_open(hours, NOBODY, zones=zones, now=before)


def test_in_two_zones_only_the_hours_of_both_are_open() -> None:
    # Eight in New York is two in the afternoon in Paris.
    assert at(DAYTIME, local("2026-03-03 09:00"), PARIS, NEW_YORK) == local("2026-03-03 14:00")
    assert at(DAYTIME, local("2026-03-03 21:00"), PARIS, NEW_YORK) == local("2026-03-04 14:00")


def test_when_zones_share_no_hour_the_apps_zone_decides_alone() -> None:
    morning = Hours(windows=(Window(opens=9 * 60, closes=11 * 60),))
    found = opening(morning, local("2026-03-03 12:00"), PARIS, NEW_YORK, app_zone=PARIS)
    assert found == Opening(at=local("2026-03-04 09:00"), is_ambiguous=True)


def test_hours_that_never_open_within_a_week_do_not_open() -> None:
    monday = Hours(windows=(Window(days=frozenset({Weekday.MON}), opens=480, closes=540),))
    assert (
        next_opening([(monday, NOBODY), (NIGHT, NOBODY)], zones=(PARIS,), app_zone=PARIS, now=0)
        is None
    )


def test_public_holidays_are_closed_where_the_person_may_be() -> None:
    hours = Hours(windows=DAYTIME.windows, holidays=True)
    eve = local("2026-07-13 22:00")
    france, abroad = frozenset({"FR"}), frozenset({"BE"})
    assert at(hours, eve, countries=france) == local("2026-07-15 08:00")
    assert at(hours, eve, countries=abroad) == local("2026-07-14 08:00")


def test_a_subdivision_has_holidays_of_its_own() -> None:
    good_friday = date(2026, 4, 3)
    assert good_friday in public_holidays("FR-57", 2026)
    assert good_friday not in public_holidays("FR", 2026)
    assert public_holidays("FR-nowhere", 2026) == public_holidays("FR", 2026)
    assert public_holidays("ZZ", 2026) == frozenset()


@given(st.integers(20_000, 21_000), st.sampled_from([PARIS, NEW_YORK, "Pacific/Kiritimati"]))
def test_the_spans_of_a_day_are_ordered_apart_and_within_it(day: int, zone: str) -> None:
    spans = spans_of_day(LocalHours(hours=DAYTIME, zone=zone), day)
    edges = [edge for span in spans for edge in span]
    assert edges == sorted(set(edges))
    assert all(day * 86_400 <= edge <= (day + 1) * 86_400 for edge in edges)


def test_a_day_without_a_change_has_thirteen_open_hours() -> None:
    spans = spans_of_day(LocalHours(hours=DAYTIME, zone=PARIS), 20_500)
    assert sum(end - begin for begin, end in spans) == timedelta(hours=13).total_seconds()

"""The server's time, reckoned from dates that are cut to seconds."""

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engage_mobile.clock import ServerClock, instant_of_date, instant_of_text, text_of
from engage_mobile.operations import DAY, SECOND, Instant
from tests.sdk.phones import NOON


def date_of(at: Instant) -> str:
    return formatdate(at // SECOND, usegmt=True)


def test_dates_and_texts_are_read() -> None:
    assert instant_of_date("Mon, 23 Nov 2026 12:00:00 GMT") == NOON
    assert instant_of_text("2026-11-23T13:00:00.250+01:00") == NOON + 250
    assert text_of(NOON + 250) == "2026-11-23T12:00:00.250Z"
    assert text_of(NOON) == "2026-11-23T12:00:00.000Z"


@pytest.mark.parametrize("date", [None, "", "yesterday", "2026-11-23"])
def test_what_is_no_date_says_nothing(date: str | None) -> None:
    assert instant_of_date(date) is None
    clock = ServerClock(offset=5)
    assert clock.heard(date, asked_at=NOON, answered_at=NOON) == clock


def test_a_text_without_a_zone_is_no_instant() -> None:
    with pytest.raises(ValueError, match="zone"):
        instant_of_text("2026-11-23T12:00:00")


@given(
    ahead=st.integers(-400 * DAY, 400 * DAY),
    there=st.integers(0, 20_000),
    back=st.integers(0, 20_000),
    sub_second=st.integers(0, 999),
)
def test_one_answer_tells_the_time_as_well_as_it_can(
    ahead: int, there: int, back: int, sub_second: int
) -> None:
    asked_at = NOON + sub_second
    date = date_of(asked_at + there + ahead)
    clock = ServerClock().heard(date, asked_at=asked_at, answered_at=asked_at + there + back)
    assert abs(clock.offset - ahead) <= there + back + SECOND


@given(st.integers(-SECOND, SECOND), st.lists(st.integers(0, 3 * SECOND), max_size=20))
def test_a_clock_that_may_be_right_is_left_as_it_is(offset: int, naps: list[int]) -> None:
    clock, now = ServerClock(offset=offset), NOON
    for nap in naps:
        now += nap
        date = date_of(now + offset)
        assert clock.heard(date, asked_at=now, answered_at=now + 40) == clock


def test_an_answer_that_came_before_the_question_is_passed_over() -> None:
    clock = ServerClock()
    date = date_of(NOON + DAY)
    assert clock.heard(date, asked_at=NOON, answered_at=NOON - SECOND) == clock

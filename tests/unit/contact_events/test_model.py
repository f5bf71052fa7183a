from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contact_events.model import HOUR, SETTLED, Place, hours, last_settled
from shared.kernel.clock import whole_milliseconds
from shared.kernel.errors import InvalidFieldsError
from shared.kernel.paging import cursor_of
from tests.fakes.clock import NOON

OFFSETS = st.timedeltas(timedelta(), timedelta(days=2))


@given(OFFSETS)
def test_a_place_comes_back_from_its_cursor(offset: timedelta) -> None:
    place = Place(whole_milliseconds(NOON + offset), "01KJMMA2G0W3M5CB0G4Q6H7J8K")
    assert Place.of_cursor(place.cursor) == place


@pytest.mark.parametrize("text", ["noon", "2026-03-01T12:00:00 x"])
def test_a_cursor_of_another_list_is_refused(text: str) -> None:
    with pytest.raises(InvalidFieldsError):
        Place.of_cursor(cursor_of(text))


@given(OFFSETS, OFFSETS)
def test_hours_cover_a_span_and_no_more(start: timedelta, length: timedelta) -> None:
    first, until = NOON + start, NOON + start + length
    found = list(hours(first, until))
    assert all(covers(hour, first, until) for hour in found)
    assert len(found) == len(set(found))


def covers(hour: datetime, first: datetime, until: datetime) -> bool:
    return hour + HOUR > first and hour < until


@given(OFFSETS)
def test_an_hour_is_settled_five_minutes_after_it_closed(offset: timedelta) -> None:
    at = NOON + offset
    newest = last_settled(at)
    assert newest + HOUR + SETTLED <= at
    assert newest + 2 * HOUR + SETTLED > at

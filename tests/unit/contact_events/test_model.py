from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contact_events.errors import SubjectUnclearError
from shared.contact_events.model.event_types import (
    OPEN_TO_OTHERS,
    OUR_NOUNS,
    OUR_SOURCES,
    is_ours_alone,
)
from shared.contact_events.model.events import LONGEST_NAME, ForeignEvent, fingerprint
from shared.contact_events.model.hours import HOUR, LATEST, SETTLED, hours, last_settled
from shared.contact_events.model.timelines import Place
from shared.kernel.clock import whole_milliseconds
from shared.kernel.errors import InvalidFieldsError
from shared.kernel.paging import cursor_of
from tests.fakes.clock import NOON

ROOT = Path(__file__).parents[3]

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


EMAIL, PHONE = ("email", "ada@example.com"), ("phone", "+41446681800")
ORDER = ForeignEvent(
    app_id="app_1",
    source="shop",
    id="order-1",
    type="order.placed.v1",
    time=NOON,
    identifiers=(EMAIL, PHONE),
    data={"total": 1, "lines": [{"sku": "a"}]},
    raw=b"{}",
)


def test_a_fingerprint_is_of_what_is_said_however_it_is_written() -> None:
    elsewhere = NOON.astimezone(timezone(timedelta(hours=2)))
    same = replace(
        ORDER,
        time=elsewhere,
        identifiers=[PHONE, EMAIL],
        data={"lines": [{"sku": "a"}], "total": 1},
    )
    assert fingerprint(same) == fingerprint(ORDER)


@pytest.mark.parametrize(
    "change",
    [
        {"type": "order.paid.v1"},
        {"time": NOON + timedelta(milliseconds=1)},
        {"channel": "web"},
        {"direction": "in"},
        {"purpose": "service"},
        {"identifiers": [EMAIL]},
        {"identifiers": [("phone", EMAIL[1]), ("email", PHONE[1])]},
        {"identifiers": (), "contact_id": "con_1"},
        {"data": {"total": 2}},
        {"raw": None},
        {"raw": b"[]"},
    ],
)
def test_another_event_has_another_fingerprint(change: dict[str, Any]) -> None:
    assert fingerprint(replace(ORDER, **change)) != fingerprint(ORDER)


def test_a_reckoned_time_is_not_what_is_said() -> None:
    first = replace(ORDER, is_time_reckoned=True)
    again = replace(first, time=NOON + timedelta(seconds=3))
    assert fingerprint(again) == fingerprint(first) != fingerprint(ORDER)


@pytest.mark.parametrize("change", [{"identifiers": ()}, {"contact_id": "con_1"}])
def test_an_event_names_a_contact_or_identifiers(change: dict[str, Any]) -> None:
    with pytest.raises(SubjectUnclearError):
        replace(ORDER, **change)


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"source": ""}, "/source"),
        ({"source": "a\0b"}, "/source"),
        ({"source": "push"}, "/source"),
        ({"type": "import.started.v1"}, "/type"),
        ({"id": "x" * (LONGEST_NAME + 1)}, "/id"),
        ({"type": "\n"}, "/type"),
        ({"time": LATEST}, "/time"),
        ({"time": datetime(1969, 12, 31, tzinfo=UTC)}, "/time"),
        ({"data": {"raw": "x"}}, "/data/raw"),
    ],
)
def test_what_the_ledger_cannot_hold_is_refused_by_name(
    change: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(InvalidFieldsError) as refused:
        replace(ORDER, **change)
    assert [problem.pointer for problem in refused.value.fields] == [pointer]


def test_an_event_is_kept_by_the_millisecond() -> None:
    exact = replace(ORDER, time=NOON + timedelta(microseconds=1_999))
    kept = exact.envelope(sequence="0" * 26, contact_id="con_1", raw=None)
    assert kept.time == NOON + timedelta(milliseconds=1)
    assert kept.data == ORDER.data


def test_our_words_are_those_of_the_catalogue_and_no_others() -> None:
    told = {path.name.partition(".")[0] for path in (ROOT / "docs" / "events").glob("*.json")}
    assert told == OUR_NOUNS


def test_every_domain_is_known_as_a_source_of_ours() -> None:
    domains = {path.parent.name for path in (ROOT / "shared").glob("*/ports*")}
    assert domains == OUR_SOURCES


def test_what_others_may_tell_is_an_exception_to_what_is_ours() -> None:
    assert {event_type.partition(".")[0] for event_type in OPEN_TO_OTHERS} <= OUR_NOUNS
    assert not any(is_ours_alone(event_type) for event_type in OPEN_TO_OTHERS)

"""JSON of strangers, and the page that tells them what we read."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.contact_events.dialects.cloudevents import translate
from shared.contact_events.dialects.segment import KNOWN
from shared.contact_events.errors import UnreadableError
from shared.contact_events.model.csv_touches import OPTIONAL, OUTCOMES, REQUIRED
from shared.contact_events.model.documents import DEEPEST, document_of, instant_of, size_of
from shared.contact_events.model.event_types import OPEN_TO_OTHERS
from shared.contact_events.model.outgoing import STRUCTURED
from tests.fakes.clock import NOON

PAGE = (Path(__file__).parents[3] / "docs" / "wires.md").read_text()


def test_a_document_is_read_to_its_deepest_level() -> None:
    assert document_of(b"[" * DEEPEST + b"]" * DEEPEST)
    with pytest.raises(UnreadableError):
        document_of(b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1))


def test_many_values_side_by_side_are_not_deep() -> None:
    assert len(document_of(b"[" + b"{}," * 100 + b"{}]")) == 101


@pytest.mark.parametrize("payload", [b"", b"nul", b"NaN", b"-Infinity", b"1e999", b'"\\ud800"'])
def test_what_is_no_json_that_a_store_takes_is_refused(payload: bytes) -> None:
    with pytest.raises(UnreadableError):
        document_of(payload)


def test_a_size_is_in_bytes_without_spaces() -> None:
    assert size_of({"a": "é"}) == len(b'{"a":"\xc3\xa9"}')


@pytest.mark.parametrize(
    "text", ["2026-11-22T09:01:02Z", "2026-11-22t09:01:02z", "2026-11-22T10:01:02.000+01:00"]
)
def test_an_instant_is_read_in_any_form_of_rfc_3339(text: str) -> None:
    assert instant_of(text) == datetime(2026, 11, 22, 9, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "2026-11-22", "2026-11-22T09:01:02", "20261122T090102Z", "2026-13-01T00:00:00Z"]
)
def test_what_is_no_instant_of_rfc_3339_is_none(text: str) -> None:
    assert instant_of(text) is None


def test_the_page_names_every_event_and_column_that_is_read() -> None:
    named = {name.strip().casefold() for name in re.findall(r"[A-Z][A-Za-z ]+", PAGE)}
    assert set(KNOWN) <= named
    quoted = set(re.findall(r"`([^`\n]+)`", PAGE))
    assert {known.type for known in KNOWN.values()} | OPEN_TO_OTHERS <= quoted
    assert {*OUTCOMES, *REQUIRED, *OPTIONAL} <= quoted


def test_the_cloudevent_that_is_shown_is_one_that_is_taken() -> None:
    (shown,) = re.findall(r"^```\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    translation = translate(
        shown.encode(), headers={"content-type": STRUCTURED}, app_id="app_1", received_at=NOON
    )
    (event,) = translation.events
    assert event.identifiers == (("customer", "C-17"), ("email", "ada@example.com"))

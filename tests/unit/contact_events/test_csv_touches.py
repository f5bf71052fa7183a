"""Rows of touches: what each says, and what is wrong with one."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contact_events.errors import ContactEventError, UnreadableError
from shared.contact_events.model.csv_touches import (
    LONGEST_NAME,
    NAMED_BY,
    OPTIONAL,
    OUTCOMES,
    REQUIRED,
    TouchReader,
)
from shared.contact_events.model.event_types import is_ours_alone
from shared.contact_events.model.events import ForeignEvent
from shared.contact_events.model.translations import Reject
from shared.kernel.errors import DomainError, InvalidFieldsError
from shared.kernel.events import Channel, Direction, Purpose
from shared.kernel.files import Cursor, Record
from tests.conftest import ROOT
from tests.fakes.clock import NOON

HEADER = (
    "channel,time,identifier.customer,identifier.email,contact_id,"
    "purpose,outcome,campaign,cost,currency,id"
)
LETTER = "post,2026-03-01,C-17,ada@example.com,,marketing,sent,spring,0.85,CHF,17"


def record(content: bytes, line: int = 2, problem: str | None = None) -> Record:
    return Record(line=line, end=Cursor(), content=content, problem=problem)


def read(row: str, header: str = HEADER) -> ForeignEvent:
    reader = TouchReader.of(record(header.encode(), line=1))
    return reader.read(record(row.encode()), app_id="app_1")


def cell(column: str, value: str) -> str:
    cells = dict(zip(HEADER.split(","), LETTER.split(","), strict=True))
    return ",".join({**cells, column: value}.values())


def test_a_letter_is_a_message_that_was_sent() -> None:
    assert read(LETTER) == ForeignEvent(
        app_id="app_1",
        source="csv/post",
        id="17",
        type="message.sent.v1",
        time=NOON,
        channel=Channel.POST,
        direction=Direction.OUT,
        purpose=Purpose.MARKETING,
        identifiers=(("customer", "C-17"), ("email", "ada@example.com")),
        data={
            "outcome": "sent",
            "campaign_id": "spring",
            "cost": {"amount": 850_000, "currency": "CHF"},
        },
    )


def test_a_row_may_say_no_more_than_who_when_and_how() -> None:
    event = read("phone,2026-03-01T13:00:00+01:00,con_1", "channel,time,contact_id")
    assert (event.type, event.time, event.contact_id) == ("message.sent.v1", NOON, "con_1")
    assert (event.purpose, event.data) == (None, {})


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_an_outcome_decides_what_it_is_and_who_spoke(outcome: str) -> None:
    event = read(cell("outcome", outcome))
    assert (event.type, event.direction) == (OUTCOMES[outcome].type, OUTCOMES[outcome].direction)
    assert event.data["outcome"] == outcome
    assert not is_ours_alone(event.type)


def test_without_an_id_a_row_is_known_by_what_it_says() -> None:
    first = read("post,2026-03-01,C-17", "channel,time,identifier.customer")
    moved = read(" C-17 ,2026-03-01,post,", "identifier.customer,time,channel,cost")
    other = read("post,2026-03-02,C-17", "channel,time,identifier.customer")
    assert first.id == moved.id != other.id


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("channel", "", "missing"),
        ("channel", "fax", "channel"),
        ("time", "", "time"),
        ("time", "2026-02-30", "time"),
        ("time", "2026-03-01T12:00:00", "time"),
        ("time", "1969-12-31", "time"),
        ("purpose", "fun", "purpose"),
        ("outcome", "lost", "outcome"),
        ("cost", "", "cost"),
        ("cost", "much", "cost"),
        ("cost", "-1", "cost"),
        ("currency", "", "currency"),
        ("currency", "chf", "currency"),
        ("id", "x" * 201, "id"),
    ],
)
def test_a_cell_that_is_wrong_is_named(column: str, value: str, code: str) -> None:
    with pytest.raises(InvalidFieldsError) as refused:
        read(cell(column, value))
    reject = Reject.by(refused.value, index=2)
    assert (reject.code, reject.pointer) == (code, f"/{column}")


@pytest.mark.parametrize("row", ["post,2026-03-01", 'post,"', '"a"b', "a\nb", "a\0b"])
def test_what_is_no_row_is_refused(row: str) -> None:
    with pytest.raises(UnreadableError):
        read(row)


def test_a_row_names_a_contact_or_identifiers() -> None:
    for whom in ("", "con_1"):
        header, row = "channel,time,contact_id,identifier.email", f"post,2026-03-01,{whom},"
        with pytest.raises(ContactEventError):
            read(row + ("a@b.ch" if whom else ""), header)


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("channel", "missing"),
        ("channel,time,colour", "unknown_column"),
        ("channel,time,time", "column_twice"),
        ("channel,time,identifier.anonymous", "unknown_column"),
        ("", "missing"),
    ],
)
def test_a_header_that_is_wrong_is_refused(header: str, code: str) -> None:
    with pytest.raises(DomainError) as refused:
        TouchReader.of(record(header.encode()))
    assert Reject.by(refused.value, index=1).code == code


def test_a_file_without_rows_has_no_header() -> None:
    with pytest.raises(UnreadableError, match="no header"):
        TouchReader.of(None)


def test_of_a_column_that_is_none_of_ours_the_beginning_is_told() -> None:
    with pytest.raises(InvalidFieldsError) as refused:
        TouchReader.of(record(b"channel,time," + b"x" * 60_000))
    assert Reject.by(refused.value, index=1).pointer == "/" + "x" * LONGEST_NAME


def test_a_row_that_the_file_says_is_none_is_refused_with_its_reason() -> None:
    reader = TouchReader.of(record(HEADER.encode()))
    with pytest.raises(UnreadableError, match="a quote is not closed"):
        reader.read(record(LETTER.encode(), problem="a quote is not closed"), app_id="app_1")


def test_the_documented_file_is_read_and_every_column_and_outcome_is_documented() -> None:
    page = (ROOT / "docs" / "channels.md").read_text().partition("## Files")[2]
    page = page.partition("\n## ")[0]
    header, *rows = page.partition("```csv\n")[2].partition("\n```")[0].splitlines()
    assert [read(row, header).channel for row in rows] == ["post", "phone", "f2f"]
    columns = {*REQUIRED, *OPTIONAL, *(f"identifier.{name}" for name in NAMED_BY)}
    assert columns <= set(re.findall(r"`([a-z_.]+)`", page))
    outcomes = [line for line in page.splitlines() if line.startswith("| `") and ".v1`" in line]
    told = {
        outcome: types[min(place, len(types) - 1)]
        for outcomes_of, types in map(_cells_of, outcomes)
        for place, outcome in enumerate(outcomes_of)
    }
    assert told == {outcome: meaning.type for outcome, meaning in OUTCOMES.items()}


def _cells_of(line: str) -> tuple[list[str], list[str]]:
    """Return the words of the two cells of a row of a table."""
    _, left, right, _ = line.split("|")
    return re.findall(r"`([^`]+)`", left), re.findall(r"`([^`]+)`", right)


@given(st.binary(), st.binary())
def test_no_bytes_are_too_strange(header: bytes, row: bytes) -> None:
    for first in (header, HEADER.encode()):
        try:
            reader = TouchReader.of(record(first))
            reader.read(record(row), app_id="app_1")
        except DomainError as refused:
            assert Reject.by(refused, index=2).code  # noqa: PT017 - any refusal has its name

"""Touches by post, telephone or face to face, from the rows of a CSV file (RFC 4180).

| column            | means                                                                     |
| ----------------- | ------------------------------------------------------------------------- |
| channel           | by which channel: ``post``, ``phone``, ``f2f`` or another of ours         |
| time              | when: RFC 3339, or a day such as 2026-03-01, which is its noon in UTC     |
| contact_id        | whom, by our id                                                           |
| identifier.<ns>   | whom, by ``identifier.customer``, ``.email`` or ``.phone``                |
| purpose           | why: ``marketing``, ``service`` or ``transactional``; may be empty        |
| outcome           | what came of it, one of ``OUTCOMES``; empty, it was sent                  |
| campaign          | the sender's name of the campaign; may be empty                           |
| cost, currency    | what it cost, such as 0.85, and the ISO 4217 code; both or neither        |
| id                | the sender's id of the row, unique within its channel; may be empty       |

Without an id a row is known again by what it says, whatever the order of the columns: two equal
rows are one touch.
"""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from enum import StrEnum
from hashlib import sha256
from typing import TypeVar

from shared.contact_events.errors import UnreadableError
from shared.contact_events.model.documents import instant_of, unusable
from shared.contact_events.model.events import ForeignEvent
from shared.contact_events.model.prices import micros
from shared.kernel.events import Channel, Direction, Purpose
from shared.kernel.files import Record
from shared.kernel.money import is_currency

SOURCE = "csv"

REQUIRED = ("channel", "time")
OPTIONAL = ("contact_id", "purpose", "outcome", "campaign", "cost", "currency", "id")
NAMED_BY = ("customer", "email", "phone")
"""Namespaces that a file may use: those that a person knows."""

LONGEST_NAME = 64
"""Characters of a column's name that are told where it is none of ours."""

_IDENTIFIER = "identifier."
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
WordT = TypeVar("WordT", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an outcome is to us."""

    type: str
    direction: Direction


OUTCOMES: Mapping[str, Meaning] = {
    "sent": Meaning("message.sent.v1", Direction.OUT),
    "delivered": Meaning("message.delivered.v1", Direction.IN),
    "returned": Meaning("message.bounced.v1", Direction.OUT),
    "replied": Meaning("message.received.v1", Direction.IN),
    "complained": Meaning("contact.complained.v1", Direction.IN),
    "reached": Meaning("call.ended.v1", Direction.OUT),
    "not_reached": Meaning("call.ended.v1", Direction.OUT),
    "called": Meaning("call.ended.v1", Direction.IN),
    "met": Meaning("meeting.held.v1", Direction.OUT),
}
"""What came of a touch: letters are sent, delivered or returned, and replied to; a person was
reached by a call or not, or called; or was met."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchReader:
    """Reads the rows of one file, whose columns its header names."""

    columns: tuple[str, ...]

    @classmethod
    def of(cls, header: Record | None) -> "TouchReader":
        """Return the reader of a file whose first row is the header; without rows it has none.

        Raises:
            UnreadableError: there is no header, or it is no CSV in UTF-8.
            InvalidFieldsError: a column is missing, unknown, or there twice.
        """
        if header is None:
            raise UnreadableError("the file has no header")
        columns = tuple(cell.strip() for cell in _cells(header))
        known = {*REQUIRED, *OPTIONAL, *(f"{_IDENTIFIER}{name}" for name in NAMED_BY)}
        for column in columns:
            if column not in known:
                name = column[:LONGEST_NAME]
                raise unusable(f"/{name}", "unknown_column", f"one of {', '.join(sorted(known))}")
            if columns.count(column) > 1:
                raise unusable(f"/{column}", "column_twice", "each column stands once")
        for column in REQUIRED:
            if column not in columns:
                raise unusable(f"/{column}", "missing", "every file has this column")
        return cls(columns=columns)

    def read(self, record: Record, *, app_id: str) -> ForeignEvent:
        """Return the touch that a row tells.

        Raises:
            UnreadableError: the row is no CSV in UTF-8, or has not the header's number of cells.
            InvalidFieldsError: a cell says nothing that its column may.
            SubjectUnclearError: it names both, or neither, of a contact and identifiers.
        """
        cells = _cells(record)
        if len(cells) != len(self.columns):
            raise UnreadableError(f"{len(cells)} cells, where the header has {len(self.columns)}")
        said = {
            column: cell.strip()
            for column, cell in zip(self.columns, cells, strict=True)
            if cell.strip()
        }
        channel = _word(said, "channel", Channel)
        if channel is None:
            raise unusable("/channel", "missing", "every row has this cell")
        meaning = _meaning(said)
        return ForeignEvent(
            app_id=app_id,
            source=f"{SOURCE}/{channel}",
            id=said.get("id") or _digest(said),
            is_id_reckoned="id" not in said,
            type=meaning.type,
            time=_time(said),
            channel=channel,
            direction=meaning.direction,
            purpose=_word(said, "purpose", Purpose),
            identifiers=tuple(
                (column.removeprefix(_IDENTIFIER), value)
                for column, value in sorted(said.items())
                if column.startswith(_IDENTIFIER)
            ),
            contact_id=said.get("contact_id"),
            data=_data(said),
        )


def _cells(record: Record) -> Sequence[str]:
    if record.problem:
        raise UnreadableError(record.problem)
    try:
        text = record.content.decode()
        rows = list(csv.reader([text], strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UnreadableError("not CSV in UTF-8") from error
    if "\0" in text or len(rows) != 1:
        raise UnreadableError("not one row of CSV")
    return rows[0]


def _word(said: Mapping[str, str], column: str, words: type[WordT]) -> WordT | None:
    text = said.get(column)
    if text is None:
        return None
    try:
        return words(text)
    except ValueError:
        raise unusable(f"/{column}", column, f"one of {', '.join(words)}") from None


def _meaning(said: Mapping[str, str]) -> Meaning:
    meaning = OUTCOMES.get(said.get("outcome", "sent"))
    if meaning is None:
        raise unusable("/outcome", "outcome", f"one of {', '.join(OUTCOMES)}")
    return meaning


def _time(said: Mapping[str, str]) -> datetime:
    text = said.get("time", "")
    at = _noon_of(text) if _DAY.fullmatch(text) else instant_of(text)
    if at is None:
        raise unusable("/time", "time", "a day, or an instant of RFC 3339 with its zone")
    return at


def _noon_of(day: str) -> datetime | None:
    try:
        return datetime.combine(datetime.fromisoformat(day), time(12), tzinfo=UTC)
    except ValueError:
        return None


def _digest(said: Mapping[str, str]) -> str:
    return sha256("\0".join(f"{name}\0{said[name]}" for name in sorted(said)).encode()).hexdigest()


def _data(said: Mapping[str, str]) -> Mapping[str, object]:
    data: dict[str, object] = {
        name: said[column]
        for name, column in (("outcome", "outcome"), ("campaign_id", "campaign"))
        if column in said
    }
    cost = _cost(said)
    return {**data, "cost": cost} if cost else data


def _cost(said: Mapping[str, str]) -> Mapping[str, object] | None:
    """Return what a touch cost: its amount is in millionths of the currency's unit."""
    if "cost" not in said and "currency" not in said:
        return None
    if not is_currency(said.get("currency")):
        raise unusable("/currency", "currency", "three capital letters (ISO 4217), with a cost")
    amount = micros(said.get("cost"))
    if amount is None or amount < 0:
        raise unusable("/cost", "cost", "an amount such as 0.85")
    return {"amount": amount, "currency": said["currency"]}

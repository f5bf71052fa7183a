"""What others record in the ledger, what is read from it, and the hours by which it is audited."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from shared.contact_events.errors import SubjectUnclearError
from shared.kernel.clock import EPOCH, from_rfc3339, rfc3339, whole_milliseconds
from shared.kernel.envelope import Envelope
from shared.kernel.errors import FieldProblem, InvalidFieldsError
from shared.kernel.events import Channel, Direction, Purpose, Subject
from shared.kernel.paging import cursor_of, place_of

HOUR = timedelta(hours=1)

SETTLED = timedelta(minutes=5)
"""An hour is audited this long after it closed: its events are written, its index is consistent."""

LATEST = datetime(9000, 1, 1, tzinfo=UTC)
"""No event lies beyond; a page may read past its cursor without leaving the calendar."""

LONGEST_NAME = 200
"""Characters of a source or an id: of four bytes each, they fit into a sort key of 1,024."""

RAW = "raw"
"""The name in an event's data under which the sealed original lies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignEvent:
    """What another system says happened to a contact.

    ``id`` is the sender's own, unique within its ``source``. ``type`` has no organisation before
    it. The contact is named by ``contact_id``, or by ``identifiers``: pairs of namespace and value,
    as the sender wrote them. ``data`` is JSON; ``raw`` is the original as it came, if it is to be
    kept: it may hold personal data, and is sealed before it is stored.

    Raises:
        SubjectUnclearError: there are both, or neither, of contact and identifiers.
        InvalidFieldsError: a name is empty, too long or not printable; the time is none that a
            timeline shows; the data has a field ``raw``.
    """

    app_id: str
    source: str
    id: str
    type: str
    time: datetime
    channel: Channel | None = None
    direction: Direction | None = None
    purpose: Purpose | None = None
    identifiers: Sequence[tuple[str, str]] = ()
    contact_id: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    raw: bytes | None = None

    def __post_init__(self) -> None:
        if bool(self.identifiers) == bool(self.contact_id):
            raise SubjectUnclearError("name a contact or identifiers")
        problems = [*self._unusable_names(), *self._unusable_values()]
        if problems:
            raise InvalidFieldsError("the event cannot be recorded", fields=problems)

    def envelope(self, *, sequence: str, contact_id: str, raw: str | None) -> Envelope:
        """Return the event as the ledger keeps it, under a contact; ``raw`` is sealed."""
        return Envelope(
            app_id=self.app_id,
            sequence=sequence,
            type=self.type,
            source=self.source,
            time=whole_milliseconds(self.time),
            subject=Subject(kind="contact", id=contact_id),
            channel=self.channel,
            direction=self.direction,
            purpose=self.purpose,
            data={**self.data, RAW: raw} if raw is not None else self.data,
        )

    def _unusable_names(self) -> Iterator[FieldProblem]:
        for name in ("source", "id", "type"):
            value = getattr(self, name)
            if not 0 < len(value) <= LONGEST_NAME or not value.isprintable():
                detail = f"1 to {LONGEST_NAME} printable characters"
                yield FieldProblem(pointer=f"/{name}", code=name, detail=detail)

    def _unusable_values(self) -> Iterator[FieldProblem]:
        if not EPOCH <= self.time < LATEST:
            detail = f"an instant from 1970 to before {LATEST.year}"
            yield FieldProblem(pointer="/time", code="time", detail=detail)
        if RAW in self.data:
            detail = "the original of the event takes this name"
            yield FieldProblem(pointer=f"/data/{RAW}", code="reserved", detail=detail)


def fingerprint(event: ForeignEvent) -> str:
    """Return the SHA-256, in hexadecimal, of all that the sender says: its JSON, keys in order.

    Instants are compared in UTC and by the millisecond; the order of identifiers says nothing.
    """
    said = {one.name: getattr(event, one.name) for one in fields(event)}
    said["identifiers"] = sorted(event.identifiers)
    canonical = json.dumps(said, default=_canonical, sort_keys=True, separators=(",", ":"))
    return sha256(canonical.encode()).hexdigest()


def _canonical(value: object) -> object:
    match value:
        case datetime():
            return rfc3339(value)
        case bytes():
            return value.hex()
        case Mapping():
            return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Remembers that an event of a sender is recorded: what it said, as which, under whom."""

    app_id: str
    source: str
    id: str
    fingerprint: str
    event_id: str
    contact_id: str


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where an event stands in a timeline: the instant of its key, then its sequence."""

    at: datetime
    sequence: str

    @property
    def cursor(self) -> str:
        """Return the place as an opaque cursor."""
        return cursor_of(f"{rfc3339(self.at)} {self.sequence}")

    @classmethod
    def of_cursor(cls, cursor: str) -> "Place":
        """Return the place of a cursor.

        Raises:
            InvalidFieldsError: it is no cursor of a timeline.
        """
        at, _, sequence = place_of(cursor).partition(" ")
        try:
            instant = from_rfc3339(at)
        except (ValueError, OverflowError):
            instant = None
        if instant is None or not EPOCH <= instant < LATEST:
            problem = FieldProblem(
                pointer="query/cursor", code="cursor", detail="not a timeline's cursor"
            )
            raise InvalidFieldsError("the cursor is unusable", fields=[problem])
        return cls(instant, sequence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """An event and its place."""

    place: Place
    event: Envelope


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineQuery:
    """Which events of a contact are wanted.

    ``since`` is inclusive, ``until`` exclusive; both are instants of the events. ``as_of`` asks for
    what was recorded, and joined, by then. ``type`` is a type without its organisation.
    """

    since: datetime | None = None
    until: datetime | None = None
    channel: str | None = None
    type: str | None = None
    as_of: datetime | None = None
    after: Place | None = None
    newest_first: bool = False

    def covers(self, event: Envelope) -> bool:
        """Say whether an event is wanted, as far as its channel and type go."""
        return (self.channel is None or event.channel == self.channel) and (
            self.type is None or event.type == self.type
        )


RAW = "raw"
"""The field of a foreign event's data that holds what its sender sent, sealed for its contact."""


def without_raw(event: Envelope) -> Envelope:
    """Return an event without what its sender sent."""
    if RAW not in event.data:
        return event
    return replace(event, data={name: value for name, value in event.data.items() if name != RAW})


def hour_of(at: datetime) -> datetime:
    """Return the start of the hour of ``at``."""
    return at.replace(minute=0, second=0, microsecond=0)


def hours(first: datetime, until: datetime) -> Iterator[datetime]:
    """Yield the starts of the hours from that of ``first`` to before ``until``."""
    hour = hour_of(first)
    while hour < until:
        yield hour
        hour += HOUR


def last_settled(at: datetime) -> datetime:
    """Return the start of the newest hour that may be audited at ``at``."""
    return hour_of(at - SETTLED) - HOUR

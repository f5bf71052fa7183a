"""What is read from the ledger, and the hours by which it is audited."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.kernel.clock import EPOCH, from_rfc3339, rfc3339
from shared.kernel.envelope import Envelope
from shared.kernel.errors import FieldProblem, InvalidFieldsError
from shared.kernel.paging import cursor_of, place_of

HOUR = timedelta(hours=1)

SETTLED = timedelta(minutes=5)
"""An hour is audited this long after it closed: its events are written, its index is consistent."""

LATEST = datetime(9000, 1, 1, tzinfo=UTC)
"""No event lies beyond; a page may read past its cursor without leaving the calendar."""


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

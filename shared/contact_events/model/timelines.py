"""A contact's events in the order of a timeline."""

from dataclasses import dataclass, replace
from datetime import datetime

from shared.contact_events.model.events import RAW
from shared.contact_events.model.hours import LATEST
from shared.kernel.clock import EPOCH, from_rfc3339, rfc3339
from shared.kernel.envelope import Envelope
from shared.kernel.errors import FieldProblem, InvalidFieldsError
from shared.kernel.paging import cursor_of, place_of


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


def without_raw(event: Envelope) -> Envelope:
    """Return an event without what its sender sent."""
    if RAW not in event.data:
        return event
    return replace(event, data={name: value for name, value in event.data.items() if name != RAW})

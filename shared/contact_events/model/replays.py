"""A range of the ledger, read again in the order in which it was recorded.

Sequences are ULIDs: those of one contact are in the order of what happened to them, and where an
event led to another, the cause comes first. A reader's place is the sequence after which it goes
on, so it can stop anywhere, in any process.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.kernel.envelope import Envelope
from shared.kernel.errors import FieldProblem, InvalidFieldsError
from shared.kernel.ids import CHANCE_BITS, ulid_of

_MILLISECOND = timedelta(milliseconds=1)
_ALL_CHANCE = (1 << CHANCE_BITS) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Which events of an app are read again.

    ``since`` is inclusive, ``until`` exclusive; both are instants of recording, not of the events:
    what came late is read where it came. ``types``, without organisation, and ``contact_id``, an
    origin, let through those events alone; empty and ``None`` let through all.

    Raises:
        InvalidFieldsError: it ends before it begins.
    """

    since: datetime
    until: datetime
    types: frozenset[str] = field(default_factory=frozenset)
    contact_id: str | None = None

    def __post_init__(self) -> None:
        if self.until < self.since:
            problem = FieldProblem(pointer="/until", code="order", detail="not before since")
            raise InvalidFieldsError("the range is unusable", fields=[problem])

    def covers(self, event: Envelope) -> bool:
        """Say whether an event that was recorded in time is wanted."""
        is_theirs = self.contact_id is None or (
            (event.subject.kind, event.subject.id) == ("contact", self.contact_id)
        )
        return is_theirs and (not self.types or event.type in self.types)


@dataclass(frozen=True, slots=True, kw_only=True)
class HourPage:
    """Some events of an hour, by sequence; ``after``: where the next page begins, if any."""

    events: Sequence[Envelope]
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Events of a range that were read at once, by sequence.

    ``after`` is where to go on, also where nothing was wanted. ``read`` counts the events that were
    looked at. ``is_over``: the range has no more, as far as it is settled.
    """

    events: Sequence[Envelope]
    after: str
    read: int
    is_over: bool


def last_before(instant: datetime) -> str:
    """Return the greatest ULID that was made before an instant."""
    return ulid_of(instant - _MILLISECOND, chance=_ALL_CHANCE)

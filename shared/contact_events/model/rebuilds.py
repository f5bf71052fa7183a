"""How far it is that a projection is made again from the ledger.

First, where that was asked for, what the projection keeps of the range is deleted: for each event
what it keeps of whom the event is about. Then the same events are folded again, in the order of
their sequences. What is told meanwhile the projection hears as always. What it heard while it was
being deleted may be gone with the rest: so the second passage goes on at least to the end of the
first.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from shared.contact_events.model.hours import SETTLED
from shared.contact_events.model.replays import Slice, Span, last_before

SKEW = timedelta(minutes=1)
"""How much later than by our clock an event may seem to be recorded that was heard already."""


class Phase(StrEnum):
    """What is being done."""

    FORGETTING = "forgetting"
    FOLDING = "folding"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be made again.

    ``since`` and ``until`` are instants of recording; ``None``: from the app's beginning, and to
    the present. ``forgets``: it is deleted first.
    """

    app_id: str
    projection: str
    since: datetime | None = None
    until: datetime | None = None
    forgets: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuild:
    """What is made again, and how far that is.

    ``after`` is the place in the ledger, ``read`` counts the events of both passages,
    ``forgotten_at`` is when the first had ended. ``version`` grows with each write.
    """

    wanted: Wanted
    begun_at: datetime
    phase: Phase = Phase.FOLDING
    after: str | None = None
    read: int = 0
    forgotten_at: datetime | None = None
    ended_at: datetime | None = None
    version: int = 1

    @classmethod
    def begun(cls, wanted: Wanted, *, at: datetime, version: int = 1) -> "Rebuild":
        """Return a rebuild of which nothing is done yet."""
        phase = Phase.FORGETTING if wanted.forgets else Phase.FOLDING
        return cls(wanted=wanted, begun_at=at, phase=phase, version=version)

    @property
    def is_over(self) -> bool:
        """Say whether nothing is left to do."""
        return self.phase is Phase.DONE

    @property
    def _reaches(self) -> datetime | None:
        """Return to when it has to fold: what was heard and deleted was recorded before."""
        return self.forgotten_at + SKEW if self.forgotten_at else None

    @property
    def waits_until(self) -> datetime | None:
        """Return before when it cannot end, since the ledger is read only where it is settled."""
        if self.phase is not Phase.FOLDING or self._reaches is None:
            return None
        return self._reaches + SETTLED

    def span(self, *, beginning: datetime, at: datetime) -> Span:
        """Return what of the ledger is read, of an app with this beginning, at an instant."""
        since = self.wanted.since or beginning
        return Span(since=since, until=max(since, self.wanted.until or at))

    def advanced(self, found: Slice, *, at: datetime) -> "Rebuild":
        """Return it after a slice was deleted or folded; ``at`` is not before that was done."""
        moved = replace(
            self, after=found.after, read=self.read + found.read, version=self.version + 1
        )
        if not found.is_over:
            return moved
        if self.phase is Phase.FORGETTING:
            return replace(moved, phase=Phase.FOLDING, after=None, forgotten_at=at)
        if self._reaches and found.after < last_before(self._reaches):
            return moved
        return replace(moved, phase=Phase.DONE, ended_at=at)

"""Makes projections again from the ledger: deletes what they keep, and folds the events anew."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from shared.contact_events.errors import (
    ForgettingRangeError,
    ProjectionNotFoundError,
    RebuildNotFoundError,
    RebuildRunningError,
    RecordsKeptError,
    StaleError,
)
from shared.contact_events.model.rebuilds import Phase, Rebuild, Wanted
from shared.contact_events.model.replays import Slice
from shared.contact_events.ports import HasTime, Projection, RebuildStore
from shared.contact_events.service.replays import MOST_EVENTS, ReplayReader
from shared.kernel.clock import Clock
from shared.kernel.ids import made_at


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildService:
    """Makes one projection of an app at a time again, slice by slice.

    The place is kept after each slice, when it was deleted or folded: whoever goes on after a crash
    does the last slice once more, which changes nothing.
    """

    projections: Mapping[str, Projection]
    rebuilds: RebuildStore
    reader: ReplayReader
    clock: Clock

    def begin(self, wanted: Wanted) -> Rebuild:
        """Begin, and return the rebuild; one that runs and was asked for alike is gone on with.

        Raises:
            ProjectionNotFoundError: nothing of this name is made from the ledger.
            ForgettingRangeError: a part of the ledger cannot bring back what is deleted of all.
            RecordsKeptError: the projection keeps what the ledger has no more.
            RebuildRunningError: it is being made again otherwise.
        """
        self._check(wanted)
        before = self.rebuilds.find(wanted.projection, app_id=wanted.app_id)
        if before and not before.is_over:
            if before.wanted == wanted:
                return before
            raise RebuildRunningError(wanted.projection)
        begun = Rebuild.begun(wanted, at=self.clock(), version=before.version + 1 if before else 1)
        self._put(begun)
        return begun

    def go_on(self, projection: str, *, app_id: str, limit: int, has_time: HasTime) -> Rebuild:
        """Take at most about ``limit`` events further, while there is time, and return how far.

        A call that finds nothing settled returns what it found: see ``waits_until``.

        Raises:
            RebuildNotFoundError: nobody began.
            RebuildRunningError: somebody else goes on with it at this moment.
        """
        rebuild = self.rebuilds.find(projection, app_id=app_id)
        if rebuild is None:
            raise RebuildNotFoundError(projection)
        end = rebuild.read + limit
        while not rebuild.is_over and rebuild.read < end and has_time():
            before = rebuild
            rebuild = self._step(before, limit=min(MOST_EVENTS, end - before.read))
            if (rebuild.phase, rebuild.after) == (before.phase, before.after):
                break
        return rebuild

    def look(self, wanted: Wanted, *, after: str | None, limit: int = MOST_EVENTS) -> Slice:
        """Return a slice of what would be folded, from a place on; nothing is written.

        Raises:
            ProjectionNotFoundError, ForgettingRangeError, RecordsKeptError: as ``begin``.
        """
        self._check(wanted)
        return self._read(Rebuild.begun(wanted, at=self.clock()), after=after, limit=limit)

    def _step(self, before: Rebuild, *, limit: int) -> Rebuild:
        wanted = before.wanted
        projection = self.projections[wanted.projection]
        found = self._read(before, after=before.after, limit=limit)
        do = projection.forget if before.phase is Phase.FORGETTING else projection.take
        if found.events:
            do(found.events, app_id=wanted.app_id)
        after = before.advanced(found, at=self.clock())
        self._put(after)
        return after

    def _read(self, rebuild: Rebuild, *, after: str | None, limit: int) -> Slice:
        span = rebuild.span(beginning=_beginning(rebuild.wanted.app_id), at=self.clock())
        return self.reader.read(span, app_id=rebuild.wanted.app_id, after=after, limit=limit)

    def _check(self, wanted: Wanted) -> None:
        projection = self.projections.get(wanted.projection)
        if projection is None:
            raise ProjectionNotFoundError(
                f"{wanted.projection}; there are {', '.join(sorted(self.projections))}"
            )
        if not wanted.forgets:
            return
        if not projection.is_forgettable:
            raise RecordsKeptError(wanted.projection)
        if wanted.since or wanted.until:
            raise ForgettingRangeError(wanted.projection)

    def _put(self, rebuild: Rebuild) -> None:
        try:
            self.rebuilds.put(rebuild)
        except StaleError as error:
            raise RebuildRunningError(rebuild.wanted.projection) from error


def _beginning(app_id: str) -> datetime:
    """Return when an app was made: its id says so, and the ledger has nothing of it before."""
    return made_at(app_id)

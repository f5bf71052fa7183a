"""Files events in the archive, and brings its days to what the ledger recorded.

A compaction writes one file that holds all events of a drawer, and deletes the files that it read
only then: whoever reads meanwhile meets some events twice, and misses none. Two compactions at once
do no harm either, since each deletes only what its own file holds.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from shared.contact_events.model.archives import (
    COMPACTED_AGAIN,
    ERASED,
    FORGOTTEN_KEPT,
    ArchiveFile,
    Comparison,
    Drawer,
    Forgotten,
    Held,
    compared,
    drawers,
    span_of,
)
from shared.contact_events.model.hours import hours
from shared.contact_events.ports import Archive, EventStore
from shared.kernel.clock import Clock
from shared.kernel.envelope import Envelope

_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveService:
    """Files what the bus brings."""

    archive: Archive
    clock: Clock

    def file(self, events: Iterable[Envelope]) -> int:
        """Write a file for each drawer of a batch, and return how many.

        The same batch again writes the same files. A day that is over is noted as late: its
        compaction may have been. Whoever was erased is noted, to be forgotten.
        """
        now = self.clock()
        filed = drawers(events)
        for drawer, some in filed.items():
            file = self.archive.add(drawer, some)
            if drawer.day < now.date():
                self.archive.note_late(file)
            if drawer.type == ERASED:
                for event in some:
                    self.archive.note_forgotten(Forgotten.of(event, at=now))
        return len(filed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compacted:
    """What a compaction did: files written and deleted, events fetched that the bus had lost."""

    written: int = 0
    deleted: int = 0
    fetched: int = 0

    def plus(self, other: "Compacted") -> "Compacted":
        """Return the sum of two."""
        return Compacted(
            written=self.written + other.written,
            deleted=self.deleted + other.deleted,
            fetched=self.fetched + other.fetched,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactionService:
    """Makes one file of the many of a day and type, with all that the ledger recorded."""

    archive: Archive
    events: EventStore
    app_ids: Callable[[], Iterable[str]]
    clock: Clock

    def compact_due(self) -> Compacted:
        """Compact the last days of each app, and those that got late events."""
        done = Compacted()
        today = self.clock().date()
        recent = {today - timedelta(days=back) for back in range(1, COMPACTED_AGAIN + 1)}
        for app_id in self.app_ids():
            late = self.archive.late(app_id)
            for day in sorted(recent | {file.drawer.day for file in late}):
                done = done.plus(self.compact(app_id, day))
            # Only what was noted before: an event that came since is the next one's.
            self.archive.forget_late(late)
        return done

    def compact(self, app_id: str, day: date) -> Compacted:
        """Compact a day of an app; where nothing is to be done, it writes nothing."""
        without = _contacts_of(self.archive.forgotten(app_id))
        indexes = {file: self.archive.index(file) for file in self.archive.files(app_id, day=day)}
        known = {sequence for index in indexes.values() for sequence in index.sequences}
        lost = drawers(self._lost(app_id, day, known=known))
        files = _by_drawer(indexes)
        done = Compacted()
        for drawer in sorted({*files, *lost}):
            some, missing = files.get(drawer, ()), lost.get(drawer, ())
            is_clean = not any(indexes[file].contacts & without for file in some)
            if missing or not is_clean or not _is_one_whole(some):
                done = done.plus(_merge(self.archive, some, missing, without=without))
        return done

    def compare(self, app_id: str, day: date) -> Sequence[Comparison]:
        """Return a day of the archive beside the ledger, by type."""
        files = _by_drawer(self.archive.files(app_id, day=day))
        recorded: dict[Drawer, set[str]] = defaultdict(set)
        for hour in hours(span_of(day).since, span_of(day).until):
            for event in self.events.events_in(hour, app_id=app_id):
                recorded[Drawer.of(event)].add(event.sequence)
        return [
            compared(
                drawer,
                files=len(files.get(drawer, ())),
                archive=self._sequences(files.get(drawer, ())),
                ledger=frozenset(recorded.get(drawer, ())),
            )
            for drawer in sorted({*files, *recorded})
        ]

    def held(self, app_id: str, *, day: date | None = None) -> Mapping[Drawer, Held]:
        """Return what there is, by where it lies; of one day also how many events that are."""
        files, sizes = defaultdict[Drawer, list[ArchiveFile]](list), Counter[Drawer]()
        for file, size in self.archive.sizes(app_id, day=day):
            files[file.drawer].append(file)
            sizes[file.drawer] += size
        return {
            drawer: Held(
                files=len(some),
                size=sizes[drawer],
                events=len(self._sequences(some)) if day else None,
            )
            for drawer, some in sorted(files.items())
        }

    def _sequences(self, files: Sequence[ArchiveFile]) -> frozenset[str]:
        return frozenset(one for file in files for one in self.archive.index(file).sequences)

    def _lost(self, app_id: str, day: date, *, known: set[str]) -> Iterator[Envelope]:
        """Yield the events of a day that the ledger has and the archive lacks."""
        for hour in hours(span_of(day).since, span_of(day).until):
            missing = sorted(set(self.events.sequences_of(hour, app_id=app_id)) - known)
            for start in range(0, len(missing), _AT_ONCE):
                yield from self.events.events_of(missing[start : start + _AT_ONCE], app_id=app_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgettingService:
    """Takes those who were erased out of all files."""

    archive: Archive
    app_ids: Callable[[], Iterable[str]]
    clock: Clock

    def forget_due(self, *, has_time: Callable[[], bool]) -> Compacted:
        """Go on with every app in which somebody is to be forgotten, while there is time."""
        done = Compacted()
        for app_id in self.app_ids():
            people = self.archive.forgotten(app_id)
            for person in people:
                if person.is_done and person.noted_at + FORGOTTEN_KEPT < self.clock():
                    self.archive.end_forgetting(person)
            if waiting := [person for person in people if not person.is_done]:
                done = done.plus(self._forget(app_id, waiting, has_time))
        return done

    def _forget(
        self, app_id: str, people: Sequence[Forgotten], has_time: Callable[[], bool]
    ) -> Compacted:
        """Walk the files from where the first of some people left off; all are looked for."""
        done = Compacted()
        without = _contacts_of(people)
        after, is_done = min(person.after for person in people), True
        for file in sorted(self.archive.files(app_id), key=lambda file: file.key):
            if file.key <= after:
                continue
            if not has_time():
                is_done = False
                break
            if self.archive.index(file).contacts & without:
                done = done.plus(_merge(self.archive, [file], (), without=without))
            after = file.key
        for person in people:
            self.archive.note_forgotten(
                replace(person, after=max(after, person.after), is_done=is_done)
            )
        return done


def _merge(
    archive: Archive,
    files: Sequence[ArchiveFile],
    events: Sequence[Envelope],
    *,
    without: frozenset[str],
) -> Compacted:
    """Write one file for many, then delete what it replaces."""
    whole = archive.merge(files, events, without=without)
    outdated = [file for file in files if file != whole]
    archive.delete(outdated)
    return Compacted(written=int(whole is not None), deleted=len(outdated), fetched=len(events))


def _is_one_whole(files: Sequence[ArchiveFile]) -> bool:
    return len(files) == 1 and files[0].is_whole


def _contacts_of(people: Iterable[Forgotten]) -> frozenset[str]:
    return frozenset(contact_id for person in people for contact_id in person.contact_ids)


def _by_drawer(files: Iterable[ArchiveFile]) -> Mapping[Drawer, Sequence[ArchiveFile]]:
    found: dict[Drawer, list[ArchiveFile]] = {}
    for file in files:
        found.setdefault(file.drawer, []).append(file)
    return found

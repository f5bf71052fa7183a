"""What is made of the ledger, and how far that is."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Protocol

from shared.contact_events.model.archives import ArchiveFile, Drawer, Forgotten, Index
from shared.contact_events.model.counts import Cell, Counts, Figures, Progress, Sample
from shared.contact_events.model.rebuilds import Rebuild
from shared.kernel.envelope import Envelope


class CountStore(Protocol):
    """What was counted of the ledger, hour by hour; and up to which hour that is final."""

    def put_counts(self, hour: datetime, counts: Counts, *, app_id: str, at: datetime) -> None:
        """Keep what an hour came to, as its events were at ``at``, but for what is newer."""
        ...

    def cells(
        self, app_id: str, *, since: datetime, until: datetime
    ) -> Iterator[Mapping[Cell, Figures]]:
        """Yield the cells of each hour that was counted, from that of ``since``."""
        ...

    def samples(self, app_id: str, *, since: datetime, until: datetime) -> Iterator[Sample]:
        """Yield the samples of each hour that was counted, from that of ``since``."""
        ...

    def progress(self) -> Progress | None:
        """Return how far counting is; ``None``: nothing was counted yet."""
        ...

    def set_progress(self, progress: Progress) -> None:
        """Note how far counting is."""
        ...

    def forget_counts(self, hour: datetime, *, app_id: str) -> None:
        """Delete what an hour came to; again, it deletes nothing more."""
        ...


class Projection(Protocol):
    """What is made of the ledger, and can be made again from it.

    ``is_forgettable``: it keeps nothing that the ledger may have no more.
    """

    @property
    def is_forgettable(self) -> bool:
        """Say whether it may be deleted."""
        ...

    def forget(self, events: Sequence[Envelope], *, app_id: str) -> None:
        """Delete all that is kept of whom, or of what, some events are about."""
        ...

    def take(self, events: Sequence[Envelope], *, app_id: str) -> None:
        """Fold events, in the order of their sequences; the same again changes nothing."""
        ...


class RebuildStore(Protocol):
    """How far projections are made again: of each the last time."""

    def find(self, projection: str, *, app_id: str) -> Rebuild | None:
        """Return the last rebuild of a projection."""
        ...

    def put(self, rebuild: Rebuild) -> None:
        """Store a rebuild, whose version is the next of what was read.

        Raises:
            StaleError: another came first.
        """
        ...


class Archive(Protocol):
    """The files of what was recorded; an event may lie in several files of its drawer."""

    def add(self, drawer: Drawer, events: Sequence[Envelope]) -> ArchiveFile:
        """Write events of one drawer into a file of theirs; the same again is the same file."""
        ...

    def files(self, app_id: str, *, day: date | None = None) -> Iterator[ArchiveFile]:
        """Yield an app's files, of one day or of all."""
        ...

    def sizes(self, app_id: str, *, day: date | None = None) -> Iterator[tuple[ArchiveFile, int]]:
        """Yield an app's files, of one day or of all, with their sizes in bytes."""
        ...

    def index(self, file: ArchiveFile) -> Index:
        """Return what is in a file."""
        ...

    def merge(
        self,
        files: Sequence[ArchiveFile],
        events: Sequence[Envelope],
        *,
        without: frozenset[str],
    ) -> ArchiveFile | None:
        """Write all events of some files of one drawer, and others of it, into one file.

        It has each once, by sequence, but for those about the contacts ``without``; ``None``: no
        event was left, and nothing was written.
        """
        ...

    def delete(self, files: Sequence[ArchiveFile]) -> None:
        """Delete files; one that is gone is well too."""
        ...

    def note_late(self, file: ArchiveFile) -> None:
        """Note that a file was written when its day was over."""
        ...

    def late(self, app_id: str) -> Sequence[ArchiveFile]:
        """Return the files of an app that are noted as late; they may be gone."""
        ...

    def forget_late(self, files: Sequence[ArchiveFile]) -> None:
        """Take back what was noted of files."""
        ...

    def note_forgotten(self, person: Forgotten) -> None:
        """Keep whom to forget, and how far that is."""
        ...

    def forgotten(self, app_id: str) -> Sequence[Forgotten]:
        """Return whom of an app to forget."""
        ...

    def end_forgetting(self, person: Forgotten) -> None:
        """Forget whom to forget."""
        ...

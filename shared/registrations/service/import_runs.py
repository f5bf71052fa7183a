"""The worker of imports: reads a file batch by batch, and can stop and go on anywhere.

After each batch its place in the file is saved together with its tally, under a lease. A worker
that dies repeats one batch at most, which writes nothing twice; one that lost its lease finds out
when it saves, and leaves.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice

from shared.kernel.clock import Clock
from shared.kernel.envelope import Envelope, seal
from shared.kernel.errors import DomainError
from shared.kernel.files import FileFormat, Record, Rejected, records
from shared.kernel.ids import Ids
from shared.registrations.errors import ImportFailedError, LeaseHeldError, StaleError
from shared.registrations.events import ImportFinished
from shared.registrations.model.imports import (
    MOST_REJECTS,
    MOST_ROWS,
    Failure,
    Import,
    ImportKind,
    Tally,
)
from shared.registrations.ports import (
    Importer,
    ImportFiles,
    ImportQueue,
    ImportStore,
    RowWriter,
)

BATCH = 200
"""Rows between two saves: what a crash repeats, and what a lease must outlast."""

LEASE = timedelta(minutes=2)
"""A batch takes seconds; two minutes without a save mean that the worker is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRunService:
    """Works on one import at a time; what its rows mean, the importer of their kind knows."""

    imports: ImportStore
    files: ImportFiles
    importers: Mapping[ImportKind, Importer]
    queue: ImportQueue
    clock: Clock
    ids: Ids

    def work(
        self, import_id: str, *, app_id: str, holder: str, has_time: Callable[[], bool]
    ) -> Import:
        """Go on with an import until it is over, or there is no time left for another batch.

        Raises:
            ImportNotFoundError: there is no such import.
            LeaseHeldError: another worker is at it, or took it over.
        """
        job = self.imports.get_import(import_id, app_id=app_id)
        if job.is_over:
            return job
        at = self.clock()
        job = self._save(job.taken(holder, at=at, until=at + LEASE))
        try:
            return self._run(job, has_time)
        except ImportFailedError as failed:
            # What was saved since is the newest: the failed batch is not.
            now = self.imports.get_import(import_id, app_id=app_id)
            if now.lease is None or now.lease.holder != holder:
                raise LeaseHeldError(import_id) from failed
            return self._end(now, Failure(code=failed.code, detail=failed.detail))

    def _run(self, job: Import, has_time: Callable[[], bool]) -> Import:
        writer, rows = self._opened(job)
        for batch in _batches(rows):
            if not has_time():
                return self._hand_over(job)
            job = self._save(self._batch(job, batch, writer))
            _hold_limits(job)
        return self._end(job)

    def _opened(self, job: Import) -> tuple[RowWriter, Iterator[Record]]:
        """Return the writer of an import's rows, and those rows that are not read yet."""
        begin = job.cursor
        header = None
        if job.file_format is FileFormat.CSV:
            header = next(records(self.files.read(job, offset=0), job.file_format), None)
            begin = max(begin, header.end, key=lambda one: one.offset) if header else begin
        try:
            writer = self.importers[job.kind].open(job, header=header)
        except DomainError as refused:
            raise ImportFailedError(_told(refused)) from refused
        chunks = self.files.read(job, offset=begin.offset)
        return writer, records(chunks, job.file_format, begin=begin)

    def _batch(self, job: Import, batch: Sequence[Record], writer: RowWriter) -> Import:
        outcomes = writer.write(batch)
        rejects = sorted(
            (one for one in outcomes if isinstance(one, Rejected)), key=lambda one: one.line
        )
        if rejects:
            self.files.put_rejects(job, rejects)
        return job.moved(batch[-1].end, Tally.of(outcomes), until=self.clock() + LEASE)

    def _hand_over(self, job: Import) -> Import:
        """Leave the rest to the next worker; whoever crashes in between is called again."""
        job = self._save(job.released())
        self.queue.go_on(job)
        return job

    def _end(self, job: Import, failure: Failure | None = None) -> Import:
        if job.tally.rejected:
            self.files.close_rejects(job)
        ended = job.ended(at=self.clock(), failure=failure)
        event = ImportFinished(
            app_id=job.app_id,
            occurred_at=self.clock(),
            import_id=job.import_id,
            state=ended.state,
            accepted=job.tally.accepted,
            unchanged=job.tally.unchanged,
            rejected=job.tally.rejected,
            by=job.by,
        )
        return self._save(ended, event=seal(event, sequence=self.ids.sequence()))

    def _save(self, job: Import, *, event: Envelope | None = None) -> Import:
        try:
            self.imports.save_import(job, event=event)
        except StaleError as error:
            raise LeaseHeldError(job.import_id) from error
        return job


def _batches(rows: Iterator[Record]) -> Iterator[list[Record]]:
    while batch := list(islice(rows, BATCH)):
        yield batch


def _told(refused: DomainError) -> str:
    """Return why a header is refused: its columns that are wrong, or what is wrong with all."""
    columns = [f"{one.pointer.removeprefix('/')}: {one.detail}" for one in refused.fields]
    return f"the header: {'; '.join(columns) or refused.detail}"


def _hold_limits(job: Import) -> None:
    """Hold an import against the limits of one file.

    Raises:
        ImportFailedError: it has too many rows, or too many of them are wrong.
    """
    if job.tally.rejected > MOST_REJECTS:
        raise ImportFailedError(f"more than {MOST_REJECTS} rows are wrong", code="too_many_rejects")
    if job.tally.read > MOST_ROWS:
        raise ImportFailedError(f"more than {MOST_ROWS} rows", code="too_many_rows")

"""Takes files of touches into the ledger, batch by batch; each row once, wherever a file is cut."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.contact_events.model.csv_touches import TouchReader
from shared.contact_events.model.events import ForeignEvent
from shared.contact_events.model.translations import Reject, Translation
from shared.contact_events.service.ingest import Answer, Ingested, IngestService, Outcome
from shared.kernel.errors import DomainError, FieldProblem
from shared.kernel.files import Record, Rejected


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchImportService:
    """Opens files of touches."""

    ingest: IngestService

    def open(self, header: Record | None, *, app_id: str, dry_run: bool) -> "TouchFile":
        """Return what records a file's rows, or in a dry run says what would come of them.

        Raises:
            UnreadableError: there is no header, or it is no CSV in UTF-8.
            InvalidFieldsError: a column is missing, unknown, or there twice.
        """
        reader = TouchReader.of(header)
        return TouchFile(ingest=self.ingest, reader=reader, app_id=app_id, dry_run=dry_run)


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchFile:
    """A file of touches whose rows are taken in."""

    ingest: IngestService
    reader: TouchReader
    app_id: str
    dry_run: bool

    def write(self, batch: Sequence[Record]) -> Sequence[bool | Rejected]:
        """Record rows, and say of each whether it is new, or why it is refused, by line.

        A row that was recorded before is known by its id, and changes nothing. In a dry run the
        second of two equal rows counts as new too.
        """
        return [_outcome(answer) for answer in self._done(self._translated(batch)).answers]

    def _done(self, translation: Translation) -> Ingested:
        if self.dry_run:
            return self.ingest.rehearse(translation)
        return self.ingest.record(translation)

    def _translated(self, batch: Sequence[Record]) -> Translation:
        events: list[ForeignEvent] = []
        lines: list[int] = []
        rejects: list[Reject] = []
        for record in batch:
            try:
                events.append(self.reader.read(record, app_id=self.app_id))
                lines.append(record.line)
            except DomainError as error:
                rejects.append(Reject.by(error, index=record.line))
        return Translation(events=tuple(events), rejects=tuple(rejects), indices=tuple(lines))


def _outcome(answer: Answer) -> bool | Rejected:
    """Return an answer as that of a row: the place of its event is the row's line."""
    reject = answer.reject
    if reject is None:
        return answer.outcome is Outcome.ACCEPTED
    column = reject.pointer.removeprefix("/")
    problem = FieldProblem(pointer=column, code=reject.code, detail=reject.detail)
    return Rejected(line=answer.index, problems=(problem,))

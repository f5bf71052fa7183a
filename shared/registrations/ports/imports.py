"""What imports need from outside."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.kernel.envelope import Envelope
from shared.kernel.events import Channel, Purpose
from shared.kernel.files import Record, Rejected
from shared.kernel.idempotency import Attempt, Remembered
from shared.kernel.paging import Page
from shared.registrations.model.imports import Import, Outcome


class ImportStore(Protocol):
    """The imports of each app."""

    def add_import(self, job: Import, event: Envelope, *, attempt: Attempt | None) -> None:
        """Store a new import, its event, and what its attempt came to (its id).

        Raises:
            StaleError: the attempt is remembered already.
        """
        ...

    def get_import(self, import_id: str, *, app_id: str) -> Import:
        """Return the import as it is now, or raise ``ImportNotFoundError``."""
        ...

    def list_imports(self, app_id: str, *, limit: int, cursor: str | None) -> Page[Import]:
        """Return an app's imports, the newest first."""
        ...

    def save_import(self, job: Import, *, event: Envelope | None = None) -> None:
        """Store an import's next version, and tell.

        Raises:
            StaleError: another change came first.
        """
        ...

    def recall(self, attempt: Attempt) -> Remembered | None:
        """Return what an attempt of ``add_import`` came to before, if it did."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """Where a client sends an import's file: one request with these headers, until an instant."""

    method: str
    url: str
    headers: Mapping[str, str]
    expires_at: datetime


class ImportFiles(Protocol):
    """The files of imports: what was uploaded, and the rows that were rejected."""

    def upload_for(self, job: Import, *, at: datetime) -> Upload:
        """Return where the file of an import is sent, from ``at`` on for an hour."""
        ...

    def upload_tag(self, job: Import) -> str | None:
        """Return what names the content that was uploaded; ``None`` unless it has its size."""
        ...

    def read(self, job: Import, *, offset: int) -> Iterator[bytes]:
        """Yield the upload from a byte on, in chunks of a moderate size.

        Raises:
            ImportFailedError: it is not what it was when the import started.
        """
        ...

    def put_rejects(self, job: Import, rejects: Sequence[Rejected]) -> None:
        """Keep the rejects of the batch that begins at the import's cursor; again replaces them."""
        ...

    def close_rejects(self, job: Import) -> None:
        """Make one file of all rejects that are kept; again changes nothing."""
        ...

    def rejects_url(self, job: Import) -> str:
        """Return where the file of rejects can be fetched, for an hour."""
        ...


class ImportQueue(Protocol):
    """Wakes a worker for an import."""

    def go_on(self, job: Import) -> None:
        """Have a worker go on with an import."""
        ...


class RowWriter(Protocol):
    """Writes the rows of one file."""

    def write(self, batch: Sequence[Record]) -> Sequence[Outcome]:
        """Write rows, and say of each whether that changed anything, or why it was not written.

        The answers come in any order; in a dry run they say what would come of the rows. Written
        again, the rows change nothing.
        """
        ...


class Importer(Protocol):
    """What rows mean to whoever keeps what they tell."""

    def open(self, job: Import, *, header: Record | None) -> RowWriter:
        """Return the writer of a file's rows; ``header`` is the first record of CSV.

        Raises:
            ImportFailedError: the header does not say what the columns are; so does a
                ``DomainError``.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """What a person had refused at another vendor: to be contacted on a channel for a purpose.

    ``name`` is a ULID that the same word of the same person has in every file; ``at`` is when it
    was said, as far as anybody knows.
    """

    purpose: Purpose
    channel: Channel
    at: datetime
    name: str


class Refusals(Protocol):
    """Notes what people had refused elsewhere."""

    def note(
        self, refused: Refused, *, contact_id: str, app_id: str, source: str, by: str, dry_run: bool
    ) -> bool:
        """Note that a contact withdrew their consent, once; the answer says whether it is news.

        What the contact said later goes on to hold.

        Raises:
            DomainError: nothing is kept of the person any more, or too much was said before.
        """
        ...

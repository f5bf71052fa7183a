"""What the routes of imports take and return on the wire."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Self, TypeAlias

from aws_lambda_powertools.event_handler.openapi.params import Path
from pydantic import Field, StrictBool, StrictInt

from shared.kernel.files import FileFormat
from shared.platform.http.schemas import In, Instant, Out
from shared.registrations.model.imports import (
    LARGEST_FILE,
    Import,
    ImportKind,
    ImportState,
)
from shared.registrations.ports import Upload

ImportId: TypeAlias = Annotated[str, Path(pattern=r"^imp_[0-9A-Z]{26}$")]


class ImportIn(In):
    """A file that is to be imported."""

    kind: ImportKind
    format: Annotated[
        FileFormat,
        Field(
            description="Touches and OneSignal's exports come as CSV, Pinpoint's and Braze's as"
            " JSON lines."
        ),
    ] = FileFormat.CSV
    size: Annotated[StrictInt, Field(ge=1, le=LARGEST_FILE, description="Bytes of the file.")]
    list_name: Annotated[
        str | None,
        Field(
            pattern=r"^[A-Za-z0-9_.-]{1,59}$",
            description="For members: their list. They get the tag `list:<name>`.",
        ),
    ] = None
    dry_run: StrictBool = Field(default=False, description="Read and judge all, write nothing.")
    as_of: Instant | None = Field(
        default=None,
        description="When the file was true: who was erased later stays erased. Unless said, "
        "whoever was ever erased. Not of touches, each of which has its own time.",
    )

    def settings(self) -> Mapping[str, Any]:
        """Return what was sent in the words of the model."""
        return {
            "kind": self.kind,
            "file_format": self.format,
            "size": self.size,
            "list_name": self.list_name,
            "dry_run": self.dry_run,
            "as_of": self.as_of,
        }


class ProgressOut(Out):
    """Rows by what came of them, or in a dry run would."""

    read: int
    accepted: int
    unchanged: int = Field(description="What they say was so already.")
    rejected: int


class FailureOut(Out):
    """Why an import ended before its file did."""

    code: str
    detail: str


class ImportOut(Out):
    """An import, and how far it is."""

    import_id: str
    kind: ImportKind
    format: FileFormat
    size: int
    list_name: str | None
    dry_run: bool
    as_of: datetime | None
    by: str
    state: ImportState
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    bytes_read: int
    progress: ProgressOut
    not_carried: dict[str, int] = Field(
        description="Of a vendor's export: in how many rows each of its fields said something that "
        "has no place here."
    )
    failure: FailureOut | None

    @classmethod
    def of(cls, job: Import) -> Self:
        """Render an import."""
        return cls(**_described(job))


class UploadOut(Out):
    """Where the file is sent: one request, with exactly these headers."""

    method: str
    url: str
    headers: dict[str, str]
    expires_at: datetime


class AnnouncedImportOut(ImportOut):
    """A new import, and where its file is sent."""

    upload: UploadOut

    @classmethod
    def with_upload(cls, job: Import, upload: Upload) -> Self:
        """Render an import with its upload."""
        return cls(**_described(job), upload=UploadOut.model_validate(upload, from_attributes=True))


class ImportWithRejectsOut(ImportOut):
    """An import, and where its rejects are."""

    rejects_url: str | None = Field(
        description="JSON lines of the rejected rows, for an hour; null until the import is over, "
        "and where no row was rejected. The file is kept for 14 days."
    )

    @classmethod
    def with_rejects(cls, job: Import, *, rejects_url: str | None) -> Self:
        """Render an import with its rejects."""
        return cls(**_described(job), rejects_url=rejects_url)


class ImportsOut(Out):
    """A page of imports, the newest first."""

    items: tuple[ImportOut, ...]
    next_cursor: str | None


def _described(job: Import) -> dict[str, Any]:
    tally, failure = job.tally, job.failure
    return {
        "import_id": job.import_id,
        "kind": job.kind,
        "format": job.file_format,
        "size": job.size,
        "list_name": job.list_name,
        "dry_run": job.dry_run,
        "as_of": job.as_of,
        "by": job.by,
        "state": job.state,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "bytes_read": job.cursor.offset,
        "progress": ProgressOut(
            read=tally.read,
            accepted=tally.accepted,
            unchanged=tally.unchanged,
            rejected=tally.rejected,
        ),
        "not_carried": dict(tally.not_carried),
        "failure": FailureOut(code=failure.code, detail=failure.detail) if failure else None,
    }

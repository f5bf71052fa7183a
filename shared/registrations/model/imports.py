"""An import: one file of ours or of another vendor's, from its upload to its end."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from shared.kernel.clock import EPOCH
from shared.kernel.errors import FieldProblem, InvalidFieldsError
from shared.kernel.files import Cursor, FileFormat, Rejected
from shared.registrations.errors import LeaseHeldError

LARGEST_FILE = 500_000_000
"""Bytes: a million rows of 500, and far below what S3 takes in one request (5 GB)."""

MOST_ROWS = 1_000_000
"""A larger audience comes in several files, which may be imported at the same time."""

MOST_REJECTS = 20_000
"""A file of which more is wrong is not what it was said to be; its rejects fit into one object."""

FILES_KEPT = timedelta(days=14)
"""How long an upload and its rejects are kept; the bucket deletes them, whatever came of them."""

_LIST_NAME = re.compile(r"[A-Za-z0-9_.-]{1,59}")


class ImportKind(StrEnum):
    """What the rows of a file are."""

    DEVICES = "devices"
    CONTACTS = "contacts"
    MEMBERS = "members"
    TOUCHES = "touches"
    PINPOINT = "pinpoint"
    """Endpoints, as an export job of Amazon Pinpoint writes them."""
    ONESIGNAL = "onesignal"
    """Subscriptions, as OneSignal's CSV export writes them."""
    BRAZE = "braze"
    """Users, as Braze's export of a segment writes them."""


WRITTEN_AS: Mapping[ImportKind, FileFormat] = {
    ImportKind.TOUCHES: FileFormat.CSV,
    ImportKind.PINPOINT: FileFormat.JSONL,
    ImportKind.ONESIGNAL: FileFormat.CSV,
    ImportKind.BRAZE: FileFormat.JSONL,
}
"""Kinds that come in one format only."""


class ImportState(StrEnum):
    """How far an import is."""

    CREATED = "created"
    STARTED = "started"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Without:
    """A row that was written but for some fields, by the names that its vendor gives them."""

    is_changed: bool
    fields: tuple[str, ...]


Outcome: TypeAlias = bool | Without | Rejected
"""What came of a row; plain, it says whether anything changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Rows by what came of them: ``read`` is the sum of the first three.

    In a dry run, what would come of them. A row that an interrupted worker had written already
    counts as unchanged when it is read again. ``not_carried`` counts for each field of a vendor
    the rows in which it said something that has no place here.
    """

    accepted: int = 0
    unchanged: int = 0
    rejected: int = 0
    not_carried: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, outcomes: Iterable[Outcome]) -> "Tally":
        """Return the tally of rows."""
        counts: Counter[str] = Counter()
        fields: Counter[str] = Counter()
        for outcome in outcomes:
            if isinstance(outcome, Without):
                fields.update(set(outcome.fields))
                counts[str(outcome.is_changed)] += 1
            else:
                counts[str(outcome) if isinstance(outcome, bool) else "rejected"] += 1
        return cls(
            accepted=counts["True"],
            unchanged=counts["False"],
            rejected=counts["rejected"],
            not_carried=dict(fields),
        )

    @property
    def read(self) -> int:
        """Return how many rows were read."""
        return self.accepted + self.unchanged + self.rejected

    def plus(self, other: "Tally") -> "Tally":
        """Return the sum of two."""
        return Tally(
            accepted=self.accepted + other.accepted,
            unchanged=self.unchanged + other.unchanged,
            rejected=self.rejected + other.rejected,
            not_carried=dict(Counter(self.not_carried) + Counter(other.not_carried)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """Which worker has an import to itself, and until when."""

    holder: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why an import ended before its file did."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One import.

    ``size`` is the upload's in bytes, ``upload_tag`` names its content once it is started.
    ``as_of`` is when the file was true: whoever was erased after it stays erased; without it,
    whoever was ever erased. Touches are true at their own instants. ``version`` counts writes, for
    compare and swap.
    """

    app_id: str
    import_id: str
    kind: ImportKind
    file_format: FileFormat
    size: int
    list_name: str | None = None
    dry_run: bool = False
    as_of: datetime | None = None
    by: str
    created_at: datetime
    state: ImportState = ImportState.CREATED
    started_at: datetime | None = None
    finished_at: datetime | None = None
    upload_tag: str | None = None
    cursor: Cursor = field(default_factory=Cursor)
    tally: Tally = field(default_factory=Tally)
    lease: Lease | None = None
    failure: Failure | None = None
    version: int = 1

    def __post_init__(self) -> None:
        problems = [
            *_size_problems(self),
            *_format_problems(self),
            *_list_problems(self),
            *_instant_problems(self),
        ]
        if problems:
            raise InvalidFieldsError("the import is not well described", fields=problems)

    @property
    def is_over(self) -> bool:
        """Say whether the import came to an end."""
        return self.state in {ImportState.DONE, ImportState.FAILED}

    @property
    def told_at(self) -> datetime:
        """Return when the rows were true, as far as that matters for who was erased."""
        return self.as_of or EPOCH

    @property
    def tag(self) -> str:
        """Return the tag of the list's members."""
        return f"list:{self.list_name}"

    def started(self, *, upload_tag: str, at: datetime) -> "Import":
        """Return the import when its file is there and it may be worked on."""
        return replace(
            self,
            state=ImportState.STARTED,
            started_at=at,
            upload_tag=upload_tag,
            version=self.version + 1,
        )

    def taken(self, holder: str, *, at: datetime, until: datetime) -> "Import":
        """Return the import when a worker has it to itself.

        Raises:
            LeaseHeldError: another worker has, or nobody started it.
        """
        is_held = self.lease is not None and at < self.lease.until
        if is_held or self.state not in {ImportState.STARTED, ImportState.RUNNING}:
            raise LeaseHeldError(self.import_id)
        return replace(
            self,
            state=ImportState.RUNNING,
            lease=Lease(holder=holder, until=until),
            version=self.version + 1,
        )

    def moved(self, cursor: Cursor, tally: Tally, *, until: datetime) -> "Import":
        """Return the import after a batch of rows, with its lease renewed."""
        lease = replace(self.lease, until=until) if self.lease else None
        total = self.tally.plus(tally)
        return replace(self, cursor=cursor, tally=total, lease=lease, version=self.version + 1)

    def released(self) -> "Import":
        """Return the import when its worker leaves the rest to the next."""
        return replace(self, lease=None, version=self.version + 1)

    def ended(self, *, at: datetime, failure: Failure | None = None) -> "Import":
        """Return the import at its end: done, or failed for a reason."""
        return replace(
            self,
            state=ImportState.FAILED if failure else ImportState.DONE,
            failure=failure,
            finished_at=at,
            lease=None,
            version=self.version + 1,
        )


def _size_problems(job: Import) -> list[FieldProblem]:
    if 1 <= job.size <= LARGEST_FILE:
        return []
    return [FieldProblem(pointer="/size", code="size", detail=f"1 to {LARGEST_FILE} bytes")]


def _format_problems(job: Import) -> list[FieldProblem]:
    only = WRITTEN_AS.get(job.kind, job.file_format)
    if job.file_format is only:
        return []
    return [FieldProblem(pointer="/format", code="format", detail=f"{job.kind} come as {only}")]


def _list_problems(job: Import) -> list[FieldProblem]:
    if job.kind is not ImportKind.MEMBERS:
        detail = "only members have a list" if job.list_name is not None else ""
    elif job.list_name is None or not _LIST_NAME.fullmatch(job.list_name):
        detail = "a list's name: 1 to 59 letters, digits, and _ . -"
    else:
        detail = ""
    return [FieldProblem(pointer="/list_name", code="list", detail=detail)] if detail else []


def _instant_problems(job: Import) -> list[FieldProblem]:
    if job.as_of is None:
        return []
    if job.kind is ImportKind.TOUCHES:
        detail = "a touch is true at its own time"
    elif job.as_of > job.created_at:
        detail = "no file is from the future"
    else:
        return []
    return [FieldProblem(pointer="/as_of", code="instant", detail=detail)]

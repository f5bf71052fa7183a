"""A job about codes: makes a number of them, or takes them in from a file."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from shared.coupons.errors import LeaseHeldError
from shared.coupons.model.codes import Code
from shared.coupons.model.patterns import Pattern
from shared.kernel.errors import FieldProblem, InvalidFieldsError

MOST_CODES = 10_000_000
"""Of one job: a coupon may have several."""

LARGEST_FILE = 500_000_000
"""Bytes of an upload: ten million codes, and far below what S3 takes in one request (5 GB)."""

FILE_CODES = 1_000_000
"""Codes in one file of what was made: 14 MB, which a worker holds in memory at once."""

MOST_REJECTS = 20_000
"""A file of which more is wrong is not what it was said to be; its rejects fit into one object."""

FILES_KEPT = timedelta(days=7)
"""How long generated codes can be fetched; after that nobody has them but their holders."""


class JobKind(StrEnum):
    """What a job does."""

    GENERATE = "generate"
    IMPORT = "import"


class JobState(StrEnum):
    """How far a job is."""

    CREATED = "created"
    """It waits for its file."""
    STARTED = "started"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """Codes to make: ``count`` of ``pattern``, each letter for letter fixed by the job's key.

    ``wrapped_key`` is that key, encrypted, until the job is over. ``made`` codes are there, and
    ``next_number`` is tried next: numbers whose letters another code has are passed over. The
    first ``files`` files are written; the codes of the next begin at ``file_begins``.
    """

    pattern: Pattern
    count: int
    bound: bool = False
    expires_at: datetime | None = None
    wrapped_key: str | None = None
    made: int = 0
    next_number: int = 0
    files: int = 0
    file_begins: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.count <= MOST_CODES:
            problem = FieldProblem(pointer="/count", code="count", detail=f"1 to {MOST_CODES}")
            raise InvalidFieldsError("no job makes so many codes", fields=[problem])

    @property
    def codes(self) -> int:
        """Return how many codes the coupon has by it."""
        return self.made

    @property
    def file_ends(self) -> int:
        """Return how many codes are there when the file that is being made is full."""
        return min((self.files + 1) * FILE_CODES, self.count)

    @property
    def is_file_full(self) -> bool:
        """Say whether a file can be written."""
        return self.made == self.file_ends and self.files < self.file_count

    @property
    def file_count(self) -> int:
        """Return how many files there will be."""
        return -(-self.count // FILE_CODES)

    @property
    def is_made(self) -> bool:
        """Say whether every code and every file is there."""
        return self.made == self.count and self.files == self.file_count

    def numbers(self, most: int) -> range:
        """Return the numbers to try next: as many as are missing in the file, at most ``most``."""
        missing = min(self.file_ends - self.made, most)
        return range(self.next_number, self.next_number + missing)

    def tried(self, numbers: range, *, made: int) -> "Generation":
        """Return what is left when numbers were tried, of which ``made`` became codes."""
        return replace(self, made=self.made + made, next_number=numbers.stop)

    def filed(self) -> "Generation":
        """Return what is left when the full file is written."""
        return replace(self, files=self.files + 1, file_begins=self.next_number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Where the next line begins: its first byte, counted from 0, and its number, from 1."""

    offset: int = 0
    line: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Lines by what came of them; in a dry run, what would come of them.

    ``unchanged``: the coupon had the code before. The others give none, and are ``rejected``: no
    code has such letters (``malformed``), another coupon has it (``taken``), or an earlier line
    (``repeated``). A line that an interrupted worker had written already counts as accepted when it
    is read again.
    """

    accepted: int = 0
    unchanged: int = 0
    malformed: int = 0
    taken: int = 0
    repeated: int = 0

    @property
    def rejected(self) -> int:
        """Return how many lines give no code."""
        return self.malformed + self.taken + self.repeated

    def plus(self, other: "Tally") -> "Tally":
        """Return the sum of two."""
        return Tally(
            accepted=self.accepted + other.accepted,
            unchanged=self.unchanged + other.unchanged,
            malformed=self.malformed + other.malformed,
            taken=self.taken + other.taken,
            repeated=self.repeated + other.repeated,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeImport:
    """Codes to take in: from an upload of ``size`` bytes whose content ``upload_tag`` names."""

    size: int
    bound: bool = False
    expires_at: datetime | None = None
    dry_run: bool = False
    upload_tag: str | None = None
    cursor: Cursor = field(default_factory=Cursor)
    tally: Tally = field(default_factory=Tally)

    def __post_init__(self) -> None:
        if not 1 <= self.size <= LARGEST_FILE:
            detail = f"1 to {LARGEST_FILE} bytes"
            problem = FieldProblem(pointer="/size", code="size", detail=detail)
            raise InvalidFieldsError("no file is so large", fields=[problem])

    @property
    def codes(self) -> int:
        """Return how many codes the coupon has by it."""
        return 0 if self.dry_run else self.tally.accepted

    def moved(self, cursor: Cursor, tally: Tally) -> "CodeImport":
        """Return what is left after some lines."""
        return replace(self, cursor=cursor, tally=self.tally.plus(tally))


Work: TypeAlias = Generation | CodeImport


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """Which worker has a job to itself, and until when."""

    holder: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a job ended before its work was done."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeJob:
    """One job of a coupon; ``version`` counts writes, for compare and swap."""

    app_id: str
    coupon_id: str
    job_id: str
    work: Work
    by: str
    created_at: datetime
    state: JobState = JobState.CREATED
    started_at: datetime | None = None
    finished_at: datetime | None = None
    lease: Lease | None = None
    failure: Failure | None = None
    version: int = 1

    @property
    def kind(self) -> JobKind:
        """Return what the job does."""
        return JobKind.GENERATE if isinstance(self.work, Generation) else JobKind.IMPORT

    @property
    def is_over(self) -> bool:
        """Say whether the job came to an end."""
        return self.state in {JobState.DONE, JobState.FAILED}

    def has_files_at(self, at: datetime) -> bool:
        """Say whether what the job made can be fetched at an instant."""
        return self.finished_at is not None and at < self.finished_at + FILES_KEPT

    def origin(self, number: int) -> str:
        """Return what names a code that the job made as this number."""
        return f"{self.job_id}/{number}"

    def made(self, code: Code) -> bool:
        """Say whether a code is one of the job's."""
        return code.origin.startswith(f"{self.job_id}/")

    def started(self, work: Work, *, at: datetime) -> "CodeJob":
        """Return the job when it may be worked on."""
        return replace(
            self, work=work, state=JobState.STARTED, started_at=at, version=self.version + 1
        )

    def taken(self, holder: str, *, at: datetime, until: datetime) -> "CodeJob":
        """Return the job when a worker has it to itself.

        Raises:
            LeaseHeldError: another worker has, or nobody started it.
        """
        is_held = self.lease is not None and at < self.lease.until
        if is_held or self.state not in {JobState.STARTED, JobState.RUNNING}:
            raise LeaseHeldError(self.job_id)
        return replace(
            self,
            state=JobState.RUNNING,
            lease=Lease(holder=holder, until=until),
            version=self.version + 1,
        )

    def moved(self, work: Work, *, until: datetime) -> "CodeJob":
        """Return the job after a part of its work, with its lease renewed."""
        lease = replace(self.lease, until=until) if self.lease else None
        return replace(self, work=work, lease=lease, version=self.version + 1)

    def released(self) -> "CodeJob":
        """Return the job when its worker leaves the rest to the next."""
        return replace(self, lease=None, version=self.version + 1)

    def ended(self, *, at: datetime, failure: Failure | None = None) -> "CodeJob":
        """Return the job at its end: done, or failed for a reason; its key is gone."""
        work = self.work
        if isinstance(work, Generation):
            work = replace(work, wrapped_key=None)
        return replace(
            self,
            work=work,
            state=JobState.FAILED if failure else JobState.DONE,
            failure=failure,
            finished_at=at,
            lease=None,
            version=self.version + 1,
        )

"""Codes and the jobs about them, on the wire."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import Field, StrictBool, StrictInt, model_validator
from pydantic_core import PydanticCustomError

from functions.coupons_api.schemas import NamedContact, NamedDevice
from shared.coupons.model.code_jobs import (
    LARGEST_FILE,
    MOST_CODES,
    CodeImport,
    CodeJob,
    Generation,
    JobKind,
    JobState,
    Tally,
)
from shared.coupons.model.codes import Code, CodeKind, CodeState
from shared.coupons.model.patterns import ALPHABET, DEFAULT_LENGTH, MOST_PLACES, Pattern
from shared.coupons.ports.codes import Upload
from shared.coupons.service.code_jobs import Announced, Order
from shared.platform.http.schemas import In, Instant, Out


class GenerateIn(In):
    """Codes to make, as Voucherify's `code_config` writes it."""

    count: Annotated[StrictInt, Field(ge=1, le=MOST_CODES)]
    length: Annotated[StrictInt, Field(ge=1, le=MOST_PLACES)] = DEFAULT_LENGTH
    charset: Annotated[str, Field(min_length=2, max_length=31)] = ALPHABET
    prefix: Annotated[str, Field(max_length=64)] = ""
    postfix: Annotated[str, Field(max_length=64)] = ""
    pattern: (
        Annotated[str, Field(min_length=1, max_length=128, examples=["XMAS-####-####-####"])] | None
    ) = Field(default=None, description="Instead of a length: each `#` is a place of chance.")
    check: StrictBool = Field(default=True, description="The last place is a check character.")
    bound: StrictBool = Field(
        default=False, description="Each is good for nothing before it is assigned to somebody."
    )
    expires_at: Instant | None = None

    def order(self) -> Order:
        """Return the order in the words of the model."""
        return Order(
            count=self.count,
            pattern=Pattern(
                length=self.length,
                charset=self.charset,
                prefix=self.prefix,
                postfix=self.postfix,
                pattern=self.pattern,
                check=self.check,
            ),
            bound=self.bound,
            expires_at=self.expires_at,
        )


class CodeImportIn(In):
    """A CSV file of codes, one a line, that is to be uploaded."""

    size: Annotated[StrictInt, Field(ge=1, le=LARGEST_FILE, description="Bytes of the file.")]
    bound: StrictBool = False
    expires_at: Instant | None = None
    dry_run: StrictBool = Field(default=False, description="Read and judge all, write nothing.")

    def work(self) -> CodeImport:
        """Return the work in the words of the model."""
        return CodeImport(
            size=self.size, bound=self.bound, expires_at=self.expires_at, dry_run=self.dry_run
        )


class CodesIn(In):
    """Either one code that everybody may use, or codes to make, or a file of them."""

    code: Annotated[str, Field(min_length=3, max_length=64, examples=["WELCOME10"])] | None = None
    expires_at: Instant | None = Field(default=None, description="Of the one code.")
    generate: GenerateIn | None = None
    file: CodeImportIn | None = Field(default=None, alias="import")

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if [self.code, self.generate, self.file].count(None) != 2:  # noqa: PLR2004 - of three
            raise PydanticCustomError("one_of", "one of code, generate, import")
        if self.expires_at is not None and self.code is None:
            raise PydanticCustomError("expires_at", "it stands beside a code")
        return self

    def order(self) -> Order:
        """Return the codes that are to be made, in the words of the model."""
        if self.generate is None:
            raise ValueError("these are no codes to make")
        return self.generate.order()


class CodeOut(Out):
    """A code; of its letters only the last are known."""

    code_id: str
    last_four: str
    kind: CodeKind
    state: CodeState
    contact_id: str | None
    device_id: str | None
    created_at: datetime
    expires_at: datetime | None

    @classmethod
    def of(cls, code: Code, at: datetime) -> Self:
        """Render a code as it is at an instant."""
        return cls(
            code_id=code.fingerprint,
            last_four=code.last_four,
            kind=code.kind,
            state=code.state_at(at),
            contact_id=code.contact_id,
            device_id=code.device_id,
            created_at=code.created_at,
            expires_at=code.expires_at,
        )


class CodesOut(Out):
    """A page of codes; those that one job made stand together."""

    items: tuple[CodeOut, ...]
    next_cursor: str | None


class CodesFileOut(Out):
    """The codes of a coupon as CSV."""

    urls: tuple[str, ...] = Field(
        description="Files of whole codes, a million in each, for an hour; they are kept for seven"
        " days after their job was done."
    )
    csv: str = Field(
        description="Of a page of all codes what is known for longer: the last four letters, the"
        " state and the dates."
    )
    next_cursor: str | None


class UploadOut(Out):
    """Where the file is sent: one request, with exactly these headers."""

    method: str
    url: str
    headers: dict[str, str]
    expires_at: datetime

    @classmethod
    def of(cls, upload: Upload) -> Self:
        """Render where a file is sent."""
        return cls(
            method=upload.method,
            url=upload.url,
            headers=dict(upload.headers),
            expires_at=upload.expires_at,
        )


class CodeJobFailureOut(Out):
    """Why a job ended before its work was done."""

    code: str
    detail: str


class CodeJobOut(Out):
    """A job about codes, and how far it is."""

    job_id: str
    kind: JobKind
    state: JobState
    by: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    count: int | None = Field(description="Codes that are to be made; null for an import.")
    codes: int = Field(description="Codes that the coupon has by it.")
    dry_run: bool = Field(description="Lines are judged, and nothing is written.")
    accepted: int = Field(description="Lines that gave a code; in a dry run, that would give one.")
    unchanged: int = Field(description="Lines whose code the coupon had.")
    rejected: int = Field(description="Lines that give no code, for any of the reasons below.")
    malformed: int = Field(description="No code has such letters.")
    taken: int = Field(description="The code belongs to another coupon.")
    repeated: int = Field(description="An earlier line has the code.")
    failure: CodeJobFailureOut | None

    @classmethod
    def of(cls, job: CodeJob) -> Self:
        """Render a job."""
        return cls(**_described(job))


class CodeJobFilesOut(CodeJobOut):
    """A job, and what can be fetched of it for an hour from now."""

    codes_urls: tuple[str, ...]
    rejects_url: str | None

    @classmethod
    def with_files(cls, job: CodeJob, urls: Sequence[str], rejects_url: str | None) -> Self:
        """Render a job with its files."""
        return cls(**_described(job), codes_urls=tuple(urls), rejects_url=rejects_url)


class AnnouncedOut(Out):
    """What came of an order of codes: the one code, or a job; of a file, where it is sent."""

    code: CodeOut | None = None
    job: CodeJobOut | None = None
    upload: UploadOut | None = None

    @classmethod
    def of(cls, announced: Announced) -> Self:
        """Render a new job."""
        upload = announced.upload
        return cls(
            job=CodeJobOut.of(announced.job), upload=UploadOut.of(upload) if upload else None
        )


class CodeJobsOut(Out):
    """A page of jobs, the newest first."""

    items: tuple[CodeJobOut, ...]
    next_cursor: str | None


class AssignmentIn(In):
    """Whose a code is to be; with `device_id`, on that device alone."""

    code: Annotated[str, Field(min_length=3, max_length=128)]
    contact_id: NamedContact
    device_id: NamedDevice | None = None


def _described(job: CodeJob) -> dict[str, Any]:
    work, failure = job.work, job.failure
    tally = work.tally if isinstance(work, CodeImport) else Tally()
    return {
        "job_id": job.job_id,
        "kind": job.kind,
        "state": job.state,
        "by": job.by,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "count": work.count if isinstance(work, Generation) else None,
        "codes": work.codes,
        "dry_run": isinstance(work, CodeImport) and work.dry_run,
        **asdict(tally),
        "rejected": tally.rejected,
        "failure": CodeJobFailureOut(code=failure.code, detail=failure.detail) if failure else None,
    }

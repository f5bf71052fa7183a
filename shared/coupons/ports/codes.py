"""What codes need from outside: where they are kept, what hides them, who works on their jobs."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from shared.coupons.model.code_files import Reject
from shared.coupons.model.code_jobs import CodeJob
from shared.coupons.model.codes import Code, Sheet
from shared.coupons.model.coupons import Coupon
from shared.coupons.model.guesses import Bucket
from shared.kernel.envelope import Envelope
from shared.kernel.idempotency import Attempt, Remembered
from shared.kernel.paging import Page


class CouponReader(Protocol):
    """Coupons, as far as their codes need to know them."""

    def get_coupon(self, coupon_id: str, *, app_id: str) -> Coupon:
        """Return the coupon or raise ``CouponNotFoundError``."""
        ...


class CodeHasher(Protocol):
    """Hides what must be found again: a keyed hash, with a key of its own for every app."""

    def fingerprint(self, text: str, *, app_id: str) -> str:
        """Return the hash by which a text is known."""
        ...

    def former(self, text: str, *, app_id: str) -> str | None:
        """Return the hash under the previous key, while the deployment has one."""
        ...


class CodeVault(Protocol):
    """What is kept of a person in secret, under a data key of each contact's own."""

    def seal(self, plain: bytes, *, app_id: str, contact_id: str, about: str) -> str:
        """Return ``plain`` sealed for a contact; it opens only for the same ``about``."""
        ...

    def open(self, sealed: str, *, app_id: str, contact_id: str, about: str) -> bytes | None:
        """Return what was sealed for a contact; ``None`` once its data key is gone."""
        ...


class JobKeys(Protocol):
    """Keys that are kept wrapped, under a key of their app."""

    def new_key(self, *, app_id: str, about: str) -> tuple[bytes, str]:
        """Return a fresh key of 32 bytes, plain and wrapped; ``about`` is what it is for."""
        ...

    def unwrap(self, wrapped: str, *, app_id: str, about: str) -> bytes:
        """Return a key that was wrapped for the same ``about``."""
        ...


class CodeStore(Protocol):
    """The codes of each app. A code is never deleted: what was printed must not come to life again.

    So whoever counts the codes that are there may count again, and finds the same.
    """

    def add_codes(self, codes: Sequence[Code]) -> Sequence[Code | None]:
        """Store each code unless there is one of its letters; return those, ``None`` for added.

        The answers are in the order of ``codes``, all of one app and no two of the same letters. A
        crash leaves some of them stored.
        """
        ...

    def add_listed(self, code: Code, sheet: Sheet) -> None:
        """Store one code together with its line in the list.

        Raises:
            StaleError: there is one of its letters.
        """
        ...

    def get_codes(self, fingerprints: Collection[str], *, app_id: str) -> Mapping[str, Code]:
        """Return those of the codes that there are, by fingerprint, as they are now."""
        ...

    def replace_code(self, code: Code) -> None:
        """Store a code's next version; where it is a contact's, that leads to it from then on.

        Raises:
            StaleError: another change came first.
        """
        ...

    def codes_of(self, contact_id: str, *, app_id: str) -> Sequence[str]:
        """Return the fingerprints of codes that were made a contact's after they were made."""
        ...

    def forget_code(self, code: Code) -> None:
        """Store that nobody has a code any more, in the place of ``code``.

        Raises:
            StaleError: another change came first.
        """
        ...

    def put_sheet(self, sheet: Sheet) -> None:
        """List codes; the same sheet again changes nothing."""
        ...

    def sheets(self, coupon_id: str, *, app_id: str, begin: str = "") -> Iterator[Sheet]:
        """Yield a coupon's sheets by ``place``, from a place on, as they are now."""
        ...


class CodeJobStore(Protocol):
    """The jobs about each coupon's codes."""

    def add_job(self, job: CodeJob, event: Envelope | None, *, attempt: Attempt | None) -> None:
        """Store a new job, its event if it is started, and what its attempt came to (its id).

        Raises:
            StaleError: the attempt is remembered already.
        """
        ...

    def get_job(self, job_id: str, *, app_id: str, coupon_id: str) -> CodeJob:
        """Return the job as it is now, or raise ``JobNotFoundError``."""
        ...

    def list_jobs(
        self, coupon_id: str, *, app_id: str, limit: int, cursor: str | None
    ) -> Page[CodeJob]:
        """Return a coupon's jobs, the newest first."""
        ...

    def save_job(self, job: CodeJob, *, event: Envelope | None = None) -> None:
        """Store a job's next version, and tell.

        Raises:
            StaleError: another change came first.
        """
        ...

    def recall(self, attempt: Attempt, *, app_id: str) -> Remembered | None:
        """Return what an attempt of ``add_job`` came to before, if it did."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """Where a client sends a job's file: one request with these headers, until an instant."""

    method: str
    url: str
    headers: Mapping[str, str]
    expires_at: datetime


class CodeFiles(Protocol):
    """The files of jobs, encrypted where they lie, and deleted after seven days."""

    def upload_for(self, job: CodeJob, *, size: int, at: datetime) -> Upload:
        """Return where a job's file is sent, from ``at`` on for an hour."""
        ...

    def upload_tag(self, job: CodeJob, *, size: int) -> str | None:
        """Return what names the content that was uploaded; ``None`` unless it has its size."""
        ...

    def read(self, job: CodeJob, *, tag: str, size: int, offset: int) -> Iterator[bytes]:
        """Yield the upload from a byte on, in chunks of a moderate size.

        Raises:
            CodeJobFailedError: it is not what it was when the job started.
        """
        ...

    def remove_upload(self, job: CodeJob) -> None:
        """Delete the upload; without one, that is well too."""
        ...

    def put_rejects(self, job: CodeJob, rejects: Sequence[Reject], *, line: int) -> None:
        """Keep the rejects of the lines that begin at ``line``; again replaces them."""
        ...

    def close_rejects(self, job: CodeJob) -> None:
        """Make one file of all rejects that are kept; again changes nothing."""
        ...

    def rejects_url(self, job: CodeJob) -> str:
        """Return where the file of rejects can be fetched, for an hour."""
        ...

    def put_codes(self, job: CodeJob, content: bytes, *, number: int) -> None:
        """Keep one file of generated codes; again replaces it."""
        ...

    def codes_urls(self, job: CodeJob, *, files: int) -> Sequence[str]:
        """Return where the files of generated codes can be fetched, for an hour."""
        ...


class CodeQueue(Protocol):
    """Wakes a worker for a job."""

    def go_on(self, job: CodeJob) -> None:
        """Have a worker go on with a job."""
        ...


class GuessStore(Protocol):
    """Buckets of misses, each one instant."""

    def busy_until(self, buckets: Collection[Bucket]) -> Mapping[Bucket, datetime]:
        """Return until when each of the buckets remembers misses; it may be a moment behind.

        A bucket that never had any is left out.
        """
        ...

    def add_miss(
        self, bucket: Bucket, *, weight: timedelta, at: datetime, before: datetime | None
    ) -> None:
        """Move a bucket on by ``weight``: from where it stands, or from ``at`` if that is later.

        Of misses at the same time none is lost. ``before`` is where it stood when it was read: a
        hint, which saves a write where it still does.
        """
        ...

"""Codes, their jobs, files and guesses in memory; and a cipher that hides nothing."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from threading import Lock

from typing_extensions import override

from shared.coupons.errors import (
    CodeJobFailedError,
    CouponNotFoundError,
    JobNotFoundError,
    StaleError,
)
from shared.coupons.model.code_files import Reject
from shared.coupons.model.code_jobs import CodeJob
from shared.coupons.model.codes import Code, Sheet
from shared.coupons.model.coupons import Coupon
from shared.coupons.model.guesses import Bucket
from shared.coupons.ports.codes import (
    CodeFiles,
    CodeJobStore,
    CodeStore,
    GuessStore,
    Upload,
)
from shared.kernel.envelope import Envelope
from shared.kernel.idempotency import Attempt, Remembered
from shared.kernel.paging import Page


class CrashedError(Exception):
    """The process died here."""


@dataclass
class KnownCoupons:
    """Coupons by app and id."""

    coupons: dict[tuple[str, str], Coupon] = field(default_factory=dict)

    def get_coupon(self, coupon_id: str, *, app_id: str) -> Coupon:
        try:
            return self.coupons[app_id, coupon_id]
        except KeyError:
            raise CouponNotFoundError(coupon_id) from None


class InMemoryCodeStore(CodeStore):
    """Codes by app and fingerprint."""

    def __init__(self) -> None:
        self.codes: dict[tuple[str, str], Code] = {}
        self.listed: dict[tuple[str, str, str], Sheet] = {}
        self._lock = Lock()

    @override
    def add_codes(self, codes: Sequence[Code]) -> Sequence[Code | None]:
        with self._lock:
            there = []
            for code in codes:
                key = (code.app_id, code.fingerprint)
                there.append(self.codes.get(key))
                self.codes.setdefault(key, code)
            return there

    @override
    def add_listed(self, code: Code, sheet: Sheet) -> None:
        if self.add_codes([code]) != [None]:
            raise StaleError(code.fingerprint)
        self.put_sheet(sheet)

    @override
    def get_codes(self, fingerprints: Collection[str], *, app_id: str) -> Mapping[str, Code]:
        keys = ((app_id, one) for one in fingerprints)
        return {key[1]: self.codes[key] for key in keys if key in self.codes}

    @override
    def replace_code(self, code: Code) -> None:
        with self._lock:
            key = (code.app_id, code.fingerprint)
            if self.codes[key].version != code.version - 1:
                raise StaleError(code.fingerprint)
            self.codes[key] = code

    @override
    def codes_of(self, contact_id: str, *, app_id: str) -> Sequence[str]:
        # One that came with a claim has never been replaced.
        return [
            code.fingerprint
            for (app, _), code in self.codes.items()
            if (app, code.contact_id) == (app_id, contact_id) and code.version > 1
        ]

    @override
    def forget_code(self, code: Code) -> None:
        self.replace_code(code.forgotten())

    @override
    def put_sheet(self, sheet: Sheet) -> None:
        self.listed[sheet.app_id, sheet.coupon_id, sheet.place] = sheet

    @override
    def sheets(self, coupon_id: str, *, app_id: str, begin: str = "") -> Iterator[Sheet]:
        for key, sheet in sorted(self.listed.items()):
            if key[:2] == (app_id, coupon_id) and key[2] >= begin:
                yield sheet


class InMemoryCodeJobStore(CodeJobStore):
    """Jobs by app, coupon and id."""

    def __init__(self) -> None:
        self.jobs: dict[tuple[str, str, str], CodeJob] = {}
        self.events: list[Envelope] = []
        self._attempts: dict[tuple[str, str], Remembered] = {}

    @override
    def add_job(self, job: CodeJob, event: Envelope | None, *, attempt: Attempt | None) -> None:
        if attempt and self.recall(attempt, app_id=job.app_id):
            raise StaleError(job.job_id)
        self.jobs[job.app_id, job.coupon_id, job.job_id] = job
        if attempt:
            remembered = Remembered(fingerprint=attempt.fingerprint, result=job.job_id)
            self._attempts[job.app_id, attempt.id] = remembered
        if event:
            self.events.append(event)

    @override
    def get_job(self, job_id: str, *, app_id: str, coupon_id: str) -> CodeJob:
        try:
            return self.jobs[app_id, coupon_id, job_id]
        except KeyError:
            raise JobNotFoundError(job_id) from None

    @override
    def list_jobs(
        self, coupon_id: str, *, app_id: str, limit: int, cursor: str | None
    ) -> Page[CodeJob]:
        found = [
            job
            for key, job in sorted(self.jobs.items(), reverse=True)
            if key[:2] == (app_id, coupon_id) and (cursor is None or job.job_id < cursor)
        ]
        more = found[limit - 1].job_id if len(found) > limit else None
        return Page(items=found[:limit], next_cursor=more)

    @override
    def save_job(self, job: CodeJob, *, event: Envelope | None = None) -> None:
        key = (job.app_id, job.coupon_id, job.job_id)
        if self.jobs[key].version != job.version - 1:
            raise StaleError(job.job_id)
        self.jobs[key] = job
        if event:
            self.events.append(event)

    @override
    def recall(self, attempt: Attempt, *, app_id: str) -> Remembered | None:
        return self._attempts.get((app_id, attempt.id))


class InMemoryCodeFiles(CodeFiles):
    """Files by their job; ``uploads`` may be written by tests, as clients do."""

    def __init__(self) -> None:
        self.uploads: dict[str, bytes] = {}
        self.rejects: dict[tuple[str, int], Sequence[Reject]] = {}
        self.closed: dict[str, Sequence[Reject]] = {}
        self.codes: dict[tuple[str, int], bytes] = {}

    @override
    def upload_for(self, job: CodeJob, *, size: int, at: datetime) -> Upload:
        return Upload(method="PUT", url=f"memory:{job.job_id}", headers={}, expires_at=at)

    @override
    def upload_tag(self, job: CodeJob, *, size: int) -> str | None:
        content = self.uploads.get(job.job_id)
        is_whole = content is not None and len(content) == size
        return sha256(content or b"").hexdigest() if is_whole else None

    @override
    def read(self, job: CodeJob, *, tag: str, size: int, offset: int) -> Iterator[bytes]:
        content = self.uploads.get(job.job_id, b"")
        for first in range(offset, size, 7):
            if sha256(content).hexdigest() != tag:
                raise CodeJobFailedError("another file", code="upload_changed")
            yield content[first : first + 7]

    @override
    def remove_upload(self, job: CodeJob) -> None:
        self.uploads.pop(job.job_id, None)

    @override
    def put_rejects(self, job: CodeJob, rejects: Sequence[Reject], *, line: int) -> None:
        self.rejects[job.job_id, line] = tuple(rejects)

    @override
    def close_rejects(self, job: CodeJob) -> None:
        parts = (part for key, part in sorted(self.rejects.items()) if key[0] == job.job_id)
        self.closed[job.job_id] = [one for part in parts for one in part]

    @override
    def rejects_url(self, job: CodeJob) -> str:
        return f"memory:{job.job_id}/rejects"

    @override
    def put_codes(self, job: CodeJob, content: bytes, *, number: int) -> None:
        self.codes[job.job_id, number] = content

    @override
    def codes_urls(self, job: CodeJob, *, files: int) -> Sequence[str]:
        return [f"memory:{job.job_id}/{number}" for number in range(files)]


class InMemoryGuessStore(GuessStore):
    """Buckets, each one instant."""

    def __init__(self) -> None:
        self.buckets: dict[Bucket, datetime] = {}
        self._lock = Lock()

    @override
    def busy_until(self, buckets: Collection[Bucket]) -> Mapping[Bucket, datetime]:
        return {one: self.buckets[one] for one in buckets if one in self.buckets}

    @override
    def add_miss(
        self, bucket: Bucket, *, weight: timedelta, at: datetime, before: datetime | None
    ) -> None:
        with self._lock:
            self.buckets[bucket] = max(self.buckets.get(bucket, at), at) + weight


class OpenVault:
    """Seals nothing: a sealed text says for whom and about what it is."""

    def __init__(self) -> None:
        self.erased: set[str] = set()

    def seal(self, plain: bytes, *, app_id: str, contact_id: str, about: str) -> str:
        return f"{app_id}|{contact_id}|{about}|{plain.decode()}"

    def open(self, sealed: str, *, app_id: str, contact_id: str, about: str) -> bytes | None:
        prefix = f"{app_id}|{contact_id}|{about}|"
        assert sealed.startswith(prefix), "sealed for somebody else"
        return None if contact_id in self.erased else sealed.removeprefix(prefix).encode()


class OpenKeys:
    """Wraps nothing; each job's key follows from its id."""

    def new_key(self, *, app_id: str, about: str) -> tuple[bytes, str]:
        key = sha256(f"{app_id} {about}".encode()).digest()
        return key, key.hex()

    def unwrap(self, wrapped: str, *, app_id: str, about: str) -> bytes:
        assert bytes.fromhex(wrapped) == self.new_key(app_id=app_id, about=about)[0]
        return bytes.fromhex(wrapped)


@dataclass
class RecordedQueue:
    """Notes which jobs a worker was called for."""

    called: list[str] = field(default_factory=list)

    def go_on(self, job: CodeJob) -> None:
        self.called.append(job.job_id)


class Failing:
    """Stands before a part, and dies at a call of it when told to: before or after it acts."""

    def __init__(self, part: object, *, dies: Callable[[], bool], after: bool) -> None:
        self._part, self._dies, self._after = part, dies, after

    def __getattr__(self, name: str) -> object:
        method = getattr(self._part, name)
        if not callable(method):
            return method

        def call(*args: object, **named: object) -> object:
            is_last = self._dies()
            if is_last and not self._after:
                raise CrashedError(name)
            answer = method(*args, **named)
            if is_last:
                raise CrashedError(name)
            return answer

        return call


class Overtaken(InMemoryCodeStore):
    """Codes that reach the store late: the first time, ``meanwhile`` happens before they do."""

    def __init__(self, there: InMemoryCodeStore, meanwhile: Callable[[], object]) -> None:
        super().__init__()
        self.codes, self.listed = there.codes, there.listed
        self._meanwhile = [meanwhile]

    @override
    def add_codes(self, codes: Sequence[Code]) -> Sequence[Code | None]:
        while self._meanwhile:
            self._meanwhile.pop()()
        return super().add_codes(codes)

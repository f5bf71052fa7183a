"""Use cases of jobs about codes: order codes, announce a file of them, look how far it is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from shared.coupons.errors import CouponStateError, JobStateError, StaleError
from shared.coupons.events import CodeJobStarted
from shared.coupons.model.code_jobs import CodeImport, CodeJob, Generation, JobState
from shared.coupons.model.coupons import CouponState
from shared.coupons.model.guesses import GUESSES_A_DAY
from shared.coupons.model.patterns import Pattern, Strength, hold_strength
from shared.coupons.ports.codes import CodeFiles, CodeJobStore, CouponReader, JobKeys, Upload
from shared.coupons.service.codes import until_settled
from shared.kernel.clock import Clock
from shared.kernel.envelope import Envelope, seal
from shared.kernel.idempotency import Attempt
from shared.kernel.ids import Ids
from shared.kernel.paging import Page

_PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Codes that are wanted; ``bound``: each is good for nothing before it is assigned."""

    count: int
    pattern: Pattern
    bound: bool = False
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """A new job; ``replayed``: this attempt had made it. An import's file is sent to ``upload``."""

    job: CodeJob
    upload: Upload | None = None
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeJobService:
    """Keeps jobs; a worker does what they say."""

    coupons: CouponReader
    jobs: CodeJobStore
    files: CodeFiles
    keys: JobKeys
    clock: Clock
    ids: Ids

    def weigh(self, order: Order, *, coupon_id: str, app_id: str) -> Strength:
        """Return how strong codes would be, with those of their pattern that were ordered before.

        Raises:
            CouponNotFoundError: there is no such coupon.
            WeakPatternError: they could be guessed.
        """
        self.coupons.get_coupon(coupon_id, app_id=app_id)
        codes = order.count + self._ordered(order.pattern, coupon_id=coupon_id, app_id=app_id)
        return hold_strength(
            order.pattern, codes=codes, bound=order.bound, guesses_a_day=GUESSES_A_DAY
        )

    def generate(
        self, order: Order, *, coupon_id: str, app_id: str, by: str, attempt: Attempt | None
    ) -> Announced:
        """Order codes; a worker makes them.

        Raises:
            CouponNotFoundError: there is no such coupon.
            CouponStateError: it has ended.
            InvalidFieldsError: no job makes so many codes.
            WeakPatternError: they could be guessed.
            IdempotencyKeyReusedError: the attempt's key belongs to another request.
        """
        if before := self._recall(attempt, coupon_id=coupon_id, app_id=app_id):
            return before
        work = Generation(
            pattern=order.pattern,
            count=order.count,
            bound=order.bound,
            expires_at=order.expires_at,
        )
        self._hold_coupon(coupon_id, app_id=app_id)
        self.weigh(order, coupon_id=coupon_id, app_id=app_id)
        job = self._new(work, coupon_id=coupon_id, app_id=app_id, by=by)
        _, wrapped = self.keys.new_key(app_id=app_id, about=job.job_id)
        job = replace(
            job,
            work=replace(work, wrapped_key=wrapped),
            state=JobState.STARTED,
            started_at=job.created_at,
        )
        return self._add(job, self._event(job), attempt)

    def create_import(
        self, work: CodeImport, *, coupon_id: str, app_id: str, by: str, attempt: Attempt | None
    ) -> Announced:
        """Announce a file of codes.

        Raises:
            CouponNotFoundError: there is no such coupon.
            CouponStateError: it has ended.
            IdempotencyKeyReusedError: the attempt's key belongs to another request.
        """
        if before := self._recall(attempt, coupon_id=coupon_id, app_id=app_id):
            return before
        self._hold_coupon(coupon_id, app_id=app_id)
        job = self._new(work, coupon_id=coupon_id, app_id=app_id, by=by)
        return self._add(job, None, attempt)

    def start_import(self, job_id: str, *, coupon_id: str, app_id: str) -> CodeJob:
        """Begin to work on what was uploaded; again changes nothing.

        Raises:
            JobNotFoundError: there is no such job.
            JobStateError: no file of the announced size was uploaded.
        """

        def try_once() -> CodeJob:
            before = self.get_job(job_id, coupon_id=coupon_id, app_id=app_id)
            if before.state is not JobState.CREATED or isinstance(before.work, Generation):
                return before
            tag = self.files.upload_tag(before, size=before.work.size)
            if tag is None:
                raise JobStateError(f"upload {before.work.size} bytes first")
            after = before.started(replace(before.work, upload_tag=tag), at=self.clock())
            self.jobs.save_job(after, event=self._event(after))
            return after

        return until_settled(try_once)

    def get_job(self, job_id: str, *, coupon_id: str, app_id: str) -> CodeJob:
        """Return how far a job is.

        Raises:
            JobNotFoundError: there is no such job.
        """
        return self.jobs.get_job(job_id, coupon_id=coupon_id, app_id=app_id)

    def list_jobs(
        self, coupon_id: str, *, app_id: str, limit: int, cursor: str | None
    ) -> Page[CodeJob]:
        """Return a coupon's jobs, the newest first.

        Raises:
            CouponNotFoundError: there is no such coupon.
        """
        self.coupons.get_coupon(coupon_id, app_id=app_id)
        return self.jobs.list_jobs(coupon_id, app_id=app_id, limit=limit, cursor=cursor)

    def codes_urls(self, job: CodeJob) -> Sequence[str]:
        """Return where the codes that a job made can be fetched: a URL for each million.

        Raises:
            JobStateError: the job makes none, is not over, or was over more than seven days ago.
        """
        if not isinstance(job.work, Generation) or job.state is not JobState.DONE:
            raise JobStateError(f"{job.kind}, {job.state}: no codes to fetch")
        if not job.has_files_at(self.clock()):
            raise JobStateError("the codes could be fetched for seven days")
        return self.files.codes_urls(job, files=job.work.files)

    def urls_of(self, job: CodeJob) -> Sequence[str]:
        """Return where the codes that a job made can be fetched; nowhere, where they cannot be."""
        try:
            return self.codes_urls(job)
        except JobStateError:
            return ()

    def all_codes_urls(self, coupon_id: str, *, app_id: str) -> Sequence[str]:
        """Return where the codes of all jobs of a coupon can be fetched that still can be.

        Raises:
            CouponNotFoundError: there is no such coupon.
        """
        urls: list[str] = []
        cursor = None
        while True:
            page = self.list_jobs(coupon_id, app_id=app_id, limit=_PAGE, cursor=cursor)
            urls += [url for job in page.items for url in self.urls_of(job)]
            if (cursor := page.next_cursor) is None:
                return urls

    def rejects_url(self, job: CodeJob) -> str | None:
        """Return where the rejects of an import that is over can be fetched, if there are any."""
        has_rejects = isinstance(job.work, CodeImport) and job.work.tally.rejected > 0
        can_be_fetched = has_rejects and job.has_files_at(self.clock())
        return self.files.rejects_url(job) if can_be_fetched else None

    def _hold_coupon(self, coupon_id: str, *, app_id: str) -> None:
        coupon = self.coupons.get_coupon(coupon_id, app_id=app_id)
        if coupon.state is CouponState.ENDED:
            raise CouponStateError("the coupon has ended: it gets no more codes")

    def _ordered(self, pattern: Pattern, *, coupon_id: str, app_id: str) -> int:
        """Return how many codes of a pattern the coupon has, or will have, by earlier jobs."""
        total, cursor = 0, None
        while True:
            page = self.jobs.list_jobs(coupon_id, app_id=app_id, limit=_PAGE, cursor=cursor)
            works = (job.work for job in page.items)
            total += sum(
                work.count
                for work in works
                if isinstance(work, Generation) and work.pattern == pattern
            )
            if (cursor := page.next_cursor) is None:
                return total

    def _new(
        self, work: Generation | CodeImport, *, coupon_id: str, app_id: str, by: str
    ) -> CodeJob:
        return CodeJob(
            app_id=app_id,
            coupon_id=coupon_id,
            job_id=self.ids.new("cjb"),
            work=work,
            by=by,
            created_at=self.clock(),
        )

    def _add(self, job: CodeJob, event: Envelope | None, attempt: Attempt | None) -> Announced:
        try:
            self.jobs.add_job(job, event, attempt=attempt)
        except StaleError:
            if first := self._recall(attempt, coupon_id=job.coupon_id, app_id=job.app_id):
                return first
            raise
        return self._announced(job)

    def _recall(self, attempt: Attempt | None, *, coupon_id: str, app_id: str) -> Announced | None:
        before = self.jobs.recall(attempt, app_id=app_id) if attempt else None
        if attempt is None or before is None:
            return None
        attempt.check(before.fingerprint)
        job = self.jobs.get_job(before.result, coupon_id=coupon_id, app_id=app_id)
        return replace(self._announced(job), replayed=True)

    def _announced(self, job: CodeJob) -> Announced:
        if not isinstance(job.work, CodeImport):
            return Announced(job=job)
        upload = self.files.upload_for(job, size=job.work.size, at=self.clock())
        return Announced(job=job, upload=upload)

    def _event(self, job: CodeJob) -> Envelope:
        event = CodeJobStarted(
            app_id=job.app_id,
            occurred_at=self.clock(),
            coupon_id=job.coupon_id,
            job_id=job.job_id,
            kind=job.kind,
            by=job.by,
        )
        return seal(event, sequence=self.ids.sequence())

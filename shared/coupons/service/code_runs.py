"""The worker of jobs about codes: goes on batch by batch, and can stop and go on anywhere.

Generated codes follow from the job's key and their number alone, and a stored code names the job
and the number that made it. So a worker that dies repeats one batch at most and finds its own codes
there; a worker that lost its lease writes what its successor writes. Where the letters of a number
are another code's, the number is passed over. The count is exact, whatever crashes: numbers are
tried until so many of them are codes, and a code never goes away.
"""

import hmac
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import islice

from shared.coupons.errors import (
    CodeJobFailedError,
    LeaseHeldError,
    MalformedCodeError,
    StaleError,
)
from shared.coupons.events import CodeJobFinished
from shared.coupons.model.code_files import Reject, RejectReason, TypedLine, file_of, lines_of
from shared.coupons.model.code_jobs import (
    MOST_CODES,
    MOST_REJECTS,
    CodeImport,
    CodeJob,
    Failure,
    Generation,
    Tally,
)
from shared.coupons.model.codes import (
    Code,
    CodeKind,
    Listed,
    Sheet,
    last_four_of,
    normal_form,
    place_of_sheet,
)
from shared.coupons.model.patterns import Spell
from shared.coupons.ports.codes import (
    CodeFiles,
    CodeHasher,
    CodeJobStore,
    CodeQueue,
    CodeStore,
    JobKeys,
)
from shared.kernel.clock import Clock
from shared.kernel.envelope import Envelope, seal
from shared.kernel.ids import Ids

BATCH = 500
"""Codes between two saves: what a crash repeats, and what a lease must outlast."""

LEASE = timedelta(minutes=2)
"""A batch takes seconds; two minutes without a save mean that the worker is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """Spells the codes of one job: number by number, the same ones each time."""

    spell: Spell
    key: bytes

    def letters(self, number: int) -> str:
        """Return the code of a number, as its holder will read it."""
        return self.spell(hmac.digest(self.key, number.to_bytes(8), sha256))


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRunService:
    """Works on one job at a time."""

    jobs: CodeJobStore
    codes: CodeStore
    files: CodeFiles
    keys: JobKeys
    hasher: CodeHasher
    queue: CodeQueue
    clock: Clock
    ids: Ids

    def work(
        self,
        job_id: str,
        *,
        coupon_id: str,
        app_id: str,
        holder: str,
        has_time: Callable[[], bool],
    ) -> CodeJob:
        """Go on with a job until it is over, or there is no time left for another batch.

        Raises:
            JobNotFoundError: there is no such job.
            LeaseHeldError: another worker is at it, or took it over.
        """
        job = self.jobs.get_job(job_id, coupon_id=coupon_id, app_id=app_id)
        if job.is_over:
            return job
        at = self.clock()
        job = self._save(job.taken(holder, at=at, until=at + LEASE))
        match job.work:
            case Generation():
                return self._generate(job, job.work, has_time)
            case CodeImport():
                return self._import(job, job.work, has_time)

    def _generate(self, job: CodeJob, work: Generation, has_time: Callable[[], bool]) -> CodeJob:
        key = self.keys.unwrap(work.wrapped_key or "", app_id=job.app_id, about=job.job_id)
        press = Press(spell=work.pattern.speller(), key=key)
        while not work.is_made:
            if not has_time():
                return self._hand_over(job)
            work = (
                self._filed(job, work, press) if work.is_file_full else self._made(job, work, press)
            )
            job = self._save(job.moved(work, until=self.clock() + LEASE))
        return self._end(job)

    def _made(self, job: CodeJob, work: Generation, press: Press) -> Generation:
        """Make the next codes, as far as their letters are free."""
        numbers = work.numbers(BATCH)
        wanted: dict[str, tuple[int, Code]] = {}
        at = self.clock()
        for number in numbers:
            form = normal_form(press.letters(number))
            code = self._code(job, form, number, at=at)
            wanted.setdefault(code.fingerprint, (number, code))
        there = self.codes.add_codes([code for _, code in wanted.values()])
        mine = [
            (number, code)
            for (number, code), other in zip(wanted.values(), there, strict=True)
            if other is None or other.origin == code.origin
        ]
        self._list(job, mine, first=numbers.start)
        return work.tried(numbers, made=len(mine))

    def _filed(self, job: CodeJob, work: Generation, press: Press) -> Generation:
        """Write a file of codes; nothing but the job's key knew their letters until then."""
        begin = place_of_sheet(job.job_id, work.file_begins)
        sheets = self.codes.sheets(job.coupon_id, app_id=job.app_id, begin=begin)
        numbers = (
            line.number for sheet in sheets if sheet.source == job.job_id for line in sheet.lines
        )
        content = file_of(map(press.letters, numbers))
        self.files.put_codes(job, content, number=work.files)
        return work.filed()

    def _import(self, job: CodeJob, work: CodeImport, has_time: Callable[[], bool]) -> CodeJob:
        try:
            for batch in self._batches(job, work):
                if not has_time():
                    return self._hand_over(job)
                work = self._taken_in(job, work, batch)
                job = self._save(job.moved(work, until=self.clock() + LEASE))
                _hold_limits(work)
        except CodeJobFailedError as failed:
            return self._end(job, Failure(code=failed.code, detail=failed.detail))
        return self._end(job)

    def _batches(self, job: CodeJob, work: CodeImport) -> Iterator[list[TypedLine]]:
        chunks = self.files.read(
            job, tag=work.upload_tag or "", size=work.size, offset=work.cursor.offset
        )
        lines = lines_of(chunks, begin=work.cursor)
        while batch := list(islice(lines, BATCH)):
            yield batch

    def _taken_in(self, job: CodeJob, work: CodeImport, batch: Sequence[TypedLine]) -> CodeImport:
        wanted, rejects = self._read(job, batch)
        mine = []
        for (line, code), other in zip(wanted, self._placed(job, wanted), strict=True):
            if other is None or other.origin == code.origin:
                mine.append((line, code))
            elif reason := _reason(other, job):
                rejects.append(Reject(line=line, reason=reason, last_four=code.last_four))
        if not work.dry_run:
            self._list(job, mine, first=batch[0].line)
        if rejects:
            in_order = sorted(rejects, key=lambda one: one.line)
            self.files.put_rejects(job, in_order, line=batch[0].line)
        reasons = Counter(reject.reason for reject in rejects)
        tally = Tally(
            accepted=len(mine),
            unchanged=len(batch) - len(mine) - len(rejects),
            malformed=reasons[RejectReason.MALFORMED],
            taken=reasons[RejectReason.TAKEN],
            repeated=reasons[RejectReason.REPEATED],
        )
        return work.moved(batch[-1].end, tally)

    def _read(
        self, job: CodeJob, batch: Sequence[TypedLine]
    ) -> tuple[list[tuple[int, Code]], list[Reject]]:
        """Return the codes of some lines, and the lines that have none of their own."""
        at = self.clock()
        wanted: dict[str, tuple[int, Code]] = {}
        rejects = []
        for typed in batch:
            try:
                code = self._code(job, normal_form(typed.letters), typed.line, at=at)
            except MalformedCodeError:
                rejects.append(Reject(line=typed.line, reason=RejectReason.MALFORMED))
                continue
            if wanted.setdefault(code.fingerprint, (typed.line, code))[0] != typed.line:
                reject = Reject(
                    line=typed.line, reason=RejectReason.REPEATED, last_four=code.last_four
                )
                rejects.append(reject)
        return list(wanted.values()), rejects

    def _placed(self, job: CodeJob, wanted: Sequence[tuple[int, Code]]) -> Sequence[Code | None]:
        """Store codes; return for each what is there in its place. A dry run only looks."""
        codes = [code for _, code in wanted]
        if isinstance(job.work, CodeImport) and not job.work.dry_run:
            return self.codes.add_codes(codes)
        there = self.codes.get_codes([code.fingerprint for code in codes], app_id=job.app_id)
        return [there.get(code.fingerprint) for code in codes]

    def _code(self, job: CodeJob, form: str, number: int, *, at: datetime) -> Code:
        return Code(
            app_id=job.app_id,
            coupon_id=job.coupon_id,
            fingerprint=self.hasher.fingerprint(form, app_id=job.app_id),
            last_four=last_four_of(form),
            kind=CodeKind.UNIQUE,
            created_at=at,
            expires_at=job.work.expires_at,
            bound=job.work.bound,
            origin=job.origin(number),
        )

    def _list(self, job: CodeJob, mine: Sequence[tuple[int, Code]], *, first: int) -> None:
        lines = [
            Listed(number=number, fingerprint=code.fingerprint, last_four=code.last_four)
            for number, code in mine
        ]
        if lines:
            sheet = Sheet(
                app_id=job.app_id,
                coupon_id=job.coupon_id,
                source=job.job_id,
                first=first,
                lines=lines,
            )
            self.codes.put_sheet(sheet)

    def _hand_over(self, job: CodeJob) -> CodeJob:
        """Leave the rest to the next worker; whoever crashes in between is called again."""
        job = self._save(job.released())
        self.queue.go_on(job)
        return job

    def _end(self, job: CodeJob, failure: Failure | None = None) -> CodeJob:
        if isinstance(job.work, CodeImport):
            if job.work.tally.rejected:
                self.files.close_rejects(job)
            self.files.remove_upload(job)
        at = self.clock()
        ended = job.ended(at=at, failure=failure)
        event = CodeJobFinished(
            app_id=job.app_id,
            occurred_at=at,
            coupon_id=job.coupon_id,
            job_id=job.job_id,
            kind=job.kind,
            by=job.by,
            state=ended.state,
            codes=job.work.codes,
        )
        return self._save(ended, event=seal(event, sequence=self.ids.sequence()))

    def _save(self, job: CodeJob, *, event: Envelope | None = None) -> CodeJob:
        try:
            self.jobs.save_job(job, event=event)
        except StaleError as error:
            raise LeaseHeldError(job.job_id) from error
        return job


def _reason(other: Code, job: CodeJob) -> RejectReason | None:
    """Return why a line gives no code where another is; ``None``: the coupon has it already."""
    if other.coupon_id != job.coupon_id:
        return RejectReason.TAKEN
    return RejectReason.REPEATED if job.made(other) else None


def _hold_limits(work: CodeImport) -> None:
    """Hold an import against the limits of one file.

    Raises:
        CodeJobFailedError: it has too many codes, or too many lines are wrong.
    """
    if work.tally.rejected > MOST_REJECTS:
        reason = f"more than {MOST_REJECTS} lines are wrong"
        raise CodeJobFailedError(reason, code="too_many_rejects")
    if work.tally.accepted > MOST_CODES:
        raise CodeJobFailedError(f"more than {MOST_CODES} codes", code="too_many_codes")

"""Jobs about codes in DynamoDB: one item each, whose version every change follows.

| what | pk                          | sk    |
| ---- | --------------------------- | ----- |
| job  | APP#<app>#CODEJOBS#<coupon> | <job> |
"""

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from typing_extensions import override

from shared.coupons.errors import JobNotFoundError, StaleError
from shared.coupons.model.code_jobs import (
    CodeImport,
    CodeJob,
    Cursor,
    Failure,
    Generation,
    JobKind,
    JobState,
    Lease,
    Tally,
    Work,
)
from shared.coupons.model.patterns import Pattern
from shared.coupons.ports.codes import CodeJobStore
from shared.kernel.clock import from_rfc3339, rfc3339
from shared.kernel.envelope import Envelope
from shared.kernel.idempotency import Attempt, Remembered
from shared.kernel.paging import Page
from shared.platform.attempts import Attempts
from shared.platform.dynamodb import Put, Row, Write, WriteRefusedError, bind, commit
from shared.platform.ledger import Ledger, plain


class _JobRow(Row):
    """A job, as one JSON text."""

    job = UnicodeAttribute()
    version = NumberAttribute()


class DynamoCodeJobStore(CodeJobStore):
    """Jobs about codes, in the coupons table."""

    def __init__(self, *, table: str, ledger: Ledger) -> None:
        self._job = bind(_JobRow, table=table)
        self._attempts = Attempts(table=table)
        self._ledger = ledger

    @override
    def add_job(self, job: CodeJob, event: Envelope | None, *, attempt: Attempt | None) -> None:
        writes: dict[str, Write] = {
            "job": Put(row=self._row_of(job), condition=self._job.pk.does_not_exist())
        }
        if attempt:
            writes["attempt"] = self._attempts.remember(
                attempt, app_id=job.app_id, result=job.job_id, at=job.created_at
            )
        self._commit(writes, event)

    @override
    def get_job(self, job_id: str, *, app_id: str, coupon_id: str) -> CodeJob:
        try:
            row = self._job.get(_partition(app_id, coupon_id), job_id, consistent_read=True)
        except DoesNotExist as error:
            raise JobNotFoundError(job_id) from error
        return _job_of(row, app_id=app_id, coupon_id=coupon_id)

    @override
    def list_jobs(
        self, coupon_id: str, *, app_id: str, limit: int, cursor: str | None
    ) -> Page[CodeJob]:
        rows = list(
            self._job.query(
                _partition(app_id, coupon_id),
                self._job.sk < cursor if cursor else None,
                limit=limit + 1,
                scan_index_forward=False,
            )
        )
        items = [_job_of(row, app_id=app_id, coupon_id=coupon_id) for row in rows[:limit]]
        more = items[-1].job_id if len(rows) > limit else None
        return Page(items=items, next_cursor=more)

    @override
    def save_job(self, job: CodeJob, *, event: Envelope | None = None) -> None:
        follows = self._job.version == job.version - 1
        self._commit({"job": Put(row=self._row_of(job), condition=follows)}, event)

    @override
    def recall(self, attempt: Attempt, *, app_id: str) -> Remembered | None:
        return self._attempts.recall(attempt, app_id=app_id)

    def _commit(self, writes: dict[str, Write], event: Envelope | None) -> None:
        if event:
            writes["event"] = self._ledger.record(event)
        try:
            commit(writes)
        except WriteRefusedError as error:
            raise StaleError(str(error)) from error

    def _row_of(self, job: CodeJob) -> _JobRow:
        return self._job(
            _partition(job.app_id, job.coupon_id),
            job.job_id,
            job=_text_of(job),
            version=job.version,
        )


def _partition(app_id: str, coupon_id: str) -> str:
    return f"APP#{app_id}#CODEJOBS#{coupon_id}"


def _text_of(job: CodeJob) -> str:
    fields = {
        "kind": job.kind,
        "work": asdict(job.work),
        "by": job.by,
        "created_at": rfc3339(job.created_at),
        "state": job.state,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "lease": asdict(job.lease) if job.lease else None,
        "failure": asdict(job.failure) if job.failure else None,
    }
    return json.dumps(fields, default=plain, separators=(",", ":"))


def _job_of(row: _JobRow, *, app_id: str, coupon_id: str) -> CodeJob:
    fields: dict[str, Any] = json.loads(row.job)
    lease, failure = fields["lease"], fields["failure"]
    return CodeJob(
        app_id=app_id,
        coupon_id=coupon_id,
        job_id=row.sk,
        work=_work_of(JobKind(fields["kind"]), fields["work"]),
        by=fields["by"],
        created_at=from_rfc3339(fields["created_at"]),
        state=JobState(fields["state"]),
        started_at=_instant(fields["started_at"]),
        finished_at=_instant(fields["finished_at"]),
        lease=Lease(holder=lease["holder"], until=from_rfc3339(lease["until"])) if lease else None,
        failure=Failure(**failure) if failure else None,
        version=int(row.version),
    )


def _work_of(kind: JobKind, fields: dict[str, Any]) -> Work:
    told = {**fields, "expires_at": _instant(fields["expires_at"])}
    if kind is JobKind.GENERATE:
        return Generation(**{**told, "pattern": Pattern(**told["pattern"])})
    places = {"cursor": Cursor(**told["cursor"]), "tally": Tally(**told["tally"])}
    return CodeImport(**{**told, **places})


def _instant(text: str | None) -> datetime | None:
    return from_rfc3339(text) if text else None

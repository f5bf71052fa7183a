"""Imports in DynamoDB: one item each, whose version every change follows."""

import json
from datetime import datetime
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from typing_extensions import override

from shared.kernel.clock import from_rfc3339, rfc3339
from shared.kernel.envelope import Envelope
from shared.kernel.files import Cursor, FileFormat
from shared.kernel.idempotency import Attempt, Remembered
from shared.kernel.paging import Page
from shared.platform.attempts import Attempts
from shared.platform.dynamodb import Put, Row, Write, bind
from shared.platform.ledger import Ledger
from shared.registrations.errors import ImportNotFoundError
from shared.registrations.model.imports import (
    Failure,
    Import,
    ImportKind,
    ImportState,
    Lease,
    Tally,
)
from shared.registrations.ports import ImportStore
from shared.registrations.store.devices import commit_or_stale


class _ImportRow(Row):
    """An import, as one JSON text."""

    job = UnicodeAttribute()
    version = NumberAttribute()


class DynamoImportStore(ImportStore):
    """Imports, in the registrations table."""

    def __init__(self, *, table: str, ledger: Ledger) -> None:
        self._import = bind(_ImportRow, table=table)
        self._attempts = Attempts(table=table)
        self._ledger = ledger

    @override
    def add_import(self, job: Import, event: Envelope, *, attempt: Attempt | None) -> None:
        writes: dict[str, Write] = {
            "import": Put(row=self._row(job), condition=self._import.pk.does_not_exist()),
            "event": self._ledger.record(event),
        }
        if attempt:
            writes["attempt"] = self._attempts.remember(
                attempt, result=job.import_id, at=job.created_at
            )
        commit_or_stale(writes)

    @override
    def get_import(self, import_id: str, *, app_id: str) -> Import:
        try:
            row = self._import.get(_partition(app_id), import_id, consistent_read=True)
        except DoesNotExist as error:
            raise ImportNotFoundError(import_id) from error
        return _import_of(row, app_id=app_id)

    @override
    def list_imports(self, app_id: str, *, limit: int, cursor: str | None) -> Page[Import]:
        before = self._import.sk < cursor if cursor else None
        rows = list(
            self._import.query(
                _partition(app_id), before, limit=limit + 1, scan_index_forward=False
            )
        )
        items = [_import_of(row, app_id=app_id) for row in rows[:limit]]
        more = items[-1].import_id if len(rows) > limit else None
        return Page(items=items, next_cursor=more)

    @override
    def save_import(self, job: Import, *, event: Envelope | None = None) -> None:
        follows = self._import.version == job.version - 1
        writes: dict[str, Write] = {"import": Put(row=self._row(job), condition=follows)}
        if event:
            writes["event"] = self._ledger.record(event)
        commit_or_stale(writes)

    @override
    def recall(self, attempt: Attempt) -> Remembered | None:
        return self._attempts.recall(attempt)

    def _row(self, job: Import) -> _ImportRow:
        return self._import(
            _partition(job.app_id), job.import_id, job=_text_of(job), version=job.version
        )


def _partition(app_id: str) -> str:
    return f"APP#{app_id}#IMPORTS"


def _text_of(job: Import) -> str:
    lease, failure = job.lease, job.failure
    return json.dumps(
        {
            "kind": job.kind,
            "file_format": job.file_format,
            "size": job.size,
            "list_name": job.list_name,
            "dry_run": job.dry_run,
            "as_of": _text(job.as_of),
            "by": job.by,
            "created_at": _text(job.created_at),
            "state": job.state,
            "started_at": _text(job.started_at),
            "finished_at": _text(job.finished_at),
            "upload_tag": job.upload_tag,
            "cursor": [job.cursor.offset, job.cursor.line],
            "tally": [job.tally.accepted, job.tally.unchanged, job.tally.rejected],
            "not_carried": dict(job.tally.not_carried),
            "lease": [lease.holder, rfc3339(lease.until)] if lease else None,
            "failure": [failure.code, failure.detail] if failure else None,
        }
    )


def _import_of(row: _ImportRow, *, app_id: str) -> Import:
    fields: dict[str, Any] = json.loads(row.job)
    offset, line = fields["cursor"]
    accepted, unchanged, rejected = fields["tally"]
    return Import(
        app_id=app_id,
        import_id=row.sk,
        kind=ImportKind(fields["kind"]),
        file_format=FileFormat(fields["file_format"]),
        size=fields["size"],
        list_name=fields["list_name"],
        dry_run=fields["dry_run"],
        as_of=_instant(fields["as_of"]),
        by=fields["by"],
        created_at=from_rfc3339(fields["created_at"]),
        state=ImportState(fields["state"]),
        started_at=_instant(fields["started_at"]),
        finished_at=_instant(fields["finished_at"]),
        upload_tag=fields["upload_tag"],
        cursor=Cursor(offset=offset, line=line),
        tally=Tally(
            accepted=accepted,
            unchanged=unchanged,
            rejected=rejected,
            not_carried=fields.get("not_carried", {}),
        ),
        lease=_lease(fields["lease"]),
        failure=_failure(fields["failure"]),
        version=int(row.version),
    )


def _lease(stored: list[str] | None) -> Lease | None:
    return Lease(holder=stored[0], until=from_rfc3339(stored[1])) if stored else None


def _failure(stored: list[str] | None) -> Failure | None:
    return Failure(code=stored[0], detail=stored[1]) if stored else None


def _text(at: datetime | None) -> str | None:
    return rfc3339(at) if at else None


def _instant(text: str | None) -> datetime | None:
    return from_rfc3339(text) if text else None

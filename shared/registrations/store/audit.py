"""The audit log in DynamoDB: a partition for each month, in which entries lie by their ids."""

import json
from collections.abc import Iterator
from datetime import datetime

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from typing_extensions import override

from shared.kernel.audit import AuditedCall
from shared.kernel.ids import made_at, ulid_of
from shared.platform.dynamodb import Row, bind
from shared.registrations.model.audit import AUDIT_KEPT, AuditEntry, AuditRange
from shared.registrations.ports import AuditStore


class _EntryRow(Row):
    """An entry."""

    by = UnicodeAttribute()
    route = UnicodeAttribute()
    parameters = UnicodeAttribute()
    status = NumberAttribute()
    code = UnicodeAttribute(null=True)
    request_id = UnicodeAttribute()
    expires_at = NumberAttribute()


class DynamoAuditStore(AuditStore):
    """The audit log, in the registrations table."""

    def __init__(self, *, table: str) -> None:
        self._entry = bind(_EntryRow, table=table)

    @override
    def add_entry(self, entry: AuditEntry) -> None:
        call = entry.call
        self._entry(
            _month_of(call.app_id, entry.at),
            entry.entry_id,
            by=call.by,
            route=call.route,
            parameters=json.dumps(dict(call.parameters), separators=(",", ":")),
            status=call.status,
            code=call.code,
            request_id=call.request_id,
            expires_at=int((entry.at + AUDIT_KEPT).timestamp()),
        ).save()

    @override
    def entries(self, app_id: str | None, wanted: AuditRange) -> Iterator[AuditEntry]:
        end = ulid_of(wanted.until, chance=0)
        end = min(end, wanted.before) if wanted.before else end
        start = ulid_of(wanted.since, chance=0)
        if end <= start:
            return
        for month in _months(wanted.since, made_at(end)):
            rows = self._entry.query(
                _month_of(app_id, month),
                self._entry.sk.between(start, end),
                scan_index_forward=False,
                consistent_read=True,
            )
            # BETWEEN includes its end, which is the entry that was shown last.
            yield from (_entry_of(row, app_id) for row in rows if row.sk != end)


def _month_of(app_id: str | None, at: datetime) -> str:
    whose = f"APP#{app_id}#AUDIT" if app_id else "AUDIT"
    return f"{whose}#{at:%Y-%m}"


def _months(since: datetime, until: datetime) -> Iterator[datetime]:
    """Yield an instant of each month that lies between two instants, the last month first."""
    month = until.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while True:
        yield month
        if month <= since:
            return
        last_year = month.month == 1
        month = month.replace(
            year=month.year - last_year, month=12 if last_year else month.month - 1
        )


def _entry_of(row: _EntryRow, app_id: str | None) -> AuditEntry:
    return AuditEntry(
        entry_id=row.sk,
        call=AuditedCall(
            app_id=app_id,
            by=row.by,
            route=row.route,
            parameters=json.loads(row.parameters),
            status=int(row.status),
            code=row.code,
            request_id=row.request_id,
        ),
    )

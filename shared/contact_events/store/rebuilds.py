"""How far projections are made again, in the ledger's table.

| what            | pk                  | sk            |
| --------------- | ------------------- | ------------- |
| rebuild         | APP#<app>#REBUILDS  | <projection>  |

They hold no ``sequence``: the relay passes them over.
"""

from datetime import datetime

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from typing_extensions import override

from shared.contact_events.errors import StaleError
from shared.contact_events.model.rebuilds import Phase, Rebuild, Wanted
from shared.contact_events.ports import RebuildStore
from shared.kernel.clock import from_rfc3339, rfc3339
from shared.platform.dynamodb import Put, Row, WriteRefusedError, bind, commit


class _RebuildRow(Row):
    """The last rebuild of a projection."""

    since = UnicodeAttribute(null=True)
    until = UnicodeAttribute(null=True)
    forgets = BooleanAttribute()
    begun_at = UnicodeAttribute()
    phase = UnicodeAttribute()
    after = UnicodeAttribute(null=True)
    read = NumberAttribute()
    forgotten_at = UnicodeAttribute(null=True)
    ended_at = UnicodeAttribute(null=True)
    version = NumberAttribute()


class DynamoRebuildStore(RebuildStore):
    """Rebuilds: one item a projection."""

    def __init__(self, *, table: str) -> None:
        self._row = bind(_RebuildRow, table=table)

    @override
    def find(self, projection: str, *, app_id: str) -> Rebuild | None:
        try:
            row = self._row.get(_rebuilds_of(app_id), projection, consistent_read=True)
        except DoesNotExist:
            return None
        wanted = Wanted(
            app_id=app_id,
            projection=projection,
            since=_instant(row.since),
            until=_instant(row.until),
            forgets=row.forgets,
        )
        return Rebuild(
            wanted=wanted,
            begun_at=from_rfc3339(row.begun_at),
            phase=Phase(row.phase),
            after=row.after,
            read=int(row.read),
            forgotten_at=_instant(row.forgotten_at),
            ended_at=_instant(row.ended_at),
            version=int(row.version),
        )

    @override
    def put(self, rebuild: Rebuild) -> None:
        wanted, kind = rebuild.wanted, self._row
        row = kind(
            _rebuilds_of(wanted.app_id),
            wanted.projection,
            since=_text(wanted.since),
            until=_text(wanted.until),
            forgets=wanted.forgets,
            begun_at=rfc3339(rebuild.begun_at),
            phase=rebuild.phase,
            after=rebuild.after,
            read=rebuild.read,
            forgotten_at=_text(rebuild.forgotten_at),
            ended_at=_text(rebuild.ended_at),
            version=rebuild.version,
        )
        is_first, is_next = kind.pk.does_not_exist(), kind.version == rebuild.version - 1
        condition = is_first if rebuild.version == 1 else is_next
        try:
            commit({"rebuild": Put(row=row, condition=condition)})
        except WriteRefusedError as error:
            raise StaleError(wanted.projection) from error


def _rebuilds_of(app_id: str) -> str:
    return f"APP#{app_id}#REBUILDS"


def _text(at: datetime | None) -> str | None:
    return rfc3339(at) if at else None


def _instant(text: str | None) -> datetime | None:
    return from_rfc3339(text) if text else None

"""Snapshots in S3, and the pointers to them in DynamoDB.

| what                        | pk               | sk      |
| --------------------------- | ---------------- | ------- |
| pointer to an app's demand  | APP#<app>#SNAP   | POINTER |

Objects are ``APP/<app>/snapshots/<version>-<hash>.json.gz``. The bucket removes them when they are
older than ``model.pointers.KEPT`` and ``RENEWED_AFTER`` together.
"""

import gzip

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from typing_extensions import override

from shared.kernel.clock import from_rfc3339, rfc3339
from shared.placements.model.pointers import Pointer
from shared.placements.ports.snapshots import Pointers, Snapshots
from shared.platform.dynamodb import Put, Row, WriteRefusedError, bind, commit
from shared.platform.objects import Bucket


class _PointerRow(Row):
    """Which snapshot stands."""

    version = NumberAttribute()
    hash = UnicodeAttribute()
    key = UnicodeAttribute()
    compiled_at = UnicodeAttribute()
    stored_at = UnicodeAttribute()
    due_at = UnicodeAttribute()
    policy_version = NumberAttribute()
    epoch = NumberAttribute()
    revision = NumberAttribute()


class DynamoPointers(Pointers):
    """Pointers, in the placements table."""

    def __init__(self, *, table: str) -> None:
        self._row = bind(_PointerRow, table=table)

    @override
    def read(self, app_id: str) -> Pointer | None:
        return self._read(app_id, latest=False)

    @override
    def read_latest(self, app_id: str) -> Pointer | None:
        return self._read(app_id, latest=True)

    @override
    def move(self, pointer: Pointer, *, before: Pointer | None) -> bool:
        row = self._row(
            *_key(pointer.app_id),
            version=pointer.version,
            hash=pointer.hash,
            key=pointer.key,
            compiled_at=rfc3339(pointer.compiled_at),
            stored_at=rfc3339(pointer.stored_at),
            due_at=rfc3339(pointer.due_at),
            policy_version=pointer.policy_version,
            epoch=pointer.epoch,
            revision=pointer.revision,
        )
        unchanged = (
            self._row.revision == before.revision if before else self._row.pk.does_not_exist()
        )
        try:
            commit({"pointer": Put(row=row, condition=unchanged)})
        except WriteRefusedError:
            return False
        return True

    def _read(self, app_id: str, *, latest: bool) -> Pointer | None:
        try:
            row = self._row.get(*_key(app_id), consistent_read=latest)
        except DoesNotExist:
            return None
        return Pointer(
            app_id=app_id,
            version=int(row.version),
            hash=row.hash,
            key=row.key,
            compiled_at=from_rfc3339(row.compiled_at),
            stored_at=from_rfc3339(row.stored_at),
            due_at=from_rfc3339(row.due_at),
            policy_version=int(row.policy_version),
            epoch=int(row.epoch),
            revision=int(row.revision),
        )


class DynamoSnapshots(DynamoPointers, Snapshots):
    """Pointers in the placements table, objects in a bucket."""

    def __init__(self, *, table: str, bucket: Bucket) -> None:
        super().__init__(table=table)
        self._bucket = bucket

    @override
    def put(self, key: str, content: bytes) -> None:
        # Without the instant at which it is packed the same content is the same object.
        self._bucket.put(key, gzip.compress(content, mtime=0))

    @override
    def get(self, key: str) -> bytes:
        return gzip.decompress(self._bucket.get(key))


def _key(app_id: str) -> tuple[str, str]:
    return f"APP#{app_id}#SNAP", "POINTER"

"""Write keys in DynamoDB: an app's in one item, so that its limits hold; and each by its hash."""

import json

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from typing_extensions import override

from shared.kernel.clock import from_rfc3339, rfc3339
from shared.kernel.envelope import Envelope
from shared.kernel.idempotency import Attempt, Remembered
from shared.platform.attempts import Attempts
from shared.platform.dynamodb import Delete, Put, Row, Write, WriteRefusedError, bind, commit
from shared.platform.ledger import Ledger
from shared.registrations.errors import StaleError
from shared.registrations.model.write_keys import WriteKey, WriteKeys
from shared.registrations.ports import WriteKeyStore


class _WriteKeysRow(Row):
    """An app's write keys as one JSON text: at most twenty, of some 200 bytes each."""

    keys = UnicodeAttribute()
    version = NumberAttribute()


class _OwnerRow(Row):
    """Whose a write key is, by its hash: its caller names no app."""

    app_id = UnicodeAttribute()


class DynamoWriteKeyStore(WriteKeyStore):
    """Write keys, in the registrations table."""

    def __init__(self, *, table: str, ledger: Ledger) -> None:
        self._keys = bind(_WriteKeysRow, table=table)
        self._owner = bind(_OwnerRow, table=table)
        self._attempts = Attempts(table=table)
        self._ledger = ledger

    @override
    def get_keys(self, app_id: str) -> WriteKeys:
        try:
            row = self._keys.get(*_place(app_id), consistent_read=True)
        except DoesNotExist:
            return WriteKeys(app_id=app_id)
        keys = tuple(
            WriteKey(**{**stored, "created_at": from_rfc3339(stored["created_at"])})
            for stored in json.loads(row.keys)
        )
        return WriteKeys(app_id=app_id, keys=keys, version=int(row.version))

    @override
    def add_key(
        self, keys: WriteKeys, key: WriteKey, event: Envelope, *, attempt: Attempt | None
    ) -> None:
        owner = self._owner(*_filed(key), app_id=keys.app_id)
        writes: dict[str, Write] = {
            "keys": self._next(keys),
            "owner": Put(row=owner, condition=self._owner.pk.does_not_exist()),
            "event": self._ledger.record(event),
        }
        if attempt:
            writes["attempt"] = self._attempts.remember(
                attempt, result=key.key_id, at=key.created_at
            )
        _commit(writes, keys)

    @override
    def remove_key(self, keys: WriteKeys, key: WriteKey, event: Envelope) -> None:
        writes: dict[str, Write] = {
            "keys": self._next(keys),
            "owner": Delete(row=self._owner(*_filed(key))),
            "event": self._ledger.record(event),
        }
        _commit(writes, keys)

    @override
    def app_of(self, digest: str) -> str | None:
        try:
            row = self._owner.get(f"WRITEKEY#{digest}", "WRITEKEY", consistent_read=True)
        except DoesNotExist:
            return None
        return row.app_id

    @override
    def recall(self, attempt: Attempt) -> Remembered | None:
        return self._attempts.recall(attempt)

    def _next(self, keys: WriteKeys) -> Put:
        stored = [
            {
                "key_id": key.key_id,
                "name": key.name,
                "digest": key.digest,
                "created_at": rfc3339(key.created_at),
            }
            for key in keys.keys
        ]
        row = self._keys(*_place(keys.app_id), keys=json.dumps(stored), version=keys.version)
        if keys.version == 1:
            return Put(row=row, condition=self._keys.pk.does_not_exist())
        return Put(row=row, condition=self._keys.version == keys.version - 1)


def _commit(writes: dict[str, Write], keys: WriteKeys) -> None:
    try:
        commit(writes)
    except WriteRefusedError as error:
        raise StaleError(keys.app_id) from error


def _place(app_id: str) -> tuple[str, str]:
    return f"APP#{app_id}#WRITEKEYS", "WRITEKEYS"


def _filed(key: WriteKey) -> tuple[str, str]:
    return f"WRITEKEY#{key.digest}", "WRITEKEY"

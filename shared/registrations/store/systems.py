"""The other systems of an app in DynamoDB: one item, so that its limits hold under races."""

import json
from collections.abc import Mapping
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from typing_extensions import override

from shared.kernel.clock import from_rfc3339, rfc3339
from shared.kernel.envelope import Envelope
from shared.kernel.events import Channel
from shared.kernel.idempotency import Attempt, Remembered
from shared.platform.attempts import Attempts
from shared.platform.dynamodb import Put, Row, Write, WriteRefusedError, bind, commit
from shared.platform.ledger import Ledger
from shared.registrations.errors import StaleError
from shared.registrations.model.systems import Systems, WebhookSecret
from shared.registrations.ports import SystemStore


class _SystemsRow(Row):
    """An app's secrets as one JSON text: at most twenty, of some 300 bytes each."""

    secrets = UnicodeAttribute()
    version = NumberAttribute()


class DynamoSystemStore(SystemStore):
    """Other systems, in the registrations table."""

    def __init__(self, *, table: str, ledger: Ledger) -> None:
        self._systems = bind(_SystemsRow, table=table)
        self._attempts = Attempts(table=table)
        self._ledger = ledger

    @override
    def get_systems(self, app_id: str) -> Systems:
        try:
            row = self._systems.get(*_key(app_id), consistent_read=True)
        except DoesNotExist:
            return Systems(app_id=app_id)
        secrets = tuple(_secret_of(stored) for stored in json.loads(row.secrets))
        return Systems(app_id=app_id, secrets=secrets, version=int(row.version))

    @override
    def add_secret(
        self,
        systems: Systems,
        secret: WebhookSecret,
        event: Envelope,
        *,
        attempt: Attempt | None,
    ) -> None:
        writes: dict[str, Write] = {
            "systems": self._next(systems),
            "event": self._ledger.record(event),
        }
        if attempt:
            writes["attempt"] = self._attempts.remember(
                attempt, result=secret.secret_id, at=secret.created_at
            )
        _commit(writes, systems)

    @override
    def remove_secret(self, systems: Systems, event: Envelope) -> None:
        _commit({"systems": self._next(systems), "event": self._ledger.record(event)}, systems)

    @override
    def replace_sealed(self, systems: Systems) -> None:
        _commit({"systems": self._next(systems)}, systems)

    @override
    def recall(self, attempt: Attempt) -> Remembered | None:
        return self._attempts.recall(attempt)

    def _next(self, systems: Systems) -> Put:
        row = self._systems(
            *_key(systems.app_id),
            secrets=json.dumps([_stored(secret) for secret in systems.secrets]),
            version=systems.version,
        )
        if systems.version == 1:
            return Put(row=row, condition=self._systems.pk.does_not_exist())
        return Put(row=row, condition=self._systems.version == systems.version - 1)


def _commit(writes: dict[str, Write], systems: Systems) -> None:
    try:
        commit(writes)
    except WriteRefusedError as error:
        raise StaleError(systems.app_id) from error


def _key(app_id: str) -> tuple[str, str]:
    return f"APP#{app_id}#SYSTEMS", "SYSTEMS"


def _stored(secret: WebhookSecret) -> dict[str, Any]:
    return {
        "secret_id": secret.secret_id,
        "name": secret.name,
        "channels": sorted(secret.channels),
        "sealed": secret.sealed,
        "created_at": rfc3339(secret.created_at),
        "ends_at": rfc3339(secret.ends_at) if secret.ends_at else None,
        "dialect": secret.dialect,
    }


def _secret_of(stored: Mapping[str, Any]) -> WebhookSecret:
    return WebhookSecret(
        secret_id=stored["secret_id"],
        name=stored["name"],
        channels=frozenset(Channel(channel) for channel in stored["channels"]),
        sealed=stored["sealed"],
        created_at=from_rfc3339(stored["created_at"]),
        ends_at=from_rfc3339(stored["ends_at"]) if stored["ends_at"] else None,
        dialect=stored.get("dialect"),
    )

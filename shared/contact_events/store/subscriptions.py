"""Subscriptions and what waits for their receivers, in the ledger's table.

| what                     | pk                       | sk                    |
| ------------------------ | ------------------------ | --------------------- |
| subscription             | APP#<app>#SUBSCRIPTIONS  | <subscription>        |
| delivery                 | APP#<app>#DLV#<sub>      | <delivery>            |
| delivery that is waiting | APP#<app>#DUE#<sub>      | <due>#<delivery>      |

No row has a ``sequence``: the relay passes them over. Deliveries hold ids of events, never data.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from typing_extensions import override

from shared.contact_events.errors import SubscriptionStaleError
from shared.contact_events.model.deliveries import Delivery, DeliveryState
from shared.contact_events.model.subscriptions import (
    MessageMode,
    PauseReason,
    SigningSecret,
    Subscription,
    SubscriptionState,
)
from shared.contact_events.ports import DeliveryStore, SubscriptionStore
from shared.kernel.clock import from_rfc3339, rfc3339
from shared.kernel.envelope import Envelope
from shared.kernel.idempotency import Attempt, Remembered
from shared.platform.attempts import Attempts
from shared.platform.dynamodb import (
    Delete,
    Put,
    Row,
    Update,
    Write,
    WriteRefusedError,
    bind,
    commit,
)
from shared.platform.ledger import Ledger

_AFTER = "~"
"""Above every character of an id or an instant."""


class _SubscriptionRow(Row):
    """A subscription as one JSON text; how its receiver fares stands beside it."""

    text = UnicodeAttribute()
    version = NumberAttribute()
    failing_since = UnicodeAttribute(null=True)


class DynamoSubscriptionStore(SubscriptionStore):
    """Subscriptions: each an item, which is changed by version."""

    def __init__(self, *, table: str, ledger: Ledger) -> None:
        self._row = bind(_SubscriptionRow, table=table)
        self._attempts = Attempts(table=table)
        self._ledger = ledger

    @override
    def subscriptions(self, app_id: str) -> Sequence[Subscription]:
        rows = self._row.query(_subscriptions_of(app_id), consistent_read=True)
        return [_subscription_of(row, app_id=app_id) for row in rows]

    @override
    def subscription(self, subscription_id: str, *, app_id: str) -> Subscription | None:
        try:
            row = self._row.get(_subscriptions_of(app_id), subscription_id, consistent_read=True)
        except DoesNotExist:
            return None
        return _subscription_of(row, app_id=app_id)

    @override
    def put_subscription(
        self, subscription: Subscription, event: Envelope, *, attempt: Attempt | None = None
    ) -> None:
        writes: dict[str, Write] = {
            "subscription": self._next(subscription),
            "event": self._ledger.record(event),
        }
        if attempt:
            writes["attempt"] = self._attempts.remember(
                attempt,
                result=subscription.subscription_id,
                at=subscription.created_at,
                app_id=subscription.app_id,
            )
        _commit(writes, subscription)

    @override
    def delete_subscription(self, subscription: Subscription, event: Envelope) -> None:
        stands = self._row.version == subscription.version
        writes: dict[str, Write] = {
            "subscription": Delete(row=self._keyed(subscription), condition=stands),
            "event": self._ledger.record(event),
        }
        _commit(writes, subscription)

    @override
    def note_failing(self, subscription: Subscription, *, since: datetime | None) -> None:
        noted = self._row.failing_since
        action: Action = noted.set(rfc3339(since)) if since else noted.remove()
        condition: Condition = noted.does_not_exist() if since else noted.exists()
        # One that is deleted stays so.
        update = Update(
            row=self._keyed(subscription),
            actions=[action],
            condition=self._row.pk.exists() & condition,
        )
        with suppress(WriteRefusedError):
            commit({"noted": update})

    @override
    def recall(self, attempt: Attempt, *, app_id: str) -> Remembered | None:
        return self._attempts.recall(attempt, app_id=app_id)

    def _keyed(self, subscription: Subscription) -> _SubscriptionRow:
        return self._row(_subscriptions_of(subscription.app_id), subscription.subscription_id)

    def _next(self, subscription: Subscription) -> Write:
        row, text = self._row, _text_of_subscription(subscription)
        if subscription.version == 1:
            fresh = self._keyed(subscription)
            fresh.text, fresh.version = text, 1
            return Put(row=fresh, condition=row.pk.does_not_exist())
        return Update(
            row=self._keyed(subscription),
            actions=[row.text.set(text), row.version.set(subscription.version)],
            condition=row.version == subscription.version - 1,
        )


class _DeliveryRow(Row):
    """A delivery as one JSON text."""

    text = UnicodeAttribute()
    expires_at = NumberAttribute()


class DynamoDeliveryStore(DeliveryStore):
    """Deliveries: one item each, and one more while it waits, by when it is due."""

    def __init__(self, *, table: str) -> None:
        self._row = bind(_DeliveryRow, table=table)

    @override
    def exchange(self, before: Delivery | None, after: Delivery | None) -> bool:
        writes = self._due_writes(before, after)
        standing: Condition = self._row.pk.does_not_exist()
        if before:
            standing = self._row.text == _text_of(before)
        if after:
            row = self._stored(_key_of(after), after)
            writes["delivery"] = Put(row=row, condition=standing)
        elif before:
            writes["delivery"] = Delete(row=self._row(*_key_of(before)), condition=standing)
        try:
            commit(writes)
        except WriteRefusedError:
            return False
        return True

    @override
    def due(
        self, subscription_id: str, *, app_id: str, until: datetime, limit: int
    ) -> Sequence[Delivery]:
        rows = self._row.query(
            _due_of(app_id, subscription_id),
            self._row.sk < f"{rfc3339(until)}#{_AFTER}",
            consistent_read=True,
            limit=limit,
        )
        return [_delivery_of(row) for row in rows]

    @override
    def delivery(self, delivery_id: str, *, subscription_id: str, app_id: str) -> Delivery | None:
        try:
            key = _deliveries_of(app_id, subscription_id)
            return _delivery_of(self._row.get(key, delivery_id, consistent_read=True))
        except DoesNotExist:
            return None

    @override
    def deliveries(
        self,
        subscription_id: str,
        *,
        app_id: str,
        state: DeliveryState,
        after: str | None,
        limit: int,
    ) -> Sequence[Delivery]:
        rows = self._row.query(
            _deliveries_of(app_id, subscription_id),
            self._row.sk > after if after else None,
            consistent_read=True,
        )
        found: list[Delivery] = []
        for row in rows:
            one = _delivery_of(row)
            if one.state is state:
                found.append(one)
            if len(found) == limit:
                break
        return found

    def _due_writes(self, before: Delivery | None, after: Delivery | None) -> dict[str, Write]:
        """Return the writes that move a delivery from one instant to another."""
        gone, fresh = _due_key_of(before), _due_key_of(after)
        writes: dict[str, Write] = {}
        if gone and gone != fresh:
            writes["due before"] = Delete(row=self._row(*gone))
        if fresh and after:
            writes["due"] = Put(row=self._stored(fresh, after))
        return writes

    def _stored(self, key: tuple[str, str], delivery: Delivery) -> _DeliveryRow:
        expires_at = int(delivery.expires_at.timestamp())
        return self._row(*key, text=_text_of(delivery), expires_at=expires_at)


def _commit(writes: dict[str, Write], subscription: Subscription) -> None:
    try:
        commit(writes)
    except WriteRefusedError as error:
        raise SubscriptionStaleError(subscription.subscription_id) from error


def _subscriptions_of(app_id: str) -> str:
    return f"APP#{app_id}#SUBSCRIPTIONS"


def _deliveries_of(app_id: str, subscription_id: str) -> str:
    return f"APP#{app_id}#DLV#{subscription_id}"


def _due_of(app_id: str, subscription_id: str) -> str:
    return f"APP#{app_id}#DUE#{subscription_id}"


def _key_of(delivery: Delivery) -> tuple[str, str]:
    return _deliveries_of(delivery.app_id, delivery.subscription_id), delivery.delivery_id


def _due_key_of(delivery: Delivery | None) -> tuple[str, str] | None:
    if delivery is None or delivery.state is not DeliveryState.WAITING:
        return None
    due = f"{rfc3339(delivery.due_at)}#{delivery.delivery_id}"
    return _due_of(delivery.app_id, delivery.subscription_id), due


def _text_of(delivery: Delivery) -> str:
    return _json(
        {
            "app_id": delivery.app_id,
            "subscription_id": delivery.subscription_id,
            "delivery_id": delivery.delivery_id,
            "sequences": delivery.sequences,
            "created_at": rfc3339(delivery.created_at),
            "due_at": rfc3339(delivery.due_at),
            "attempts": delivery.attempts,
            "outcome": delivery.outcome,
            "state": delivery.state,
        }
    )


def _delivery_of(row: _DeliveryRow) -> Delivery:
    told = json.loads(row.text)
    return Delivery(
        **{
            **told,
            "sequences": tuple(told["sequences"]),
            "created_at": from_rfc3339(told["created_at"]),
            "due_at": from_rfc3339(told["due_at"]),
            "state": DeliveryState(told["state"]),
        }
    )


def _text_of_subscription(subscription: Subscription) -> str:
    return _json(
        {
            "url": subscription.url,
            "filter": subscription.filter,
            "mode": subscription.mode,
            "description": subscription.description,
            "state": subscription.state,
            "reason": subscription.reason,
            "created_at": rfc3339(subscription.created_at),
            "updated_at": rfc3339(subscription.updated_at),
            "secrets": [
                {
                    "secret_id": secret.secret_id,
                    "sealed": secret.sealed,
                    "created_at": rfc3339(secret.created_at),
                    "ends_at": rfc3339(secret.ends_at) if secret.ends_at else None,
                }
                for secret in subscription.secrets
            ],
        }
    )


def _subscription_of(row: _SubscriptionRow, *, app_id: str) -> Subscription:
    told = json.loads(row.text)
    return Subscription(
        app_id=app_id,
        subscription_id=row.sk,
        url=told["url"],
        filter=told["filter"],
        mode=MessageMode(told["mode"]),
        description=told["description"],
        state=SubscriptionState(told["state"]),
        reason=PauseReason(told["reason"]) if told["reason"] else None,
        created_at=from_rfc3339(told["created_at"]),
        updated_at=from_rfc3339(told["updated_at"]),
        failing_since=from_rfc3339(row.failing_since) if row.failing_since else None,
        version=int(row.version),
        secrets=tuple(
            SigningSecret(
                secret_id=secret["secret_id"],
                sealed=secret["sealed"],
                created_at=from_rfc3339(secret["created_at"]),
                ends_at=from_rfc3339(secret["ends_at"]) if secret["ends_at"] else None,
            )
            for secret in told["secrets"]
        ),
    )


def _json(fields: dict[str, object]) -> str:
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False)

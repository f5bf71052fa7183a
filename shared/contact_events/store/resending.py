"""Replays of the ledger into subscriptions, in the ledger's table.

| what                           | pk                  | sk             |
| ------------------------------ | ------------------- | -------------- |
| replay                         | APP#<app>#RPL#<sub> | <replay>       |
| replay that a subscription has | APP#<app>#REPLAYING | <subscription> |

No row has a ``sequence``: the relay passes them over. A row of the second kind stands while its
replay is running, and names it.
"""

import json
from collections.abc import Mapping, Sequence

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from typing_extensions import override

from shared.contact_events.errors import StaleError
from shared.contact_events.model.replays import Span
from shared.contact_events.model.resending import Replay, ReplayState
from shared.contact_events.ports import ReplayStore
from shared.kernel.clock import from_rfc3339, rfc3339
from shared.kernel.envelope import Envelope
from shared.kernel.idempotency import Attempt, Remembered
from shared.platform.attempts import Attempts
from shared.platform.dynamodb import Delete, Put, Row, Write, WriteRefusedError, bind, commit
from shared.platform.ledger import Ledger


class _ReplayRow(Row):
    """A replay as one JSON text."""

    text = UnicodeAttribute()
    version = NumberAttribute()
    expires_at = NumberAttribute(null=True)


class _RunningRow(Row):
    """Names the replay that is running."""

    replay_id = UnicodeAttribute()


class DynamoReplayStore(ReplayStore):
    """Replays: one item each, and one more for the one of a subscription that is running."""

    def __init__(self, *, table: str) -> None:
        self._row = bind(_ReplayRow, table=table)
        self._running = bind(_RunningRow, table=table)
        self._attempts = Attempts(table=table)
        self._ledger = Ledger(table=table)

    @override
    def add(self, replay: Replay, *, event: Envelope, attempt: Attempt | None = None) -> None:
        mark = self._running(*_running_key(replay), replay_id=replay.replay_id)
        writes: dict[str, Write] = {
            "replay": Put(row=self._stored(replay), condition=self._row.pk.does_not_exist()),
            "running": Put(row=mark, condition=self._running.pk.does_not_exist()),
            "event": self._ledger.record(event),
        }
        if attempt:
            writes["attempt"] = self._attempts.remember(
                attempt, result=replay.replay_id, at=replay.created_at, app_id=replay.app_id
            )
        _commit(writes)

    @override
    def find(self, replay_id: str, *, subscription_id: str, app_id: str) -> Replay | None:
        try:
            key = _replays_of(app_id, subscription_id)
            return _replay_of(self._row.get(key, replay_id, consistent_read=True))
        except DoesNotExist:
            return None

    @override
    def page(
        self, subscription_id: str, *, app_id: str, before: str | None, limit: int
    ) -> Sequence[Replay]:
        rows = self._row.query(
            _replays_of(app_id, subscription_id),
            self._row.sk < before if before else None,
            consistent_read=True,
            scan_index_forward=False,
            limit=limit,
        )
        return [_replay_of(row) for row in rows]

    @override
    def running(self, app_id: str) -> Sequence[Replay]:
        marks = self._running.query(_running_of(app_id), consistent_read=True)
        found = (
            self.find(mark.replay_id, subscription_id=mark.sk, app_id=app_id) for mark in marks
        )
        return [one for one in found if one and one.is_running]

    @override
    def replace(self, replay: Replay, *, event: Envelope | None = None) -> None:
        stands = self._row.version == replay.version - 1
        writes: dict[str, Write] = {"replay": Put(row=self._stored(replay), condition=stands)}
        if not replay.is_running:
            writes["running"] = Delete(row=self._running(*_running_key(replay)))
        if event:
            writes["event"] = self._ledger.record(event)
        _commit(writes)

    @override
    def recall(self, attempt: Attempt, *, app_id: str) -> Remembered | None:
        return self._attempts.recall(attempt, app_id=app_id)

    def _stored(self, replay: Replay) -> _ReplayRow:
        expires_at = replay.expires_at
        return self._row(
            _replays_of(replay.app_id, replay.subscription_id),
            replay.replay_id,
            text=_text_of(replay),
            version=replay.version,
            expires_at=int(expires_at.timestamp()) if expires_at else None,
        )


def _commit(writes: Mapping[str, Write]) -> None:
    try:
        commit(writes)
    except WriteRefusedError as error:
        raise StaleError(str(error)) from error


def _replays_of(app_id: str, subscription_id: str) -> str:
    return f"APP#{app_id}#RPL#{subscription_id}"


def _running_of(app_id: str) -> str:
    return f"APP#{app_id}#REPLAYING"


def _running_key(replay: Replay) -> tuple[str, str]:
    return _running_of(replay.app_id), replay.subscription_id


def _text_of(replay: Replay) -> str:
    told = {
        "app_id": replay.app_id,
        "subscription_id": replay.subscription_id,
        "since": rfc3339(replay.span.since),
        "until": rfc3339(replay.span.until),
        "types": sorted(replay.span.types),
        "per_minute": replay.per_minute,
        "after": replay.after,
        "created_by": replay.created_by,
        "created_at": rfc3339(replay.created_at),
        "due_at": rfc3339(replay.due_at),
        "read": replay.read,
        "sent": replay.sent,
        "state": replay.state,
        "ended_at": rfc3339(replay.ended_at) if replay.ended_at else None,
    }
    return json.dumps(told, separators=(",", ":"), ensure_ascii=False)


def _replay_of(row: _ReplayRow) -> Replay:
    told = json.loads(row.text)
    return Replay(
        app_id=told["app_id"],
        subscription_id=told["subscription_id"],
        replay_id=row.sk,
        span=Span(
            since=from_rfc3339(told["since"]),
            until=from_rfc3339(told["until"]),
            types=frozenset(told["types"]),
        ),
        per_minute=told["per_minute"],
        after=told["after"],
        created_by=told["created_by"],
        created_at=from_rfc3339(told["created_at"]),
        due_at=from_rfc3339(told["due_at"]),
        read=told["read"],
        sent=told["sent"],
        state=ReplayState(told["state"]),
        ended_at=from_rfc3339(told["ended_at"]) if told["ended_at"] else None,
        version=int(row.version),
    )

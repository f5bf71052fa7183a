"""In-app messages in DynamoDB.

| what                        | pk                | sk      |
| --------------------------- | ----------------- | ------- |
| in-app message              | APP#<app>#INAPP   | M#<id>  |
| the same, while it is active | APP#<app>#INAPP  | A#<id>  |

Devices read ``A``, which is written in the transaction that changes ``M``.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, time
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from typing_extensions import override

from shared.kernel.clock import from_rfc3339
from shared.kernel.envelope import Envelope
from shared.kernel.events import Purpose
from shared.kernel.idempotency import Attempt, Remembered
from shared.kernel.paging import Page
from shared.platform.attempts import Attempts
from shared.platform.dynamodb import Delete, Put, Row, Write, WriteRefusedError, bind, commit
from shared.platform.ledger import Ledger, plain
from shared.push.errors import InAppChangedError, InAppNotFoundError
from shared.push.model.in_app import (
    Caps,
    Comparison,
    Filter,
    InAppButton,
    InAppContent,
    InAppDraft,
    InAppMessage,
    InAppState,
    Layout,
    QuietTime,
    Trigger,
)
from shared.push.ports import InAppStore


class _InAppRow(Row):
    """An in-app message, as one JSON text."""

    text = UnicodeAttribute()
    version = NumberAttribute()


class DynamoInAppStore(InAppStore):
    """In-app messages, in the push table."""

    def __init__(self, *, table: str, ledger: Ledger) -> None:
        self._message = bind(_InAppRow, table=table)
        self._attempts = Attempts(table=table)
        self._ledger = ledger

    @override
    def add_message(
        self, message: InAppMessage, event: Envelope, *, attempt: Attempt | None
    ) -> bool:
        writes: dict[str, Write] = {
            "message": Put(
                row=self._row(message, "M"), condition=self._message.pk.does_not_exist()
            ),
            "event": self._ledger.record(event),
        }
        if attempt:
            writes["attempt"] = self._attempts.remember(
                attempt,
                app_id=message.app_id,
                result=message.in_app_id,
                at=message.created_at,
            )
        try:
            commit(writes)
        except WriteRefusedError as error:
            if set(error.failed) == {"attempt"}:
                return False
            raise
        return True

    @override
    def recall(self, attempt: Attempt, *, app_id: str) -> Remembered | None:
        return self._attempts.recall(attempt, app_id=app_id)

    @override
    def get_message(self, in_app_id: str, *, app_id: str) -> InAppMessage:
        try:
            row = self._message.get(_partition(app_id), f"M#{in_app_id}", consistent_read=True)
        except DoesNotExist as error:
            raise InAppNotFoundError(in_app_id) from error
        return _message_of(row)

    @override
    def list_messages(self, app_id: str, *, limit: int, cursor: str | None) -> Page[InAppMessage]:
        # Their keys lie after those of the active ones, at the end of the partition.
        rows = list(
            self._message.query(
                _partition(app_id), self._message.sk > f"M#{cursor or ''}", limit=limit + 1
            )
        )
        items = [_message_of(row) for row in rows[:limit]]
        more = items[-1].in_app_id if len(rows) > limit else None
        return Page(items=items, next_cursor=more)

    @override
    def active_messages(self, app_id: str) -> Sequence[InAppMessage]:
        rows = self._message.query(
            _partition(app_id), self._message.sk.startswith("A#"), consistent_read=True
        )
        return [_message_of(row) for row in rows]

    @override
    def replace_message(
        self, message: InAppMessage, event: Envelope, *, before: InAppMessage
    ) -> None:
        writes: dict[str, Write] = {
            "message": Put(
                row=self._row(message, "M"), condition=self._message.version == before.version
            ),
            "event": self._ledger.record(event),
        }
        if message.state is InAppState.ACTIVE:
            writes["active"] = Put(row=self._row(message, "A"))
        elif before.state is InAppState.ACTIVE:
            writes["active"] = Delete(row=self._row(message, "A"))
        try:
            commit(writes)
        except WriteRefusedError as error:
            raise InAppChangedError(message.in_app_id) from error

    def _row(self, message: InAppMessage, kind: str) -> _InAppRow:
        told = {
            "state": message.state,
            "created_at": message.created_at,
            "updated_at": message.updated_at,
            "draft": _plain_draft(message.draft),
        }
        return self._message(
            _partition(message.app_id),
            f"{kind}#{message.in_app_id}",
            text=json.dumps(told, separators=(",", ":"), ensure_ascii=False, default=plain),
            version=message.version,
        )


def _partition(app_id: str) -> str:
    return f"APP#{app_id}#INAPP"


def _message_of(row: _InAppRow) -> InAppMessage:
    told = json.loads(row.text)
    return InAppMessage(
        app_id=row.pk.split("#")[1],
        in_app_id=row.sk.split("#")[1],
        draft=_draft_of(told["draft"]),
        state=InAppState(told["state"]),
        version=int(row.version),
        created_at=from_rfc3339(told["created_at"]),
        updated_at=from_rfc3339(told["updated_at"]),
    )


def _plain_draft(draft: InAppDraft) -> Mapping[str, Any]:
    quiet = draft.quiet_time
    return {
        **{name: getattr(draft, name) for name in draft.__dataclass_fields__},
        "content": _fields(draft.content)
        | {"buttons": [_fields(one) for one in draft.content.buttons]},
        "trigger": _fields(draft.trigger)
        | {"filters": [_fields(one) for one in draft.trigger.filters]},
        "caps": _fields(draft.caps),
        "quiet_time": [quiet.start.isoformat(), quiet.end.isoformat()] if quiet else None,
    }


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


def _draft_of(told: Mapping[str, Any]) -> InAppDraft:
    content, trigger, quiet = told["content"], told["trigger"], told["quiet_time"]
    return InAppDraft(
        **{
            **told,
            "content": InAppContent(
                **{
                    **content,
                    "layout": Layout(content["layout"]),
                    "buttons": tuple(InAppButton(**one) for one in content["buttons"]),
                }
            ),
            "trigger": Trigger(
                event=trigger["event"],
                filters=tuple(_filter_of(one) for one in trigger["filters"]),
            ),
            "purpose": Purpose(told["purpose"]),
            "caps": Caps(**told["caps"]),
            "quiet_time": QuietTime(
                start=time.fromisoformat(quiet[0]), end=time.fromisoformat(quiet[1])
            )
            if quiet
            else None,
            "starts_at": _instant_of(told["starts_at"]),
            "ends_at": _instant_of(told["ends_at"]),
        }
    )


def _filter_of(told: Mapping[str, Any]) -> Filter:
    return Filter(
        attribute=told["attribute"],
        comparison=Comparison(told["comparison"]),
        values=tuple(told["values"]),
    )


def _instant_of(text: str | None) -> datetime | None:
    return from_rfc3339(text) if text else None

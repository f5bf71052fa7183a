"""Inboxes in DynamoDB.

| what                     | pk                   | sk                    |
| ------------------------ | -------------------- | --------------------- |
| message of an inbox      | APP#<app>#I#<contact> | M#<order_at>#<key>   |

An inbox is read whole: its newest 100 rows, of which most are below 1 kB. So there is no counter
that could be wrong, and nothing to move where contacts are merged.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from typing_extensions import override

from shared.kernel.clock import from_rfc3339, rfc3339
from shared.kernel.envelope import Envelope
from shared.kernel.events import Purpose
from shared.kernel.idempotency import Attempt, Remembered
from shared.kernel.paging import Page
from shared.platform.attempts import Attempts
from shared.platform.batches import Insert, write_each
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
from shared.push.model.inbox import MOST_KEPT, InboxMessage, InboxState
from shared.push.ports import InboxStore
from shared.push.store.chunks import content_of, content_text

_FINISHED = "\0finished"


class _MessageRow(Row):
    """A message of an inbox; DynamoDB deletes it some time after it is over."""

    message_id = UnicodeAttribute()
    content = UnicodeAttribute()
    purpose = UnicodeAttribute()
    campaign_id = UnicodeAttribute(null=True)
    variant = UnicodeAttribute(null=True)
    state = UnicodeAttribute()
    sent_at = UnicodeAttribute()
    until = UnicodeAttribute()
    expires_at = NumberAttribute()


class DynamoInboxStore(InboxStore):
    """Inboxes, in the push table."""

    def __init__(self, *, table: str, ledger: Ledger) -> None:
        self._message = bind(_MessageRow, table=table)
        self._attempts = Attempts(table=table)
        self._ledger = ledger

    @override
    def keep_each(self, messages: Sequence[InboxMessage]) -> Sequence[bool]:
        return write_each([Insert(row=self._row(one)) for one in messages])

    @override
    def place(self, message: InboxMessage, event: Envelope) -> bool:
        new = Put(row=self._row(message), condition=self._message.pk.does_not_exist())
        return _is_done({"message": new, "event": self._ledger.record(event)})

    @override
    def newest(self, contact_id: str, *, app_id: str) -> Sequence[InboxMessage]:
        rows = self._message.query(
            _partition(app_id, contact_id),
            self._message.sk.startswith("M#"),
            scan_index_forward=False,
            limit=MOST_KEPT,
            consistent_read=True,
        )
        return [_message_of(row) for row in rows]

    @override
    def move(self, message: InboxMessage, state: InboxState, event: Envelope | None) -> bool:
        row = self._message
        moved = Update(
            row=row(*_key(message)),
            actions=[row.state.set(state.value)],
            condition=row.state.is_in(*(one.value for one in state.before)),
        )
        writes: dict[str, Write] = {"message": moved}
        if event:
            writes["event"] = self._ledger.record(event)
        return _is_done(writes)

    @override
    def record(self, events: Sequence[Envelope]) -> None:
        write_each([self._ledger.insert(event) for event in events])

    @override
    def messages_of(
        self, contact_id: str, *, app_id: str, after: str | None, limit: int
    ) -> Page[InboxMessage]:
        rows = self._message.query(
            _partition(app_id, contact_id),
            self._message.sk > (after or "M#"),
            consistent_read=True,
        )
        found = list(islice(rows, limit + 1))
        more = found[limit - 1].sk if len(found) > limit else None
        return Page(items=[_message_of(row) for row in found[:limit]], next_cursor=more)

    @override
    def remove(self, messages: Sequence[InboxMessage]) -> None:
        for one in messages:
            commit({"message": Delete(row=self._message(*_key(one)))})

    @override
    def begin(self, attempt: Attempt, *, app_id: str, batch_id: str, at: datetime) -> str:
        new = self._attempts.remember(attempt, app_id=app_id, result=batch_id, at=at)
        if _is_done({"attempt": new}):
            return batch_id
        before = self._attempts.recall(attempt, app_id=app_id)
        if before is None:
            return batch_id
        attempt.check(before.fingerprint)
        return before.result

    @override
    def finish(self, attempt: Attempt, *, app_id: str, answers: str, at: datetime) -> None:
        done = self._attempts.remember(_finished(attempt), app_id=app_id, result=answers, at=at)
        _is_done({"attempt": done})

    @override
    def recall(self, attempt: Attempt, *, app_id: str) -> Remembered | None:
        return self._attempts.recall(_finished(attempt), app_id=app_id)

    def _row(self, message: InboxMessage) -> _MessageRow:
        return self._message(
            *_key(message),
            message_id=message.message_id,
            content=content_text(message.content),
            purpose=message.purpose.value,
            campaign_id=message.campaign_id,
            variant=message.variant,
            state=message.state.value,
            sent_at=rfc3339(message.sent_at),
            until=rfc3339(message.until),
            expires_at=int(message.until.timestamp()) + 1,
        )


def _is_done(writes: dict[str, Write]) -> bool:
    try:
        commit(writes)
    except WriteRefusedError:
        return False
    return True


def _finished(attempt: Attempt) -> Attempt:
    return replace(attempt, key=attempt.key + _FINISHED)


def _partition(app_id: str, contact_id: str) -> str:
    return f"APP#{app_id}#I#{contact_id}"


def _key(message: InboxMessage) -> tuple[str, str]:
    place = f"M#{rfc3339(message.order_at)}#{message.key}"
    return _partition(message.app_id, message.contact_id), place


def _message_of(row: _MessageRow) -> InboxMessage:
    _, app_id, _, contact_id = row.pk.split("#")
    _, order_at, key = row.sk.split("#")
    return InboxMessage(
        app_id=app_id,
        contact_id=contact_id,
        key=key,
        order_at=from_rfc3339(order_at),
        message_id=row.message_id,
        content=content_of(row.content),
        purpose=Purpose(row.purpose),
        campaign_id=row.campaign_id,
        variant=row.variant,
        state=InboxState(row.state),
        sent_at=from_rfc3339(row.sent_at),
        until=from_rfc3339(row.until),
    )

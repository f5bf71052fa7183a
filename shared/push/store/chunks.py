"""Chunks in DynamoDB, and the ledger's rows of what became of their messages.

| what                | pk                       | sk |
| ------------------- | ------------------------ | -- |
| chunk               | APP#<app>#K#<chunk>      | K  |
| final event         | in the ledger, under the chunk's planned instant and the message id |
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import cache
from itertools import islice
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from typing_extensions import override

from shared.kernel.clock import from_rfc3339, rfc3339
from shared.kernel.envelope import Envelope, RowKey
from shared.kernel.events import Purpose, Subject
from shared.kernel.idempotency import Attempt, Remembered
from shared.kernel.paging import Page
from shared.platform.dynamodb import (
    POOL,
    Delete,
    Put,
    Row,
    Update,
    Write,
    WriteRefusedError,
    bind,
    commit,
)
from shared.platform.ledger import EventRow, Ledger, from_row, key_of, partition
from shared.push.errors import LeaseHeldError, LeaseLostError, MessageNotFoundError
from shared.push.events import SOURCE
from shared.push.model import (
    Apns,
    Button,
    Chunk,
    Content,
    InterruptionLevel,
    Priority,
    Recipient,
    State,
    Terms,
    place_of_message,
)
from shared.push.ports import ChunkStore, MessageArchive
from shared.push.store.attempts import Attempts

CHUNKS_KEPT = timedelta(days=90)
"""How long devices may report on a message."""

_LETTER = {
    State.PENDING: ".",
    State.AMBIGUOUS: "?",
    State.SENT: "s",
    State.INVALID: "i",
    State.SKIPPED: "k",
    State.EXPIRED: "x",
    State.FAILED: "f",
    State.UNKNOWN: "u",
}
_STATE = {letter: state for state, letter in _LETTER.items()}


class _ChunkRow(Row):
    """A chunk; ``states`` has one letter a message, ``open`` says that some are not final."""

    content = UnicodeAttribute()
    purpose = UnicodeAttribute()
    terms = UnicodeAttribute(null=True)
    recipients = UnicodeAttribute()
    unreached = UnicodeAttribute()
    states = UnicodeAttribute()
    planned_at = UnicodeAttribute()
    send_until = UnicodeAttribute()
    turn = NumberAttribute()
    holder = UnicodeAttribute(null=True)
    held_until = UnicodeAttribute(null=True)
    expires_at = NumberAttribute()


class DynamoChunkStore(ChunkStore, MessageArchive):
    """The push table, and the ledger."""

    def __init__(self, *, table: str, ledger_table: str) -> None:
        self._chunk = bind(_ChunkRow, table=table)
        self._attempts = Attempts(table=table)
        self._event = bind(EventRow, table=ledger_table)
        self._ledger = Ledger(table=ledger_table)

    @override
    def add_chunk(self, chunk: Chunk, event: Envelope, *, attempt: Attempt | None) -> bool:
        writes: dict[str, Write] = {
            "chunk": Put(row=self._row(chunk), condition=self._chunk.pk.does_not_exist()),
            "event": self._ledger.record(event),
        }
        if attempt:
            writes["attempt"] = self._attempts.remember(
                attempt, app_id=chunk.app_id, result=chunk.chunk_id, at=chunk.planned_at
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
    def get_chunk(self, chunk_id: str, *, app_id: str) -> Chunk:
        return _chunk_of(self._find(chunk_id, app_id), app_id=app_id, chunk_id=chunk_id)

    @override
    def take_lease(
        self, chunk_id: str, *, app_id: str, holder: str, at: datetime, until: datetime
    ) -> Chunk | None:
        found = self._find(chunk_id, app_id)
        chunk = _chunk_of(found, app_id=app_id, chunk_id=chunk_id)
        if not chunk.pending:
            return None
        if found.held_until and found.held_until > rfc3339(at):
            raise LeaseHeldError(chunk_id)
        row = self._chunk
        taken = Update(
            row=row(*_chunk_key(app_id, chunk_id)),
            actions=[
                row.holder.set(holder),
                row.held_until.set(rfc3339(until)),
                row.turn.set(int(found.turn) + 1),
            ],
            condition=row.turn == found.turn,
        )
        try:
            commit({"chunk": taken})
        except WriteRefusedError as error:
            raise LeaseHeldError(chunk_id) from error
        return _chunk_of(
            found, app_id=app_id, chunk_id=chunk_id, was_dropped=found.holder is not None
        )

    @override
    def save_states(self, chunk: Chunk, *, holder: str, give_back: bool) -> None:
        row = self._chunk
        states = row.states.set(_letters(chunk.states))
        released = [row.holder.remove(), row.held_until.remove()] if give_back else []
        saved = Update(
            row=row(*_chunk_key(chunk.app_id, chunk.chunk_id)),
            actions=[states, *released],
            condition=row.holder == holder,
        )
        try:
            commit({"chunk": saved})
        except WriteRefusedError as error:
            raise LeaseLostError(chunk.chunk_id) from error

    @override
    def messages_of(
        self, contact_id: str, *, app_id: str, after: str | None, limit: int
    ) -> Page[str]:
        rows = self._event.query(
            partition(app_id, Subject(kind="contact", id=contact_id)),
            self._event.sk > (after or "E#") if after else self._event.sk.startswith("E#"),
            filter_condition=self._event.source == SOURCE,
            attributes_to_get=["pk", "sk"],
            consistent_read=True,
        )
        found = [(row.sk, _message_in(row.sk)) for row in islice(rows, limit + 1)]
        page = [message_id for _, message_id in found[:limit] if message_id]
        return Page(items=page, next_cursor=found[limit - 1][0] if len(found) > limit else None)

    @override
    def chunks(self, chunk_ids: Iterable[str], *, app_id: str) -> Mapping[str, Chunk]:
        keys = {_chunk_key(app_id, one): one for one in chunk_ids}
        rows = self._chunk.batch_get(list(keys), consistent_read=True) if keys else ()
        return {
            keys[row.pk, row.sk]: _chunk_of(row, app_id=app_id, chunk_id=keys[row.pk, row.sk])
            for row in rows
        }

    @override
    def replace_recipients(self, chunk: Chunk) -> None:
        row = self._chunk
        told = Update(
            row=row(*_chunk_key(chunk.app_id, chunk.chunk_id)),
            actions=[row.recipients.set(_recipients_text(chunk))],
            condition=row.pk.exists(),
        )
        with suppress(WriteRefusedError):
            commit({"chunk": told})

    @override
    def remove_chunk(self, chunk: Chunk) -> None:
        commit({"chunk": Delete(row=self._chunk(*_chunk_key(chunk.app_id, chunk.chunk_id)))})

    @override
    def record_once(self, events: Sequence[Envelope]) -> Sequence[bool]:
        def record(event: Envelope) -> bool:
            try:
                commit({"event": self._ledger.record(event)})
            except WriteRefusedError:
                return False
            return True

        if len(events) <= 1:
            return [record(event) for event in events]
        return list(_writers().map(record, events))

    @override
    def final_events(self, chunk: Chunk, indexes: Sequence[int]) -> Mapping[int, Envelope]:
        keys = {_final_key(chunk, index): index for index in indexes}
        if not keys:
            return {}
        rows = self._event.batch_get(list(keys), consistent_read=True)
        return {keys[row.pk, row.sk]: from_row(row) for row in rows}

    def _find(self, chunk_id: str, app_id: str) -> _ChunkRow:
        try:
            return self._chunk.get(*_chunk_key(app_id, chunk_id), consistent_read=True)
        except DoesNotExist as error:
            raise MessageNotFoundError(chunk_id) from error

    def _row(self, chunk: Chunk) -> _ChunkRow:
        return self._chunk(
            *_chunk_key(chunk.app_id, chunk.chunk_id),
            content=_text_of(chunk.content),
            purpose=chunk.purpose.value,
            terms=_terms_text(chunk.terms),
            recipients=_recipients_text(chunk),
            unreached=json.dumps(chunk.unreached),
            states=_letters(chunk.states),
            planned_at=rfc3339(chunk.planned_at),
            send_until=rfc3339(chunk.send_until),
            turn=chunk.turn,
            expires_at=int((chunk.planned_at + CHUNKS_KEPT).timestamp()),
        )


@cache
def _writers() -> ThreadPoolExecutor:
    """Return the process's threads for ledger rows: one connection of the pool each."""
    return ThreadPoolExecutor(POOL)


def _chunk_key(app_id: str, chunk_id: str) -> tuple[str, str]:
    return f"APP#{app_id}#K#{chunk_id}", "K"


def _final_key(chunk: Chunk, index: int) -> tuple[str, str]:
    contact = Subject(kind="contact", id=chunk.recipients[index].contact_id)
    key = RowKey(at=chunk.planned_at, id=chunk.message_id(index))
    return partition(chunk.app_id, contact), key_of(key.at, source=SOURCE, row_id=key.id)


def _message_in(sort_key: str) -> str | None:
    """Return the message whose final event lies under a key; receipts lie beside it."""
    row_id = sort_key.rsplit("#", 1)[-1]
    return row_id if place_of_message(row_id) else None


def _recipients_text(chunk: Chunk) -> str:
    recipients = [[one.device_id, one.contact_id] for one in chunk.recipients]
    return json.dumps(recipients, separators=(",", ":"))


def _letters(states: Sequence[State]) -> str:
    return "".join(_LETTER[state] for state in states)


def _text_of(content: Content) -> str:
    ttl = content.time_to_live
    fields: dict[str, Any] = {
        "title": content.title,
        "body": content.body,
        "image": content.image,
        "link": content.link,
        "data": dict(content.data),
        "priority": content.priority.value,
        "ttl": int(ttl.total_seconds()) if ttl is not None else None,
        "collapse_key": content.collapse_key,
    }
    # Few messages have these.
    if content.buttons:
        fields["buttons"] = [asdict(button) for button in content.buttons]
    if content.channel_id:
        fields["channel_id"] = content.channel_id
    if content.apns != Apns():
        fields["apns"] = asdict(content.apns)
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False)


def apns_of(stored: Mapping[str, Any]) -> Apns:
    """Return what only Apple's devices need, from what is stored of it."""
    level = stored.get("interruption_level")
    return Apns(**{**stored, "interruption_level": InterruptionLevel(level) if level else None})


def _terms_text(terms: Terms) -> str | None:
    return json.dumps(asdict(terms), separators=(",", ":")) if terms != Terms() else None


def _content_of(text: str) -> Content:
    fields = json.loads(text)
    ttl = fields.pop("ttl")
    fields["priority"] = Priority(fields["priority"])
    fields["buttons"] = tuple(Button(**button) for button in fields.get("buttons", ()))
    fields["apns"] = apns_of(fields.get("apns", {}))
    return Content(**fields, time_to_live=timedelta(seconds=ttl) if ttl is not None else None)


def _chunk_of(row: _ChunkRow, *, app_id: str, chunk_id: str, was_dropped: bool = False) -> Chunk:
    return Chunk(
        app_id=app_id,
        chunk_id=chunk_id,
        content=_content_of(row.content),
        purpose=Purpose(row.purpose),
        terms=Terms(**json.loads(row.terms)) if row.terms else Terms(),
        recipients=tuple(
            Recipient(device_id=device_id, contact_id=contact_id)
            for device_id, contact_id in json.loads(row.recipients)
        ),
        states=tuple(_STATE[letter] for letter in row.states),
        unreached=tuple(json.loads(row.unreached)),
        planned_at=from_rfc3339(row.planned_at),
        send_until=from_rfc3339(row.send_until),
        turn=int(row.turn),
        was_dropped=was_dropped,
    )

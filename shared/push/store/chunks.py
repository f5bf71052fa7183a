"""Chunks in DynamoDB, and the ledger's rows of what became of their messages.

| what                | pk                       | sk |
| ------------------- | ------------------------ | -- |
| chunk               | APP#<app>#K#<chunk>      | K  |
| its recipients      | the same                 | R  |
| final event         | in the ledger, under the chunk's planned instant and the message id |

``K`` is written with every step of the sender, so it is small: 500 messages take about 1 kB, and a
letter more for each where there are reasons. ``R``, many times as large, is written once.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.update import Action
from typing_extensions import override

from shared.kernel.clock import from_rfc3339, rfc3339
from shared.kernel.envelope import Envelope, RowKey
from shared.kernel.events import Purpose, Subject
from shared.kernel.idempotency import Attempt, Remembered
from shared.kernel.paging import Page
from shared.platform.attempts import Attempts
from shared.platform.batches import write_each
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
from shared.platform.ledger import EventRow, Ledger, from_row, key_of, partition
from shared.push.errors import LeaseHeldError, LeaseLostError, MessageNotFoundError
from shared.push.events import SOURCE, MessageSent, MessageUnconfirmed
from shared.push.model import (
    Apns,
    Button,
    Chunk,
    Content,
    Copy,
    DeliveryMode,
    InterruptionLevel,
    Part,
    Priority,
    Recipient,
    State,
    Terms,
    place_of_message,
)
from shared.push.model.books import line_of
from shared.push.model.campaigns import ZONES_APART
from shared.push.ports import ChunkStore, MessageArchive
from shared.push.store.books import LineRow, WaitingRow, write_of_line, write_of_waiting

CHUNKS_KEPT = timedelta(days=90)
"""How long devices may report on a message."""

_LETTER = {
    State.PENDING: ".",
    State.TRYING: "!",
    State.AMBIGUOUS: "?",
    State.SENT: "s",
    State.INVALID: "i",
    State.SKIPPED: "k",
    State.HELD_OUT: "h",
    State.EXPIRED: "x",
    State.FAILED: "f",
    State.UNKNOWN: "u",
    State.DEFERRED: "d",
}
_STATE = {letter: state for state, letter in _LETTER.items()}

_NO_REASON = "."
_FIRST_REASON = ord("A")


class _ChunkRow(Row):
    """A chunk; ``states`` has one letter a message, ``copy`` seconds and an instant.

    ``reasons`` are the different ones, and ``whys`` has the letter of one of them, or a dot, for
    each message: ``A`` is the first, and so on through Unicode.
    """

    purpose = UnicodeAttribute()
    terms = UnicodeAttribute(null=True)
    part = UnicodeAttribute(null=True)
    copy = UnicodeAttribute(null=True)
    unreached = UnicodeAttribute()
    states = UnicodeAttribute()
    reasons = UnicodeAttribute(null=True)
    whys = UnicodeAttribute(null=True)
    planned_at = UnicodeAttribute()
    send_until = UnicodeAttribute()
    turn = NumberAttribute()
    holder = UnicodeAttribute(null=True)
    held_until = UnicodeAttribute(null=True)
    expires_at = NumberAttribute()


class _RecipientsRow(Row):
    """Whom a chunk tells, and what, where that is the same for everybody."""

    content = UnicodeAttribute(null=True)
    recipients = UnicodeAttribute()
    expires_at = NumberAttribute()


class ChunkRows:
    """Builds the writes of chunks, for transactions of the chunk store and of the plan store."""

    def __init__(self, *, table: str) -> None:
        self.chunk = bind(_ChunkRow, table=table)
        self.recipients = bind(_RecipientsRow, table=table)
        self._line = bind(LineRow, table=table)
        self._waiting = bind(WaitingRow, table=table)

    def writes_of_new_chunk(self, chunk: Chunk) -> Mapping[str, Write]:
        """Return the writes of a new chunk, by names that no other chunk's writes have.

        They are the chunk and its recipients; of a part of a campaign, its line in the books and
        its wait for the release, too.
        """
        name, part = chunk.chunk_id, chunk.part
        writes: dict[str, Write] = {
            f"{name} chunk": Put(row=self._row(chunk), condition=self.chunk.pk.does_not_exist()),
            f"{name} recipients": Put(row=self.recipients_row(chunk)),
        }
        if part:
            writes[f"{name} line"] = self.line(chunk, part)
            writes[f"{name} waiting"] = self.hold(chunk, chunk.planned_at)
        return writes

    def line(self, chunk: Chunk, part: Part) -> Put:
        """Return the write of a chunk's line, as the chunk stands."""
        return write_of_line(self._line, chunk, part)

    def hold(self, chunk: Chunk, due_at: datetime) -> Put:
        """Return the write that has a part of a campaign wait for its release."""
        if chunk.part is None:
            raise ValueError("only parts of campaigns wait for a release")
        return write_of_waiting(self._waiting, chunk, chunk.part, due_at=due_at)

    def recipients_row(self, chunk: Chunk) -> _RecipientsRow:
        """Return the row of a chunk's recipients."""
        return self.recipients(
            *_recipients_key(chunk.app_id, chunk.chunk_id),
            content=content_text(chunk.content) if chunk.content else None,
            recipients=_recipients_text(chunk),
            expires_at=_expiry_of(chunk),
        )

    def _row(self, chunk: Chunk) -> _ChunkRow:
        return self.chunk(
            *_chunk_key(chunk.app_id, chunk.chunk_id),
            purpose=chunk.purpose.value,
            terms=_terms_text(chunk.terms),
            part=json.dumps(asdict(chunk.part), separators=(",", ":")) if chunk.part else None,
            copy=_copy_text(chunk.copy),
            unreached=json.dumps(chunk.unreached),
            states=_letters(chunk.states),
            planned_at=rfc3339(chunk.planned_at),
            send_until=rfc3339(chunk.send_until),
            turn=chunk.turn,
            expires_at=_expiry_of(chunk),
        )


class DynamoChunkStore(ChunkStore, MessageArchive):
    """The push table, and the ledger."""

    def __init__(self, *, table: str, ledger_table: str) -> None:
        self._rows = ChunkRows(table=table)
        self._chunk = self._rows.chunk
        self._recipients = self._rows.recipients
        self._attempts = Attempts(table=table)
        self._event = bind(EventRow, table=ledger_table)
        self._ledger = Ledger(table=ledger_table)

    @override
    def add_chunk(self, chunk: Chunk, event: Envelope, *, attempt: Attempt | None) -> bool:
        writes: dict[str, Write] = {
            **self._rows.writes_of_new_chunk(chunk),
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
        found = self._find(chunk_id, app_id)
        return _chunk_of(found, self._find_recipients(chunk_id, app_id), app_id=app_id)

    @override
    def take_lease(
        self, chunk_id: str, *, app_id: str, holder: str, at: datetime, until: datetime
    ) -> Chunk | None:
        found = self._find(chunk_id, app_id)
        if all(_STATE[letter].is_final for letter in found.states):
            return None
        if found.held_until and found.held_until > rfc3339(at):
            raise LeaseHeldError(chunk_id)
        recipients = self._find_recipients(chunk_id, app_id)
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
        chunk = _chunk_of(found, recipients, app_id=app_id)
        return replace(chunk, turn=chunk.turn + 1, was_dropped=found.holder is not None)

    @override
    def save_states(self, chunk: Chunk, *, before: Chunk, holder: str, give_back: bool) -> None:
        self._save(chunk, before=before, holder=holder, give_back=give_back, writes={})

    @override
    def put_back(self, chunk: Chunk, *, before: Chunk, holder: str, due_at: datetime) -> None:
        waits = self._rows.hold(chunk, due_at)
        self._save(chunk, before=before, holder=holder, give_back=True, writes={"waiting": waits})

    def _save(
        self,
        chunk: Chunk,
        *,
        before: Chunk,
        holder: str,
        give_back: bool,
        writes: Mapping[str, Write],
    ) -> None:
        row = self._chunk
        actions: list[Action] = [row.states.set(_letters(chunk.states))]
        if chunk.reasons:
            reasons, whys = _reasons_text(chunk)
            actions += [row.reasons.set(reasons), row.whys.set(whys)]
        if give_back:
            actions += [row.holder.remove(), row.held_until.remove()]
        saved = Update(
            row=row(*_chunk_key(chunk.app_id, chunk.chunk_id)),
            actions=actions,
            condition=row.holder == holder,
        )
        counted: dict[str, Write] = {}
        if chunk.part and line_of(chunk) != line_of(before):
            counted["line"] = self._rows.line(chunk, chunk.part)
        try:
            commit({"chunk": saved, **counted, **writes})
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
        wanted = list(chunk_ids)
        if not wanted:
            return {}
        chunks = self._chunk.batch_get(
            [_chunk_key(app_id, one) for one in wanted], consistent_read=True
        )
        told = self._recipients.batch_get(
            [_recipients_key(app_id, one) for one in wanted], consistent_read=True
        )
        recipients = {row.pk: row for row in told}
        found = [
            _chunk_of(row, recipients[row.pk], app_id=app_id)
            for row in chunks
            if row.pk in recipients
        ]
        return {chunk.chunk_id: chunk for chunk in found}

    @override
    def replace_recipients(self, chunk: Chunk) -> None:
        row = self._rows.recipients_row(chunk)
        with suppress(WriteRefusedError):
            commit({"recipients": Put(row=row, condition=self._recipients.pk.exists())})

    @override
    def remove_chunk(self, chunk: Chunk) -> None:
        chunk_id, app_id = chunk.chunk_id, chunk.app_id
        commit(
            {
                "chunk": Delete(row=self._chunk(*_chunk_key(app_id, chunk_id))),
                "recipients": Delete(row=self._recipients(*_recipients_key(app_id, chunk_id))),
            }
        )

    @override
    def record_once(self, events: Sequence[Envelope]) -> Sequence[bool]:
        if len(events) > 1:
            return write_each([self._ledger.insert(event) for event in events])
        return [self._record(event) for event in events]

    @override
    def final_events(self, chunk: Chunk, indexes: Sequence[int]) -> Mapping[int, Envelope]:
        keys = {_final_key(chunk, index): index for index in indexes}
        if not keys:
            return {}
        rows = self._event.batch_get(list(keys), consistent_read=True)
        return {keys[row.pk, row.sk]: from_row(row) for row in rows}

    @override
    def was_told(self, chunk: Chunk, contact_id: str) -> bool:
        began, ended = chunk.planned_at - ZONES_APART, chunk.planned_at + ZONES_APART
        rows = self._event.query(
            partition(chunk.app_id, Subject(kind="contact", id=contact_id)),
            self._event.sk.between(f"E#{rfc3339(began)}", f"E#{rfc3339(ended)}"),
            filter_condition=self._event.type.is_in(MessageSent.type, MessageUnconfirmed.type),
            consistent_read=True,
        )
        campaign_id = chunk.terms.campaign_id
        return any(json.loads(row.data).get("campaign_id") == campaign_id for row in rows)

    def _record(self, event: Envelope) -> bool:
        try:
            commit({"event": self._ledger.record(event)})
        except WriteRefusedError:
            return False
        return True

    def _find(self, chunk_id: str, app_id: str) -> _ChunkRow:
        try:
            return self._chunk.get(*_chunk_key(app_id, chunk_id), consistent_read=True)
        except DoesNotExist as error:
            raise MessageNotFoundError(chunk_id) from error

    def _find_recipients(self, chunk_id: str, app_id: str) -> _RecipientsRow:
        try:
            return self._recipients.get(*_recipients_key(app_id, chunk_id), consistent_read=True)
        except DoesNotExist as error:
            raise MessageNotFoundError(chunk_id) from error


def _chunk_key(app_id: str, chunk_id: str) -> tuple[str, str]:
    return f"APP#{app_id}#K#{chunk_id}", "K"


def _recipients_key(app_id: str, chunk_id: str) -> tuple[str, str]:
    return f"APP#{app_id}#K#{chunk_id}", "R"


def _expiry_of(chunk: Chunk) -> int:
    return int((chunk.planned_at + CHUNKS_KEPT).timestamp())


def _final_key(chunk: Chunk, index: int) -> tuple[str, str]:
    contact = Subject(kind="contact", id=chunk.recipients[index].contact_id)
    key = RowKey(at=chunk.planned_at, id=chunk.message_id(index))
    return partition(chunk.app_id, contact), key_of(key.at, source=SOURCE, row_id=key.id)


def _message_in(sort_key: str) -> str | None:
    """Return the message whose final event lies under a key; receipts lie beside it."""
    row_id = sort_key.rsplit("#", 1)[-1]
    return row_id if place_of_message(row_id) else None


def _recipients_text(chunk: Chunk) -> str:
    recipients = [
        [one.device_id, one.contact_id, *([one.variant] if one.variant else [])]
        for one in chunk.recipients
    ]
    return json.dumps(recipients, separators=(",", ":"))


def _recipient_of(device_id: str, contact_id: str, variant: str | None = None) -> Recipient:
    return Recipient(device_id=device_id, contact_id=contact_id, variant=variant)


def _reasons_text(chunk: Chunk) -> tuple[str, str]:
    """Return the different reasons, and one letter a message."""
    different = list(dict.fromkeys(chunk.reasons.values()))
    letters = {reason: chr(_FIRST_REASON + at) for at, reason in enumerate(different)}
    whys = (chunk.reasons.get(at) for at in range(len(chunk.states)))
    told = json.dumps(different, separators=(",", ":"), ensure_ascii=False)
    return told, "".join(letters[why] if why else _NO_REASON for why in whys)


def _reasons_of(row: _ChunkRow) -> Mapping[int, str]:
    if not (row.reasons and row.whys):
        return {}
    different = json.loads(row.reasons)
    return {
        at: different[ord(letter) - _FIRST_REASON]
        for at, letter in enumerate(row.whys)
        if letter != _NO_REASON
    }


def _letters(states: Sequence[State]) -> str:
    return "".join(_LETTER[state] for state in states)


def content_text(content: Content) -> str:
    """Return a content, as it is stored."""
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


def content_of(text: str) -> Content:
    """Return a content, from what is stored of it."""
    fields = json.loads(text)
    ttl = fields.pop("ttl")
    fields["priority"] = Priority(fields["priority"])
    fields["buttons"] = tuple(Button(**button) for button in fields.get("buttons", ()))
    fields["apns"] = apns_of(fields.get("apns", {}))
    return Content(**fields, time_to_live=timedelta(seconds=ttl) if ttl is not None else None)


def _copy_text(copy: Copy | None) -> str | None:
    return f"{int(copy.kept_for.total_seconds())} {rfc3339(copy.order_at)}" if copy else None


def _copy_of(text: str | None) -> Copy | None:
    if text is None:
        return None
    seconds, order_at = text.split(" ")
    return Copy(kept_for=timedelta(seconds=int(seconds)), order_at=from_rfc3339(order_at))


def _part_of(text: str | None) -> Part | None:
    if text is None:
        return None
    fields = json.loads(text)
    return Part(**{**fields, "delivery": DeliveryMode(fields["delivery"])})


def _chunk_of(row: _ChunkRow, recipients: _RecipientsRow, *, app_id: str) -> Chunk:
    return Chunk(
        app_id=app_id,
        chunk_id=row.pk.rsplit("#", 1)[-1],
        content=content_of(recipients.content) if recipients.content else None,
        purpose=Purpose(row.purpose),
        terms=Terms(**json.loads(row.terms)) if row.terms else Terms(),
        recipients=tuple(_recipient_of(*one) for one in json.loads(recipients.recipients)),
        states=tuple(_STATE[letter] for letter in row.states),
        unreached=tuple(json.loads(row.unreached)),
        planned_at=from_rfc3339(row.planned_at),
        send_until=from_rfc3339(row.send_until),
        turn=int(row.turn),
        part=_part_of(row.part),
        copy=_copy_of(row.copy),
        reasons=_reasons_of(row),
    )

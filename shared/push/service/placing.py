"""Puts messages into inboxes: copies of what is pushed, and what stands there alone."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta

from shared.kernel.clock import Clock, from_rfc3339, rfc3339
from shared.kernel.decisions import Allow, Candidate, Defer, Drop
from shared.kernel.envelope import Envelope, RowKey, seal
from shared.kernel.errors import InvalidFieldsError
from shared.kernel.events import Channel, MessageSuppressed, Purpose
from shared.kernel.idempotency import Attempt
from shared.kernel.ids import Ids, made_at
from shared.push.events import SOURCE, MessageSent
from shared.push.model import Chunk, Content, Copy, ReceiptKind, Terms, content_problems
from shared.push.model.inbox import KEPT_FOR, InboxMessage, InboxState, Placed, Placing
from shared.push.ports import Asked, InboxPeople, InboxStore, Leave

_PLAIN = Terms()
_UNKNOWN = "contact_not_found"
_STATE_AFTER = {
    ReceiptKind.OPENED: InboxState.READ,
    ReceiptKind.CLICKED: InboxState.INTERACTED,
    ReceiptKind.CONVERTED: InboxState.INTERACTED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacingService:
    """Puts a message into the inboxes of some contacts, at once and without a push."""

    inboxes: InboxStore
    people: InboxPeople
    leave: Leave
    clock: Clock
    ids: Ids

    def place(
        self,
        contact_ids: Sequence[str],
        *,
        app_id: str,
        content: Content,
        purpose: Purpose,
        terms: Terms = _PLAIN,
        kept_for: timedelta = KEPT_FOR,
        attempt: Attempt | None,
    ) -> tuple[Sequence[Placed], bool]:
        """Place a message with each contact; return what became of each, and if it was known.

        A person whom the contact policy does not let be told now has no message: nothing waits.

        Raises:
            InvalidFieldsError: the content says nothing, or is too large.
            IdempotencyKeyReusedError: the attempt's key belongs to another request.
        """
        if attempt and (before := self._recall(attempt, app_id=app_id)) is not None:
            return before, True
        problems = content_problems(content)
        if problems:
            raise InvalidFieldsError("the message cannot be placed", fields=problems)
        batch_id, at = self.ids.sequence(), self.clock()
        if attempt:
            batch_id = self.inboxes.begin(attempt, app_id=app_id, batch_id=batch_id, at=at)
        messages = [
            InboxMessage(
                app_id=app_id,
                contact_id=contact_id,
                key=batch_id,
                order_at=made_at(batch_id),
                message_id=f"msg_{batch_id}_{index}",
                content=content,
                purpose=purpose,
                sent_at=at,
                until=at + kept_for,
            )
            for index, contact_id in enumerate(dict.fromkeys(contact_ids))
        ]
        placed = self._place(messages, terms)
        if attempt:
            self.inboxes.finish(attempt, app_id=app_id, answers=_answers_text(placed), at=at)
        return placed, False

    def _place(self, messages: Sequence[InboxMessage], terms: Terms) -> Sequence[Placed]:
        known = [self.people.is_known(one.contact_id, app_id=one.app_id) for one in messages]
        asked = [one for one, is_known in zip(messages, known, strict=True) if is_known]
        decisions = self.leave.ask([_asked(one, terms) for one in asked]) if asked else ()
        refusals: list[Envelope] = []
        answers: dict[str, Placed] = {}
        for message, decision in zip(asked, decisions, strict=True):
            if isinstance(decision, Allow):
                self.inboxes.place(message, self._sent(message))
                answers[message.message_id] = _answer(message, Placing.PLACED)
            else:
                refusals.append(self._suppressed(message, decision))
                answers[message.message_id] = _refusal(message, decision)
        if refusals:
            self.inboxes.record(refusals)
        return [answers.get(one.message_id) or _unknown(one) for one in messages]

    def _recall(self, attempt: Attempt, *, app_id: str) -> Sequence[Placed] | None:
        before = self.inboxes.recall(attempt, app_id=app_id)
        if before is None:
            return None
        attempt.check(before.fingerprint)
        return _answers_of(before.result)

    def _sent(self, message: InboxMessage) -> Envelope:
        event = MessageSent(
            app_id=message.app_id,
            occurred_at=message.sent_at,
            channel=Channel.INAPP,
            contact_id=message.contact_id,
            device_id=None,
            message_id=message.message_id,
            purpose=message.purpose,
            provider_id=None,
            ambiguous=False,
        )
        return self._sealed(message, event)

    def _suppressed(self, message: InboxMessage, refusal: Defer | Drop) -> Envelope:
        event = MessageSuppressed(
            app_id=message.app_id,
            occurred_at=message.sent_at,
            source=SOURCE,
            channel=Channel.INAPP,
            contact_id=message.contact_id,
            message_id=message.message_id,
            purpose=message.purpose,
            decision="defer" if isinstance(refusal, Defer) else "drop",
            reason=refusal.because[0].gate.value,
            because=tuple(one.plain() for one in refusal.because),
            until=refusal.until if isinstance(refusal, Defer) else None,
        )
        return self._sealed(message, event)

    def _sealed(self, message: InboxMessage, event: MessageSent | MessageSuppressed) -> Envelope:
        key = RowKey(at=message.order_at, id=message.message_id)
        return seal(event, sequence=self.ids.sequence(), key=key)


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxCopies:
    """Keeps copies of what a chunk's recipients are sent, one a person, and has them follow."""

    inboxes: InboxStore
    clock: Clock

    def keep(self, chunk: Chunk, contents: Mapping[int, Content]) -> None:
        """Keep what each is told, before it is sent; who has a copy keeps the one they have."""
        if chunk.copy is None or chunk.is_rehearsal:
            return
        copies: dict[str, InboxMessage] = {}
        for index, content in contents.items():
            copy = self._copy(chunk, index, content, chunk.copy)
            copies.setdefault(copy.contact_id, copy)
        self.inboxes.keep_each(list(copies.values()))

    def follow(self, chunk: Chunk, index: int, kind: ReceiptKind) -> None:
        """Have the copy be read where the push was opened; nothing is told twice of it."""
        state = _STATE_AFTER.get(kind)
        if chunk.copy and state:
            copy = self._copy(chunk, index, chunk.content or Content(), chunk.copy)
            self.inboxes.move(copy, state, None)

    def _copy(self, chunk: Chunk, index: int, content: Content, copy: Copy) -> InboxMessage:
        at, recipient = self.clock(), chunk.recipients[index]
        return InboxMessage(
            app_id=chunk.app_id,
            contact_id=recipient.contact_id,
            key=chunk.terms.campaign_id or chunk.chunk_id,
            order_at=copy.order_at,
            message_id=chunk.message_id(index),
            content=content,
            purpose=chunk.purpose,
            campaign_id=chunk.terms.campaign_id,
            variant=recipient.variant,
            sent_at=at,
            until=at + copy.kept_for,
        )


def _asked(message: InboxMessage, terms: Terms) -> Asked:
    return Asked(
        candidate=Candidate(
            app_id=message.app_id,
            contact_id=message.contact_id,
            channel=Channel.INAPP,
            purpose=message.purpose,
            topic=terms.topic,
            offer_key=terms.offer_key,
            priority=terms.priority,
            expires_at=message.until,
        ),
        key=f"inbox/{message.key}/{message.contact_id}",
    )


def _answer(message: InboxMessage, placing: Placing) -> Placed:
    return Placed(contact_id=message.contact_id, message_id=message.message_id, placing=placing)


def _refusal(message: InboxMessage, refusal: Defer | Drop) -> Placed:
    first = refusal.because[0]
    told = replace(_answer(message, Placing.REFUSED), reason=first.gate.value, detail=first.detail)
    if isinstance(refusal, Defer):
        return replace(told, placing=Placing.DEFERRED, until=refusal.until)
    return told


def _unknown(message: InboxMessage) -> Placed:
    return replace(
        _answer(message, Placing.REFUSED), reason=_UNKNOWN, detail="the app has no such contact"
    )


def _answers_text(placed: Sequence[Placed]) -> str:
    plain = [{**asdict(one), "until": rfc3339(one.until) if one.until else None} for one in placed]
    return json.dumps(plain, separators=(",", ":"), ensure_ascii=False)


def _answers_of(text: str) -> Sequence[Placed]:
    return [
        Placed(
            **{
                **one,
                "placing": Placing(one["placing"]),
                "until": from_rfc3339(one["until"]) if one["until"] else None,
            }
        )
        for one in json.loads(text)
    ]

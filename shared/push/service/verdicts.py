"""What becomes of messages, and the events that tell it, under keys that were fixed before."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, NamedTuple

from shared.kernel.clock import Clock, rfc3339
from shared.kernel.decisions import Defer, Drop, Gate, Reason
from shared.kernel.envelope import Envelope, RowKey, seal
from shared.kernel.events import Channel, MessageSuppressed
from shared.kernel.ids import Ids
from shared.push.events import (
    SOURCE,
    MessageEvent,
    MessageExpired,
    MessageFailed,
    MessageSent,
    MessageUnconfirmed,
)
from shared.push.model import Chunk, DeliveryMode, DeliveryResult, Outcome, State, Unrendered

PAUSE = timedelta(seconds=10)
"""Before a message is tried again, where FCM names no time."""

CANCELLED = "cancelled"

_STATE_OF_TYPE = {
    MessageSent.type: State.SENT,
    MessageExpired.type: State.EXPIRED,
    MessageUnconfirmed.type: State.UNKNOWN,
}


class Ending(NamedTuple):
    """Where a message stands, and why, as far as there is something to say."""

    state: State
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one turn came to for one message: an event that ends it, or a state to go on from.

    ``refusal`` is the contact policy's; a deferral has an event too, which ends nothing.
    """

    event: Envelope | None = None
    ending: Ending
    pause: timedelta = PAUSE
    refusal: Defer | Drop | None = None


def ending_of(event: Envelope) -> Ending:
    """Return where an event leaves its message."""
    if event.type == MessageFailed.type:
        return Ending(State(event.data["state"]), event.data["code"])
    if event.type != MessageSuppressed.type:
        return Ending(_STATE_OF_TYPE[event.type], event.data.get("reason"))
    reason = event.data["reason"]
    is_control = reason == Gate.CONTROL_GROUP
    return Ending(State.HELD_OUT if is_control else State.SKIPPED, reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """Judges the messages of chunks.

    What may have been sent before is never said to be certainly unsent: it ends as unconfirmed.
    """

    clock: Clock
    ids: Ids

    def answered(self, chunk: Chunk, index: int, result: DeliveryResult) -> Verdict:
        """Return what FCM's answer means."""
        match result.outcome:
            case Outcome.SENT:
                is_ambiguous = chunk.states[index] is State.AMBIGUOUS
                told = {"provider_id": result.provider_id, "ambiguous": is_ambiguous}
                return self._ended(chunk, index, MessageSent, **told)
            case Outcome.ADDRESS_GONE:
                return self._failed(chunk, index, state=State.INVALID, code=result.code)
            case Outcome.REJECTED:
                return self._failed(chunk, index, state=State.FAILED, code=result.code)
            case Outcome.RETRY:
                again = Ending(chunk.states[index])
                return Verdict(ending=again, pause=result.retry_after or PAUSE)
            case Outcome.UNKNOWN:
                return self._lost(chunk, index, result)

    def vanished(self, chunk: Chunk, index: int) -> Verdict:
        """Return what becomes of a message whose sender vanished while it was being sent."""
        if chunk.is_rehearsal:
            return Verdict(ending=Ending(State.PENDING))
        if chunk.delivery is DeliveryMode.AT_MOST_ONCE:
            return self._unconfirmed(chunk, index, reason="sender_vanished")
        return Verdict(ending=Ending(State.AMBIGUOUS))

    def too_late(self, chunk: Chunk, index: int) -> Verdict:
        """Return what becomes of a message that is worth nothing any more."""
        if chunk.states[index] is State.AMBIGUOUS:
            return self._unconfirmed(chunk, index, reason="expired")
        return self._ended(chunk, index, MessageExpired)

    def cancelled(self, chunk: Chunk, index: int) -> Verdict:
        """Return what becomes of a message whose campaign was cancelled."""
        return self.suppressed(chunk, index, reason=CANCELLED)

    def unrendered(self, chunk: Chunk, index: int, text: Unrendered) -> Verdict:
        """Return what becomes of a message that says nothing that could be sent."""
        return self._failed(chunk, index, state=State.FAILED, code=text.reason)

    def suppressed(
        self, chunk: Chunk, index: int, *, reason: str, because: Sequence[Reason] = ()
    ) -> Verdict:
        """Return what becomes of a message that must not be sent."""
        if chunk.states[index] is State.AMBIGUOUS:
            return self._unconfirmed(chunk, index, reason=reason)
        told = {"source": SOURCE, "channel": Channel.PUSH, "decision": "drop", "reason": reason}
        plain = tuple(one.plain() for one in because)
        return self._ended(chunk, index, MessageSuppressed, **told, because=plain)

    def refused(self, chunk: Chunk, index: int, refusal: Defer | Drop) -> Verdict:
        """Return what becomes of a message that the contact policy does not let go now."""
        reason = refusal.because[0].gate.value
        if isinstance(refusal, Drop):
            ended = self.suppressed(chunk, index, reason=reason, because=refusal.because)
            return replace(ended, refusal=refusal)
        if chunk.is_rehearsal:
            return Verdict(ending=Ending(State.DEFERRED, reason), refusal=refusal)
        told = MessageSuppressed(
            **self._fields(chunk, index),
            source=SOURCE,
            channel=Channel.PUSH,
            decision="defer",
            reason=reason,
            because=tuple(one.plain() for one in refusal.because),
            until=refusal.until,
        )
        # Told once for each instant to which the message is put off.
        row_id = f"{chunk.message_id(index)}#deferred#{rfc3339(refusal.until)}"
        event = self._sealed(chunk, told, row_id=row_id)
        return Verdict(event=event, ending=Ending(chunk.states[index]), refusal=refusal)

    def _lost(self, chunk: Chunk, index: int, result: DeliveryResult) -> Verdict:
        if chunk.is_rehearsal:
            return Verdict(ending=Ending(State.PENDING), pause=result.retry_after or PAUSE)
        if chunk.delivery is DeliveryMode.AT_MOST_ONCE:
            return self._unconfirmed(chunk, index, reason="answer_lost")
        return Verdict(ending=Ending(State.AMBIGUOUS), pause=result.retry_after or PAUSE)

    def _unconfirmed(self, chunk: Chunk, index: int, *, reason: str) -> Verdict:
        return self._ended(chunk, index, MessageUnconfirmed, reason=reason)

    def _failed(self, chunk: Chunk, index: int, *, state: State, code: str | None) -> Verdict:
        if chunk.states[index] is State.AMBIGUOUS:
            return self._unconfirmed(chunk, index, reason=code or state.value)
        return self._ended(chunk, index, MessageFailed, state=state, code=code)

    def _ended(
        self,
        chunk: Chunk,
        index: int,
        kind: type[MessageEvent | MessageSuppressed],
        **details: Any,
    ) -> Verdict:
        told = kind(**self._fields(chunk, index), **details)
        event = self._sealed(chunk, told, row_id=chunk.message_id(index))
        return Verdict(event=event, ending=ending_of(event))

    def _sealed(
        self, chunk: Chunk, told: MessageEvent | MessageSuppressed, *, row_id: str
    ) -> Envelope:
        key = RowKey(at=chunk.planned_at, id=row_id)
        return seal(told, sequence=self.ids.sequence(), key=key)

    def _fields(self, chunk: Chunk, index: int) -> dict[str, Any]:
        """Return what every event of a message says."""
        recipient = chunk.recipients[index]
        return {
            "app_id": chunk.app_id,
            "occurred_at": self.clock(),
            "contact_id": recipient.contact_id,
            "device_id": recipient.device_id,
            "message_id": chunk.message_id(index),
            "purpose": chunk.purpose,
            "campaign_id": chunk.terms.campaign_id,
            "variant": recipient.variant,
        }

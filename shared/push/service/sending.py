"""The sender: works chunks off under a lease, each message to exactly one final state."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from shared.kernel.addresses import Target
from shared.kernel.clock import Clock, rfc3339
from shared.kernel.decisions import Allow, Defer, Drop, Reason
from shared.kernel.envelope import Envelope, RowKey, seal
from shared.kernel.events import Channel, MessageSuppressed
from shared.kernel.ids import Ids
from shared.push.errors import CredentialsError
from shared.push.events import (
    SOURCE,
    MessageEvent,
    MessageExpired,
    MessageFailed,
    MessageSent,
    MessageUnconfirmed,
)
from shared.push.model import Chunk, Delivery, DeliveryResult, Outcome, Recipient, State
from shared.push.ports import Channels, ChunkStore, Devices, Queue
from shared.push.service.permission import ChunkPermission

LONGEST_PAUSE = timedelta(minutes=15)
"""SQS delays a message at most so long."""

PAUSE = timedelta(seconds=10)
"""Before a message is tried again, where FCM names no time."""

_UNTOLD = frozenset({State.INVALID, State.FAILED, State.SKIPPED, State.EXPIRED})

_STATE_OF_TYPE = {
    MessageSent.type: State.SENT,
    MessageSuppressed.type: State.SKIPPED,
    MessageExpired.type: State.EXPIRED,
    MessageUnconfirmed.type: State.UNKNOWN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one turn came to for one message: an event that ends it, or a state to go on from.

    ``refusal`` is the contact policy's; a deferral has an event too, which ends nothing.
    """

    event: Envelope | None = None
    state: State = State.PENDING
    pause: timedelta = PAUSE
    refusal: Defer | Drop | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SendService:
    """Sends chunks.

    ``lease`` outlives the process that holds it (the function's timeout and five seconds), so that
    nobody takes over a chunk that is still being sent. The ledger's row of a message's final event
    has a key that is fixed beforehand: however often a chunk is worked on, a message ends once.
    """

    chunks: ChunkStore
    devices: Devices
    permission: ChunkPermission
    channels: Channels
    queue: Queue
    clock: Clock
    ids: Ids
    lease: timedelta

    def work(self, chunk_id: str, *, app_id: str, holder: str) -> None:
        """Send what is pending of a chunk; have the rest worked on again later.

        Raises:
            LeaseHeldError: another sender works on it.
            CredentialsError: the app's channel cannot be used; the lease was given back.
        """
        at = self.clock()
        chunk = self.chunks.take_lease(
            chunk_id, app_id=app_id, holder=holder, at=at, until=at + self.lease
        )
        if chunk is None:
            return
        chunk = self._adopted(chunk)
        try:
            verdicts = self._judge(chunk)
        except CredentialsError:
            self.chunks.save_states(chunk, holder=holder, give_back=True)
            raise
        chunk = chunk.with_states(self._recorded(chunk, verdicts))
        deferred = {
            index: refusal
            for index in chunk.pending
            if isinstance(refusal := verdicts[index].refusal, Defer)
        }
        # Before the lease is given back: who dies here leaves the chunk to be worked on again.
        self.permission.put_off(chunk, deferred)
        self.permission.take_back(chunk, _untold(chunk, verdicts))
        self.chunks.save_states(chunk, holder=holder, give_back=True)
        waiting = [index for index in chunk.pending if index not in deferred]
        if waiting:
            pause = max(verdicts[index].pause for index in waiting)
            self.queue.ask_again(app_id=app_id, chunk_id=chunk_id, after=min(pause, LONGEST_PAUSE))

    def _adopted(self, chunk: Chunk) -> Chunk:
        """Return the chunk with what a holder that vanished had recorded.

        What it had not recorded may have been sent all the same.
        """
        if not chunk.was_dropped:
            return chunk
        ended = self.chunks.final_events(chunk, chunk.pending)
        return chunk.with_states(
            {
                index: _state_of(ended[index]) if index in ended else State.AMBIGUOUS
                for index in chunk.pending
            }
        )

    def _judge(self, chunk: Chunk) -> Mapping[int, Verdict]:
        """Return what becomes of each pending message in this turn; sends those that may be."""
        if self.clock() >= chunk.send_until:
            return {index: self._too_late(chunk, index) for index in chunk.pending}
        recipients = [chunk.recipients[index].device_id for index in chunk.pending]
        targets = self.devices.targets(recipients, app_id=chunk.app_id)
        verdicts: dict[int, Verdict] = {}
        deliveries: dict[int, Delivery] = {}
        for index in chunk.pending:
            recipient = chunk.recipients[index]
            target = targets.get(recipient.device_id)
            reason = self._reason_not_to(recipient, target, app_id=chunk.app_id)
            if reason:
                verdicts[index] = self._suppressed(chunk, index, reason=reason)
            elif target and target.address:
                deliveries[index] = Delivery(
                    message_id=chunk.message_id(index),
                    address=target.address,
                    content=chunk.content,
                )
        for index, decision in self.permission.ask(chunk, deliveries).items():
            if not isinstance(decision, Allow):
                del deliveries[index]
                verdicts[index] = self._refused(chunk, index, decision)
        return verdicts | self._send(chunk, deliveries)

    def _reason_not_to(
        self, recipient: Recipient, target: Target | None, *, app_id: str
    ) -> str | None:
        """Return why a device is not to be told after all, looking at it right before sending."""
        if target is None:
            return "device_gone"
        if target.contact_id != recipient.contact_id and not self.devices.is_same_person(
            recipient.contact_id, target.contact_id, app_id=app_id
        ):
            return "contact_changed"
        if target.address is None:
            return "no_address"
        return "push_denied" if target.is_muted else None

    def _send(self, chunk: Chunk, deliveries: Mapping[int, Delivery]) -> dict[int, Verdict]:
        if not deliveries:
            return {}
        channel = self.channels.channel_of(chunk.app_id)
        results = channel.send(list(deliveries.values()))
        verdicts = {}
        for (index, delivery), result in zip(deliveries.items(), results, strict=True):
            verdicts[index] = self._verdict(chunk, index, result)
            if result.outcome is Outcome.ADDRESS_GONE:
                self.devices.remove_dead_address(
                    app_id=chunk.app_id,
                    device_id=chunk.recipients[index].device_id,
                    address=delivery.address,
                )
        return verdicts

    def _verdict(self, chunk: Chunk, index: int, result: DeliveryResult) -> Verdict:
        was_ambiguous = chunk.states[index] is State.AMBIGUOUS
        match result.outcome:
            case Outcome.SENT:
                return self._ended(
                    chunk,
                    index,
                    MessageSent,
                    provider_id=result.provider_id,
                    ambiguous=was_ambiguous,
                )
            case Outcome.ADDRESS_GONE:
                return self._ended(
                    chunk, index, MessageFailed, state=State.INVALID, code=result.code
                )
            case Outcome.REJECTED:
                return self._ended(
                    chunk, index, MessageFailed, state=State.FAILED, code=result.code
                )
            case Outcome.RETRY:
                return Verdict(state=chunk.states[index], pause=result.retry_after or PAUSE)
            case Outcome.UNKNOWN:
                return Verdict(state=State.AMBIGUOUS, pause=result.retry_after or PAUSE)

    def _too_late(self, chunk: Chunk, index: int) -> Verdict:
        if chunk.states[index] is State.AMBIGUOUS:
            return self._ended(chunk, index, MessageUnconfirmed, reason="expired")
        return self._ended(chunk, index, MessageExpired)

    def _suppressed(
        self, chunk: Chunk, index: int, *, reason: str, because: Sequence[Reason] = ()
    ) -> Verdict:
        if chunk.states[index] is State.AMBIGUOUS:
            return self._ended(chunk, index, MessageUnconfirmed, reason=reason)
        return self._ended(
            chunk,
            index,
            MessageSuppressed,
            source=SOURCE,
            channel=Channel.PUSH,
            decision="drop",
            reason=reason,
            because=tuple(one.plain() for one in because),
        )

    def _refused(self, chunk: Chunk, index: int, refusal: Defer | Drop) -> Verdict:
        """Return what becomes of a message that the contact policy does not let go now."""
        reason = refusal.because[0].gate.value
        if isinstance(refusal, Drop):
            ended = self._suppressed(chunk, index, reason=reason, because=refusal.because)
            return replace(ended, refusal=refusal)
        recipient, message_id = chunk.recipients[index], chunk.message_id(index)
        told = MessageSuppressed(
            app_id=chunk.app_id,
            occurred_at=self.clock(),
            source=SOURCE,
            channel=Channel.PUSH,
            contact_id=recipient.contact_id,
            device_id=recipient.device_id,
            message_id=message_id,
            purpose=chunk.purpose,
            decision="defer",
            reason=reason,
            because=tuple(one.plain() for one in refusal.because),
            until=refusal.until,
        )
        # Told once for each instant to which the message is put off.
        key = RowKey(at=chunk.planned_at, id=f"{message_id}#deferred#{rfc3339(refusal.until)}")
        sealed = seal(told, sequence=self.ids.sequence(), key=key)
        return Verdict(event=sealed, state=chunk.states[index], refusal=refusal)

    def _ended(
        self,
        chunk: Chunk,
        index: int,
        event: type[MessageEvent | MessageSuppressed],
        **details: Any,
    ) -> Verdict:
        recipient, message_id = chunk.recipients[index], chunk.message_id(index)
        told = event(
            app_id=chunk.app_id,
            occurred_at=self.clock(),
            contact_id=recipient.contact_id,
            device_id=recipient.device_id,
            message_id=message_id,
            purpose=chunk.purpose,
            **details,
        )
        key = RowKey(at=chunk.planned_at, id=message_id)
        sealed = seal(told, sequence=self.ids.sequence(), key=key)
        return Verdict(event=sealed, state=_state_of(sealed))

    def _recorded(self, chunk: Chunk, verdicts: Mapping[int, Verdict]) -> Mapping[int, State]:
        """Put the final events into the ledger; where one stood before, that one holds."""
        ending = {index: verdict.event for index, verdict in verdicts.items() if verdict.event}
        is_new = self.chunks.record_once(list(ending.values()))
        beaten = [index for index, new in zip(ending, is_new, strict=True) if not new]
        states = {index: verdict.state for index, verdict in verdicts.items()}
        earlier = self.chunks.final_events(chunk, beaten) if beaten else {}
        return states | {index: _state_of(event) for index, event in earlier.items()}


def _untold(chunk: Chunk, verdicts: Mapping[int, Verdict]) -> list[str]:
    """Return whom nothing of the chunk reached, for certain, and who may have been counted."""
    asked = {chunk.recipients[at].contact_id for at, one in verdicts.items() if not one.refusal}
    told = {
        recipient.contact_id
        for recipient, state in zip(chunk.recipients, chunk.states, strict=True)
        if state not in _UNTOLD
    }
    return sorted(asked - told)


def _state_of(event: Envelope) -> State:
    """Return the final state that an event puts its message into."""
    if event.type == MessageFailed.type:
        return State(event.data["state"])
    return _STATE_OF_TYPE[event.type]

"""The sender: works chunks off under a lease, each message to exactly one final state."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.kernel.addresses import Target
from shared.kernel.clock import Clock
from shared.kernel.decisions import Allow, Defer
from shared.kernel.ids import Ids
from shared.push.errors import CredentialsError
from shared.push.model import (
    Chunk,
    Content,
    Delivery,
    DeliveryResult,
    Outcome,
    Recipient,
    State,
    Unrendered,
)
from shared.push.model.campaigns import CampaignState
from shared.push.model.quota import Lane
from shared.push.ports import Campaigns, Channels, ChunkStore, Devices, Queue, Quota, Texts
from shared.push.service.permission import ChunkPermission
from shared.push.service.placing import InboxCopies
from shared.push.service.verdicts import Ending, Verdict, Verdicts, ending_of

LONGEST_PAUSE = timedelta(minutes=15)
"""SQS delays a message at most so long."""

SLICE = 100
"""Messages that are sent between two looks at the campaign: a second's work."""

LAST_SLICE = timedelta(seconds=30)
"""A slice is begun only while its holder has so much time left: three of FCM's longest answers."""

FEWEST_TURNED_AWAY = 10
"""Of a slice: fewer may be a device's own limit; if it is half of the slice, too, the project's."""

_UNTOLD = frozenset({State.INVALID, State.FAILED, State.SKIPPED, State.EXPIRED})


@dataclass(frozen=True, slots=True, kw_only=True)
class SendService:
    """Sends chunks, a slice at a time.

    ``lease`` outlives the process that holds it (the function's timeout and five seconds), so that
    nobody takes over a chunk that is still being sent. The ledger's row of a message's final event
    has a key that is fixed beforehand: however often a chunk is worked on, a message ends once.
    """

    chunks: ChunkStore
    devices: Devices
    campaigns: Campaigns
    permission: ChunkPermission
    texts: Texts
    copies: InboxCopies
    quota: Quota
    channels: Channels
    queue: Queue
    clock: Clock
    ids: Ids
    lease: timedelta
    slice_size: int = SLICE

    def work(
        self,
        chunk_id: str,
        *,
        app_id: str,
        holder: str,
        ends_at: datetime | None = None,
        is_released: bool = False,
    ) -> None:
        """Send what is pending of a chunk; have the rest worked on again later.

        ``ends_at`` is when this process is stopped. A chunk of a throttled campaign is sent only
        where ``is_released``; else it waits for its release again.

        Raises:
            LeaseHeldError: another sender works on it.
            LeaseLostError: another sender took it over; what this one sent is in the ledger.
            CredentialsError: the app's channel cannot be used; the lease was given back.
        """
        at = self.clock()
        until = at + self.lease
        chunk = self.chunks.take_lease(chunk_id, app_id=app_id, holder=holder, at=at, until=until)
        if chunk is None:
            return
        turn = _Turn(
            sender=self,
            holder=holder,
            is_released=is_released,
            last_start=(ends_at or until) - LAST_SLICE,
            stored=chunk,
            chunk=chunk,
        )
        try:
            turn.run()
        except CredentialsError:
            turn.save(give_back=True)
            raise


@dataclass(slots=True, kw_only=True)
class _Turn:
    """One holder's turn at a chunk.

    ``stored`` is the chunk as the store has it, ``chunk`` as this turn knows it. ``asked`` are the
    contacts who were asked for and allowed, ``pauses`` what tried messages wait for. ``due_again``
    is when a campaign's first message may go that was put off.
    """

    sender: SendService
    holder: str
    is_released: bool
    last_start: datetime
    stored: Chunk
    chunk: Chunk
    asked: set[str] = field(default_factory=set)
    pauses: list[timedelta] = field(default_factory=list)
    due_again: datetime | None = None

    def run(self) -> None:
        """Send slice by slice, as long as the campaign, the time and the quota allow."""
        self._adopt()
        slices = list(self._slices())
        if not slices:
            self.save(give_back=True)
            return
        if not self._is_let_go():
            if not self._is_over():
                self._put_back(self.sender.clock())
            return
        for number, places in enumerate(slices, start=1):
            if self._is_over():
                return
            pause = self._pause_before(places)
            if pause is not None:
                self.save(give_back=True)
                self._come_again(pause)
                return
            self._work_off(places, is_last=number == len(slices))
        if self.pauses:
            self._come_again(timedelta(0))

    def save(self, *, give_back: bool) -> None:
        """Store the chunk as this turn knows it.

        Raises:
            LeaseLostError: another holder took over.
        """
        self.sender.chunks.save_states(
            self.chunk, before=self.stored, holder=self.holder, give_back=give_back
        )
        self.stored = self.chunk

    def _adopt(self) -> None:
        """Believe what a holder that vanished had recorded.

        What it was sending and had not recorded may have been sent all the same. What it had not
        begun was not.
        """
        chunk = self.chunk
        if not chunk.was_dropped:
            return
        ended: Mapping[int, Ending] = {}
        if not chunk.is_rehearsal:
            found = self.sender.chunks.final_events(chunk, chunk.pending)
            ended = {index: ending_of(event) for index, event in found.items()}
        in_doubt = [
            index
            for index in chunk.pending
            if chunk.states[index] is State.TRYING and index not in ended
        ]
        self._end({index: self._verdicts.vanished(chunk, index) for index in in_doubt})
        self._move(ended)

    def _is_let_go(self) -> bool:
        """Say whether a throttle, if there is one, let the chunk go; a rehearsal needs no leave."""
        part = self.chunk.part
        if part is None or part.is_rehearsal or not part.is_throttled:
            return True
        return self.is_released

    def _slices(self) -> Iterator[Sequence[int]]:
        pending, size = self.chunk.pending, self.sender.slice_size
        return (pending[start : start + size] for start in range(0, len(pending), size))

    def _is_over(self) -> bool:
        """Say whether nothing is to be sent now: paused, cancelled or too late."""
        chunk = self.chunk
        state = self._campaign_state()
        if state is CampaignState.PAUSED:
            self._put_back(self.sender.clock())
            return True
        if state is CampaignState.CANCELLED:
            self._finish(self._verdicts.cancelled)
            return True
        if self.sender.clock() >= chunk.send_until:
            self._finish(self._verdicts.too_late)
            return True
        return False

    def _campaign_state(self) -> CampaignState | None:
        part = self.chunk.part
        if part is None or part.is_rehearsal:
            return None
        return self.sender.campaigns.state_of(part.campaign_id, app_id=self.chunk.app_id)

    def _put_back(self, due_at: datetime) -> None:
        """Give the chunk back, and have it wait for its release again."""
        self.sender.chunks.put_back(
            self.chunk, before=self.stored, holder=self.holder, due_at=due_at
        )

    def _finish(self, verdict_of: Callable[[Chunk, int], Verdict]) -> None:
        """End all that is pending, and give the lease back."""
        pending = self.chunk.pending
        self._end({index: verdict_of(self.chunk, index) for index in pending})
        self._take_back(pending)
        self.save(give_back=True)

    def _pause_before(self, places: Sequence[int]) -> timedelta | None:
        """Return when to come again for a slice; ``None``: it may be sent now."""
        if self.sender.clock() > self.last_start:
            return timedelta(0)
        return self.sender.quota.take(
            len(places), app_id=self.chunk.app_id, lane=_lane_of(self.chunk)
        )

    def _come_again(self, pause: timedelta) -> None:
        """Have the chunk worked on again, not before its tried messages may be tried again."""
        self.sender.queue.ask_again(
            app_id=self.chunk.app_id,
            chunk_id=self.chunk.chunk_id,
            after=min(max([pause, *self.pauses]), LONGEST_PAUSE),
            is_released=self.is_released,
        )

    def _work_off(self, places: Sequence[int], *, is_last: bool) -> None:
        """Send a slice, or say of each of its messages why not; store what came of it."""
        verdicts, targets = self._looked_at(places)
        deliveries: dict[int, Delivery] = {}
        for index, text in self._texts_for(targets).items():
            if isinstance(text, Unrendered):
                verdicts[index] = self._verdicts.unrendered(self.chunk, index, text)
            elif address := targets[index].address:
                message_id = self.chunk.message_id(index)
                deliveries[index] = Delivery(message_id=message_id, address=address, content=text)
        refused = self._refused(deliveries)
        permitted = {index: one for index, one in deliveries.items() if index not in refused}
        self.sender.quota.return_unused(
            len(places) - len(permitted), app_id=self.chunk.app_id, lane=_lane_of(self.chunk)
        )
        verdicts |= refused | self._send(permitted)
        self._end(verdicts)
        # Before the states are stored: who dies here leaves the chunk to be worked on again.
        self._wait_for(verdicts)
        self._take_back([index for index in places if index not in refused])
        if is_last and self.due_again:
            self._put_back(self.due_again)
        else:
            self.save(give_back=is_last)

    def _looked_at(self, places: Sequence[int]) -> tuple[dict[int, Verdict], dict[int, Target]]:
        """Return who cannot be told after all, and how the others are reached right now."""
        recipients = {index: self.chunk.recipients[index] for index in places}
        found = self.sender.devices.targets(
            [one.device_id for one in recipients.values()], app_id=self.chunk.app_id
        )
        verdicts, targets = {}, {}
        for index, recipient in recipients.items():
            target = found.get(recipient.device_id)
            reason = self._reason_not_to(recipient, target)
            if reason:
                verdicts[index] = self._verdicts.suppressed(self.chunk, index, reason=reason)
            elif target:
                targets[index] = target
        return verdicts, targets

    def _reason_not_to(self, recipient: Recipient, target: Target | None) -> str | None:
        """Return why a device is not to be told after all, looking at it right before sending."""
        if target is None:
            return "device_gone"
        if target.contact_id != recipient.contact_id and not self.sender.devices.is_same_person(
            recipient.contact_id, target.contact_id, app_id=self.chunk.app_id
        ):
            return "contact_changed"
        if target.address is None:
            return "no_address"
        return "push_denied" if target.is_muted else None

    def _texts_for(self, targets: Mapping[int, Target]) -> Mapping[int, Content | Unrendered]:
        """Return what each is told; before they are asked for, so that no text costs a touch."""
        if self.chunk.content:
            return dict.fromkeys(targets, self.chunk.content)
        return self.sender.texts.contents_of(self.chunk, targets) if targets else {}

    def _refused(self, indexes: Iterable[int]) -> dict[int, Verdict]:
        """Ask for the people of messages; return those that the contact policy does not let go."""
        refused = {}
        for index, decision in self.sender.permission.ask(self.chunk, indexes).items():
            if isinstance(decision, Allow):
                self.asked.add(self.chunk.recipients[index].contact_id)
            else:
                refused[index] = self._verdicts.refused(self.chunk, index, decision)
        return refused

    def _send(self, deliveries: Mapping[int, Delivery]) -> dict[int, Verdict]:
        """Send, with a mark before: who finds it knows which messages may have been sent."""
        if not deliveries:
            return {}
        chunk, sender = self.chunk, self.sender
        channel = sender.channels.channel_of(chunk.app_id)
        # Whatever FCM answers, and if nobody hears it: who may be told can read it.
        sender.copies.keep(chunk, {at: one.content for at, one in deliveries.items()})
        self.chunk = chunk.with_states(dict.fromkeys(deliveries, State.TRYING))
        self.save(give_back=False)
        try:
            results = channel.send(list(deliveries.values()), validate_only=chunk.is_rehearsal)
        except CredentialsError:
            self.chunk = chunk
            raise
        self._heed(results)
        verdicts = {}
        for (index, delivery), result in zip(deliveries.items(), results, strict=True):
            verdicts[index] = self._verdicts.answered(chunk, index, result)
            if result.outcome is Outcome.ADDRESS_GONE and not chunk.is_rehearsal:
                sender.devices.remove_dead_address(
                    app_id=chunk.app_id,
                    device_id=chunk.recipients[index].device_id,
                    address=delivery.address,
                )
        return verdicts

    def _heed(self, results: Sequence[DeliveryResult]) -> None:
        """Tell the other senders where FCM turned away so many that it must mean all of us."""
        wishes = [
            one.retry_after
            for one in results
            if one.outcome is Outcome.RETRY and one.retry_after is not None
        ]
        if len(wishes) >= max(FEWEST_TURNED_AWAY, len(results) / 2):
            until = self.sender.clock() + max(wishes)
            self.sender.quota.turned_away(app_id=self.chunk.app_id, until=until)

    def _end(self, verdicts: Mapping[int, Verdict]) -> None:
        """Put the events into the ledger, where one that stood before holds; move the messages."""
        endings = {index: verdict.ending for index, verdict in verdicts.items()}
        if not self.chunk.is_rehearsal:
            told = {index: verdict.event for index, verdict in verdicts.items() if verdict.event}
            is_new = self.sender.chunks.record_once(list(told.values()))
            beaten = [index for index, new in zip(told, is_new, strict=True) if not new]
            if beaten:
                before = self.sender.chunks.final_events(self.chunk, beaten)
                endings |= {index: ending_of(event) for index, event in before.items()}
        self._move(endings)

    def _move(self, endings: Mapping[int, Ending]) -> None:
        self.chunk = self.chunk.with_states(
            {index: ending.state for index, ending in endings.items()},
            reasons={index: ending.reason for index, ending in endings.items() if ending.reason},
        )

    def _wait_for(self, verdicts: Mapping[int, Verdict]) -> None:
        """Have those who are put off worked on later, and note when to try the others again."""
        pending = {at: one for at, one in verdicts.items() if not self.chunk.states[at].is_final}
        refusals = {index: verdict.refusal for index, verdict in pending.items()}
        deferred = {index: one for index, one in refusals.items() if isinstance(one, Defer)}
        if self.chunk.part is None:
            self.sender.permission.put_off(self.chunk, deferred)
        elif deferred:
            # One entry for all of them: whoever is due later is then put off again.
            first = _whole_minute(min(one.until for one in deferred.values()))
            self.due_again = min(first, self.due_again or first)
        self.pauses += [one.pause for index, one in pending.items() if index not in deferred]

    def _take_back(self, places: Sequence[int]) -> None:
        """Count those no more whom nothing reached, for certain.

        In a campaign a person is counted once for all their devices, which may lie in several
        chunks: whoever has a device that is not in this one, or was told on one that is gone by
        now, stays counted. That is too strict where the other is not reached either; the other
        way would be a cap that is passed. Not seen is one device alone: unregistered while FCM's
        answer about it was lost, and not yet in the ledger. Whoever may have a copy in their
        inbox stays counted, too.
        """
        chunk = self.chunk
        if chunk.is_rehearsal or chunk.copy:
            return
        people = {chunk.recipients[index].contact_id for index in places}
        if chunk.turn == 1:  # nobody was asked for before
            people &= self.asked
        people -= {
            one.contact_id
            for one, state in zip(chunk.recipients, chunk.states, strict=True)
            if state not in _UNTOLD
        }
        untold = [one for one in sorted(people) if not (chunk.part and self._is_elsewhere(one))]
        self.sender.permission.take_back(chunk, untold)

    def _is_elsewhere(self, contact_id: str) -> bool:
        """Say whether a person has a device that is not in this chunk, or had one and was told."""
        here = {one.device_id for one in self.chunk.recipients if one.contact_id == contact_id}
        targets = self.sender.devices.targets_of_contact(contact_id, app_id=self.chunk.app_id)
        if any(target.device_id not in here for target in targets):
            return True
        return self.sender.chunks.was_told(self.chunk, contact_id)

    @property
    def _verdicts(self) -> Verdicts:
        return Verdicts(clock=self.sender.clock, ids=self.sender.ids)


def _whole_minute(at: datetime) -> datetime:
    """Return the first whole minute from an instant on, so that those near to it go together."""
    whole = at.replace(second=0, microsecond=0)
    return whole if whole == at else whole + timedelta(minutes=1)


def _lane_of(chunk: Chunk) -> Lane:
    return Lane.CAMPAIGN if chunk.part else Lane.TRANSACTIONAL

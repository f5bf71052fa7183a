"""Two campaigns and a message, people, FCM, the queue and the clock; and what must never be.

The sender's own code runs over fakes that fail. Meanwhile a marketer pauses, resumes and cancels,
and people opt out. More actors are more of ``World.actions``.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from typing_extensions import override

from shared.kernel.addresses import Address, AddressKind, Target
from shared.kernel.decisions import Allow, Decision, Defer, Drop, Gate, Reason
from shared.push.model import (
    Chunk,
    Content,
    Delivery,
    DeliveryMode,
    Recipient,
    Terms,
)
from shared.push.model.books import Line, line_of
from shared.push.model.campaigns import CampaignState
from shared.push.ports import Asked, Devices, Permission, Queue
from shared.push.service.permission import ChunkPermission
from shared.push.service.placing import InboxCopies
from shared.push.service.sending import SendService
from tests.fakes.campaigns_sent import CAMPAIGN, a_chunk
from tests.fakes.clock import NOON, ManualClock
from tests.fakes.inboxes import InMemoryInboxStore
from tests.fakes.push import CountedQuota, InMemoryChunkStore, SameText, SettableCampaigns
from tests.simulation.stage import APP, LEASE, WITHIN, Job, OneChannel, Stage, Worker, violations_of

OTHER = "cmp_" + "9" * 26
CAP = 1
"""So many different things may reach a person."""

QUIET = Reason(gate=Gate.QUIET_HOURS, rule="night", detail="not now")
CAPPED = Reason(gate=Gate.CAP, rule="cap", detail="enough")
OPTED_OUT = Reason(gate=Gate.CONSENT, rule="objection", detail="no")
HELD = Reason(gate=Gate.CONTROL_GROUP, rule="campaign_holdout", detail="5 %")

PEOPLE: Mapping[str, tuple[str, ...]] = {
    "con_0": ("phone-0", "tablet-0"),
    "con_1": ("phone-1",),
    "con_2": ("phone-2",),
    "con_3": ("phone-3",),
}
CHUNKS: Sequence[tuple[str, Sequence[tuple[str, str]]]] = (
    (CAMPAIGN, [("phone-0", "con_0"), ("phone-1", "con_1"), ("phone-3", "con_3")]),
    (CAMPAIGN, [("tablet-0", "con_0"), ("phone-2", "con_2")]),
    (OTHER, [("phone-1", "con_1"), ("phone-2", "con_2")]),
)
ALONE = [("phone-3", "con_3"), ("tablet-0", "con_0")]
"""Who is told something besides, by no campaign."""


@dataclass
class SimulatedDevices(Devices):
    at: dict[str, Target]

    @override
    def targets(self, device_ids: Iterable[str], *, app_id: str) -> Mapping[str, Target]:
        return {one: self.at[one] for one in device_ids if one in self.at}

    @override
    def targets_of_contact(self, contact_id: str, *, app_id: str) -> Sequence[Target]:
        return [one for one in self.at.values() if one.contact_id == contact_id]

    @override
    def is_same_person(self, one: str, other: str, *, app_id: str) -> bool:
        return False

    @override
    def remove_dead_address(self, *, app_id: str, device_id: str, address: Address) -> bool:
        return True


@dataclass
class SimulatedPolicy(Permission):
    """Counts as the contact policy does; ``put_offs`` say which chunks wait until when."""

    clock: ManualClock
    counted: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    opted_out: dict[str, datetime] = field(default_factory=dict)
    held_out: set[str] = field(default_factory=set)
    quiet_until: datetime = NOON
    put_offs: dict[tuple[str, datetime], None] = field(default_factory=dict)

    @override
    def ask(self, asked: Sequence[Asked]) -> Sequence[Decision]:
        decisions = [self._decide(one, at=self.clock()) for one in asked]
        for one, decision in zip(asked, decisions, strict=True):
            if isinstance(decision, Allow):
                self.counted[one.candidate.contact_id].add(one.key)
        return decisions

    @override
    def judge(self, asked: Sequence[Asked], *, at: datetime) -> Sequence[Decision]:
        return [self._decide(one, at=at) for one in asked]

    @override
    def take_back(self, asked: Sequence[Asked]) -> None:
        for one in asked:
            self.counted[one.candidate.contact_id].discard(one.key)

    @override
    def put_off(self, asked: Asked, *, chunk_id: str, until: datetime) -> None:
        self.put_offs[chunk_id, until] = None

    def _decide(self, asked: Asked, *, at: datetime) -> Decision:
        contact_id = asked.candidate.contact_id
        if contact_id in self.opted_out:
            return Drop(because=(OPTED_OUT,))
        if contact_id in self.held_out:
            return Drop(because=(HELD,))
        if self.quiet_until > at:
            return Defer(until=self.quiet_until, because=(QUIET,))
        counted = self.counted[contact_id]
        if asked.key not in counted and len(counted) >= CAP:
            return Drop(because=(CAPPED,))
        return Allow()


class World(Stage, Queue):
    """Everything around the senders."""

    def __init__(
        self,
        seed: int,
        mode: DeliveryMode,
        *,
        store: type[InMemoryChunkStore] = InMemoryChunkStore,
        sender: type[SendService] = SendService,
        policy: type[SimulatedPolicy] = SimulatedPolicy,
        campaigns: SettableCampaigns | None = None,
    ) -> None:
        super().__init__(seed, at=NOON)
        self.mode = mode
        self.sender = sender
        self.campaigns = campaigns or SettableCampaigns()
        self.chunks = store()
        self.permission = policy(clock=self.clock)
        self.quota = CountedQuota()
        self.read: dict[tuple[str, str], tuple[Chunk, Line]] = {}
        self.stopped_at: dict[str, datetime] = {}
        self.devices = SimulatedDevices(
            {
                device: Target(
                    device_id=device,
                    contact_id=contact,
                    address=Address(kind=AddressKind.FID, value=device),
                    is_muted=False,
                )
                for contact, devices in PEOPLE.items()
                for device in devices
            }
        )
        if self.chance.random() < 0.2:
            self.permission.held_out.add(self.chance.choice(list(PEOPLE)))
        if self.chance.random() < 0.2:
            self.permission.quiet_until = NOON + timedelta(minutes=self.chance.randrange(1, 90))
        self.planned = [self._planned(number) for number in range(len(CHUNKS))]
        self.planned.append(self._queued())

    @override
    def ask_again(self, *, app_id: str, chunk_id: str, after: timedelta, is_released: bool) -> None:
        self._put(chunk_id, is_released=is_released, after=after)

    def _planned(self, number: int) -> Chunk:
        campaign_id, recipients = CHUNKS[number]
        whole = a_chunk(
            APP,
            [Recipient(device_id=one, contact_id=who, variant="a") for one, who in recipients],
            number=number,
            campaign_id=campaign_id,
            delivery=self.mode,
            is_throttled=campaign_id == OTHER,
        )
        minutes = self.chance.choice([30, 60, 180])
        chunk = replace(whole, send_until=NOON + timedelta(minutes=minutes))
        self.chunks.plan(chunk)
        return chunk

    def _queued(self) -> Chunk:
        """Queue messages that belong to no campaign."""
        recipients = [Recipient(device_id=one, contact_id=who) for one, who in ALONE]
        whole = a_chunk(APP, recipients, number=len(CHUNKS))
        chunk = replace(whole, part=None, terms=Terms(), content=Content(title="Hello"))
        self.chunks.kept[APP, chunk.chunk_id] = chunk
        self._put(chunk.chunk_id, is_released=False)
        return chunk

    @override
    def calm_down(self) -> None:
        super().calm_down()
        self.quota.pause = None
        for campaign_id, state in list(self.campaigns.states.items()):
            if state is CampaignState.PAUSED:
                self._resume(campaign_id)

    @override
    def actions(self) -> Sequence[Callable[[], object]]:
        return (
            lambda: self._stop(CampaignState.PAUSED),
            lambda: self._resume(self.chance.choice([CAMPAIGN, OTHER])),
            lambda: self._stop(CampaignState.CANCELLED) if self.chance.random() < 0.3 else None,
            self._opt_out,
            self._unregister,
            self.let_leases_run_out,
            self._turn_quota,
            self._replay,
            self._replay,
        )

    def _stop(self, state: CampaignState) -> None:
        campaign_id = self.chance.choice([CAMPAIGN, OTHER])
        if self.campaigns.states.get(campaign_id) is not CampaignState.CANCELLED:
            self.campaigns.states[campaign_id] = state
            self.stopped_at.setdefault(campaign_id, self.clock())

    def _resume(self, campaign_id: str) -> None:
        if self.campaigns.states.get(campaign_id) is CampaignState.PAUSED:
            del self.campaigns.states[campaign_id]
            self.stopped_at.pop(campaign_id, None)

    def _opt_out(self) -> None:
        self.permission.opted_out.setdefault(self.chance.choice(list(PEOPLE)), self.clock())

    def _unregister(self) -> None:
        """Take away the one device of a person.

        Of two devices, one that is unregistered while FCM's answer about it is lost is not seen
        when the other is not reached: that person is counted too little, and it is known.
        """
        self.devices.at.pop(self.chance.choice(["phone-1", "phone-3"]), None)

    def _turn_quota(self) -> None:
        self.quota.pause = None if self.quota.pause else timedelta(seconds=3)

    def _replay(self) -> None:
        """Have an operator put jobs of a chunk back into the queue, twice to be sure."""
        chunk_id = self.chance.choice(self.planned).chunk_id
        for _ in range(2):
            self._put(chunk_id, is_released=False)

    @override
    def wake(self) -> None:
        self._release()
        self._release_deferrals()

    def _release(self) -> None:
        """Let go what waits and is due; a release that dies in between does it twice."""
        for key, waiting in list(self.chunks.waiting.items()):
            chunk = self.chunks.kept[APP, waiting.chunk_id]
            state = self.campaigns.states.get(_campaign_of(chunk))
            if waiting.due_at <= self.clock() and state is not CampaignState.PAUSED:
                self._put(waiting.chunk_id, is_released=True)
                if self.is_calm or self.chance.random() < 0.9:
                    del self.chunks.waiting[key]

    def _release_deferrals(self) -> None:
        """Have what the policy put off worked on again."""
        for chunk_id, until in list(self.permission.put_offs):
            if until <= self.clock():
                del self.permission.put_offs[chunk_id, until]
                self._put(chunk_id, is_released=False)

    def _put(self, chunk_id: str, *, is_released: bool, after: timedelta = timedelta(0)) -> None:
        def work(worker: Worker) -> None:
            self._sender_in(worker).work(
                chunk_id,
                app_id=APP,
                holder=worker.holder,
                ends_at=worker.ends_at,
                is_released=is_released,
            )

        self.put(Job(work=work, visible_at=self.clock() + after, is_released=is_released))

    def _sender_in(self, worker: Worker) -> SendService:
        port = worker.port
        return self.sender(
            chunks=port(self.chunks),
            devices=port(self.devices),
            campaigns=port(self.campaigns),
            permission=ChunkPermission(permission=port(self.permission)),
            texts=SameText(),
            copies=InboxCopies(inboxes=InMemoryInboxStore(), clock=self.clock),
            quota=port(self.quota),
            channels=OneChannel(port(self.fcm)),
            queue=port(self),
            clock=self.clock,
            ids=self.ids,
            lease=LEASE,
            slice_size=2,
        )

    @override
    def dues(self) -> Sequence[datetime]:
        waiting = [
            one.due_at
            for one in self.chunks.waiting.values()
            if self.campaigns.states.get(_campaign_of(self.chunks.kept[APP, one.chunk_id]))
            is not CampaignState.PAUSED
        ]
        return [*waiting, *(until for _, until in self.permission.put_offs)]

    @override
    def deliver(self, delivery: Delivery) -> None:
        _, chunk_id, index = delivery.message_id.split("_")
        chunk = self.chunks.kept[APP, chunk_id]
        contact_id = chunk.recipients[int(index)].contact_id
        now = self.clock()
        stopped = self.stopped_at.get(_campaign_of(chunk))
        opted_out = self.permission.opted_out.get(contact_id)
        if stopped and now > stopped + WITHIN:
            self.violations.append("it was sent after the campaign was stopped")
        if opted_out and now > opted_out + WITHIN:
            self.violations.append("it was sent after the person opted out")
        if (
            chunk.part
            and chunk.part.is_throttled
            and not (self.at_work and self.at_work.is_released)
        ):
            self.violations.append("it was sent before its release")
        if now > chunk.send_until + WITHIN:
            self.violations.append("it was sent too late")
        if (
            chunk.delivery is DeliveryMode.AT_MOST_ONCE
            and self.fcm.delivered[delivery.message_id] > 1
        ):
            self.violations.append("it was sent twice")
        told = {
            _campaign_of(one)
            for one in self.planned
            for at, who in enumerate(one.recipients)
            if who.contact_id == contact_id and self.fcm.delivered[one.message_id(at)]
        }
        if len(told) > CAP:
            self.violations.append("a cap was passed")

    @override
    def look_at_books(self) -> None:
        for planned in self.planned[: len(CHUNKS)]:
            key = (APP, planned.chunk_id)
            chunk, line = self.chunks.kept[key], self.chunks.lines[key]
            before = self.read.get(key)
            if before and before[0] is chunk and before[1] is line:
                continue
            self.read[key] = (chunk, line)
            if not line.is_balanced or line != line_of(chunk):
                self.violations.append("the books do not balance")

    @override
    def look_at_ends(self) -> None:
        for planned in self.planned:
            chunk = self.chunks.kept[APP, planned.chunk_id]
            finals = self.chunks.final_events(chunk, range(len(chunk.states)))
            for index in range(len(chunk.states)):
                sent = self.fcm.delivered[chunk.message_id(index)]
                self.violations += violations_of(chunk, index, finals.get(index), sent=sent)
        keys = Counter(
            event.data["message_id"]
            for event in self.chunks.events.values()
            if event.data.get("decision") != "defer"
        )
        if keys and max(keys.values()) > 1:
            self.violations.append("a message ended twice")


def _campaign_of(chunk: Chunk) -> str:
    return chunk.part.campaign_id if chunk.part else ""

"""Two campaigns and a message, people, FCM, the queue and the clock; and what must never be.

The sender's own code runs over fakes that fail: a process dies before or after any call, a reply is
lost, a call is throttled, a job comes twice or late, a lease runs out. Meanwhile a marketer pauses,
resumes and cancels, and people opt out. More actors are more of ``World.actions``.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

from typing_extensions import override

from shared.kernel.addresses import Address, AddressKind, Target
from shared.kernel.decisions import Allow, Decision, Defer, Drop, Gate, Reason
from shared.kernel.ids import Ids
from shared.push.model import (
    Chunk,
    Content,
    Delivery,
    DeliveryMode,
    DeliveryResult,
    Outcome,
    Recipient,
    State,
    Terms,
)
from shared.push.model.books import Line, line_of
from shared.push.model.campaigns import CampaignState
from shared.push.ports import Asked, Channel, Channels, Devices, Permission, Queue
from shared.push.service.permission import ChunkPermission
from shared.push.service.sending import SendService
from shared.push.service.verdicts import ending_of
from tests.fakes.campaigns_sent import CAMPAIGN, a_chunk
from tests.fakes.clock import NOON, ManualClock
from tests.fakes.push import CountedQuota, InMemoryChunkStore, SameText, SettableCampaigns
from tests.simulation.processes import KilledError, Process

APP = "app_1"
OTHER = "cmp_" + "9" * 26
TIMEOUT = timedelta(seconds=120)
LEASE = TIMEOUT + timedelta(seconds=5)
VISIBILITY = 6 * TIMEOUT
WITHIN = timedelta(seconds=5)
"""What was begun before a pause is acknowledged is ended by then."""

CAP = 1
"""So many different things may reach a person."""

MOST_TICKS = 900
CALM = 250
"""From this tick on nothing fails any more, and nobody pauses: all must come to its end."""

QUIET = Reason(gate=Gate.QUIET_HOURS, rule="night", detail="not now")
CAPPED = Reason(gate=Gate.CAP, rule="cap", detail="enough")
OPTED_OUT = Reason(gate=Gate.CONSENT, rule="objection", detail="no")
HELD = Reason(gate=Gate.CONTROL_GROUP, rule="campaign_holdout", detail="5 %")

UNSENT = {State.SKIPPED, State.EXPIRED, State.INVALID, State.FAILED, State.HELD_OUT}

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


class ThrottledError(Exception):
    """The call was not made: too many at once."""


class ReplyLostError(Exception):
    """The call was made; its answer never came."""


@dataclass
class Job:
    """A job in the queue, from when on it is seen, and who works on it."""

    chunk_id: str
    is_released: bool
    visible_at: datetime
    process: Process | None = None


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
        return [self._decide(one) for one in asked]

    @override
    def judge(self, asked: Sequence[Asked], *, at: datetime) -> Sequence[Decision]:
        raise NotImplementedError

    @override
    def take_back(self, asked: Sequence[Asked]) -> None:
        for one in asked:
            self.counted[one.candidate.contact_id].discard(one.key)

    @override
    def put_off(self, asked: Asked, *, chunk_id: str, until: datetime) -> None:
        self.put_offs[chunk_id, until] = None

    def _decide(self, asked: Asked) -> Decision:
        contact_id = asked.candidate.contact_id
        if contact_id in self.opted_out:
            return Drop(because=(OPTED_OUT,))
        if contact_id in self.held_out:
            return Drop(because=(HELD,))
        if self.quiet_until > self.clock():
            return Defer(until=self.quiet_until, because=(QUIET,))
        counted = self.counted[contact_id]
        if asked.key not in counted and len(counted) >= CAP:
            return Drop(because=(CAPPED,))
        counted.add(asked.key)
        return Allow()


class Port:
    """A port as one process sees it: every call may fail, and others come in between."""

    def __init__(self, real: object, through: Callable[[Callable[[], Any]], Any]) -> None:
        self._real = real
        self._through = through

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._real, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            return self._through(lambda: method(*args, **kwargs))

        return call


@dataclass
class World(Channels, Channel, Queue):
    """Everything around the senders. ``violations`` are what must never be, and was."""

    seed: int
    mode: DeliveryMode
    store: type[InMemoryChunkStore] = InMemoryChunkStore
    sender: type[SendService] = SendService
    policy: type[SimulatedPolicy] = SimulatedPolicy
    campaigns: SettableCampaigns = field(default_factory=SettableCampaigns)
    violations: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = Random(self.seed)  # noqa: S311 - a seed must repeat the run
        self.clock = ManualClock()
        self.ids = Ids(clock=self.clock, chance=self.chance.getrandbits)
        self.chunks = self.store()
        self.permission = self.policy(clock=self.clock)
        self.quota = CountedQuota()
        self.jobs: list[Job] = []
        self.running: list[tuple[Process, Job]] = []
        self.processes = 0
        self.at_work: Job | None = None
        self.read: dict[tuple[str, str], tuple[Chunk, Line]] = {}
        self.is_calm = False
        self.dead: set[str] = set()
        self.delivered: Counter[str] = Counter()
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

    def run(self) -> list[str]:
        """Let everything happen; return what must never be, and was."""
        try:
            for tick in range(MOST_TICKS):
                if tick == CALM:
                    self._calm_down()
                if self.violations or not self._act():
                    break
                self._look_at_books()
            else:
                self.violations.append("it never ends")
        finally:
            for process, _ in self.running:
                process.kill()
        if not self.violations:
            self._look_at_ends()
        return self.violations

    @override
    def channel_of(self, app_id: str) -> Channel:
        return self

    @override
    def send(
        self, deliveries: Sequence[Delivery], *, validate_only: bool = False
    ) -> Sequence[DeliveryResult]:
        """Answer for FCM: what it takes is delivered, whether or not its answer comes."""
        return [self._answer(one) for one in deliveries]

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

    def _calm_down(self) -> None:
        self.is_calm = True
        self.quota.pause = None
        for campaign_id, state in list(self.campaigns.states.items()):
            if state is CampaignState.PAUSED:
                self._resume(campaign_id)

    def _act(self) -> bool:
        """Have one thing happen; say whether there was anything left to happen."""
        if not self.is_calm and self.chance.random() < 0.06:
            self.chance.choice(self._actions())()
        self._release()
        self._release_deferrals()
        seen = [one for one in self.jobs if not one.process and one.visible_at <= self.clock()]
        if self.running and (len(self.running) > 1 or not seen or self.chance.random() < 0.7):
            self._go_on()
        elif seen:
            self._start(self.chance.choice(seen))
        else:
            return self._wait()
        return True

    def _actions(self) -> Sequence[Callable[[], None]]:
        return (
            lambda: self._stop(CampaignState.PAUSED),
            lambda: self._resume(self.chance.choice([CAMPAIGN, OTHER])),
            lambda: self._stop(CampaignState.CANCELLED) if self.chance.random() < 0.3 else None,
            self._opt_out,
            self._unregister,
            self._let_leases_run_out,
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

    def _let_leases_run_out(self) -> None:
        """Stop every process where it is: what it does next, it does not do any more."""
        self.clock.advance(LEASE * self.chance.choice([1, 2, 6]))

    def _turn_quota(self) -> None:
        self.quota.pause = None if self.quota.pause else timedelta(seconds=3)

    def _replay(self) -> None:
        """Have an operator put jobs of a chunk back into the queue, twice to be sure."""
        chunk_id = self.chance.choice(self.planned).chunk_id
        for _ in range(2):
            self._put(chunk_id, is_released=False)

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
        self.jobs.append(Job(chunk_id, is_released, self.clock() + after))

    def _start(self, job: Job) -> None:
        self.processes += 1
        if not self.is_calm and self.chance.random() < 0.05:
            self._put(job.chunk_id, is_released=job.is_released)  # the queue delivers it twice
        holder, ends_at = f"process {self.processes}", self.clock() + TIMEOUT

        def through(call: Callable[[], Any]) -> Any:
            process.step()
            return self._attempt(call, ends_at)

        def port(real: object) -> Any:
            return Port(real, through)

        sender = self.sender(
            chunks=port(self.chunks),
            devices=port(self.devices),
            campaigns=port(self.campaigns),
            permission=ChunkPermission(permission=port(self.permission)),
            texts=SameText(),
            quota=port(self.quota),
            channels=_OneChannel(port(self)),
            queue=port(self),
            clock=self.clock,
            ids=self.ids,
            lease=LEASE,
            slice_size=2,
        )
        process = Process(
            lambda: sender.work(
                job.chunk_id,
                app_id=APP,
                holder=holder,
                ends_at=ends_at,
                is_released=job.is_released,
            )
        )
        job.process = process
        job.visible_at = self.clock() + VISIBILITY
        self.running.append((process, job))

    def _attempt(self, call: Callable[[], Any], ends_at: datetime) -> Any:
        """Make a call of a process, if it comes to that."""
        self.clock.advance(timedelta(milliseconds=self.chance.randrange(20)))
        if self.clock() >= ends_at:
            raise KilledError
        before, after = self.chance.random(), self.chance.random()
        if self.is_calm:
            return call()
        if before < 0.03:
            raise KilledError if before < 0.02 else ThrottledError
        answer = call()
        if after < 0.03:
            raise KilledError if after < 0.02 else ReplyLostError
        return answer

    def _go_on(self) -> None:
        process, job = self.chance.choice(self.running)
        self.at_work = job
        process.resume(self.chance.randrange(1, 8))
        if not process.is_over:
            return
        self.running.remove((process, job))
        job.process = None
        if isinstance(process.error, AssertionError | TypeError | AttributeError | KeyError):
            raise process.error
        if process.error is None and (self.is_calm or self.chance.random() < 0.9):
            self.jobs.remove(job)
        elif process.error is None:
            job.visible_at = self.clock()  # the queue delivers it twice

    def _wait(self) -> bool:
        """Let time pass until something is due; say whether anything ever is."""
        dues = [one.visible_at for one in self.jobs]
        dues += [
            one.due_at
            for one in self.chunks.waiting.values()
            if self.campaigns.states.get(_campaign_of(self.chunks.kept[APP, one.chunk_id]))
            is not CampaignState.PAUSED
        ]
        dues += [until for _, until in self.permission.put_offs]
        if not dues:
            if self.is_calm or not self.campaigns.states:
                return False
            self._calm_down()
            return True
        self.clock.at = max(self.clock(), min(dues))
        return True

    def _answer(self, delivery: Delivery) -> DeliveryResult:
        address = delivery.address.value
        drawn = self.chance.random()
        if address in self.dead or drawn < 0.06:
            self.dead.add(address)
            return DeliveryResult(outcome=Outcome.ADDRESS_GONE, code="UNREGISTERED")
        if drawn < 0.1:
            return DeliveryResult(outcome=Outcome.REJECTED, code="INVALID_ARGUMENT")
        if drawn < 0.25 and not self.is_calm:
            pause = timedelta(seconds=self.chance.randrange(60))
            return DeliveryResult(outcome=Outcome.RETRY, code="UNAVAILABLE", retry_after=pause)
        if drawn < 0.3 and not self.is_calm:
            return DeliveryResult(outcome=Outcome.UNKNOWN, code="answer_lost")
        self._deliver(delivery)
        if drawn < 0.4 and not self.is_calm:
            return DeliveryResult(outcome=Outcome.UNKNOWN, code="answer_lost")
        return DeliveryResult(outcome=Outcome.SENT, provider_id="1")

    def _deliver(self, delivery: Delivery) -> None:
        """Reach a device; note where that must not be."""
        _, chunk_id, index = delivery.message_id.split("_")
        chunk = self.chunks.kept[APP, chunk_id]
        contact_id = chunk.recipients[int(index)].contact_id
        self.delivered[delivery.message_id] += 1
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
        if chunk.delivery is DeliveryMode.AT_MOST_ONCE and self.delivered[delivery.message_id] > 1:
            self.violations.append("it was sent twice")
        told = {
            _campaign_of(one)
            for one in self.planned
            for at, who in enumerate(one.recipients)
            if who.contact_id == contact_id and self.delivered[one.message_id(at)]
        }
        if len(told) > CAP:
            self.violations.append("a cap was passed")

    def _look_at_books(self) -> None:
        for planned in self.planned[: len(CHUNKS)]:
            key = (APP, planned.chunk_id)
            chunk, line = self.chunks.kept[key], self.chunks.lines[key]
            before = self.read.get(key)
            if before and before[0] is chunk and before[1] is line:
                continue
            self.read[key] = (chunk, line)
            if not line.is_balanced or line != line_of(chunk):
                self.violations.append("the books do not balance")

    def _look_at_ends(self) -> None:
        for planned in self.planned:
            chunk = self.chunks.kept[APP, planned.chunk_id]
            finals = self.chunks.final_events(chunk, range(len(chunk.states)))
            for index, state in enumerate(chunk.states):
                self._look_at_end(chunk, index, state, finals.get(index))
        keys = Counter(
            event.data["message_id"]
            for event in self.chunks.events.values()
            if event.data.get("decision") != "defer"
        )
        if keys and max(keys.values()) > 1:
            self.violations.append("a message ended twice")

    def _look_at_end(self, chunk: Chunk, index: int, state: State, event: Any) -> None:
        sent = self.delivered[chunk.message_id(index)]
        if event is None or not state.is_final:
            self.violations.append("a message never ended")
            return
        if ending_of(event).state is not state:
            self.violations.append("the ledger and the chunk differ")
        if state is State.SENT and not sent:
            self.violations.append("what was not sent is told as sent")
        if state in UNSENT and sent:
            self.violations.append("what was sent is told as not sent")
        is_flagged = state is State.UNKNOWN or event.data.get("ambiguous") is True
        if sent > 1 and not is_flagged:
            self.violations.append("it was sent twice and nobody says so")


@dataclass(frozen=True)
class _OneChannel(Channels):
    """The channel of all apps; to ask for it is no call to anybody."""

    channel: Any

    @override
    def channel_of(self, app_id: str) -> Channel:
        channel: Channel = self.channel
        return channel


def _campaign_of(chunk: Chunk) -> str:
    return chunk.part.campaign_id if chunk.part else ""

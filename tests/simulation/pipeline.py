"""A campaign from the marketer's word to its last message, and what must never be.

The services that start, plan, release and send run together over the same stores, and each may fail
at any call. Marketers start twice, pause, resume and cancel; devices come while it is planned;
people opt out; operators put old jobs back; the machinery's own schedule comes every minute.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from typing_extensions import override

from shared.kernel.addresses import Address, AddressKind, Target
from shared.kernel.errors import DomainError
from shared.kernel.events import Purpose
from shared.push.model import Chunk, Delivery, DeliveryMode
from shared.push.model.books import Line, books_of, line_of
from shared.push.model.campaigns import Campaign, CampaignDraft, CampaignState, Run, Timing, Variant
from shared.push.model.planning import Member
from shared.push.model.templates import Template, TemplateDraft, Words
from shared.push.ports import AudiencePage, Jobs, Queue, Waiting
from shared.push.service.campaigns import CampaignService
from shared.push.service.permission import ChunkPermission
from shared.push.service.placing import InboxCopies
from shared.push.service.planning import PlanService
from shared.push.service.releasing import MINUTE, ReleaseService
from shared.push.service.sending import LONGEST_PAUSE, SendService
from tests.fakes.campaigns import (
    InMemoryCampaignStore,
    InMemoryPlanStore,
    ListedAudience,
    OneCampaignApp,
)
from tests.fakes.clock import NOON
from tests.fakes.inboxes import InMemoryInboxStore
from tests.fakes.push import CountedQuota, InMemoryChunkStore, InMemoryTemplateStore, SameText
from tests.simulation.stage import (
    APP,
    LEASE,
    WITHIN,
    Job,
    OneChannel,
    Stage,
    ThrottledError,
    Worker,
    is_paced,
    violations_of,
)
from tests.simulation.world import SimulatedDevices, SimulatedPolicy

SHARDS = 2
"""The tests have an audience of so many; most of 64 would be empty."""

MOST_DEVICES = 9
MARKETER = "ada"
ZONES = ("Europe/Zurich", "Europe/London")

SALE = TemplateDraft(
    name="sale",
    purpose=Purpose.MARKETING,
    topic="offers",
    default_locale="en",
    contents={"en": Words(title="Sale")},
)


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The services and stores of a pipeline; a planted bug is another one."""

    campaigns: type[InMemoryCampaignStore] = InMemoryCampaignStore
    chunks: type[InMemoryChunkStore] = InMemoryChunkStore
    plans: type[InMemoryPlanStore] = InMemoryPlanStore
    planner: type[PlanService] = PlanService
    releaser: type[ReleaseService] = ReleaseService
    sender: type[SendService] = SendService


@dataclass
class GrowingAudience(ListedAudience):
    """An audience to which devices come while it is read."""

    grow: Callable[[int], None] = lambda _: None

    @override
    def page(
        self, run: Run, shard: int, *, after: str | None, limit: int, at: datetime
    ) -> AudiencePage:
        found = super().page(run, shard, after=after, limit=limit, at=at)
        self.grow(shard)
        return found


class Pipeline(Stage, Jobs, Queue):
    """One campaign, its audience, its marketer, and all that works on it."""

    def __init__(self, seed: int, mode: DeliveryMode, *, parts: Parts | None = None) -> None:
        super().__init__(seed, at=NOON)
        self.parts = parts or Parts()
        self.campaigns = self.parts.campaigns()
        self.chunks = self.parts.chunks()
        self.plans = self.parts.plans(campaigns=self.campaigns, chunks=self.chunks)
        self.permission = SimulatedPolicy(clock=self.clock)
        self.quota = CountedQuota()
        self.members: dict[int, list[Member]] = {shard: [] for shard in range(SHARDS)}
        self.devices = SimulatedDevices({})
        self.audience = GrowingAudience(members=self.members, grow=self._grow)
        self.templates = InMemoryTemplateStore()
        self.old: list[Job] = []
        self.read: dict[tuple[str, str], tuple[Chunk, Line]] = {}
        self.begun: list[tuple[datetime, int]] = []
        self.capped: set[str] = set()
        self.stopped_at: datetime | None = None
        self.last_planned: int | None = None
        self.next_minute = NOON
        for place in range(self.chance.randrange(4, 7)):
            self._register(place, shard=self.chance.randrange(SHARDS))
        self.first_devices = set(self.devices.at)
        self._set_people()
        self._write_template()
        self.marketer = self._service_of(self)
        self.campaign_id = self._draft(mode)
        for _ in range(2):
            self._put(self._start_campaign)
        if self.chance.random() < 0.15:
            self._rehearse()

    @property
    def campaign(self) -> Campaign:
        return self.campaigns.kept[APP, self.campaign_id]

    @property
    def runs(self) -> Sequence[Run]:
        return list(self.campaigns.runs.values())

    # What the services ask for.

    @override
    def plan(self, run: Run, shards: Sequence[int]) -> None:
        for shard in shards:
            for _ in range(1 if self.is_calm else self.chance.randrange(1, 3)):
                self._put(partial(self._plan_shard, run=run, shard=shard))

    @override
    def advance(self, run: Run, *, after: timedelta = timedelta(0)) -> None:
        self._put(partial(self._advance, run=run), after=after)

    @override
    def send(self, run: Run, released: Sequence[tuple[Waiting, timedelta]]) -> None:
        """Put a chunk's job each; the queue may break off after some of them."""
        is_counted = not run.is_rehearsal and self.campaign.state is not CampaignState.CANCELLED
        for waiting, after in released:
            if not self.is_calm and self.chance.random() < 0.02:
                raise ThrottledError
            if is_counted:
                self.begun.append((self.clock(), waiting.size))
            self._put_chunk(waiting.chunk_id, is_released=True, after=after)

    @override
    def ask_again(self, *, app_id: str, chunk_id: str, after: timedelta, is_released: bool) -> None:
        self._put_chunk(chunk_id, is_released=is_released, after=after)

    # What everybody does.

    @override
    def actions(self) -> Sequence[Callable[[], object]]:
        return (
            self._pause,
            self._resume,
            lambda: self._cancel() if self.chance.random() < 0.3 else None,
            self._opt_out,
            self.let_leases_run_out,
            self._turn_quota,
            self._replay,
            self._replay,
            self._advance_twice,
            self._advance_twice,
        )

    @override
    def wake(self) -> None:
        """Have the schedule of the minute take on every run for which there is something to do."""
        now = self.clock()
        if now < self.next_minute:
            return
        dues = [(run, self._due_of(run)) for run in self._unsettled()]
        self.next_minute = now + MINUTE
        for run in (run for run, due in dues if due and due <= now):
            self.advance(run)
            if not self.is_calm and self.chance.random() < 0.3:
                self.advance(run)

    @override
    def calm_down(self) -> None:
        super().calm_down()
        self.quota.pause = None
        self._resume()

    @override
    def dues(self) -> Sequence[datetime]:
        """Return when the schedule finds something to do; the minutes between do nothing."""
        found = [due for run in self._unsettled() if (due := self._due_of(run))]
        return [max(self.next_minute, min(found))] if found else []

    def _due_of(self, run: Run) -> datetime | None:
        """Return from when on a run is to be taken on, where no job will see to it."""
        state = self.campaign.state
        if not run.is_rehearsal:
            if state is CampaignState.PAUSED:
                return None
            if state is CampaignState.SCHEDULED:
                return self.campaign.starts_at
            waiting = self.plans.due(run, until=None, limit=1)
            if state is CampaignState.SENDING and waiting:
                return waiting[0].due_at - MINUTE
        return None if self.jobs else self.next_minute

    def _unsettled(self) -> list[Run]:
        return [
            self.campaigns.runs[APP, campaign_id, run_id]
            for campaign_id, run_id in self.campaigns.unsettled(APP)
        ]

    def _pause(self) -> None:
        self._move(self.marketer.pause)

    def _resume(self) -> None:
        self._move(self.marketer.resume)
        if self.campaign.state is not CampaignState.CANCELLED:
            self.stopped_at = None

    def _cancel(self) -> None:
        self._move(self.marketer.cancel)

    def _move(self, use_case: Callable[..., Campaign]) -> None:
        """Ask for a move, which may be refused; note since when nothing may be sent."""
        with suppress(DomainError):
            moved = use_case(self.campaign_id, app_id=APP, by=MARKETER)
            if moved.state is CampaignState.CANCELLED:
                self.last_planned = self._planned_in_earnest()
            if moved.state in {CampaignState.PAUSED, CampaignState.CANCELLED}:
                self.stopped_at = self.stopped_at or self.clock()

    def _opt_out(self) -> None:
        device = self.chance.choice(list(self.devices.at.values()))
        self.permission.opted_out.setdefault(device.contact_id or "", self.clock())

    def _turn_quota(self) -> None:
        self.quota.pause = None if self.quota.pause else timedelta(seconds=3)

    def _replay(self) -> None:
        """Have an operator put a job back into its queue that was there before."""
        seen = [one for one in self.old if one.visible_at <= self.clock()]
        if seen:
            job = self.chance.choice(seen)
            self.jobs.append(replace(job, visible_at=self.clock(), process=None))

    def _advance_twice(self) -> None:
        """Have a run taken on by two at once, whatever the minute."""
        for run in self._unsettled()[-1:]:
            self.advance(run)
            self.advance(run)

    # The work of jobs.

    def _put(
        self,
        work: Callable[[Worker], object],
        *,
        after: timedelta = timedelta(0),
        is_released: bool = False,
    ) -> None:
        assert after <= LONGEST_PAUSE
        job = Job(work=work, visible_at=self.clock() + after, is_released=is_released)
        self.old.append(replace(job))
        self.put(job)

    def _put_chunk(self, chunk_id: str, *, is_released: bool, after: timedelta) -> None:
        work = partial(self._send_chunk, chunk_id=chunk_id, is_released=is_released)
        self._put(work, after=after, is_released=is_released)

    def _start_campaign(self, worker: Worker) -> None:
        """Start the campaign, as somebody who clicks until it is started."""
        service = self._service_of(worker.port(self), campaigns=worker.port(self.campaigns))
        with suppress(DomainError):
            service.send(self.campaign_id, app_id=APP, by=MARKETER)

    def _plan_shard(self, worker: Worker, *, run: Run, shard: int) -> None:
        planner = self.parts.planner(
            campaigns=worker.port(self.campaigns),
            plans=worker.port(self.plans),
            audience=worker.port(self.audience),
            jobs=worker.port(self),
            clock=self.clock,
        )
        place = {"app_id": APP, "campaign_id": run.campaign_id, "run_id": run.run_id}
        if not planner.plan(shard, **place, may_go_on=lambda: self.chance.random() < 0.8):
            worker.port(self).plan(run, [shard])

    def _advance(self, worker: Worker, *, run: Run) -> None:
        releaser = self.parts.releaser(
            campaigns=worker.port(self.campaigns),
            plans=worker.port(self.plans),
            jobs=worker.port(self),
            clock=self.clock,
            ids=self.ids,
        )
        done = releaser.advance(run.run_id, campaign_id=run.campaign_id, app_id=APP)
        if not done.is_balanced:
            self.violations.append("the books do not balance")

    def _send_chunk(self, worker: Worker, *, chunk_id: str, is_released: bool) -> None:
        port = worker.port
        sender = self.parts.sender(
            chunks=port(self.chunks),
            devices=port(self.devices),
            campaigns=port(self.campaigns),
            permission=ChunkPermission(permission=port(self.permission)),
            texts=SameText(),
            copies=InboxCopies(inboxes=InMemoryInboxStore(), clock=self.clock),
            quota=self.quota,
            channels=OneChannel(port(self.fcm)),
            queue=port(self),
            clock=self.clock,
            ids=self.ids,
            lease=LEASE,
            slice_size=2,
        )
        sender.work(
            chunk_id,
            app_id=APP,
            holder=worker.holder,
            ends_at=worker.ends_at,
            is_released=is_released,
        )

    # What must never be.

    @override
    def deliver(self, delivery: Delivery) -> None:
        _, chunk_id, index = delivery.message_id.split("_")
        chunk = self.chunks.kept[APP, chunk_id]
        contact_id, now = chunk.recipients[int(index)].contact_id, self.clock()
        opted_out = self.permission.opted_out.get(contact_id)
        times = self.fcm.delivered[delivery.message_id]
        violations: Mapping[str, bool] = {
            "a rehearsal reached somebody": chunk.is_rehearsal,
            "it was sent before it was due": now < chunk.planned_at,
            "it was sent too late": now > chunk.send_until + WITHIN,
            "it was sent after the campaign was stopped": _is_after(self.stopped_at, now),
            "it was sent after the person opted out": _is_after(opted_out, now),
            "a cap was passed": contact_id in self.capped,
            "it was sent to who is held out": contact_id in self.permission.held_out,
            "it was sent twice": times > 1 and chunk.delivery is DeliveryMode.AT_MOST_ONCE,
        }
        self.violations += [violation for violation, is_so in violations.items() if is_so]

    @override
    def look_at_books(self) -> None:
        for key, chunk in self.chunks.kept.items():
            line = self.chunks.lines[key]
            before = self.read.get(key)
            if before and before[0] is chunk and before[1] is line:
                continue
            self.read[key] = (chunk, line)
            if not line.is_balanced or line != line_of(chunk):
                self.violations.append("the books do not balance")
        if self.last_planned not in {None, self._planned_in_earnest()}:
            self.violations.append("it was planned after its end")
        if self.campaign.state is CampaignState.DONE and not self._is_over(self._runs_in_earnest()):
            self.violations.append("it was done before its messages were")

    @override
    def look_at_ends(self) -> None:
        runs = self._runs_in_earnest()
        if len(runs) > 1:
            self.violations.append("it was started twice")
        if self.campaigns.unsettled(APP) or not self._is_over(self.runs):
            self.violations.append("a run was not settled")
        for run in self.runs:
            self._look_at_plan(run)
        throttle = self.campaign.draft.throttle_per_minute
        if throttle is not None and not is_paced(self.begun, throttle=throttle):
            self.violations.append("the throttle was passed")
        for chunk in self.chunks.kept.values():
            if not chunk.is_rehearsal:
                self._look_at_messages(chunk)
        self._look_at_ledger()
        if not self.violations:
            self._redrive()

    def _look_at_plan(self, run: Run) -> None:
        """Hold a run's chunks to its audience and to the plans of its shards."""
        chunks = [
            one for one in self.chunks.kept.values() if one.part and one.part.run_id == run.run_id
        ]
        planned = Counter(who.device_id for chunk in chunks for who in chunk.recipients)
        is_whole = self.campaign.state is CampaignState.DONE and not run.is_rehearsal
        if planned and max(planned.values()) > 1:
            self.violations.append("a device was planned twice")
        if is_whole and not self.first_devices <= planned.keys():
            self.violations.append("a device was never planned")
        plans = self.plans.shard_plans(run)
        if books_of(self.plans.lines(run)).planned != sum(plan.planned for plan in plans):
            self.violations.append("the books and the plans differ")

    def _look_at_messages(self, chunk: Chunk) -> None:
        finals = self.chunks.final_events(chunk, range(len(chunk.states)))
        for index in range(len(chunk.states)):
            sent = self.fcm.delivered[chunk.message_id(index)]
            self.violations += violations_of(chunk, index, finals.get(index), sent=sent)

    def _look_at_ledger(self) -> None:
        finals = Counter(
            event.data["message_id"]
            for event in self.chunks.events.values()
            if event.data.get("decision") != "defer"
        )
        if finals and max(finals.values()) > 1:
            self.violations.append("a message ended twice")

    def _redrive(self) -> None:
        """Do every job once more that there ever was: all is over, and nothing may be sent."""
        delivered, events = self.fcm.delivered.total(), len(self.chunks.events)
        direct = Worker("operator", self.clock() + LEASE, lambda real: real)
        for job in list(self.old):
            job.work(direct)
        if self.fcm.delivered.total() != delivered or len(self.chunks.events) != events:
            self.violations.append("it was sent again after its end")

    def _planned_in_earnest(self) -> int:
        return sum(not chunk.is_rehearsal for chunk in self.chunks.kept.values())

    def _runs_in_earnest(self) -> list[Run]:
        return [run for run in self.runs if not run.is_rehearsal]

    def _is_over(self, runs: Sequence[Run]) -> bool:
        return not any(books_of(self.plans.lines(run)).pending for run in runs)

    # How it begins.

    def _grow(self, shard: int) -> None:
        if len(self.devices.at) < MOST_DEVICES and self.chance.random() < 0.3:
            self._register(len(self.devices.at), shard=shard)

    def _register(self, place: int, *, shard: int) -> None:
        """Have a device there that fits; some people have two."""
        device_id = f"{self.chance.randrange(1_000):03}-{place}"
        contact_id = f"con_{place // 2 if self.chance.random() < 0.3 else place}"
        zone = self.chance.choice(ZONES)
        member = Member(device_id=device_id, contact_id=contact_id, zone=zone)
        self.members[shard].append(member)
        self.devices.at[device_id] = Target(
            device_id=device_id,
            contact_id=contact_id,
            address=Address(kind=AddressKind.FID, value=device_id),
            is_muted=False,
        )

    def _set_people(self) -> None:
        """Have some people held out, some at their cap, and for some time all of them quiet."""
        contacts = sorted({one.contact_id or "" for one in self.devices.at.values()})
        if self.chance.random() < 0.2:
            self.permission.held_out.add(self.chance.choice(contacts))
        if self.chance.random() < 0.3:
            self.capped.add(self.chance.choice(contacts))
        for contact_id in self.capped:
            self.permission.counted[contact_id].add("another offer")
        if self.chance.random() < 0.2:
            self.permission.quiet_until = NOON + timedelta(minutes=self.chance.randrange(1, 90))

    def _write_template(self) -> None:
        self.templates.kept[APP, "tpl_1"] = Template(
            app_id=APP, template_id="tpl_1", draft=SALE, created_at=NOON, updated_at=NOON
        )

    def _draft(self, mode: DeliveryMode) -> str:
        draft = CampaignDraft(
            name="Spring",
            segment_id="seg_1",
            segment_version=0,
            variants=(
                Variant(name="a", template_id="tpl_1"),
                Variant(name="b", template_id="tpl_1"),
            ),
            timing=self.chance.choice(
                [
                    Timing(),
                    Timing(at=NOON + timedelta(minutes=self.chance.randrange(1, 30))),
                    Timing(wall=datetime(2026, 3, 1, 13, self.chance.randrange(1, 30))),
                ]
            ),
            throttle_per_minute=self.chance.choice([None, None, 2, 3]),
            delivery=mode,
        )
        if self.chance.random() < 0.3:
            last = draft.timing.last() or NOON
            minutes = self.chance.choice([5, 60])
            draft = replace(draft, expires_at=last + timedelta(minutes=minutes))
        campaign, _ = self.marketer.create_campaign(draft, app_id=APP, by=MARKETER, attempt=None)
        return campaign.campaign_id

    def _rehearse(self) -> None:
        self.marketer.rehearse(self.campaign_id, app_id=APP, by=MARKETER)

    def _service_of(self, jobs: Any, *, campaigns: Any = None) -> CampaignService:
        return CampaignService(
            campaigns=campaigns or self.campaigns,
            templates=self.templates,
            segments=self.audience,
            apps=OneCampaignApp(),
            jobs=jobs,
            clock=self.clock,
            ids=self.ids,
        )


def _is_after(stop: datetime | None, now: datetime) -> bool:
    return stop is not None and now > stop + WITHIN

"""A campaign in local time around the world, minute by minute, through the services themselves."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from functools import partial
from heapq import heappop, heappush
from random import Random
from zlib import crc32
from zoneinfo import ZoneInfo

import pytest
from typing_extensions import override

from shared.kernel.addresses import Address, AddressKind, Target
from shared.kernel.decisions import Allow, Candidate, Decision, Defer, Drop
from shared.kernel.events import Purpose
from shared.kernel.ids import Ids
from shared.push.model import Delivery, DeliveryMode, DeliveryResult, Outcome, State
from shared.push.model.books import Books, books_of
from shared.push.model.campaigns import CampaignDraft, CampaignState, Run, Timing, Variant
from shared.push.model.templates import Template, TemplateDraft, Words
from shared.push.ports import (
    Asked,
    Channel,
    Channels,
    Contacts,
    Jobs,
    Permission,
    PersonFacts,
    Queue,
    Waiting,
)
from shared.push.service.campaigns import CampaignService
from shared.push.service.permission import ChunkPermission
from shared.push.service.placing import InboxCopies
from shared.push.service.planning import PlanService
from shared.push.service.releasing import MINUTE, ReleaseService
from shared.push.service.sending import SendService
from shared.push.service.texts import CampaignTexts
from tests.fakes.campaigns import (
    InMemoryCampaignStore,
    InMemoryPlanStore,
    ListedAudience,
    OneCampaignApp,
    members_of,
)
from tests.fakes.clock import NOON, ManualClock
from tests.fakes.inboxes import InMemoryInboxStore
from tests.fakes.push import CountedQuota, InMemoryChunkStore, InMemoryTemplateStore
from tests.simulation.stage import APP, LEASE, is_paced, violations_of
from tests.simulation.world import HELD, QUIET, SimulatedDevices

WALL = datetime(2026, 3, 2, 8, 30)
WAKING = time(9)
"""Until then half of the people are not to be disturbed."""

HOUR = timedelta(hours=1)
ZONES = ("Asia/Tokyo", "Europe/Zurich", "America/New_York", "America/Los_Angeles")
TITLES = {"en": "Sale", "de": "Ausverkauf", "fr": "Soldes", "it": "Saldi", "es": "Rebajas"}
HELD_OUT_PERCENT = 10
MOST_MINUTES = 48 * 60


@dataclass
class Sleepers(Permission):
    """Lets sleep who wants to, in their own zone, and tells nothing to a tenth of the people."""

    clock: ManualClock
    zones: dict[str, str]

    @override
    def ask(self, asked: Sequence[Asked]) -> Sequence[Decision]:
        return [self._decide(one.candidate) for one in asked]

    @override
    def judge(self, asked: Sequence[Asked], *, at: datetime) -> Sequence[Decision]:
        raise AssertionError("nobody rehearses")

    @override
    def take_back(self, asked: Sequence[Asked]) -> None:
        """Count nobody: there is no cap."""

    @override
    def put_off(self, asked: Asked, *, chunk_id: str, until: datetime) -> None:
        raise AssertionError("campaigns wait by themselves")

    def _decide(self, candidate: Candidate) -> Decision:
        contact_id = candidate.contact_id
        if in_control_group(contact_id, percent=candidate.holdout_percent):
            return Drop(because=(HELD,))
        here = self.clock().astimezone(ZoneInfo(self.zones[contact_id]))
        if sleeps_long(contact_id) and here.time() < WAKING:
            until = datetime.combine(here.date(), WAKING, tzinfo=here.tzinfo)
            return Defer(until=until.astimezone(UTC), because=(QUIET,))
        return Allow()


def in_control_group(contact_id: str, *, percent: float) -> bool:
    return crc32(contact_id.encode()) % 100 < percent


def sleeps_long(contact_id: str) -> bool:
    return crc32(contact_id.encode()) // 100 % 2 == 0


class PrunedDevices(SimulatedDevices):
    """Forgets an address that is dead, if it is still the device's."""

    @override
    def remove_dead_address(self, *, app_id: str, device_id: str, address: Address) -> bool:
        before = self.at[device_id]
        if before.address != address:
            return False
        self.at[device_id] = replace(before, address=None)
        return True


class Nobody(Contacts):
    """Knows no facts: no text of the campaign speaks of them."""

    @override
    def of_contacts(
        self, contact_ids: Collection[str], *, app_id: str
    ) -> Mapping[str, PersonFacts]:
        return {}


class BadDay(Channels, Channel):
    """FCM with 8 % of 429, 4 % of 503, and 1 % of lost answers; some addresses are dead."""

    def __init__(self, chance: Random, *, clock: ManualClock, dead: set[str]) -> None:
        self.chance = chance
        self.clock = clock
        self.dead = dead
        self.refused: set[str] = set()
        self.told: defaultdict[str, list[datetime]] = defaultdict(list)
        self.titles: dict[str, str | None] = {}

    @override
    def channel_of(self, app_id: str) -> Channel:
        return self

    @override
    def send(
        self, deliveries: Sequence[Delivery], *, validate_only: bool = False
    ) -> Sequence[DeliveryResult]:
        return [self._answer(one) for one in deliveries]

    def _answer(self, delivery: Delivery) -> DeliveryResult:
        drawn, address = self.chance.random(), delivery.address.value
        if drawn < 0.08:
            pause = timedelta(seconds=self.chance.randrange(1, 61))
            return DeliveryResult(outcome=Outcome.RETRY, code="QUOTA_EXCEEDED", retry_after=pause)
        if drawn < 0.12:
            return DeliveryResult(outcome=Outcome.RETRY, code="UNAVAILABLE")
        if drawn < 0.125:
            return DeliveryResult(outcome=Outcome.UNKNOWN, code="answer_lost")
        if address in self.dead:
            self.refused.add(address)
            return DeliveryResult(outcome=Outcome.ADDRESS_GONE, code="UNREGISTERED")
        self.told[delivery.message_id].append(self.clock())
        self.titles[delivery.message_id] = delivery.content.title
        if drawn < 0.13:
            return DeliveryResult(outcome=Outcome.UNKNOWN, code="answer_lost")
        return DeliveryResult(outcome=Outcome.SENT, provider_id="1")


class Day(Jobs, Queue):
    """An app, its people and its campaign; jobs are done when they are due, one after another."""

    def __init__(self, *, devices: int, throttle: int, mode: DeliveryMode) -> None:
        chance = Random(devices)  # noqa: S311 - a seed must repeat the day
        self.clock = ManualClock()
        self.jobs: list[tuple[datetime, int, Callable[[], object]]] = []
        self.number = 0
        self.begun: list[tuple[datetime, int]] = []
        names = [f"device-{place:05}" for place in range(devices)]
        self.zones = {f"con_{one}": ZONES[at % len(ZONES)] for at, one in enumerate(names)}
        self.devices = PrunedDevices({name: self._device(name) for name in names})
        dead = {one for one in names if chance.random() < 0.05}
        self.fcm = BadDay(chance, clock=self.clock, dead=dead)
        self.store = InMemoryCampaignStore()
        self.chunks = InMemoryChunkStore()
        self.plans = InMemoryPlanStore(campaigns=self.store, chunks=self.chunks)
        self.audience = ListedAudience(
            members=members_of([(name, self.zones[f"con_{name}"]) for name in names])
        )
        self.ids = Ids(clock=self.clock, chance=chance.getrandbits)
        self._set_services()
        self.run = self._started(throttle, mode)

    @property
    def books(self) -> Books:
        return books_of(self.plans.lines(self.run))

    @property
    def state(self) -> CampaignState:
        return self.store.state_of(self.run.campaign_id, app_id=APP)

    def live(self) -> None:
        """Let minutes pass until the run is settled, and look at the books in each."""
        for _ in range(MOST_MINUTES):
            if not self.store.unsettled(APP):
                return
            self._advance()
            self._work_until(self.clock() + MINUTE)
            books = self.books
            assert books.is_balanced
            assert books.planned == sum(one.planned for one in self.plans.shard_plans(self.run))

    @override
    def plan(self, run: Run, shards: Sequence[int]) -> None:
        plan = partial(
            self.planner.plan, app_id=APP, campaign_id=run.campaign_id, run_id=run.run_id
        )
        for shard in shards:
            self._put(partial(plan, shard))

    @override
    def advance(self, run: Run, *, after: timedelta = timedelta(0)) -> None:
        self._put(self._advance, after=after)

    @override
    def send(self, run: Run, released: Sequence[tuple[Waiting, timedelta]]) -> None:
        for waiting, after in released:
            self.begun.append((self.clock(), waiting.size))
            self._put_chunk(waiting.chunk_id, after=after, is_released=True)

    @override
    def ask_again(self, *, app_id: str, chunk_id: str, after: timedelta, is_released: bool) -> None:
        self._put_chunk(chunk_id, after=after, is_released=is_released)

    def _put(self, work: Callable[[], object], *, after: timedelta = timedelta(0)) -> None:
        self.number += 1
        heappush(self.jobs, (self.clock() + after, self.number, work))

    def _put_chunk(self, chunk_id: str, *, after: timedelta, is_released: bool) -> None:
        work = partial(
            self.sender.work, chunk_id, app_id=APP, holder="sender", is_released=is_released
        )
        self._put(work, after=after)

    def _advance(self) -> None:
        run = self.run
        self.releaser.advance(run.run_id, campaign_id=run.campaign_id, app_id=APP)

    def _work_until(self, end: datetime) -> None:
        while self.jobs and self.jobs[0][0] < end:
            due, _, work = heappop(self.jobs)
            self.clock.at = max(self.clock.at, due)
            work()
        self.clock.at = end

    def _device(self, name: str) -> Target:
        locale = list(TITLES)[crc32(name.encode()) % len(TITLES)]
        address = Address(kind=AddressKind.FID, value=name)
        return Target(
            device_id=name,
            contact_id=f"con_{name}",
            address=address,
            is_muted=False,
            locale=locale,
        )

    def _set_services(self) -> None:
        clock, ids = self.clock, self.ids
        self.marketer = CampaignService(
            campaigns=self.store,
            templates=_templates(),
            segments=self.audience,
            apps=OneCampaignApp(),
            jobs=self,
            clock=clock,
            ids=ids,
        )
        self.planner = PlanService(
            campaigns=self.store, plans=self.plans, audience=self.audience, jobs=self, clock=clock
        )
        self.releaser = ReleaseService(
            campaigns=self.store, plans=self.plans, jobs=self, clock=clock, ids=ids
        )
        self.sender = SendService(
            chunks=self.chunks,
            devices=self.devices,
            campaigns=self.store,
            permission=ChunkPermission(permission=Sleepers(clock=clock, zones=self.zones)),
            texts=CampaignTexts(campaigns=self.store, contacts=Nobody()),
            copies=InboxCopies(inboxes=InMemoryInboxStore(), clock=clock),
            quota=CountedQuota(),
            channels=self.fcm,
            queue=self,
            clock=clock,
            ids=ids,
            lease=LEASE,
        )

    def _started(self, throttle: int, mode: DeliveryMode) -> Run:
        draft = CampaignDraft(
            name="Spring",
            segment_id="seg_1",
            segment_version=0,
            variants=(Variant(name="a", template_id="tpl_1"),),
            timing=Timing(wall=WALL),
            throttle_per_minute=throttle,
            holdout_percent=HELD_OUT_PERCENT,
            delivery=mode,
        )
        campaign, _ = self.marketer.create_campaign(draft, app_id=APP, by="ada", attempt=None)
        self.marketer.send(campaign.campaign_id, app_id=APP, by="ada")
        (run,) = self.store.runs.values()
        return run


def _templates() -> InMemoryTemplateStore:
    templates = InMemoryTemplateStore()
    draft = TemplateDraft(
        name="sale",
        purpose=Purpose.MARKETING,
        topic="offers",
        default_locale="en",
        contents={locale: Words(title=title) for locale, title in TITLES.items()},
    )
    templates.kept[APP, "tpl_1"] = Template(
        app_id=APP, template_id="tpl_1", draft=draft, created_at=NOON, updated_at=NOON
    )
    return templates


def _check(day: Day) -> None:
    """Hold what became of every device to what was asked for."""
    planned = Counter(who.device_id for one in day.chunks.kept.values() for who in one.recipients)
    assert planned == Counter(day.devices.at.keys())
    for chunk in day.chunks.kept.values():
        events = day.chunks.final_events(chunk, range(len(chunk.states)))
        for index, who in enumerate(chunk.recipients):
            told = day.fcm.told[chunk.message_id(index)]
            assert list(violations_of(chunk, index, events[index], sent=len(told))) == []
            assert len(told) <= 1 or chunk.delivery is DeliveryMode.AT_LEAST_ONCE
            is_held_out = chunk.states[index] is State.HELD_OUT
            assert is_held_out == in_control_group(who.contact_id, percent=HELD_OUT_PERCENT)
            assert chunk.planned_at == _due(day, who.contact_id, WALL)
            first = WALL
            if sleeps_long(who.contact_id):
                first = datetime.combine(WALL.date(), WAKING)
            due = _due(day, who.contact_id, first)
            assert all(due <= at < due + HOUR for at in told)
            title = TITLES[day.devices.at[who.device_id].locale or ""]
            assert day.fcm.titles.get(chunk.message_id(index), title) == title


def _due(day: Day, contact_id: str, wall: datetime) -> datetime:
    return wall.replace(tzinfo=ZoneInfo(day.zones[contact_id])).astimezone(UTC)


def _live_and_check(day: Day) -> None:
    day.live()
    assert day.state is CampaignState.DONE
    assert day.books.pending == 0
    assert day.books.planned == len(day.devices.at)
    _check(day)
    assert is_paced(day.begun, throttle=day.run.draft.throttle_per_minute or 0)
    gone = {one.device_id for one in day.devices.at.values() if one.address is None}
    assert gone == day.fcm.refused
    assert len(gone) >= day.books.count(State.INVALID) > 0
    assert len({day.fcm.titles[one] for one in day.fcm.told if day.fcm.told[one]}) == len(TITLES)


@pytest.mark.parametrize("mode", DeliveryMode)
def test_a_day_around_the_world_keeps_every_promise(mode: DeliveryMode) -> None:
    _live_and_check(Day(devices=400, throttle=8, mode=mode))


@pytest.mark.long
@pytest.mark.parametrize("mode", DeliveryMode)
def test_ten_thousand_devices_around_the_world_keep_every_promise(mode: DeliveryMode) -> None:
    _live_and_check(Day(devices=10_000, throttle=150, mode=mode))

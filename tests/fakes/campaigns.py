"""Campaigns in memory, held to the contracts of the real stores; an audience, and jobs to do."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from typing_extensions import override

from shared.kernel.envelope import Envelope
from shared.kernel.idempotency import Attempt, Remembered
from shared.kernel.paging import Page
from shared.push.errors import (
    BudgetExceededError,
    CampaignChangedError,
    CampaignNotFoundError,
    PlanAdvancedError,
)
from shared.push.model import Chunk
from shared.push.model.books import Line
from shared.push.model.campaigns import Booking, Campaign, CampaignState, Run
from shared.push.model.planning import Member, ShardPlan
from shared.push.model.throttle import Allowance
from shared.push.ports import (
    Audience,
    AudienceEstimate,
    AudiencePage,
    CampaignApp,
    CampaignApps,
    CampaignStore,
    Jobs,
    PlanStore,
    Segments,
    Waiting,
)
from tests.fakes.push import InMemoryChunkStore


class InMemoryCampaignStore(CampaignStore):
    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Campaign] = {}
        self.runs: dict[tuple[str, str, str], Run] = {}
        self.open: dict[tuple[str, str, str], None] = {}
        self.budgets: dict[tuple[str, date], int] = {}
        self.attempts: dict[tuple[str, str], Remembered] = {}
        self.events: list[Envelope] = []

    @override
    def add_campaign(self, campaign: Campaign, event: Envelope, *, attempt: Attempt | None) -> bool:
        if attempt and (campaign.app_id, attempt.id) in self.attempts:
            return False
        self.kept[campaign.app_id, campaign.campaign_id] = campaign
        self.events.append(event)
        if attempt:
            self.attempts[campaign.app_id, attempt.id] = Remembered(
                fingerprint=attempt.fingerprint, result=campaign.campaign_id
            )
        return True

    @override
    def recall(self, attempt: Attempt, *, app_id: str) -> Remembered | None:
        return self.attempts.get((app_id, attempt.id))

    @override
    def get_campaign(self, campaign_id: str, *, app_id: str) -> Campaign:
        try:
            return self.kept[app_id, campaign_id]
        except KeyError:
            raise CampaignNotFoundError(campaign_id) from None

    @override
    def list_campaigns(self, app_id: str, *, limit: int, cursor: str | None) -> Page[Campaign]:
        found = sorted(one for app, one in self.kept if app == app_id and one > (cursor or ""))
        items = [self.kept[app_id, one] for one in found[:limit]]
        return Page(items=items, next_cursor=found[limit - 1] if len(found) > limit else None)

    @override
    def replace_campaign(
        self,
        campaign: Campaign,
        event: Envelope | None,
        *,
        before: Campaign,
        run: Run | None = None,
        booking: Booking | None = None,
    ) -> None:
        key = (campaign.app_id, campaign.campaign_id)
        if key not in self.kept or self.kept[key].version != before.version:
            raise CampaignChangedError(campaign.campaign_id)
        if booking:
            booked = self.booked(campaign.app_id, booking.day) + booking.messages
            if booking.messages > 0 and booked > booking.limit:
                raise BudgetExceededError(f"{booking.limit - booked + booking.messages} are left")
            self.budgets[campaign.app_id, booking.day] = booked
        self.kept[key] = campaign
        if event:
            self.events.append(event)
        if run:
            self.runs[run.app_id, run.campaign_id, run.run_id] = run
            self.open[run.app_id, run.campaign_id, run.run_id] = None

    @override
    def state_of(self, campaign_id: str, *, app_id: str) -> CampaignState:
        return self.get_campaign(campaign_id, app_id=app_id).state

    @override
    def get_run(self, run_id: str, *, campaign_id: str, app_id: str) -> Run:
        try:
            return self.runs[app_id, campaign_id, run_id]
        except KeyError:
            raise CampaignNotFoundError(run_id) from None

    @override
    def unsettled(self, app_id: str) -> Sequence[tuple[str, str]]:
        return sorted((campaign, run) for app, campaign, run in self.open if app == app_id)

    @override
    def settle(self, run: Run) -> None:
        self.open.pop((run.app_id, run.campaign_id, run.run_id), None)

    @override
    def booked(self, app_id: str, day: date) -> int:
        return self.budgets.get((app_id, day), 0)


@dataclass
class InMemoryPlanStore(PlanStore):
    """Keeps its chunks, their lines, and what waits among the sender's."""

    campaigns: InMemoryCampaignStore
    chunks: InMemoryChunkStore
    shards: dict[tuple[str, int], ShardPlan] = field(default_factory=dict)
    allowances: dict[str, Allowance] = field(default_factory=dict)
    asks: dict[str, datetime] = field(default_factory=dict)

    @override
    def shard_plans(self, run: Run) -> Sequence[ShardPlan]:
        return [plan for (run_id, _), plan in sorted(self.shards.items()) if run_id == run.run_id]

    @override
    def shard_plan(self, run: Run, shard: int) -> ShardPlan:
        return self.shards.get((run.run_id, shard), ShardPlan(shard=shard))

    @override
    def add_step(self, run: Run, plan: ShardPlan, chunks: Sequence[Chunk]) -> None:
        if not self.is_wanted(run) or self.is_behind(run, plan):
            raise PlanAdvancedError
        self.shards[run.run_id, plan.shard] = plan
        self.chunks.plan(*chunks)

    def is_wanted(self, run: Run) -> bool:
        """Say whether chunks may be added to a run now."""
        state = self.campaigns.get_campaign(run.campaign_id, app_id=run.app_id).state
        return not state.is_over if run.is_rehearsal else state is CampaignState.PLANNING

    def is_behind(self, run: Run, plan: ShardPlan) -> bool:
        """Say whether another planner has written this step."""
        return self.shard_plan(run, plan.shard).steps != plan.steps - 1

    @override
    def lines(self, run: Run) -> Sequence[Line]:
        return [
            line
            for key, line in self.chunks.lines.items()
            if self._is_of(run, self.chunks.kept[key])
        ]

    @override
    def due(self, run: Run, *, until: datetime | None, limit: int) -> Sequence[Waiting]:
        found = [
            one
            for (app_id, chunk_id, due_at), one in self.chunks.waiting.items()
            if (until is None or due_at <= until)
            and self._is_of(run, self.chunks.kept[app_id, chunk_id])
        ]
        return sorted(found, key=lambda one: (one.due_at, one.chunk_id))[:limit]

    @override
    def released(self, run: Run, waiting: Sequence[Waiting]) -> None:
        for one in waiting:
            self.chunks.waiting.pop((run.app_id, one.chunk_id, one.due_at), None)

    @override
    def asked(self, run: Run) -> datetime | None:
        return self.asks.get(run.run_id)

    @override
    def note_asked(self, run: Run, *, at: datetime) -> None:
        self.asks[run.run_id] = at

    @override
    def allowance(self, run: Run) -> Allowance | None:
        return self.allowances.get(run.run_id)

    @override
    def replace_allowance(
        self, run: Run, allowance: Allowance, *, before: Allowance | None
    ) -> bool:
        if self.allowances.get(run.run_id) != before:
            return False
        self.allowances[run.run_id] = allowance
        return True

    @staticmethod
    def _is_of(run: Run, chunk: Chunk) -> bool:
        return chunk.part is not None and chunk.part.run_id == run.run_id


@dataclass
class ListedAudience(Audience, Segments):
    """Everybody fits, on the shards they are listed under."""

    members: Mapping[int, Sequence[Member]] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=lambda: {"seg_1": 1})

    @override
    def current_version(self, segment_id: str, *, app_id: str) -> int:
        return self.versions[segment_id]

    @override
    def page(
        self, run: Run, shard: int, *, after: str | None, limit: int, at: datetime
    ) -> AudiencePage:
        found = sorted(self.members.get(shard, ()), key=lambda one: one.device_id)
        rest = [one for one in found if after is None or one.device_id > after]
        more = rest[limit - 1].device_id if len(rest) > limit else None
        return AudiencePage(members=rest[:limit], after=more)

    @override
    def estimate(self, segment_id: str, *, version: int, app_id: str) -> AudienceEstimate:
        found = [one for some in self.members.values() for one in some]
        return AudienceEstimate(
            devices=len(found), low=len(found), high=len(found), sample=tuple(found[:10])
        )


@dataclass
class OneCampaignApp(CampaignApps):
    app: CampaignApp = field(
        default_factory=lambda: CampaignApp(
            name="Shop", default_locale="en", default_zone="Europe/Zurich", can_push=True
        )
    )

    @override
    def campaign_app(self, app_id: str) -> CampaignApp:
        return self.app


@dataclass
class ListedJobs(Jobs):
    """Remembers what was asked for, in order."""

    plans: list[tuple[Run, int]] = field(default_factory=list)
    advances: list[Run] = field(default_factory=list)
    sends: list[tuple[Run, Waiting, timedelta]] = field(default_factory=list)
    before_send: Callable[[], None] = lambda: None

    @override
    def plan(self, run: Run, shards: Sequence[int]) -> None:
        self.plans += [(run, shard) for shard in shards]

    @override
    def advance(self, run: Run, *, after: timedelta = timedelta(0)) -> None:
        self.advances.append(run)

    @override
    def send(self, run: Run, released: Sequence[tuple[Waiting, timedelta]]) -> None:
        for waiting, after in released:
            self.before_send()
            self.sends.append((run, waiting, after))


def members_of(
    devices: Iterable[tuple[str, str | None]], *, shards: int = 64
) -> Mapping[int, Sequence[Member]]:
    """Return devices with their zones as members, spread over shards; each has its own contact."""
    found: dict[int, list[Member]] = {}
    for place, (device_id, zone) in enumerate(devices):
        member = Member(device_id=device_id, contact_id=f"con_{device_id}", zone=zone)
        found.setdefault(place % shards, []).append(member)
    return found

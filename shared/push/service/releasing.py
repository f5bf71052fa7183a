"""Takes runs on: has them planned, releases what is due under the throttle, ends what is over."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.kernel.clock import Clock
from shared.kernel.envelope import seal
from shared.kernel.ids import Ids
from shared.push.errors import CampaignChangedError
from shared.push.events import CampaignFinished
from shared.push.model.books import Books, books_of
from shared.push.model.campaigns import Campaign, CampaignState, Run
from shared.push.model.planning import AUDIENCE_SHARDS
from shared.push.model.throttle import allowed
from shared.push.ports import CampaignStore, Jobs, PlanStore, Waiting

MINUTE = timedelta(minutes=1)
"""How often runs are taken on; what is due before the next time is released with a delay."""

STUCK = timedelta(minutes=15)
"""A shard on which nothing was planned for so long is given to a planner again: none lives so."""

BATCH = 500
"""Chunks that are released at once."""

PER_SECOND = 1_000
"""Messages that a run begins with in each second of its release: a slope and no cliff. FCM asks for
it, and for staying off the full hour (https://firebase.google.com/docs/cloud-messaging/scale-fcm).
"""

SYSTEM = "engage"
"""Who ends a campaign."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What taking a run on came to."""

    released: int = 0
    state: CampaignState
    is_balanced: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseService:
    """Takes runs on, as often as it is asked; two at once do no harm.

    A chunk's job is put before the chunk is noted as released: a crash between the two puts it
    again, and the chunk's lease and states make the second job an idle one.
    """

    campaigns: CampaignStore
    plans: PlanStore
    jobs: Jobs
    clock: Clock
    ids: Ids

    def advance(self, run_id: str, *, campaign_id: str, app_id: str) -> Progress:
        """Do for a run what is to be done now.

        Raises:
            CampaignNotFoundError: there is no such run.
        """
        run = self.campaigns.get_run(run_id, campaign_id=campaign_id, app_id=app_id)
        campaign = self.campaigns.get_campaign(campaign_id, app_id=app_id)
        try:
            if run.is_rehearsal:
                return self._rehearse(run, campaign)
            return self._advance(run, campaign)
        except CampaignChangedError:
            # Somebody moved it at the same time, and has it taken on again.
            return Progress(state=campaign.state)

    def _advance(self, run: Run, campaign: Campaign) -> Progress:
        if campaign.state is CampaignState.SCHEDULED and _is_due(campaign, self.clock()):
            campaign = self._moved(campaign, CampaignState.PLANNING)
        if campaign.state is CampaignState.PLANNING and self._is_planned(run, campaign):
            campaign = self._moved(campaign, CampaignState.SENDING)
        released = 0
        if campaign.state is CampaignState.SENDING:
            released = self._release(run, until=self.clock() + MINUTE)
            return self._ended(run, campaign, released, ends=CampaignState.DONE)
        if campaign.state is CampaignState.CANCELLED:
            # Whoever works on them now ends them as cancelled, whenever they were due.
            released = self._release_all(run) + self._recall(run, campaign)
            return self._ended(run, campaign, released, ends=None)
        if campaign.state is CampaignState.DONE:
            # Whoever finished it may have died before the run was settled.
            self.campaigns.settle(run)
        return Progress(state=campaign.state)

    def _rehearse(self, run: Run, campaign: Campaign) -> Progress:
        if not campaign.state.is_over and not self._is_planned(run, campaign):
            return Progress(state=campaign.state)
        return self._ended(run, campaign, self._release_all(run), ends=None)

    def _moved(self, campaign: Campaign, state: CampaignState) -> Campaign:
        after = campaign.moved_to(state, at=self.clock())
        self.campaigns.replace_campaign(after, None, before=campaign)
        return after

    def _is_planned(self, run: Run, campaign: Campaign) -> bool:
        """Say whether every shard is planned; have those planned that nobody seems to plan."""
        found = {plan.shard: plan for plan in self.plans.shard_plans(run)}
        open_ = [
            shard
            for shard in range(AUDIENCE_SHARDS)
            if shard not in found or not found[shard].is_done
        ]
        if not open_:
            return True
        if self._is_time_to_ask(run, campaign):
            self.jobs.plan(run, open_)
            self.plans.note_asked(run, at=self.clock())
        return False

    def _is_time_to_ask(self, run: Run, campaign: Campaign) -> bool:
        """Say whether nobody was asked since the campaign moved, or too long ago to be at work."""
        asked = self.plans.asked(run)
        if asked is None or (asked < campaign.updated_at and not run.is_rehearsal):
            return True
        return self.clock() - asked >= STUCK

    def _release_all(self, run: Run) -> int:
        """Release every chunk that waits, whenever it is due."""
        released = 0
        while waiting := self.plans.due(run, until=None, limit=BATCH):
            self._hand_over(run, [(one, timedelta(0)) for one in waiting])
            released += len(waiting)
        return released

    def _recall(self, run: Run, campaign: Campaign) -> int:
        """Have chunks worked on of which something waits elsewhere: for quiet hours to end, say."""
        if not self._is_time_to_ask(run, campaign):
            return 0
        open_ = [line for line in self.plans.lines(run) if line.pending]
        now = self.clock()
        asked = [Waiting(chunk_id=line.chunk_id, due_at=now, size=line.size) for line in open_]
        self.jobs.send(run, [(one, timedelta(0)) for one in asked])
        self.plans.note_asked(run, at=self.clock())
        return len(open_)

    def _release(self, run: Run, *, until: datetime) -> int:
        released = begun = 0
        while waiting := self.plans.due(run, until=until, limit=BATCH):
            some = self._within_throttle(run, waiting)
            self._hand_over(run, self._spread(run, some, begun=begun))
            released += len(some)
            begun += sum(one.size for one in some)
            if len(some) < BATCH:
                break
        return released

    def _within_throttle(self, run: Run, waiting: Sequence[Waiting]) -> Sequence[Waiting]:
        """Return the first of the chunks that the throttle lets go, and count them."""
        throttle = run.draft.throttle_per_minute
        if throttle is None:
            return waiting
        before = self.plans.allowance(run)
        count, after = allowed(
            [one.size for one in waiting], throttle=throttle, before=before, at=self.clock()
        )
        if not count or not self.plans.replace_allowance(run, after, before=before):
            return ()
        return waiting[:count]

    def _spread(
        self, run: Run, waiting: Sequence[Waiting], *, begun: int
    ) -> list[tuple[Waiting, timedelta]]:
        """Return after which delay each chunk is worked on: not before it is due, on a slope.

        ``begun`` messages were released just before.
        """
        per_second = (run.draft.throttle_per_minute or 60 * PER_SECOND) / 60
        now, before, found = self.clock(), begun, []
        for one in waiting:
            slope = timedelta(seconds=int(min(before / per_second, MINUTE.total_seconds())))
            found.append((one, max(one.due_at - now, timedelta(0)) + slope))
            before += one.size
        return found

    def _hand_over(self, run: Run, released: Sequence[tuple[Waiting, timedelta]]) -> None:
        self.jobs.send(run, released)
        self.plans.released(run, [one for one, _ in released])

    def _ended(
        self, run: Run, campaign: Campaign, released: int, *, ends: CampaignState | None
    ) -> Progress:
        """Settle a run of which every message has its final state."""
        if released or self.plans.due(run, until=None, limit=1):
            return Progress(state=campaign.state, released=released)
        books = books_of(self.plans.lines(run))
        planned = sum(plan.planned for plan in self.plans.shard_plans(run))
        is_balanced = books.is_balanced and books.planned == planned
        if books.pending == 0 and is_balanced:
            campaign = self._finished(run, campaign, books) if ends else campaign
            self.campaigns.settle(run)
        return Progress(state=campaign.state, is_balanced=is_balanced)

    def _finished(self, run: Run, campaign: Campaign, books: Books) -> Campaign:
        after = campaign.moved_to(CampaignState.DONE, at=self.clock())
        event = CampaignFinished(
            app_id=campaign.app_id,
            occurred_at=self.clock(),
            campaign_id=campaign.campaign_id,
            name=campaign.draft.name,
            version=after.version,
            by=SYSTEM,
            run_id=run.run_id,
            planned=books.planned,
            books=books.by_state,
        )
        sealed = seal(event, sequence=self.ids.sequence())
        self.campaigns.replace_campaign(after, sealed, before=campaign)
        return after


def _is_due(campaign: Campaign, now: datetime) -> bool:
    return campaign.starts_at is None or campaign.starts_at <= now

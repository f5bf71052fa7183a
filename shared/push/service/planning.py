"""Plans runs: pages an audience shard by shard, and writes chunks that wait for their time."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from shared.kernel.clock import Clock
from shared.push.errors import PlanAdvancedError
from shared.push.model.campaigns import CampaignState, Run
from shared.push.model.planning import (
    AUDIENCE_SHARDS,
    MOST_MEMBERS,
    Member,
    ShardPlan,
    planned_chunks,
)
from shared.push.ports import Audience, CampaignStore, Jobs, PlanStore

PAGE = 1_000
"""Devices of one read: about a megabyte of rows, which is what DynamoDB gives at once."""

SCANNED = 20_000
"""Devices that a step looks at, at most, however few of them fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanService:
    """Plans one shard at a time; a step is one transaction, so that a crash repeats one at most.

    A step's chunks and how far the shard is are written together, on condition that nobody wrote
    the step before: two planners of one shard never plan a device twice.
    """

    campaigns: CampaignStore
    plans: PlanStore
    audience: Audience
    jobs: Jobs
    clock: Clock

    def plan(
        self,
        shard: int,
        *,
        app_id: str,
        campaign_id: str,
        run_id: str,
        may_go_on: Callable[[], bool] = lambda: True,
    ) -> bool:
        """Plan a shard to its end while ``may_go_on``; say whether nothing is left to do of it.

        The planner of the last shard has the run taken on. A run that may not be planned now, for
        its campaign was paused or cancelled, has nothing left to do.
        """
        run = self.campaigns.get_run(run_id, campaign_id=campaign_id, app_id=app_id)
        plan = self.plans.shard_plan(run, shard)
        while not plan.is_done:
            if not self._is_wanted(run):
                return True
            if not may_go_on():
                return False
            plan = self._step(run, plan)
        if is_planned(self.plans, run):
            self.jobs.advance(run)
        return True

    def _is_wanted(self, run: Run) -> bool:
        state = self.campaigns.state_of(run.campaign_id, app_id=run.app_id)
        if run.is_rehearsal:
            return not state.is_over
        return state is CampaignState.PLANNING

    def _step(self, run: Run, plan: ShardPlan) -> ShardPlan:
        """Write the shard's next step, and return how far it is then."""
        members, after, at = self._members(run, plan)
        chunks, taken = planned_chunks(run, members, shard=plan.shard, step=plan.steps)
        if taken < len(members):
            after, is_done = members[taken - 1].device_id, False
        else:
            is_done = after is None
        done = plan.advanced(chunks, after=after, is_done=is_done, at=at)
        try:
            self.plans.add_step(run, done, chunks)
        except PlanAdvancedError:
            return self.plans.shard_plan(run, plan.shard)
        return done

    def _members(self, run: Run, plan: ShardPlan) -> tuple[list[Member], str | None, datetime]:
        """Return the members of the next devices, after which device they end, and when."""
        at, after, scanned = self.clock(), plan.after, 0
        members: list[Member] = []
        while len(members) + PAGE <= MOST_MEMBERS and scanned < SCANNED:
            page = self.audience.page(run, plan.shard, after=after, limit=PAGE, at=at)
            members += page.members
            after, scanned = page.after, scanned + PAGE
            if after is None:
                break
        return members, after, at


def is_planned(plans: PlanStore, run: Run) -> bool:
    """Say whether every shard of a run is planned."""
    found = plans.shard_plans(run)
    return len(found) == AUDIENCE_SHARDS and all(plan.is_done for plan in found)

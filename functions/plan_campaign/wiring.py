"""Connects the planner to the audiences of the registrations."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

from shared.kernel.clock import system_clock
from shared.platform.ledger import Ledger
from shared.platform.queue import JobQueue
from shared.platform.settings import settings
from shared.push.model.campaigns import Run
from shared.push.model.planning import Member
from shared.push.ports import AudiencePage
from shared.push.service.planning import PlanService
from shared.push.store import DynamoCampaignStore, DynamoPlanStore, QueuedJobs
from shared.registrations.model.rules import Rule, matches
from shared.registrations.store import DynamoAudienceStore, DynamoSegmentStore


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredAudience:
    """The registrations' devices that match the version of the segment that a run pins."""

    audience: DynamoAudienceStore
    segments: DynamoSegmentStore

    def page(
        self, run: Run, shard: int, *, after: str | None, limit: int, at: datetime
    ) -> AudiencePage:
        """Look at devices of a shard, and return those that match."""
        rule = _rule_of(self.segments, run.app_id, run.draft.segment_id, run.draft.segment_version)
        page = self.audience.page(run.app_id, shard, after=after, limit=limit)
        return AudiencePage(
            members=[
                Member(device_id=one.device_id, contact_id=one.contact_id, zone=one.timezone)
                for one in page.items
                if matches(rule, one.facts, at)
            ],
            after=page.next_cursor,
        )


@lru_cache(maxsize=16)
def _rule_of(segments: DynamoSegmentStore, app_id: str, segment_id: str, version: int) -> Rule:
    """Return the rule of a version of a segment, which never changes."""
    return segments.get_segment(segment_id, app_id=app_id, version=version).rule


@cache
def planner() -> PlanService:
    """Return the planner of this process."""
    table, ledger = settings().registrations_table, Ledger(table=settings().contact_events_table)
    return PlanService(
        campaigns=DynamoCampaignStore(table=settings().push_table, ledger=ledger),
        plans=DynamoPlanStore(table=settings().push_table),
        audience=RegisteredAudience(
            audience=DynamoAudienceStore(table=table),
            segments=DynamoSegmentStore(table=table, ledger=ledger),
        ),
        jobs=QueuedJobs(advance=settings().advance_queue_url),
        clock=system_clock,
    )


def work_on(job: Mapping[str, Any]) -> None:
    """Have a shard planned further by another call."""
    _queue().put(job)


@cache
def _queue() -> JobQueue:
    return JobQueue(url=settings().plan_queue_url)

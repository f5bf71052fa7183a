"""Connects the release of campaigns to this deployment."""

from functools import cache

from shared.kernel.clock import system_clock
from shared.kernel.ids import Ids
from shared.platform.ledger import Ledger
from shared.platform.queue import JobQueue
from shared.platform.settings import settings
from shared.push.service.releasing import ReleaseService
from shared.push.store import DynamoCampaignStore, DynamoPlanStore, QueuedJobs
from shared.registrations.store.apps import DynamoAppStore


def queue_unsettled() -> int:
    """Put a job for every run that is not settled, of all apps; return how many."""
    apps = DynamoAppStore(table=settings().registrations_table, ledger=_ledger())
    count = 0
    for app_id in apps.app_ids():
        for campaign_id, run_id in _campaigns().unsettled(app_id):
            _queue().put({"app_id": app_id, "campaign_id": campaign_id, "run_id": run_id})
            count += 1
    return count


@cache
def releaser() -> ReleaseService:
    """Return who takes runs on, in this process."""
    return ReleaseService(
        campaigns=_campaigns(),
        plans=DynamoPlanStore(table=settings().push_table),
        jobs=QueuedJobs(plan=settings().plan_queue_url, push=settings().push_queue_url),
        clock=system_clock,
        ids=Ids(clock=system_clock),
    )


@cache
def _campaigns() -> DynamoCampaignStore:
    return DynamoCampaignStore(table=settings().push_table, ledger=_ledger())


@cache
def _queue() -> JobQueue:
    return JobQueue(url=settings().advance_queue_url)


@cache
def _ledger() -> Ledger:
    return Ledger(table=settings().contact_events_table)

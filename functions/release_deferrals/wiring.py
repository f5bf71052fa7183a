"""Connects what is put off to those who put it off; a new kind is one more of ``release``."""

from collections.abc import Iterable
from functools import cache

from shared.contact_policy.model.deferrals import Deferral
from shared.contact_policy.service.deferrals import DeferralService
from shared.contact_policy.store import DynamoDeferralStore
from shared.kernel.clock import system_clock
from shared.platform.ledger import Ledger
from shared.platform.queue import JobQueue
from shared.platform.settings import settings
from shared.registrations.store.apps import DynamoAppStore


class PushReleases:
    """Has the sender work on a chunk again; whether it is too late, the sender knows itself."""

    def __init__(self, jobs: JobQueue) -> None:
        self._jobs = jobs

    def release(self, deferral: Deferral) -> None:
        """Put the chunk's job into the sender's queue."""
        self._jobs.put({"app_id": deferral.app_id, "chunk_id": deferral.payload["chunk_id"]})

    def expire(self, deferral: Deferral) -> None:
        """Let the sender end the chunk's messages as expired."""
        self.release(deferral)


def app_ids() -> Iterable[str]:
    """Yield the ids of all apps."""
    table = settings().registrations_table
    return DynamoAppStore(table=table, ledger=_ledger()).app_ids()


@cache
def releases() -> PushReleases:
    """Return who takes up what was put off."""
    return PushReleases(JobQueue(url=settings().push_queue_url))


@cache
def deferrals() -> DeferralService:
    """Return the deferrals of this process."""
    store = DynamoDeferralStore(table=settings().contact_policy_table, ledger=_ledger())
    return DeferralService(store=store, clock=system_clock)


@cache
def _ledger() -> Ledger:
    return Ledger(table=settings().contact_events_table)

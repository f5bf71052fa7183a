"""Connects the keeping of the archive to its bucket, the ledger and the apps."""

from datetime import timedelta
from functools import cache

from shared.contact_events.service.archives import CompactionService, ForgettingService
from shared.contact_events.store import DynamoEventStore
from shared.contact_events.store.archive import BucketArchive
from shared.kernel.clock import system_clock
from shared.platform.ledger import Ledger
from shared.platform.objects import Bucket
from shared.platform.settings import settings
from shared.registrations.store.apps import DynamoAppStore

LAST_CALL = timedelta(minutes=8)
"""With less time than this left no file is looked at to forget: the rest is for compaction."""


@cache
def compaction() -> CompactionService:
    """Return the compaction of this process."""
    return CompactionService(
        archive=_archive(),
        events=DynamoEventStore(table=settings().contact_events_table),
        app_ids=_apps().app_ids,
        clock=system_clock,
    )


@cache
def forgetting() -> ForgettingService:
    """Return the forgetting of this process."""
    return ForgettingService(archive=_archive(), app_ids=_apps().app_ids, clock=system_clock)


@cache
def _archive() -> BucketArchive:
    return BucketArchive(bucket=Bucket(name=settings().archive_bucket))


@cache
def _apps() -> DynamoAppStore:
    ledger = Ledger(table=settings().contact_events_table)
    return DynamoAppStore(table=settings().registrations_table, ledger=ledger)

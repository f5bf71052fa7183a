"""Connects the counting to the ledger and the apps."""

from functools import cache

from shared.contact_events.service.reports import CountService
from shared.contact_events.store import DynamoCountStore, DynamoEventStore
from shared.kernel.clock import system_clock
from shared.platform.ledger import Ledger
from shared.platform.settings import settings
from shared.registrations.store.apps import DynamoAppStore


@cache
def counting() -> CountService:
    """Return the counting of this process."""
    table = settings().contact_events_table
    return CountService(
        events=DynamoEventStore(table=table),
        counts=DynamoCountStore(table=table),
        all_apps=_apps().app_ids,
        clock=system_clock,
    )


@cache
def _apps() -> DynamoAppStore:
    ledger = Ledger(table=settings().contact_events_table)
    return DynamoAppStore(table=settings().registrations_table, ledger=ledger)

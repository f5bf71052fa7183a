"""What this process keeps things in, each made once."""

from functools import cache

from shared.kernel.clock import system_clock
from shared.kernel.ids import Ids
from shared.platform.ledger import Ledger
from shared.platform.settings import settings
from shared.push.store import (
    DynamoCampaignStore,
    DynamoChunkStore,
    DynamoInAppStore,
    DynamoInboxStore,
)
from shared.registrations.store import DynamoAppStore, DynamoContactStore, DynamoDeviceStore


@cache
def chunk_store() -> DynamoChunkStore:
    """Return the chunks as they are kept, and the ledger of what became of their messages."""
    return DynamoChunkStore(
        table=settings().push_table, ledger_table=settings().contact_events_table
    )


@cache
def app_store() -> DynamoAppStore:
    """Return the registrations' apps as they are kept."""
    return DynamoAppStore(table=settings().registrations_table, ledger=ledger())


@cache
def device_store() -> DynamoDeviceStore:
    """Return the registrations' devices as they are kept."""
    return DynamoDeviceStore(table=settings().registrations_table, ledger=ledger())


@cache
def contact_store() -> DynamoContactStore:
    """Return the registrations' contacts as they are kept."""
    return DynamoContactStore(table=settings().registrations_table, ledger=ledger())


@cache
def ledger() -> Ledger:
    """Return the ledger."""
    return Ledger(table=settings().contact_events_table)


@cache
def ids() -> Ids:
    """Return what makes this process's ids."""
    return Ids(clock=system_clock)


@cache
def campaign_store() -> DynamoCampaignStore:
    """Return the campaigns as they are kept."""
    return DynamoCampaignStore(table=settings().push_table, ledger=ledger())


@cache
def inbox_store() -> DynamoInboxStore:
    """Return the inboxes as they are kept."""
    return DynamoInboxStore(table=settings().push_table, ledger=ledger())


@cache
def in_app_store() -> DynamoInAppStore:
    """Return the in-app messages as they are kept."""
    return DynamoInAppStore(table=settings().push_table, ledger=ledger())

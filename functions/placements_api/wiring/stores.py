"""Where this process reads and writes: one store of each kind, and what stores need."""

from functools import cache

from shared.kernel.clock import system_clock
from shared.kernel.ids import Ids
from shared.placements.model.snapshot import Snapshot
from shared.placements.service.snapshots import SnapshotCache
from shared.placements.store import (
    DynamoCounterStore,
    DynamoDemandStore,
    DynamoFlowStore,
    DynamoLeaseStore,
    DynamoSnapshots,
)
from shared.platform.ledger import Ledger
from shared.platform.objects import Bucket
from shared.platform.observability import logger
from shared.platform.settings import settings
from shared.registrations.store import (
    DynamoAppStore,
    DynamoContactStore,
    DynamoDeviceStore,
    DynamoSegmentStore,
)


@cache
def app_store() -> DynamoAppStore:
    """Return the apps and grants."""
    return DynamoAppStore(table=settings().registrations_table, ledger=ledger())


@cache
def contact_store() -> DynamoContactStore:
    """Return the contacts."""
    return DynamoContactStore(table=settings().registrations_table, ledger=ledger())


@cache
def device_store() -> DynamoDeviceStore:
    """Return the devices."""
    return DynamoDeviceStore(table=settings().registrations_table, ledger=ledger())


@cache
def segment_store() -> DynamoSegmentStore:
    """Return the segments."""
    return DynamoSegmentStore(table=settings().registrations_table, ledger=ledger())


@cache
def demand_store() -> DynamoDemandStore:
    """Return what is booked."""
    return DynamoDemandStore(table=settings().placements_table, ledger=ledger())


@cache
def counter_store() -> DynamoCounterStore:
    """Return the counters of flights."""
    return DynamoCounterStore(table=settings().placements_table)


@cache
def flow_store() -> DynamoFlowStore:
    """Return how much of flights was given."""
    return DynamoFlowStore(table=settings().placements_table)


@cache
def lease_store() -> DynamoLeaseStore:
    """Return the numbers of exact flights."""
    return DynamoLeaseStore(table=settings().placements_table)


@cache
def snapshots() -> DynamoSnapshots:
    """Return what decisions were made from, and are."""
    bucket = Bucket(name=settings().snapshots_bucket)
    return DynamoSnapshots(table=settings().placements_table, bucket=bucket)


@cache
def snapshot_cache() -> SnapshotCache[Snapshot]:
    """Return what decisions are made from at this moment."""
    return SnapshotCache(
        snapshots=snapshots(), load=Snapshot.load, clock=system_clock, failed=_not_loaded
    )


@cache
def ledger() -> Ledger:
    """Return the ledger of events."""
    return Ledger(table=settings().contact_events_table)


@cache
def ids() -> Ids:
    """Return who makes ids."""
    return Ids(clock=system_clock)


def _not_loaded(error: Exception) -> None:
    logger().error("a newer snapshot was not loaded", error=repr(error))

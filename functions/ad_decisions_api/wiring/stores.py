"""Where this process reads and writes: one store of each kind, and what stores need."""

from functools import cache
from time import monotonic

from functions.ad_decisions_api.wiring.states import StatesOfRequest
from shared.kernel.clock import system_clock
from shared.kernel.ids import Ids
from shared.placements.model.snapshot import Snapshot
from shared.placements.service.snapshots import SnapshotCache
from shared.placements.store import (
    DynamoCounterStore,
    DynamoDemandStore,
    DynamoLeaseStore,
    DynamoSnapshots,
    SignedGrants,
)
from shared.platform.auth.ad_tokens import AdTokens
from shared.platform.ledger import Ledger
from shared.platform.objects import Bucket
from shared.platform.observability import logger
from shared.platform.secrets_manager import Secret
from shared.platform.settings import settings
from shared.registrations.store import DynamoAppStore, DynamoContactStore, DynamoDeviceStore

ZONES_FRESH_SECONDS = 60


class KnownZones:
    """The zones of apps, at most a minute behind."""

    def __init__(self, apps: DynamoAppStore) -> None:
        self._apps = apps
        self._known: dict[str, tuple[float, str]] = {}

    def zone_of(self, app_id: str) -> str:
        """Return the app's IANA zone."""
        read_at, zone = self._known.get(app_id, (None, ""))
        if read_at is None or monotonic() - read_at >= ZONES_FRESH_SECONDS:
            zone = self._apps.get_app(app_id).default_timezone
            self._known[app_id] = (monotonic(), zone)
        return zone


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
def ad_states() -> StatesOfRequest:
    """Return the states of people."""
    return StatesOfRequest(table=settings().placements_table)


@cache
def demand_store() -> DynamoDemandStore:
    """Return what is booked."""
    return DynamoDemandStore(table=settings().placements_table, ledger=ledger())


@cache
def counter_store() -> DynamoCounterStore:
    """Return the counters of flights."""
    return DynamoCounterStore(table=settings().placements_table)


@cache
def lease_store() -> DynamoLeaseStore:
    """Return the counters of exact flights."""
    return DynamoLeaseStore(table=settings().placements_table)


@cache
def snapshots() -> SnapshotCache[Snapshot]:
    """Return what decisions are made from."""
    bucket = Bucket(name=settings().snapshots_bucket)
    return SnapshotCache(
        snapshots=DynamoSnapshots(table=settings().placements_table, bucket=bucket),
        load=Snapshot.load,
        clock=system_clock,
        failed=_not_loaded,
    )


@cache
def zones() -> KnownZones:
    """Return where apps are."""
    return KnownZones(app_store())


@cache
def grants() -> SignedGrants:
    """Return who signs what ads are given for."""
    return SignedGrants(tokens=AdTokens(keys=Secret(id=settings().device_token_secret).keys))


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

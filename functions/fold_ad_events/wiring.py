"""Connects the counting of ads to their table, to the ledger, and to the contact policy."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from time import monotonic

from typing_extensions import override

from shared.contact_policy.errors import PersonBusyError
from shared.contact_policy.ports import AppPlace
from shared.contact_policy.service.noting import Noted, NotingService
from shared.contact_policy.service.policies import PolicyCache
from shared.contact_policy.store import DynamoPersonStore, DynamoPolicyStore
from shared.kernel.clock import rfc3339, system_clock
from shared.kernel.events import Channel
from shared.placements.model.live import LiveAd
from shared.placements.model.snapshot import Snapshot
from shared.placements.ports.folding import AppZones, HourOfAds, Pressure
from shared.placements.service.folding import FoldService
from shared.placements.service.promises import PromiseService
from shared.placements.service.seeing import SeenService
from shared.placements.service.snapshots import SnapshotCache
from shared.placements.store import (
    DynamoAdStates,
    DynamoCounterStore,
    DynamoEngagementStore,
    DynamoSnapshots,
    LeaseSlots,
)
from shared.platform.dynamodb import pause_after
from shared.platform.ledger import Ledger
from shared.platform.objects import Bucket
from shared.platform.observability import logger
from shared.platform.settings import settings
from shared.registrations.errors import ContactErasedError
from shared.registrations.store import DynamoAppStore, DynamoContactStore

AT_ONCE = 16
"""Viewers whose impressions are noted at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredApps:
    """The registrations' apps, as far as the policy needs them."""

    apps: DynamoAppStore

    def place_of(self, app_id: str) -> AppPlace:
        """Return the app's default zone, and the country of its default locale."""
        app = self.apps.get_app(app_id)
        return AppPlace(zone=app.default_timezone, country=app.default_country)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownZones(AppZones):
    """The zones of apps, as the policy's rules have them."""

    rules: PolicyCache

    @override
    def zone_of(self, app_id: str) -> str:
        return self.rules.rules_of(app_id).place.zone


@dataclass(frozen=True, slots=True, kw_only=True)
class NotedPressure(Pressure):
    """The contact policy, told of what was shown."""

    noting: NotingService

    @override
    def note(self, hour: HourOfAds) -> bool:
        noted = Noted(
            app_id=hour.app_id,
            contact_id=hour.contact_id,
            channel=Channel.AD,
            purpose=hour.purpose,
            key=f"ads {hour.purpose} {rfc3339(hour.hour)}",
            times=hour.impressions,
            at=hour.latest,
        )
        try:
            self.noting.note(noted)
        except PersonBusyError:
            return False
        return True


@cache
def folding() -> FoldService:
    """Return who counts in this process."""
    table, rules = settings().placements_table, _rules()
    people = DynamoPersonStore(table=settings().contact_policy_table, ledger=_ledger())
    return FoldService(
        counters=DynamoCounterStore(table=table),
        zones=KnownZones(rules=rules),
        store=DynamoEngagementStore(
            events_table=settings().contact_events_table, slots=LeaseSlots(table=table)
        ),
        seen=SeenService(
            promises=PromiseService(
                states=DynamoAdStates(table=table), longest=_longest, pause=pause_after
            ),
            ads=_live_ads,
            ads_since=_live_ads_since,
            is_erased=_is_erased,
            clock=system_clock,
        ),
        pressure=NotedPressure(
            noting=NotingService(people=people, rules=rules, clock=system_clock, pause=pause_after)
        ),
        clock=system_clock,
        each=ThreadPoolExecutor(AT_ONCE).map,
    )


@cache
def _rules() -> PolicyCache:
    apps = DynamoAppStore(table=settings().registrations_table, ledger=_ledger())
    return PolicyCache(
        store=DynamoPolicyStore(table=settings().contact_policy_table, ledger=_ledger()),
        apps=RegisteredApps(apps=apps),
        elapsed=monotonic,
    )


def _longest(app_id: str) -> timedelta:
    live = _live(app_id)
    return live.memory if live else timedelta(0)


def _live_ads(app_id: str) -> Mapping[str, LiveAd]:
    live = _live(app_id)
    return live.by_id if live else {}


def _live_ads_since(app_id: str, since: datetime) -> Mapping[str, LiveAd]:
    loaded = _snapshots().find_since(app_id, since=since)
    return loaded.snapshot.by_id if loaded else {}


def _live(app_id: str) -> Snapshot | None:
    loaded = _snapshots().find(app_id)
    return loaded.snapshot if loaded else None


def _is_erased(app_id: str, contact_id: str) -> bool:
    try:
        _contacts().root_of(contact_id, app_id=app_id)
    except ContactErasedError:
        return True
    return False


@cache
def _snapshots() -> SnapshotCache[Snapshot]:
    bucket = Bucket(name=settings().snapshots_bucket)
    return SnapshotCache(
        snapshots=DynamoSnapshots(table=settings().placements_table, bucket=bucket),
        load=Snapshot.load,
        clock=system_clock,
        failed=_not_loaded,
    )


def _not_loaded(error: Exception) -> None:
    logger().error("a newer snapshot was not loaded", error=repr(error))


@cache
def _contacts() -> DynamoContactStore:
    return DynamoContactStore(table=settings().registrations_table, ledger=_ledger())


@cache
def _ledger() -> Ledger:
    return Ledger(table=settings().contact_events_table)

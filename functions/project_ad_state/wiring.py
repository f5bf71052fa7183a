"""Connects the projection of people's ad states to ads, and to all who know of people."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from time import monotonic

from typing_extensions import override

from shared.contact_policy.ports import AppPlace
from shared.contact_policy.service.decisions import DecisionService
from shared.contact_policy.service.policies import PolicyCache
from shared.contact_policy.store import DynamoPersonStore, DynamoPolicyStore
from shared.coupons.service import standing as coupons
from shared.coupons.store import CodeRows, DynamoClaimStore, DynamoUseStore
from shared.kernel.clock import system_clock
from shared.kernel.ids import Ids
from shared.placements.errors import FlightNotFoundError
from shared.placements.model.demand import Flight, Kind, Rate
from shared.placements.model.snapshot import Snapshot
from shared.placements.ports.engagements import BookedRates, Persons
from shared.placements.service.ad_states import AdStateService
from shared.placements.service.claiming import ClaimingService
from shared.placements.service.converting import ConversionService
from shared.placements.service.facts import AskedFacts
from shared.placements.service.snapshots import Loaded, SnapshotCache
from shared.placements.store import (
    DynamoAdStates,
    DynamoDemandStore,
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
from shared.registrations.service.origins import OriginService
from shared.registrations.service.standing import KnownSegments, StandingService
from shared.registrations.store import (
    DynamoAppStore,
    DynamoAudienceStore,
    DynamoContactStore,
    DynamoDeviceStore,
    DynamoSegmentStore,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredApps:
    """The registrations' apps, as far as the policy needs them."""

    apps: DynamoAppStore

    def place_of(self, app_id: str) -> AppPlace:
        """Return the app's default zone, and the country of its default locale."""
        app = self.apps.get_app(app_id)
        return AppPlace(zone=app.default_timezone, country=app.default_country)


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedFlights(BookedRates):
    """What is paid for flights, as they are booked now."""

    demand: DynamoDemandStore

    @override
    def rate_of(self, flight_id: str, *, app_id: str) -> Rate | None:
        try:
            found = self.demand.get(Kind.FLIGHT, flight_id, app_id=app_id)
        except FlightNotFoundError:
            return None
        return found.rate if isinstance(found, Flight) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredPersons(Persons):
    """The registrations' people, as far as conversions need them."""

    origins: OriginService

    @override
    def origins_of(self, contact_id: str, *, app_id: str) -> Sequence[str]:
        try:
            return self.origins.origins_of(contact_id, app_id=app_id)
        except ContactErasedError:
            return ()


def has_ads(app_id: str, *, since: datetime) -> bool:
    """Say whether anything was booked in an app up to an instant."""
    snapshots = _snapshots()
    return bool(snapshots.find(app_id) or snapshots.find_since(app_id, since=since))


def is_advertised(coupon_id: str, *, app_id: str, since: datetime) -> bool:
    """Say whether a live ad offers a coupon, of those that anybody decided by up to an instant.

    Ads that go live later are decided by what the coupons' domain answers then.
    """
    snapshots = _snapshots()
    if _offers(snapshots.find(app_id), coupon_id):
        return True
    return _offers(snapshots.find_since(app_id, since=since), coupon_id)


def _offers(loaded: Loaded[Snapshot] | None, coupon_id: str) -> bool:
    return loaded is not None and coupon_id in loaded.snapshot.coupons


def is_erased(contact_id: str, *, app_id: str) -> bool:
    """Say whether nothing may be kept of a contact any more."""
    try:
        _contact_store().root_of(contact_id, app_id=app_id)
    except ContactErasedError:
        return True
    return False


@cache
def ad_states() -> AdStateService:
    """Return who keeps what decisions know of people."""
    return AdStateService(
        states=DynamoAdStates(table=settings().placements_table),
        facts=_facts(),
        pause=pause_after,
    )


@cache
def conversions() -> ConversionService:
    """Return who counts the use of coupons for ads."""
    demand = DynamoDemandStore(table=settings().placements_table, ledger=_ledger())
    return ConversionService(
        store=_engagement_store(),
        rates=BookedFlights(demand=demand),
        persons=_persons(),
        ids=_ids(),
    )


@cache
def claims() -> ClaimingService:
    """Return who counts claims by a tap on an ad."""
    return ClaimingService(store=_engagement_store(), persons=_persons(), ids=_ids())


@cache
def _engagement_store() -> DynamoEngagementStore:
    return DynamoEngagementStore(
        events_table=settings().contact_events_table,
        slots=LeaseSlots(table=settings().placements_table),
    )


@cache
def _persons() -> RegisteredPersons:
    return RegisteredPersons(
        origins=OriginService(contacts=_contact_store(), devices=_device_store())
    )


@cache
def _facts() -> AskedFacts:
    table, ledger = settings().coupons_table, _ledger()
    claims = DynamoClaimStore(table=table, ledger=ledger, put_code=CodeRows(table=table).put_new)
    return AskedFacts(
        names=lambda app_id: _snapshots().get(app_id).snapshot,
        policy=_policy_decisions(),
        people=_registered_standings(),
        coupons=coupons.StandingService(claims=claims, uses=DynamoUseStore(table=table)),
    )


@cache
def _registered_standings() -> StandingService:
    table, ledger = settings().registrations_table, _ledger()
    segments = DynamoSegmentStore(table=table, ledger=ledger)
    return StandingService(
        audience=DynamoAudienceStore(table=table),
        contacts=_contact_store(),
        devices=_device_store(),
        segments=KnownSegments(segments=segments, elapsed=monotonic),
    )


@cache
def _policy_decisions() -> DecisionService:
    table, ledger = settings().contact_policy_table, _ledger()
    apps = DynamoAppStore(table=settings().registrations_table, ledger=ledger)
    return DecisionService(
        people=DynamoPersonStore(table=table, ledger=ledger),
        rules=PolicyCache(
            store=DynamoPolicyStore(table=table, ledger=ledger),
            apps=RegisteredApps(apps=apps),
            elapsed=monotonic,
        ),
        clock=system_clock,
        ids=_ids(),
        pause=pause_after,
    )


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
def _contact_store() -> DynamoContactStore:
    return DynamoContactStore(table=settings().registrations_table, ledger=_ledger())


@cache
def _device_store() -> DynamoDeviceStore:
    return DynamoDeviceStore(table=settings().registrations_table, ledger=_ledger())


@cache
def _ledger() -> Ledger:
    return Ledger(table=settings().contact_events_table)


@cache
def _ids() -> Ids:
    return Ids(clock=system_clock)

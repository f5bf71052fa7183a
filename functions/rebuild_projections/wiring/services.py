"""The services behind the projections, as their functions have them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from time import monotonic

from typing_extensions import override

from shared.contact_events.service.reports import CountService
from shared.contact_events.store import DynamoCountStore, DynamoEventStore
from shared.contact_policy.model.standing import Effective
from shared.contact_policy.store import DynamoPersonStore
from shared.kernel.clock import system_clock
from shared.kernel.events import Channel, Purpose
from shared.placements.ports.folding import AppZones
from shared.placements.service.folding import RebuildService
from shared.placements.service.mending import MendingService
from shared.placements.store import DynamoAdLedger, DynamoCounterStore
from shared.platform.ledger import Ledger
from shared.platform.settings import settings
from shared.push.ports import Persons
from shared.push.service.results import GoalCache, MarkService
from shared.push.store import DynamoMarkStore, DynamoToldEvents
from shared.registrations.errors import ContactErasedError
from shared.registrations.model.audience import PushConsent
from shared.registrations.ports import Consents
from shared.registrations.service.audience import AskedEvents, ProjectionService
from shared.registrations.service.origins import OriginService
from shared.registrations.store import (
    DynamoAppStore,
    DynamoAudienceStore,
    DynamoContactStore,
    DynamoDeviceStore,
    DynamoSegmentStore,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyConsents(Consents):
    """What the contact policy knows people to have said, as it stands."""

    people: DynamoPersonStore

    @override
    def of_person(self, contact_id: str, *, app_id: str) -> Mapping[Purpose, PushConsent]:
        person = self.people.people({contact_id}, app_id=app_id)[contact_id]
        effective = Effective(person.standing, at=system_clock())
        consents = {purpose: _push_consent(effective, purpose) for purpose in Purpose}
        return {purpose: found for purpose, found in consents.items() if found != PushConsent()}


def _push_consent(effective: Effective, purpose: Purpose) -> PushConsent:
    is_given = effective.agrees(purpose, Channel.PUSH, None)
    unlike = (
        topic
        for topic in effective.topics()
        if effective.agrees(purpose, Channel.PUSH, topic) is not is_given
    )
    return PushConsent(is_given=is_given, unlike=frozenset(unlike))


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredPersons(Persons):
    """The registrations' people, as far as results need them."""

    origins: OriginService

    @override
    def origins_of(self, contact_id: str, *, app_id: str) -> Sequence[str]:
        try:
            return self.origins.origins_of(contact_id, app_id=app_id)
        except ContactErasedError:
            return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredZones(AppZones):
    """The zones of apps, by which days of ads are counted."""

    apps: DynamoAppStore

    @override
    def zone_of(self, app_id: str) -> str:
        return self.apps.get_app(app_id).default_timezone


@cache
def audience() -> ProjectionService:
    """Return the projection of audiences."""
    table = settings().registrations_table
    segments = DynamoSegmentStore(table=table, ledger=_ledger())
    people = DynamoPersonStore(table=settings().contact_policy_table, ledger=_ledger())
    return ProjectionService(
        audience=DynamoAudienceStore(table=table),
        contacts=_contacts(),
        devices=_devices(),
        consents=PolicyConsents(people=people),
        asked=AskedEvents(segments=segments, elapsed=monotonic).of_app,
    )


@cache
def marks() -> MarkService:
    """Return the marks of campaigns' messages."""
    store = DynamoMarkStore(table=settings().push_table)
    return MarkService(
        marks=store,
        goals=GoalCache(store=store, elapsed=monotonic),
        told=DynamoToldEvents(table=settings().contact_events_table),
        persons=RegisteredPersons(origins=OriginService(contacts=_contacts(), devices=_devices())),
    )


@cache
def counting() -> CountService:
    """Return the counting of hours."""
    table = settings().contact_events_table
    return CountService(
        events=DynamoEventStore(table=table),
        counts=DynamoCountStore(table=table),
        all_apps=_apps().app_ids,
        clock=system_clock,
    )


@cache
def mending() -> MendingService:
    """Return who sets counters of ads right."""
    zones = RegisteredZones(apps=_apps())
    ledger = DynamoAdLedger(table=settings().contact_events_table)
    return MendingService(
        rebuilding=RebuildService(ledger=ledger, zones=zones),
        counters=DynamoCounterStore(table=settings().placements_table),
        zones=zones,
        clock=system_clock,
    )


@cache
def _apps() -> DynamoAppStore:
    return DynamoAppStore(table=settings().registrations_table, ledger=_ledger())


@cache
def _contacts() -> DynamoContactStore:
    return DynamoContactStore(table=settings().registrations_table, ledger=_ledger())


@cache
def _devices() -> DynamoDeviceStore:
    return DynamoDeviceStore(table=settings().registrations_table, ledger=_ledger())


@cache
def _ledger() -> Ledger:
    return Ledger(table=settings().contact_events_table)

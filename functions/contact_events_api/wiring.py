"""Connects the ledger, the wires into it and reports on it to this deployment."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from random import random

from typing_extensions import override

from shared.contact_events.model.payloads import Trust
from shared.contact_events.ports import Persons
from shared.contact_events.service import personal
from shared.contact_events.service.deliveries import DeliveryService
from shared.contact_events.service.explaining import InstanceService
from shared.contact_events.service.ingest import IngestService
from shared.contact_events.service.messages import Messenger
from shared.contact_events.service.records import RecordService
from shared.contact_events.service.replays import ReplayReader
from shared.contact_events.service.reports import ReportService
from shared.contact_events.service.resending import ReplayService
from shared.contact_events.service.simulating import SimulationService
from shared.contact_events.service.subscriptions import SubscriptionService
from shared.contact_events.service.timeline import EventService, TimelineService
from shared.contact_events.service.triggers import TriggerService
from shared.contact_events.store import (
    DynamoCountStore,
    DynamoDeliveryStore,
    DynamoEventStore,
    DynamoForeignEventStore,
    DynamoInstanceStore,
    DynamoRejectStore,
    DynamoReplayStore,
    DynamoSubscriptionStore,
    DynamoTriggerStore,
    HttpCourier,
)
from shared.contact_policy.service.cases import CaseService
from shared.contact_policy.service.consents import ConsentService
from shared.contact_policy.service.people import PersonService as PolicyPeople
from shared.contact_policy.service.protection import ProtectionService
from shared.contact_policy.store import DynamoPersonStore, DynamoPolicyStore
from shared.coupons.service.claim_people import ClaimPeople
from shared.coupons.service.people import PersonService as CouponPeople
from shared.coupons.store import CodeRows, DynamoClaimStore, DynamoUseStore
from shared.kernel.clock import system_clock
from shared.kernel.envelope import Envelope
from shared.kernel.ids import Ids
from shared.kernel.targets import LocalHosts
from shared.placements.service.people import PersonService as AdPeople
from shared.placements.store.ad_states import DynamoAdStates
from shared.platform.auth import deployment
from shared.platform.auth.doors import Doors
from shared.platform.dynamodb import pause_after
from shared.platform.encryption import DataKeyCipher
from shared.platform.hashing import IdentifierHasher
from shared.platform.http.request import host
from shared.platform.ledger import Ledger
from shared.platform.outbound import Outbound, Patience
from shared.platform.secrets_manager import Secret
from shared.platform.settings import settings
from shared.platform.web import Fetched
from shared.registrations.errors import ContactErasedError
from shared.registrations.ports import StatefulDomain
from shared.registrations.service.audit import AuditService
from shared.registrations.service.callers import CallerService
from shared.registrations.service.identifiers import IdentifierService, NamedIdentifier
from shared.registrations.service.origins import OriginService
from shared.registrations.service.people import PeopleService
from shared.registrations.service.resolution import ResolutionService
from shared.registrations.service.systems import SystemService
from shared.registrations.service.vault import VaultService
from shared.registrations.service.write_keys import WriteKeyService
from shared.registrations.store import (
    DynamoAppStore,
    DynamoAuditStore,
    DynamoContactStore,
    DynamoDeviceStore,
    DynamoKeyStore,
    DynamoSystemStore,
    DynamoWriteKeyStore,
)

WHILE_SOMEBODY_WAITS = Patience(connect=2.0, total=6.0)
"""How long a receiver is waited for while a marketer waits for what came of it."""

TOPIC = "arn:"
"""What the name of an SNS topic begins with, and no vendor's secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredPeople:
    """The registrations' contacts, as those whom foreign events name."""

    resolution: ResolutionService

    def recognise(
        self, identifiers: Sequence[tuple[str, str]], *, app_id: str, at: datetime
    ) -> str | None:
        """Return what ``resolve`` would, where it would write nothing."""
        return self.resolution.recognise(_named(identifiers), app_id=app_id, at=at)

    def resolve(
        self, identifiers: Sequence[tuple[str, str]], *, app_id: str, at: datetime, by: str
    ) -> str:
        """Return the contact whom identifiers name, made, joined and named on the way."""
        return self.resolution.resolve(_named(identifiers), app_id=app_id, at=at, by=by)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredPersons(Persons):
    """The registrations' people, as far as triggers need them."""

    origins: OriginService

    @override
    def origins_of(self, contact_id: str, *, app_id: str) -> Sequence[str]:
        try:
            return self.origins.origins_of(contact_id, app_id=app_id)
        except ContactErasedError:
            return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredApps:
    """The registrations' apps, as far as subscriptions need them."""

    apps: DynamoAppStore

    def app_ids(self) -> Iterable[str]:
        """Yield the ids of all apps."""
        return self.apps.app_ids()

    def org_of(self, app_id: str) -> str:
        """Return the app's organisation."""
        return self.apps.get_app(app_id).org


@cache
def timelines() -> TimelineService:
    """Return the timelines of this process."""
    return TimelineService(events=_ledger_read(), contacts=_origins())


@cache
def events() -> EventService:
    """Return the single events of this process."""
    return EventService(events=_ledger_read())


@cache
def ingest() -> IngestService:
    """Return what takes events in, in this process."""
    records = RecordService(
        events=DynamoForeignEventStore(table=settings().contact_events_table),
        people=RegisteredPeople(resolution=_resolution()),
        contacts=_origins(),
        vault=_vault(),
        hasher=_hasher(),
        ids=_ids(),
    )
    kept = DynamoRejectStore(table=settings().contact_events_table)
    return IngestService(
        records=records, effects=_effects(), kept=kept, clock=system_clock, ids=_ids()
    )


@cache
def reporting() -> ReportService:
    """Return the reports of this process."""
    return ReportService(
        counts=DynamoCountStore(table=settings().contact_events_table), clock=system_clock
    )


@cache
def triggers() -> TriggerService:
    """Return who keeps triggers in this process."""
    store = DynamoTriggerStore(table=settings().contact_events_table)
    return TriggerService(triggers=store, clock=system_clock, ids=_ids())


@cache
def started_by_triggers() -> InstanceService:
    """Return who reads what triggers started."""
    table = settings().contact_events_table
    return InstanceService(
        triggers=DynamoTriggerStore(table=table),
        instances=DynamoInstanceStore(table=table),
        ledger=_ledger_read(),
        persons=RegisteredPersons(origins=_origins()),
    )


@cache
def subscriptions() -> SubscriptionService:
    """Return the subscriptions of this process."""
    return SubscriptionService(
        store=_subscriptions(),
        apps=RegisteredApps(apps=_apps()),
        keys=_vault().cipher,
        messenger=_messenger(),
        clock=system_clock,
        ids=_ids(),
        local=_local_hosts(),
    )


@cache
def simulations() -> SimulationService:
    """Return who plays the ledger to triggers."""
    persons = RegisteredPersons(origins=_origins())
    return SimulationService(ledger=_ledger_read(), persons=persons)


def deliveries() -> DeliveryService:
    """Return what waits for receivers, in this process."""
    return DeliveryService(
        subscriptions=_subscriptions(),
        deliveries=DynamoDeliveryStore(table=settings().contact_events_table),
        events=_ledger_read(),
        apps=RegisteredApps(apps=_apps()),
        messenger=_messenger(),
        clock=system_clock,
        ids=_ids(),
        share=random,
    )


@cache
def replays() -> ReplayService:
    """Return who begins and cancels replays in this process."""
    return ReplayService(
        store=DynamoReplayStore(table=settings().contact_events_table),
        subscriptions=_subscriptions(),
        reader=ReplayReader(events=_ledger_read(), clock=system_clock),
        apps=RegisteredApps(apps=_apps()),
        clock=system_clock,
        ids=_ids(),
    )


def expect_app(app_id: str) -> None:
    """Raise ``AppNotFoundError`` unless there is such an app."""
    _apps().get_app(app_id)


def opened(event: Envelope) -> Envelope:
    """Return an event with what its sender sent in plain; few callers may see that."""
    return personal.opened(event, vault=_vault())


def org_of(app_id: str) -> str:
    """Return the organisation that stands before the types of an app's events."""
    return _apps().get_app(app_id).org


def contact_of_device(device_id: str, *, app_id: str) -> str:
    """Return the contact whose device this is.

    Raises:
        DeviceNotFoundError: it is gone.
    """
    return _devices().get_device(app_id=app_id, device_id=device_id).contact_id


def app_of_key(write_key: str) -> str | None:
    """Return the app that has a write key; ``None``: nobody has it."""
    return _write_keys().app_of(write_key)


def trust_in(dialect: str, *, app_id: str) -> Trust:
    """Return by what an app believes a vendor."""
    told = _systems().secrets_of_vendor(dialect, app_id=app_id)
    return Trust(
        secrets=[text for text in told if not text.startswith(TOPIC)],
        topics=[text for text in told if text.startswith(TOPIC)],
        certificate_of=web().kept,
    )


def confirm(url: str) -> None:
    """Confirm a subscription at a URL of SNS."""
    web().fetch(url)


def public_host() -> str:
    """Return the host by which vendors reach the API, which some of them sign."""
    told = settings().public_url
    return told.partition("://")[2].rstrip("/") if told else host()


@cache
def web() -> Fetched:
    """Return what this process fetched from vendors."""
    return Fetched()


@cache
def doors() -> Doors:
    """Return the doors of this process."""
    callers = CallerService(
        apps=_apps(), devices=_devices(), contacts=_contacts(), identifiers=_identifiers()
    )
    return deployment.doors(callers, systems=_systems().systems_of, app_of=app_of_key)


@cache
def audit_log() -> AuditService:
    """Return where this process keeps what marketers do."""
    entries = DynamoAuditStore(table=settings().registrations_table)
    return AuditService(entries=entries, clock=system_clock, ids=_ids())


def _named(identifiers: Sequence[tuple[str, str]]) -> list[NamedIdentifier]:
    return [NamedIdentifier(namespace=name, value=value) for name, value in identifiers]


@cache
def _subscriptions() -> DynamoSubscriptionStore:
    return DynamoSubscriptionStore(table=settings().contact_events_table, ledger=_ledger())


@cache
def _messenger() -> Messenger:
    outbound = Outbound(local=_local_hosts(), patience=WHILE_SOMEBODY_WAITS)
    return Messenger(
        keys=_vault().cipher,
        courier=HttpCourier(outbound=outbound, clock=system_clock),
        clock=system_clock,
    )


def _local_hosts() -> LocalHosts:
    return LocalHosts(names=settings().webhook_local_hosts)


@cache
def _effects() -> ProtectionService:
    """Return what heeds complaints and refusals at once; all else is done from the bus."""
    table = settings().contact_policy_table
    people = DynamoPersonStore(table=table, ledger=_ledger())
    return ProtectionService(
        cases=CaseService(people=people, clock=system_clock, ids=_ids(), pause=pause_after),
        consents=ConsentService(people=people, clock=system_clock, ids=_ids(), pause=pause_after),
    )


@cache
def _resolution() -> ResolutionService:
    people = PeopleService(
        contacts=_contacts(),
        devices=_devices(),
        domains=[_policy_people(), *_coupon_people(), _ad_people()],
        clock=system_clock,
        ids=_ids(),
    )
    return ResolutionService(
        contacts=_contacts(),
        people=people,
        identifiers=_identifiers(),
        vault=_vault(),
        clock=system_clock,
        ids=_ids(),
    )


def _policy_people() -> StatefulDomain:
    table = settings().contact_policy_table
    return PolicyPeople(
        people=DynamoPersonStore(table=table, ledger=_ledger()),
        policies=DynamoPolicyStore(table=table, ledger=_ledger()),
        pause=pause_after,
    )


def _coupon_people() -> Sequence[StatefulDomain]:
    """Return who moves what people used of coupons, and what they claimed."""
    table = settings().coupons_table
    claims = DynamoClaimStore(table=table, ledger=_ledger(), put_code=CodeRows(table=table).put_new)
    uses = DynamoUseStore(table=table)
    return CouponPeople(uses=uses, pause=pause_after), ClaimPeople(claims=claims)


def _ad_people() -> StatefulDomain:
    """Return who moves what people saw of ads."""
    states = DynamoAdStates(table=settings().placements_table)
    return AdPeople(states=states, pause=pause_after)


@cache
def _systems() -> SystemService:
    return SystemService(
        apps=_apps(),
        systems=DynamoSystemStore(table=settings().registrations_table, ledger=_ledger()),
        cipher=_vault().cipher,
        clock=system_clock,
        ids=_ids(),
    )


@cache
def _write_keys() -> WriteKeyService:
    return WriteKeyService(
        apps=_apps(),
        write_keys=DynamoWriteKeyStore(table=settings().registrations_table, ledger=_ledger()),
        clock=system_clock,
        ids=_ids(),
    )


@cache
def _ledger_read() -> DynamoEventStore:
    return DynamoEventStore(table=settings().contact_events_table)


@cache
def _origins() -> OriginService:
    return OriginService(contacts=_contacts(), devices=_devices())


@cache
def _apps() -> DynamoAppStore:
    return DynamoAppStore(table=settings().registrations_table, ledger=_ledger())


@cache
def _devices() -> DynamoDeviceStore:
    return DynamoDeviceStore(table=settings().registrations_table, ledger=_ledger())


@cache
def _contacts() -> DynamoContactStore:
    return DynamoContactStore(table=settings().registrations_table, ledger=_ledger())


@cache
def _hasher() -> IdentifierHasher:
    return IdentifierHasher(keys=Secret(id=settings().identifier_secret).keys)


@cache
def _identifiers() -> IdentifierService:
    return IdentifierService(contacts=_contacts(), hasher=_hasher())


@cache
def _vault() -> VaultService:
    return VaultService(
        keys=DynamoKeyStore(table=settings().registrations_table),
        apps=_apps(),
        cipher=DataKeyCipher(keys=Secret(id=settings().encryption_secret).keys),
    )


@cache
def _ledger() -> Ledger:
    return Ledger(table=settings().contact_events_table)


@cache
def _ids() -> Ids:
    return Ids(clock=system_clock)

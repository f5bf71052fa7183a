"""Connects the timeline to this deployment."""

from functools import cache

from shared.contact_events.service import personal
from shared.contact_events.service.timeline import TimelineService
from shared.contact_events.store import DynamoEventStore
from shared.kernel.envelope import Envelope
from shared.platform.auth import deployment
from shared.platform.auth.doors import Doors
from shared.platform.encryption import DataKeyCipher
from shared.platform.hashing import IdentifierHasher
from shared.platform.ledger import Ledger
from shared.platform.secrets_manager import Secret
from shared.platform.settings import settings
from shared.registrations.service.callers import CallerService
from shared.registrations.service.identifiers import IdentifierService
from shared.registrations.service.origins import OriginService
from shared.registrations.service.vault import VaultService
from shared.registrations.store import (
    DynamoAppStore,
    DynamoContactStore,
    DynamoDeviceStore,
    DynamoKeyStore,
)


@cache
def timelines() -> TimelineService:
    """Return the timelines of this process."""
    return TimelineService(
        events=DynamoEventStore(table=settings().contact_events_table),
        contacts=OriginService(contacts=_contact_store(), devices=_devices()),
    )


def opened(event: Envelope) -> Envelope:
    """Return an event with what its sender sent in plain; few callers may see that."""
    return personal.opened(event, vault=_vault())


def org_of(app_id: str) -> str:
    """Return the organisation that stands before the types of an app's events."""
    return _apps().get_app(app_id).org


@cache
def doors() -> Doors:
    """Return the doors of this process."""
    return deployment.doors(
        CallerService(
            apps=_apps(), devices=_devices(), contacts=_contact_store(), identifiers=_identifiers()
        )
    )


@cache
def _apps() -> DynamoAppStore:
    return DynamoAppStore(table=settings().registrations_table, ledger=_ledger())


@cache
def _devices() -> DynamoDeviceStore:
    return DynamoDeviceStore(table=settings().registrations_table, ledger=_ledger())


@cache
def _contact_store() -> DynamoContactStore:
    return DynamoContactStore(table=settings().registrations_table, ledger=_ledger())


@cache
def _identifiers() -> IdentifierService:
    hasher = IdentifierHasher(keys=Secret(id=settings().identifier_secret).keys)
    return IdentifierService(contacts=_contact_store(), hasher=hasher)


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

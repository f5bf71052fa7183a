"""Connects push's services to this deployment."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from shared.kernel.clock import system_clock
from shared.kernel.ids import Ids
from shared.platform.auth import deployment
from shared.platform.auth.doors import Doors
from shared.platform.hashing import IdentifierHasher
from shared.platform.ledger import Ledger
from shared.platform.secrets_manager import Secret
from shared.platform.settings import settings
from shared.push.ports import AppFacts, PersonFacts
from shared.push.service.messages import MessageService
from shared.push.store import DynamoChunkStore, DynamoTemplateStore
from shared.registrations.errors import ContactNotFoundError
from shared.registrations.model.contacts import attributes_of, tags_of
from shared.registrations.model.devices import Device
from shared.registrations.service.audit import AuditService
from shared.registrations.service.callers import CallerService
from shared.registrations.service.identifiers import IdentifierService
from shared.registrations.service.reach import ReachService
from shared.registrations.store import (
    DynamoAppStore,
    DynamoAuditStore,
    DynamoContactStore,
    DynamoDeviceStore,
)

if TYPE_CHECKING:
    from shared.push.service.templates import TemplateService


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredApps:
    """The registrations' apps, as far as push needs them."""

    apps: DynamoAppStore

    def can_push(self, app_id: str) -> bool:
        """Say whether the app names a Firebase project."""
        return self.apps.get_app(app_id).fcm is not None

    def facts_of(self, app_id: str) -> AppFacts:
        """Return what templates say of an app."""
        app = self.apps.get_app(app_id)
        return AppFacts(name=app.name, default_locale=app.default_locale)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredPeople:
    """The registrations' contacts and devices, as far as templates need them."""

    contacts: DynamoContactStore
    devices: DynamoDeviceStore

    def of_contact(self, contact_id: str, *, app_id: str) -> PersonFacts:
        """Return a person's tags and attributes, and the locale of the device seen last."""
        person = self.contacts.person_of(contact_id, app_id=app_id)
        devices = [
            device
            for one in person.contact_ids
            for device in self.devices.devices_of(one, app_id=app_id)
        ]
        known = self.contacts.get_contacts(person.contact_ids, app_id=app_id)
        if not (known or devices or person.others):
            raise ContactNotFoundError(contact_id)
        return PersonFacts(
            tags=tags_of(known), attributes=attributes_of(known), locale=_locale_of(devices)
        )

    def of_device(self, device_id: str, *, app_id: str) -> PersonFacts:
        """Return what is known of the person on a device, and the device's own locale."""
        device = self.devices.get_device(app_id=app_id, device_id=device_id)
        person = self.of_contact(device.contact_id, app_id=app_id)
        return replace(person, locale=device.state.locale)


def _locale_of(devices: Sequence[Device]) -> str | None:
    latest = max(devices, key=lambda device: (device.last_seen_at, device.device_id), default=None)
    return latest.state.locale if latest else None


@cache
def messages() -> MessageService:
    """Return the messages of this process."""
    return MessageService(
        chunks=DynamoChunkStore(
            table=settings().push_table, ledger_table=settings().contact_events_table
        ),
        devices=ReachService(
            device_store=_device_store(),
            contact_store=_contact_store(),
            clock=system_clock,
            ids=_ids(),
        ),
        apps=RegisteredApps(apps=_app_store()),
        clock=system_clock,
        ids=_ids(),
    )


@cache
def templates() -> "TemplateService":
    """Return the templates of this process; Liquid is loaded for them alone."""
    from shared.push.service.templates import TemplateService  # noqa: PLC0415

    return TemplateService(
        templates=DynamoTemplateStore(table=settings().push_table, ledger=_ledger()),
        apps=RegisteredApps(apps=_app_store()),
        people=RegisteredPeople(contacts=_contact_store(), devices=_device_store()),
        clock=system_clock,
        ids=_ids(),
    )


@cache
def doors() -> Doors:
    """Return the doors of this process."""
    return deployment.doors(
        CallerService(
            apps=_app_store(),
            devices=_device_store(),
            contacts=_contact_store(),
            identifiers=IdentifierService(
                contacts=_contact_store(),
                hasher=IdentifierHasher(keys=Secret(id=settings().identifier_secret).keys),
            ),
        )
    )


@cache
def audit_log() -> AuditService:
    """Return where this process keeps what marketers do."""
    entries = DynamoAuditStore(table=settings().registrations_table)
    return AuditService(entries=entries, clock=system_clock, ids=_ids())


@cache
def _app_store() -> DynamoAppStore:
    return DynamoAppStore(table=settings().registrations_table, ledger=_ledger())


@cache
def _device_store() -> DynamoDeviceStore:
    return DynamoDeviceStore(table=settings().registrations_table, ledger=_ledger())


@cache
def _contact_store() -> DynamoContactStore:
    return DynamoContactStore(table=settings().registrations_table, ledger=_ledger())


@cache
def _ledger() -> Ledger:
    return Ledger(table=settings().contact_events_table)


@cache
def _ids() -> Ids:
    return Ids(clock=system_clock)

"""Connects the timeline to this deployment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from shared.contact_events.service.timeline import TimelineService
from shared.contact_events.store import DynamoEventStore
from shared.kernel.clock import system_clock
from shared.kernel.ids import Ids
from shared.platform.auth import deployment
from shared.platform.auth.doors import Doors
from shared.platform.hashing import IdentifierHasher
from shared.platform.ledger import Ledger
from shared.platform.secrets_manager import Secret
from shared.platform.settings import settings
from shared.registrations.errors import ContactNotFoundError
from shared.registrations.service.callers import CallerService
from shared.registrations.service.contacts import ContactService
from shared.registrations.service.people import PeopleService
from shared.registrations.store import DynamoAppStore, DynamoContactStore, DynamoDeviceStore


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredContacts:
    """The registrations' contacts, as far as timelines need them."""

    contacts: ContactService

    def origins_of(self, contact_id: str, *, app_id: str, as_of: datetime | None) -> Sequence[str]:
        """Return the contact and all that were joined to it by ``as_of``."""
        return self.contacts.origins_of(contact_id, app_id=app_id, as_of=as_of)

    def is_known(self, contact_id: str, *, app_id: str) -> bool:
        """Say whether anything is known under an id."""
        try:
            self.contacts.get_profile(app_id=app_id, contact_id=contact_id)
        except ContactNotFoundError:
            return False
        return True


@cache
def timelines() -> TimelineService:
    """Return the timelines of this process."""
    return TimelineService(
        events=DynamoEventStore(table=settings().contact_events_table),
        contacts=RegisteredContacts(contacts=_contacts()),
    )


def org_of(app_id: str) -> str:
    """Return the organisation that stands before the types of an app's events."""
    return _apps().get_app(app_id).org


@cache
def doors() -> Doors:
    """Return the doors of this process."""
    return deployment.doors(
        CallerService(apps=_apps(), devices=_devices(), contacts=_contact_store(), hasher=_hasher())
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
def _contacts() -> ContactService:
    ids = Ids(clock=system_clock)
    return ContactService(
        contacts=_contact_store(),
        devices=_devices(),
        people=PeopleService(
            contacts=_contact_store(),
            devices=_devices(),
            domains=(),  # this function reads people, and changes none
            clock=system_clock,
            ids=ids,
        ),
        hasher=_hasher(),
        clock=system_clock,
        ids=ids,
    )


@cache
def _hasher() -> IdentifierHasher:
    return IdentifierHasher(keys=Secret(id=settings().identifier_secret).keys)


@cache
def _ledger() -> Ledger:
    return Ledger(table=settings().contact_events_table)

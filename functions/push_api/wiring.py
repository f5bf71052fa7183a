"""Connects push's services to this deployment."""

from dataclasses import dataclass
from functools import cache

from shared.kernel.clock import system_clock
from shared.kernel.ids import Ids
from shared.platform.auth import deployment
from shared.platform.auth.doors import Doors
from shared.platform.hashing import IdentifierHasher
from shared.platform.ledger import Ledger
from shared.platform.secrets_manager import Secret
from shared.platform.settings import settings
from shared.push.service.messages import MessageService
from shared.push.store import DynamoChunkStore
from shared.registrations.service.callers import CallerService
from shared.registrations.service.identifiers import IdentifierService
from shared.registrations.service.reach import ReachService
from shared.registrations.store import DynamoAppStore, DynamoContactStore, DynamoDeviceStore


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredApps:
    """The registrations' apps, as far as push needs them."""

    apps: DynamoAppStore

    def can_push(self, app_id: str) -> bool:
        """Say whether the app names a Firebase project."""
        return self.apps.get_app(app_id).fcm is not None


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

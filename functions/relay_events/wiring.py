"""Connects the relay to the ledger, the apps and the bus."""

from collections.abc import Iterable
from functools import cache

from shared.contact_events.ports import Apps
from shared.contact_events.service.audit import AuditService
from shared.contact_events.service.relay import RelayService
from shared.contact_events.store import DynamoEventStore, DynamoReceiptStore
from shared.kernel.clock import system_clock
from shared.kernel.ids import Ids
from shared.platform.eventbridge import EventBus
from shared.platform.ledger import Ledger
from shared.platform.settings import settings
from shared.registrations.store.apps import DynamoAppStore


class RegisteredApps:
    """The apps of the registrations; an app's organisation never changes, so it is kept."""

    def __init__(self, store: DynamoAppStore) -> None:
        self._store = store
        self._orgs: dict[str, str] = {}

    def app_ids(self) -> Iterable[str]:
        """Yield the ids of all apps."""
        return self._store.app_ids()

    def org_of(self, app_id: str) -> str:
        """Return the app's organisation."""
        if app_id not in self._orgs:
            self._orgs[app_id] = self._store.get_app(app_id).org
        return self._orgs[app_id]


@cache
def apps() -> Apps:
    """Return the apps."""
    ledger = Ledger(table=settings().contact_events_table)
    return RegisteredApps(DynamoAppStore(table=settings().registrations_table, ledger=ledger))


@cache
def relay() -> RelayService:
    """Return the relay of this process."""
    return RelayService(
        bus=EventBus(name=settings().event_bus),
        receipts=DynamoReceiptStore(table=settings().contact_events_table),
        apps=apps(),
        ids=Ids(clock=system_clock),
    )


@cache
def audit() -> AuditService:
    """Return the audit of the relay."""
    return AuditService(
        events=DynamoEventStore(table=settings().contact_events_table),
        receipts=DynamoReceiptStore(table=settings().contact_events_table),
        relay=relay(),
        apps=apps(),
        clock=system_clock,
    )

"""Connects the projection of results to the push table, the ledger, and who is one person."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from time import monotonic

from shared.platform.ledger import Ledger
from shared.platform.settings import settings
from shared.push.service.results import GoalCache, MarkService
from shared.push.store import DynamoMarkStore, DynamoToldEvents
from shared.registrations.errors import ContactErasedError
from shared.registrations.service.origins import OriginService
from shared.registrations.store import DynamoContactStore, DynamoDeviceStore


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredPersons:
    """The registrations' people, as far as results need them."""

    origins: OriginService

    def origins_of(self, contact_id: str, *, app_id: str) -> Sequence[str]:
        """Return the contact and all that were joined to it; nobody for who was erased."""
        try:
            return self.origins.origins_of(contact_id, app_id=app_id)
        except ContactErasedError:
            return ()


@cache
def marks() -> MarkService:
    """Return the marks of this process."""
    table, ledger = settings().registrations_table, Ledger(table=settings().contact_events_table)
    store = DynamoMarkStore(table=settings().push_table)
    origins = OriginService(
        contacts=DynamoContactStore(table=table, ledger=ledger),
        devices=DynamoDeviceStore(table=table, ledger=ledger),
    )
    return MarkService(
        marks=store,
        goals=GoalCache(store=store, elapsed=monotonic),
        told=DynamoToldEvents(table=settings().contact_events_table),
        persons=RegisteredPersons(origins=origins),
    )

"""Connects deliveries to the ledger's table, the apps, and receivers outside."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from random import random
from time import monotonic

from shared.contact_events.service.deliveries import DeliveryService, SubscriptionCache
from shared.contact_events.service.messages import Messenger
from shared.contact_events.service.replays import ReplayReader
from shared.contact_events.service.resending import Resender
from shared.contact_events.store import (
    DynamoDeliveryStore,
    DynamoEventStore,
    DynamoReplayStore,
    DynamoSubscriptionStore,
    HttpCourier,
)
from shared.kernel.clock import system_clock
from shared.kernel.ids import Ids
from shared.kernel.targets import LocalHosts
from shared.platform.encryption import DataKeyCipher
from shared.platform.ledger import Ledger
from shared.platform.outbound import Outbound
from shared.platform.secrets_manager import Secret
from shared.platform.settings import settings
from shared.registrations.store import DynamoAppStore


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredApps:
    """The registrations' apps, as far as events need them."""

    apps: DynamoAppStore

    def app_ids(self) -> Iterable[str]:
        """Yield the ids of all apps."""
        return self.apps.app_ids()

    def org_of(self, app_id: str) -> str:
        """Return the app's organisation."""
        return self.apps.get_app(app_id).org


def app_ids() -> Iterable[str]:
    """Yield the ids of all apps."""
    return _apps().app_ids()


@cache
def subscriptions() -> SubscriptionCache:
    """Return the subscriptions of this process, ten seconds old at most."""
    return SubscriptionCache(store=_store(), elapsed=monotonic)


@cache
def deliveries() -> DeliveryService:
    """Return the deliveries of this process."""
    table = settings().contact_events_table
    local = LocalHosts(names=settings().webhook_local_hosts)
    messenger = Messenger(
        keys=DataKeyCipher(keys=Secret(id=settings().encryption_secret).keys),
        courier=HttpCourier(outbound=Outbound(local=local), clock=system_clock),
        clock=system_clock,
    )
    return DeliveryService(
        subscriptions=_store(),
        deliveries=DynamoDeliveryStore(table=table),
        events=DynamoEventStore(table=table),
        apps=_apps(),
        messenger=messenger,
        clock=system_clock,
        ids=Ids(clock=system_clock),
        share=random,
    )


@cache
def resender() -> Resender:
    """Return who goes on with replays in this process."""
    table = settings().contact_events_table
    return Resender(
        store=DynamoReplayStore(table=table),
        subscriptions=_store(),
        reader=ReplayReader(events=DynamoEventStore(table=table), clock=system_clock),
        deliveries=deliveries(),
        apps=_apps(),
        clock=system_clock,
        ids=Ids(clock=system_clock),
    )


@cache
def _store() -> DynamoSubscriptionStore:
    return DynamoSubscriptionStore(table=settings().contact_events_table, ledger=_ledger())


@cache
def _apps() -> RegisteredApps:
    table = settings().registrations_table
    return RegisteredApps(apps=DynamoAppStore(table=table, ledger=_ledger()))


@cache
def _ledger() -> Ledger:
    return Ledger(table=settings().contact_events_table)

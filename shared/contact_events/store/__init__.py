"""The contact events' table: the ledger, what was refused and counted of it, and triggers."""

from shared.contact_events.store.courier import HttpCourier
from shared.contact_events.store.instances import DynamoInstanceStore
from shared.contact_events.store.ledger import (
    GUARD_OUTLIVES,
    DynamoEventStore,
    DynamoForeignEventStore,
    DynamoReceiptStore,
    DynamoRejectStore,
)
from shared.contact_events.store.rebuilds import DynamoRebuildStore
from shared.contact_events.store.reports import DynamoCountStore
from shared.contact_events.store.resending import DynamoReplayStore
from shared.contact_events.store.subscriptions import DynamoDeliveryStore, DynamoSubscriptionStore
from shared.contact_events.store.triggers import DynamoTriggerStore

__all__ = [
    "GUARD_OUTLIVES",
    "DynamoCountStore",
    "DynamoDeliveryStore",
    "DynamoEventStore",
    "DynamoForeignEventStore",
    "DynamoInstanceStore",
    "DynamoRebuildStore",
    "DynamoReceiptStore",
    "DynamoRejectStore",
    "DynamoReplayStore",
    "DynamoSubscriptionStore",
    "DynamoTriggerStore",
    "HttpCourier",
]

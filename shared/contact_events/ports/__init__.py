"""What the contact events' services need from outside."""

from shared.contact_events.ports.ledger import (
    Apps,
    Bus,
    Effects,
    EventStore,
    ForeignEventStore,
    HasTime,
    ReceiptStore,
    RejectStore,
)
from shared.contact_events.ports.outgoing import (
    Courier,
    DeliveryStore,
    Keys,
    ReplayStore,
    SubscriptionStore,
)
from shared.contact_events.ports.people import (
    Contacts,
    Hasher,
    People,
    Timelines,
    Vault,
)
from shared.contact_events.ports.projections import (
    Archive,
    CountStore,
    Projection,
    RebuildStore,
)
from shared.contact_events.ports.triggers import (
    Entry,
    InstanceStore,
    KnownTriggers,
    Permits,
    Persons,
    Reservations,
    TriggerStore,
)

__all__ = [
    "Apps",
    "Archive",
    "Bus",
    "Contacts",
    "CountStore",
    "Courier",
    "DeliveryStore",
    "Effects",
    "Entry",
    "EventStore",
    "ForeignEventStore",
    "HasTime",
    "Hasher",
    "InstanceStore",
    "Keys",
    "KnownTriggers",
    "People",
    "Permits",
    "Persons",
    "Projection",
    "RebuildStore",
    "ReceiptStore",
    "RejectStore",
    "ReplayStore",
    "Reservations",
    "SubscriptionStore",
    "Timelines",
    "TriggerStore",
    "Vault",
]

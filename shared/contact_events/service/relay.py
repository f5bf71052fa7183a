"""Publishes what the ledger records."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.contact_events.model.hours import hour_of
from shared.contact_events.ports import Apps, Bus, ReceiptStore
from shared.kernel.envelope import Envelope
from shared.kernel.ids import Ids, made_at


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayService:
    """Publishes what the ledger records, at least once, and notes what it published."""

    bus: Bus
    receipts: ReceiptStore
    apps: Apps
    ids: Ids

    def relay(self, events: Sequence[Envelope]) -> frozenset[str]:
        """Publish events; return the sequences of those the bus did not take."""
        addressed = [(event, self.apps.org_of(event.app_id)) for event in events]
        failed = self.bus.publish(addressed) if addressed else frozenset()
        published: dict[datetime, list[str]] = defaultdict(list)
        for event in events:
            if event.sequence not in failed:
                published[hour_of(made_at(event.sequence))].append(event.sequence)
        for hour, sequences in published.items():
            self.receipts.add_receipt(hour, batch=self.ids.sequence(), sequences=sequences)
        return failed

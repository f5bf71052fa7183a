"""The ledger, the receipts and the bus in memory; held to the contracts of the real ones."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock

from typing_extensions import override

from shared.contact_events.model import ForeignEvent, Guard, Place, Placed, TimelineQuery, hour_of
from shared.contact_events.ports import (
    Apps,
    Bus,
    EventStore,
    ForeignEventStore,
    ReceiptStore,
)
from shared.kernel.envelope import Envelope
from shared.kernel.ids import made_at


@dataclass
class InMemoryEventStore(EventStore):
    events: list[Envelope] = field(default_factory=list)

    @override
    def timeline(self, contact_id: str, *, app_id: str, query: TimelineQuery) -> Iterator[Placed]:
        placed = (
            Placed(
                place=Place(event.key.at if event.key else event.time, event.sequence), event=event
            )
            for event in self.events
            if event.app_id == app_id and event.subject.id == contact_id
        )
        wanted = (found for found in placed if _is_wanted(found.place, query))
        yield from sorted(wanted, key=lambda found: found.place, reverse=query.newest_first)

    @override
    def erase(self, contact_id: str, *, app_id: str) -> None:
        self.events[:] = [
            event
            for event in self.events
            if (event.app_id, event.subject.id) != (app_id, contact_id)
        ]

    @override
    def sequences_of(self, hour: datetime, *, app_id: str) -> Sequence[str]:
        return sorted(
            event.sequence
            for event in self.events
            if event.app_id == app_id and hour_of(made_at(event.sequence)) == hour
        )

    @override
    def events_of(self, sequences: Sequence[str], *, app_id: str) -> Sequence[Envelope]:
        found = [event for event in self.events if event.sequence in set(sequences)]
        return sorted(found, key=lambda event: event.sequence)


def _is_wanted(place: Place, query: TimelineQuery) -> bool:
    if query.since and place.at < query.since:
        return False
    if query.until and place.at >= query.until:
        return False
    if query.after is None:
        return True
    return place < query.after if query.newest_first else place > query.after


@dataclass
class InMemoryForeignEventStore(ForeignEventStore):
    """Writes to the same ledger that an ``InMemoryEventStore`` reads."""

    events: list[Envelope]
    guards: dict[tuple[str, str, str], Guard] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    @override
    def guard_of(self, event: ForeignEvent) -> Guard | None:
        return self.guards.get((event.app_id, event.source, event.id))

    @override
    def commit_once(self, event: Envelope, *, guard: Guard) -> Guard:
        with self.lock:
            standing = self.guards.setdefault((guard.app_id, guard.source, guard.id), guard)
            if standing is guard:
                self.events.append(event)
            return standing


@dataclass
class InMemoryReceiptStore(ReceiptStore):
    receipts: dict[datetime, dict[str, Sequence[str]]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    until: datetime | None = None

    @override
    def add_receipt(self, hour: datetime, *, batch: str, sequences: Sequence[str]) -> None:
        self.receipts[hour][batch] = sequences

    @override
    def published_in(self, hour: datetime) -> frozenset[str]:
        return frozenset(one for batch in self.receipts[hour].values() for one in batch)

    @override
    def audited_until(self) -> datetime | None:
        return self.until

    @override
    def set_audited_until(self, hour: datetime) -> None:
        self.until = hour


@dataclass
class RecordingBus(Bus):
    """Takes every event but those whose sequence it is told to refuse."""

    published: list[Envelope] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)

    @override
    def publish(self, events: Sequence[tuple[Envelope, str]]) -> frozenset[str]:
        refused = frozenset(event.sequence for event, _ in events) & self.refuses
        self.published += [event for event, _ in events if event.sequence not in refused]
        return refused


@dataclass
class SomeApps(Apps):
    ids: Sequence[str] = ()

    @override
    def app_ids(self) -> Iterable[str]:
        return self.ids

    @override
    def org_of(self, app_id: str) -> str:
        return "com.example"

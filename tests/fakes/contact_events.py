"""The ledger, the receipts and the bus in memory; held to the contracts of the real ones."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock

from typing_extensions import override

from shared.contact_events.model.counts import Cell, Counts, Figures, Progress, Sample
from shared.contact_events.model.events import ForeignEvent, Guard
from shared.contact_events.model.hours import hour_of
from shared.contact_events.model.rejects import KEPT, Refused
from shared.contact_events.model.replays import HourPage
from shared.contact_events.model.timelines import Place, Placed, TimelineQuery
from shared.contact_events.ports import (
    Apps,
    Bus,
    CountStore,
    Effects,
    EventStore,
    ForeignEventStore,
    ReceiptStore,
    RejectStore,
)
from shared.kernel.envelope import Envelope
from shared.kernel.errors import DomainError
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

    @override
    def events_in(self, hour: datetime, *, app_id: str) -> Iterator[Envelope]:
        for event in self.events:
            if event.app_id == app_id and hour_of(made_at(event.sequence)) == hour:
                yield event

    @override
    def page_of(
        self, hour: datetime, *, app_id: str, after: str, last: str, limit: int
    ) -> HourPage:
        found = sorted(
            (one for one in self.events_in(hour, app_id=app_id) if after < one.sequence <= last),
            key=lambda event: event.sequence,
        )
        more = len(found) > limit
        return HourPage(events=found[:limit], after=found[limit - 1].sequence if more else None)


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
class InMemoryRejectStore(RejectStore):
    kept: list[Refused] = field(default_factory=list)

    @override
    def add_rejects(self, rejects: Sequence[Refused]) -> None:
        self.kept += rejects

    @override
    def rejects(
        self, app_id: str, *, before: str | None, at: datetime, limit: int
    ) -> Sequence[Refused]:
        found = [
            one
            for one in sorted(self.kept, key=lambda one: one.reject_id, reverse=True)
            if one.app_id == app_id
            and (before is None or one.reject_id < before)
            and at - KEPT < one.at
        ]
        return found[:limit]


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
class InMemoryCountStore(CountStore):
    counted: dict[tuple[str, datetime], tuple[datetime, Counts]] = field(default_factory=dict)
    how_far: Progress | None = None

    @override
    def put_counts(self, hour: datetime, counts: Counts, *, app_id: str, at: datetime) -> None:
        standing = self.counted.get((app_id, hour))
        if standing is None or standing[0] <= at:
            self.counted[app_id, hour] = (at, counts)

    @override
    def cells(
        self, app_id: str, *, since: datetime, until: datetime
    ) -> Iterator[Mapping[Cell, Figures]]:
        for counts in self._hours(app_id, since, until):
            yield counts.cells

    @override
    def samples(self, app_id: str, *, since: datetime, until: datetime) -> Iterator[Sample]:
        for counts in self._hours(app_id, since, until):
            yield counts.sample

    @override
    def progress(self) -> Progress | None:
        return self.how_far

    @override
    def set_progress(self, progress: Progress) -> None:
        self.how_far = progress

    @override
    def forget_counts(self, hour: datetime, *, app_id: str) -> None:
        self.counted.pop((app_id, hour), None)

    def _hours(self, app_id: str, since: datetime, until: datetime) -> Iterator[Counts]:
        for (whose, hour), (_, counts) in self.counted.items():
            if whose == app_id and hour_of(since) <= hour <= until:
                yield counts


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
class Protected(Effects):
    """Notes what it was told, and refuses all of it if it is told why."""

    told: list[Envelope] = field(default_factory=list)
    refusal: DomainError | None = None

    @override
    def protect(self, event: Envelope) -> None:
        if self.refusal:
            raise self.refusal
        self.told.append(event)


@dataclass
class SomeApps(Apps):
    ids: Sequence[str] = ()

    @override
    def app_ids(self) -> Iterable[str]:
        return self.ids

    @override
    def org_of(self, app_id: str) -> str:
        return "com.example"

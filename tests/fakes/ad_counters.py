"""Counters of ads in memory, and what folding asks of others."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from typing_extensions import override

from shared.kernel.envelope import Envelope
from shared.kernel.ids import made_at
from shared.placements.model.folding import Change, CounterKey, Figures
from shared.placements.model.mending import Counted, Place
from shared.placements.ports.folding import (
    AdLedger,
    AppZones,
    CounterStore,
    HourOfAds,
    Pressure,
    SeenAds,
    Sighting,
)


@dataclass
class InMemoryCounterStore(CounterStore):
    """``busy`` are counters that cannot be written just now."""

    counted: dict[CounterKey, Figures] = field(default_factory=dict)
    seen: dict[CounterKey, dict[str, Place]] = field(default_factory=dict)
    busy: set[CounterKey] = field(default_factory=set)

    @override
    def fold(self, changes: Sequence[Change], *, shard: str, at: datetime) -> Sequence[bool]:
        return [self._fold(change, shard, at) for change in changes]

    @override
    def get(self, key: CounterKey) -> Figures:
        return self.counted.get(key, Figures())

    @override
    def get_all(self, keys: Sequence[CounterKey]) -> Mapping[CounterKey, Figures]:
        return {key: self.get(key) for key in keys}

    @override
    def counters_of(self, flight_id: str, *, app_id: str) -> Mapping[CounterKey, Figures]:
        wanted = (app_id, flight_id)
        return {
            key: figures
            for key, figures in self.counted.items()
            if (key.app_id, key.flight_id) == wanted
        }

    @override
    def counted_of(self, flight_id: str, *, app_id: str) -> Mapping[CounterKey, Counted]:
        return {
            key: Counted(figures=figures, seen=dict(self.seen.get(key, {})))
            for key, figures in self.counters_of(flight_id, app_id=app_id).items()
        }

    @override
    def set_right(self, key: CounterKey, figures: Figures, *, before: Counted) -> bool:
        if self.seen.get(key, {}) != before.seen:
            return False
        self.counted[key] = figures
        return True

    def _fold(self, change: Change, shard: str, at: datetime) -> bool:
        if change.key in self.busy:
            return False
        seen = self.seen.setdefault(change.key, {})
        left = change.after(seen[shard].position if shard in seen else "")
        if left:
            self.counted[change.key] = self.get(change.key) + left.figures
            seen[shard] = Place(left.last, at)
        return True


@dataclass
class InZone(AppZones):
    """All apps are in one zone."""

    zone: str = "Europe/Zurich"

    @override
    def zone_of(self, app_id: str) -> str:
        return self.zone


@dataclass
class NotedAds(SeenAds):
    """Sightings by contact, each token once; ``busy`` contacts cannot be written just now."""

    seen: dict[str, dict[str, Sighting]] = field(default_factory=dict)
    busy: set[str] = field(default_factory=set)

    @override
    def note(self, contact_id: str, seen: Sequence[Sighting], *, app_id: str) -> bool:
        if contact_id not in self.busy:
            mine = self.seen.setdefault(contact_id, {})
            mine |= {one.token_id: one for one in seen}
        return contact_id not in self.busy


@dataclass
class NotedHours(Pressure):
    """The heaviest of what was said of each contact, hour and purpose."""

    hours: dict[tuple[str, datetime, str], HourOfAds] = field(default_factory=dict)
    busy: set[str] = field(default_factory=set)

    @override
    def note(self, hour: HourOfAds) -> bool:
        if hour.contact_id in self.busy:
            return False
        key = (hour.contact_id, hour.hour, hour.purpose.value)
        before = self.hours.get(key)
        if before is None or before.impressions < hour.impressions:
            self.hours[key] = hour
        return True


@dataclass
class InMemoryAdLedger(AdLedger):
    """Reads what an ``InMemoryEngagementStore`` holds."""

    events: Mapping[tuple[str, str, datetime, str], Envelope]

    @override
    def recorded_in(self, hour: datetime, *, app_id: str) -> Iterable[Envelope]:
        for event in self.events.values():
            made = made_at(event.sequence).astimezone(UTC)
            is_in = made.replace(minute=0, second=0, microsecond=0) == hour
            if event.app_id == app_id and is_in:
                yield event

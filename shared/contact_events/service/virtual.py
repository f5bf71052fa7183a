"""Instances and timelines in memory, for as long as a simulation takes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heappop, heappush

from typing_extensions import override

from shared.contact_events.errors import StaleError
from shared.contact_events.model.firing import Instance, minute_of
from shared.contact_events.model.timelines import Place, Placed, TimelineQuery
from shared.contact_events.ports import Entry, InstanceStore, Timelines
from shared.kernel.envelope import Envelope


@dataclass
class InMemoryInstances(InstanceStore):
    """Instances in memory, as long as a simulation takes; ``told`` are the events with them."""

    kept: dict[tuple[str, str, str, str], Instance] = field(default_factory=dict)
    entered: dict[tuple[str, str, str], datetime] = field(default_factory=dict)
    swept: dict[str, datetime] = field(default_factory=dict)
    told: list[Envelope] = field(default_factory=list)
    lanes: dict[datetime, dict[tuple[str, str, str, str], None]] = field(default_factory=dict)
    minutes: list[datetime] = field(default_factory=list)
    """A heap of the lanes' minutes; some may be empty by now."""

    def next_due(self) -> datetime | None:
        """Return the first minute in which something is due."""
        while self.minutes and not self.lanes[self.minutes[0]]:
            del self.lanes[heappop(self.minutes)]
        return self.minutes[0] if self.minutes else None

    @override
    def add(self, instance: Instance, *, entry: Entry | None) -> None:
        if _key(instance) in self.kept:
            return
        if entry:
            key = instance.app_id, entry.contact_id, instance.trigger_id
            if self.entered.get(key) != entry.before:
                raise StaleError(instance.instance_id)
            self.entered[key] = instance.caused_at
        self.swept.setdefault(instance.app_id, minute_of(instance.started_at))
        self._keep(instance)

    @override
    def entries(
        self, contact_ids: Sequence[str], *, trigger_id: str, app_id: str
    ) -> Mapping[str, datetime]:
        found = {one: self.entered.get((app_id, one, trigger_id)) for one in contact_ids}
        return {one: at for one, at in found.items() if at is not None}

    @override
    def find(self, trigger_id: str, cause: str, *, contact_id: str, app_id: str) -> Instance | None:
        return self.kept.get((app_id, contact_id, trigger_id, cause))

    @override
    def instances_of(self, contact_id: str, *, trigger_id: str, app_id: str) -> Sequence[Instance]:
        kept = self.kept_of(contact_id, app_id=app_id)
        return [one for one in kept if one.trigger_id == trigger_id]

    @override
    def replace(self, instance: Instance, *, event: Envelope | None = None) -> None:
        before = self.kept.get(_key(instance))
        if before is None or before.writes != instance.writes - 1:
            raise StaleError(instance.instance_id)
        self.lanes.get(before.minute, {}).pop(_key(before), None)
        self._keep(instance)
        if event:
            self.told.append(event)

    @override
    def due_in(self, app_id: str, *, minute: datetime) -> Iterator[Instance]:
        for key in list(self.lanes.get(minute, ())):
            if key[0] == app_id and key in self.lanes.get(minute, ()):
                yield self.kept[key]

    @override
    def swept_until(self, app_id: str) -> datetime | None:
        return self.swept.get(app_id)

    @override
    def mark_swept(self, app_id: str, *, until: datetime) -> None:
        self.swept[app_id] = max(self.swept[app_id], until)

    @override
    def kept_of(self, contact_id: str, *, app_id: str) -> Sequence[Instance]:
        return [one for key, one in sorted(self.kept.items()) if key[:2] == (app_id, contact_id)]

    @override
    def erase(self, contact_id: str, *, app_id: str) -> None:
        whose = app_id, contact_id
        for lane in self.lanes.values():
            for key in [one for one in lane if one[:2] == whose]:
                del lane[key]
        self.kept = {key: one for key, one in self.kept.items() if key[:2] != whose}
        self.entered = {key: at for key, at in self.entered.items() if key[:2] != whose}

    def _keep(self, instance: Instance) -> None:
        key = _key(instance)
        self.kept[key] = instance
        if instance.state.is_final:
            return
        if instance.minute not in self.lanes:
            self.lanes[instance.minute] = {}
            heappush(self.minutes, instance.minute)
        self.lanes[instance.minute][key] = None


@dataclass
class Known(Timelines):
    """What was recorded of people up to now."""

    events: dict[str, list[Envelope]] = field(default_factory=dict)

    def add(self, event: Envelope) -> None:
        """Record an event."""
        self.events.setdefault(event.subject.id, []).append(event)

    @override
    def timeline(self, contact_id: str, *, app_id: str, query: TimelineQuery) -> Iterator[Placed]:
        placed = [
            Placed(place=Place(one.time, one.sequence), event=one)
            for one in self.events.get(contact_id, ())
            if (query.since is None or one.time >= query.since)
            and (query.until is None or one.time < query.until)
        ]
        yield from sorted(placed, key=lambda found: found.place, reverse=query.newest_first)


def _key(instance: Instance) -> tuple[str, str, str, str]:
    return instance.app_id, instance.contact_id, instance.trigger_id, instance.cause

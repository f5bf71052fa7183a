"""Rebuilds in memory, held to the contract of the real store; and a projection that counts."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from typing_extensions import override

from shared.contact_events.errors import StaleError
from shared.contact_events.model.rebuilds import Rebuild
from shared.contact_events.ports import Projection, RebuildStore
from shared.kernel.envelope import Envelope


@dataclass
class InMemoryRebuildStore(RebuildStore):
    kept: dict[tuple[str, str], Rebuild] = field(default_factory=dict)

    @override
    def find(self, projection: str, *, app_id: str) -> Rebuild | None:
        return self.kept.get((app_id, projection))

    @override
    def put(self, rebuild: Rebuild) -> None:
        key = (rebuild.wanted.app_id, rebuild.wanted.projection)
        before = self.kept.get(key)
        if rebuild.version != (before.version + 1 if before else 1):
            raise StaleError(rebuild.wanted.projection)
        self.kept[key] = rebuild


@dataclass
class EventsByContact(Projection):
    """Which events each contact had; it fails once at each event that it is told to fail at."""

    can_be_forgotten: bool = True
    known: dict[str, set[str]] = field(default_factory=dict)
    fails_at: set[str] = field(default_factory=set)
    heard: list[str] = field(default_factory=list)

    @property
    @override
    def is_forgettable(self) -> bool:
        return self.can_be_forgotten

    @override
    def forget(self, events: Sequence[Envelope], *, app_id: str) -> None:
        for event in events:
            self.known.pop(event.subject.id, None)

    @override
    def take(self, events: Sequence[Envelope], *, app_id: str) -> None:
        for event in events:
            if event.sequence in self.fails_at:
                self.fails_at.remove(event.sequence)
                raise RuntimeError(event.sequence)
            self.heard.append(event.sequence)
            self.known.setdefault(event.subject.id, set()).add(event.sequence)

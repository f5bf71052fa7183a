"""States of people in memory, packed as the real store packs them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import RLock

from typing_extensions import override

from shared.placements.model.ad_state import AdState, Known
from shared.placements.model.packed_state import pack, unpack
from shared.placements.ports.decisions import AdStates, Change, Facts


@dataclass
class InMemoryAdStates(AdStates):
    states: dict[tuple[str, str], AdState] = field(default_factory=dict)
    lock: RLock = field(default_factory=RLock)

    @override
    def read(self, contact_id: str, *, app_id: str) -> AdState:
        state = self.kept(contact_id, app_id=app_id)
        while state.moved_to is not None:
            state = self.kept(state.moved_to, app_id=app_id)
        return state

    @override
    def read_latest(self, contact_id: str, *, app_id: str) -> AdState:
        return self.read(contact_id, app_id=app_id)

    @override
    def replace(self, state: AdState, *, before: AdState) -> bool:
        with self.lock:
            return self._put([Change(before, state)])

    @override
    def kept(self, contact_id: str, *, app_id: str) -> AdState:
        empty = AdState(app_id=app_id, contact_id=contact_id)
        return self.states.get((app_id, contact_id), empty)

    @override
    def replace_both(self, one: Change, other: Change) -> bool:
        with self.lock:
            return self._put([one, other])

    @override
    def forget(self, contact_id: str, *, app_id: str) -> None:
        self.states.pop((app_id, contact_id), None)

    def _put(self, changes: list[Change]) -> bool:
        for before, after in changes:
            stands = self.kept(after.contact_id, app_id=after.app_id)
            if stands.version != before.version:
                return False
        for before, after in changes:
            key, version = (after.app_id, after.contact_id), before.version + 1
            kept = unpack(pack(after), app_id=key[0], contact_id=key[1], version=version)
            self.states[key] = replace(kept, moved_to=after.moved_to)
        return True


@dataclass
class FixedFacts(Facts):
    """Answers what a test says."""

    known: Known = field(default_factory=Known)
    of_contact: Mapping[str, Known] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    @override
    def of(self, contact_id: str, *, device_id: str | None, app_id: str, at: datetime) -> Known:
        self.asked.append(contact_id)
        known = self.of_contact.get(contact_id, self.known)
        if device_id is None or device_id in known.device_epochs:
            return known
        return replace(known, device_epochs={**known.device_epochs, device_id: 0})

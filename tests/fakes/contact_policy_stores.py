"""Contact policy in memory; held to the same contract as the real stores."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import RLock

from typing_extensions import override

from shared.contact_policy.errors import PolicyNotFoundError, StaleError
from shared.contact_policy.model.deferrals import Deferral, minute_of
from shared.contact_policy.model.history import CaseRecord, Proof
from shared.contact_policy.model.people import Person, Place
from shared.contact_policy.ports import (
    AppPlace,
    Apps,
    ControlGroups,
    DeferralStore,
    PersonStore,
    PolicyStore,
    PutPolicy,
    Releases,
)
from shared.kernel.envelope import Envelope


@dataclass
class Memory:
    """What the stores share, as the real ones share a table."""

    policies: dict[str, list[PutPolicy]] = field(default_factory=dict)
    groups: dict[str, ControlGroups] = field(default_factory=dict)
    places: dict[tuple[str, str], Place] = field(default_factory=dict)
    proofs: dict[tuple[str, str], list[Proof]] = field(default_factory=dict)
    cases: dict[tuple[str, str], CaseRecord] = field(default_factory=dict)
    deferrals: dict[tuple[str, str, str], Deferral] = field(default_factory=dict)
    done: dict[str, datetime] = field(default_factory=dict)
    events: list[Envelope] = field(default_factory=list)
    lock: RLock = field(default_factory=RLock)


@dataclass
class OnePlace(Apps):
    """Apps that all are in one place."""

    place: AppPlace = field(default_factory=lambda: AppPlace(zone="UTC"))

    @override
    def place_of(self, app_id: str) -> AppPlace:
        return self.place


@dataclass
class Taking(Releases):
    """Takes up what was put off, and fails for those it is told to, once."""

    taken: list[str] = field(default_factory=list)
    expired: list[str] = field(default_factory=list)
    failing: set[str] = field(default_factory=set)

    @override
    def release(self, deferral: Deferral) -> None:
        if deferral.deferral_id in self.failing:
            self.failing.remove(deferral.deferral_id)
            raise ConnectionError(deferral.deferral_id)
        self.taken.append(deferral.deferral_id)

    @override
    def expire(self, deferral: Deferral) -> None:
        self.expired.append(deferral.deferral_id)


class InMemoryPolicyStore(PolicyStore):
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    @override
    def rules(self, app_id: str) -> tuple[PutPolicy | None, ControlGroups]:
        put = self._memory.policies.get(app_id)
        return put[-1] if put else None, self._memory.groups.get(app_id, ControlGroups())

    @override
    def get_policy(self, app_id: str, *, version: int) -> PutPolicy:
        for put in self._memory.policies.get(app_id, ()):
            if put.version == version:
                return put
        raise PolicyNotFoundError(f"version {version}")

    @override
    def list_policies(self, app_id: str, *, limit: int, before: int | None) -> Sequence[PutPolicy]:
        found = [
            put
            for put in reversed(self._memory.policies.get(app_id, ()))
            if before is None or put.version < before
        ]
        return found[:limit]

    @override
    def put_policy(self, app_id: str, put: PutPolicy, *, event: Envelope) -> None:
        with self._memory.lock:
            kept = self._memory.policies.setdefault(app_id, [])
            if put.version != len(kept) + 1:
                raise StaleError(app_id)
            kept.append(put)
            self._memory.events.append(event)

    @override
    def put_control_groups(self, app_id: str, groups: ControlGroups, *, event: Envelope) -> None:
        with self._memory.lock:
            if groups.version != self._memory.groups.get(app_id, ControlGroups()).version + 1:
                raise StaleError(app_id)
            self._memory.groups[app_id] = groups
            self._memory.events.append(event)


class InMemoryPersonStore(PersonStore):
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    @override
    def people(self, contact_ids: AbstractSet[str], *, app_id: str) -> Mapping[str, Person]:
        return {one: self._person_of(one, app_id) for one in contact_ids}

    @override
    def replace_pressures(self, people: Sequence[Person]) -> Sequence[bool]:
        return [self._replace_pressure(person) for person in people]

    @override
    def replace_standing(
        self,
        person: Person,
        *,
        proof: Proof | None = None,
        case: tuple[CaseRecord | None, CaseRecord] | None = None,
        event: Envelope | None = None,
    ) -> None:
        memory = self._memory
        with memory.lock:
            stored = self._place(person.contact_id, person.app_id)
            if stored.person is None or stored.standing_version != person.standing.version:
                raise StaleError(person.contact_id)
            if case:
                before, after = case
                if memory.cases.get((after.app_id, after.case_id)) != before:
                    raise StaleError(after.case_id)
                memory.cases[after.app_id, after.case_id] = after
            version = stored.standing_version + 1
            held = replace(stored.person, standing=replace(person.standing, version=version))
            self._keep(replace(stored, standing_version=version, person=held), person.app_id)
            if proof:
                memory.proofs.setdefault((proof.app_id, proof.contact_id), []).append(proof)
            if event:
                memory.events.append(event)

    @override
    def places(self, contact_ids: AbstractSet[str], *, app_id: str) -> Mapping[str, Place]:
        return {one: self._place(one, app_id) for one in contact_ids}

    @override
    def regroup(self, people: Sequence[Person], *, places: Mapping[str, Place]) -> None:
        with self._memory.lock:
            changed = [
                (person, places[contact_id])
                for person in people
                for contact_id in person.contact_ids
                if places[contact_id].moved_to != person.contact_id
            ]
            for person, place in changed:
                if self._place(place.contact_id, person.app_id) != place:
                    raise StaleError(place.contact_id)
            for person, place in changed:
                self._keep(_regrouped(person, place), person.app_id)

    @override
    def get_case(self, case_id: str, *, app_id: str) -> CaseRecord | None:
        return self._memory.cases.get((app_id, case_id))

    @override
    def get_proof(self, proof_id: str, *, contact_id: str, app_id: str) -> Proof | None:
        kept = self._memory.proofs.get((app_id, contact_id), ())
        return next((proof for proof in kept if proof.proof_id == proof_id), None)

    @override
    def proofs(
        self, contact_ids: Iterable[str], *, app_id: str, limit: int, before: str | None
    ) -> Sequence[Proof]:
        found = [
            proof
            for contact_id in contact_ids
            for proof in self._memory.proofs.get((app_id, contact_id), ())
            if before is None or proof.proof_id < before
        ]
        return sorted(found, key=lambda proof: proof.proof_id, reverse=True)[:limit]

    @override
    def cases_of(self, contact_id: str, *, app_id: str) -> Sequence[CaseRecord]:
        return sorted(
            (
                case
                for (owner, _), case in self._memory.cases.items()
                if (owner, case.contact_id) == (app_id, contact_id)
            ),
            key=lambda case: case.case_id,
        )

    @override
    def record(self, event: Envelope) -> None:
        self._memory.events.append(event)

    @override
    def forget(self, contact_id: str, *, app_id: str) -> None:
        memory = self._memory
        memory.proofs.pop((app_id, contact_id), None)
        for case in self.cases_of(contact_id, app_id=app_id):
            del memory.cases[app_id, case.case_id]
        for deferral in [one for one in memory.deferrals if one[:2] == (app_id, contact_id)]:
            del memory.deferrals[deferral]

    def _replace_pressure(self, person: Person) -> bool:
        with self._memory.lock:
            stored = self._place(person.contact_id, person.app_id)
            if stored.person is None or stored.pressure_version != person.pressure.version:
                return False
            version = stored.pressure_version + 1
            held = replace(stored.person, pressure=replace(person.pressure, version=version))
            self._keep(replace(stored, pressure_version=version, person=held), person.app_id)
            return True

    def _person_of(self, contact_id: str, app_id: str) -> Person:
        with self._memory.lock:
            place = self._place(contact_id, app_id)
            while place.person is None:
                place = self._place(place.moved_to or contact_id, app_id)
            return place.person

    def _place(self, contact_id: str, app_id: str) -> Place:
        nobody = Place(contact_id=contact_id, person=Person(app_id=app_id, contact_id=contact_id))
        return self._memory.places.get((app_id, contact_id), nobody)

    def _keep(self, place: Place, app_id: str) -> None:
        self._memory.places[app_id, place.contact_id] = place


class InMemoryDeferralStore(DeferralStore):
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    @override
    def add(self, deferral: Deferral, *, at: datetime) -> Deferral:
        self._memory.done.setdefault(deferral.app_id, minute_of(at))
        return self._memory.deferrals.setdefault(_key(deferral), deferral)

    @override
    def done_until(self, app_id: str) -> datetime | None:
        return self._memory.done.get(app_id)

    @override
    def mark_done(self, app_id: str, *, until: datetime) -> None:
        self._memory.done[app_id] = max(until, self._memory.done.get(app_id, until))

    @override
    def due_in(self, app_id: str, *, minute: datetime) -> Iterator[Deferral]:
        due = [
            one
            for one in self._memory.deferrals.values()
            if (one.app_id, one.minute) == (app_id, minute)
        ]
        return iter(sorted(due, key=lambda one: (one.shard, _key(one))))

    @override
    def remove(self, deferral: Deferral, *, event: Envelope | None = None) -> None:
        if self._memory.deferrals.pop(_key(deferral), None) is not None and event:
            self._memory.events.append(event)

    @override
    def deferrals_of(self, contact_id: str, *, app_id: str) -> Sequence[Deferral]:
        found = self._memory.deferrals.items()
        return [one for key, one in sorted(found) if key[:2] == (app_id, contact_id)]


def _key(deferral: Deferral) -> tuple[str, str, str]:
    return deferral.app_id, deferral.candidate.contact_id, deferral.deferral_id


def _regrouped(person: Person, place: Place) -> Place:
    """Return what a place holds after people were joined or parted."""
    after = replace(
        place,
        pressure_version=place.pressure_version + 1,
        standing_version=place.standing_version + 1,
        regroupings=place.regroupings + 1,
    )
    if place.contact_id != person.contact_id:
        return replace(after, person=None, moved_to=person.contact_id)
    held = replace(
        person,
        pressure=replace(person.pressure, version=after.pressure_version),
        standing=replace(person.standing, version=after.standing_version),
        regroupings=after.regroupings,
    )
    return replace(after, person=held, moved_to=None)

"""People in DynamoDB: two items each, and their history."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime
from heapq import merge
from itertools import islice
from typing import Any

from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.condition import Condition
from typing_extensions import override

from shared.contact_policy.errors import StaleError
from shared.contact_policy.model.history import CaseRecord, Proof
from shared.contact_policy.model.people import Person, Place
from shared.contact_policy.model.pressure import Pressure
from shared.contact_policy.model.standing import ConsentKey, ConsentStatus, Standing
from shared.contact_policy.ports import PersonStore
from shared.contact_policy.store.standings import standing_of, standing_text
from shared.contact_policy.store.writes import VersionedRow, commit_or_stale, next_of
from shared.kernel.clock import from_rfc3339, rfc3339
from shared.kernel.envelope import Envelope
from shared.kernel.events import Channel, Purpose
from shared.platform.batches import Insert, SingleWrite, Swap, write_each
from shared.platform.dynamodb import Delete, Put, Row, Write, bind, commit
from shared.platform.ledger import Ledger

_PRESSURE, _STANDING = "PRESSURE", "STANDING"
_AFTER_ALL = "~"
"""Sorts after every id."""

MOST_LOOKS = 8
"""A moved contact names who stands for the person. That one can move, or both part, while we look:
then we look again."""


class _PersonRow(VersionedRow):
    """One of the two items of a person: ``touches`` or ``said``; or where both have moved to.

    A query may see a transaction in the midst of it. ``regroupings``, which counts the merges and
    partings that wrote both items, tells: where the two differ, one of them is old.
    """

    regroupings = NumberAttribute(default=0)
    touches = BinaryAttribute(legacy_encoding=False, null=True)
    said = UnicodeAttribute(null=True)
    moved_to = UnicodeAttribute(null=True)


class _HistoryRow(Row):
    """A proof, or a case, as one JSON text."""

    text = UnicodeAttribute()


@dataclass(slots=True)
class _Pair:
    """The two items of a contact, as far as they are there."""

    pressure: _PersonRow | None = None
    standing: _PersonRow | None = None

    def take(self, row: _PersonRow) -> None:
        if row.sk == _PRESSURE:
            self.pressure = row
        else:
            self.standing = row

    @property
    def is_torn(self) -> bool:
        """Say whether only one of them was read before a merge or parting."""
        counts = {int(row.regroupings) if row else 0 for row in (self.pressure, self.standing)}
        return len(counts) > 1


class DynamoPersonStore(PersonStore):
    """People, in the contact policy's table."""

    def __init__(self, *, table: str, ledger: Ledger) -> None:
        self._person = bind(_PersonRow, table=table)
        self._history = bind(_HistoryRow, table=table)
        self._ledger = ledger

    @override
    def people(self, contact_ids: AbstractSet[str], *, app_id: str) -> Mapping[str, Person]:
        found: dict[str, Person] = {}
        sought = {contact_id: contact_id for contact_id in contact_ids}
        for _ in range(MOST_LOOKS):
            places = self.places(frozenset(sought.values()), app_id=app_id)
            for contact_id, at in list(sought.items()):
                person, moved_to = places[at].person, places[at].moved_to
                if person is None:
                    sought[contact_id] = moved_to or contact_id
                elif contact_id in person.contact_ids:
                    found[contact_id] = person
                    del sought[contact_id]
                else:
                    sought[contact_id] = contact_id
            if not sought:
                return found
        raise StaleError(", ".join(sought))

    @override
    def replace_pressures(self, people: Sequence[Person]) -> Sequence[bool]:
        if len(people) <= 1:
            return [self._replace_pressure(person) for person in people]
        return write_each([self._write_of_pressure(person) for person in people])

    @override
    def replace_standing(
        self,
        person: Person,
        *,
        proof: Proof | None = None,
        case: tuple[CaseRecord | None, CaseRecord] | None = None,
        event: Envelope | None = None,
    ) -> None:
        version = person.standing.version
        row = self._standing_row(person, version=version + 1)
        writes: dict[str, Write] = {"standing": next_of(row, before=version)}
        if proof:
            key = _history_key(proof.app_id, proof.contact_id, f"P#{proof.proof_id}")
            writes["proof"] = Put(row=self._history(*key, text=_proof_text(proof)))
        if case:
            writes |= self._case_writes(*case)
        if event:
            writes["event"] = self._ledger.record(event)
        commit_or_stale(writes)

    @override
    def places(self, contact_ids: AbstractSet[str], *, app_id: str) -> Mapping[str, Place]:
        found: dict[str, Place] = {}
        for _ in range(MOST_LOOKS):
            left = sorted(contact_ids - found.keys())
            if not left:
                return found
            pairs = {contact_id: _Pair() for contact_id in left}
            for row in self._rows(left, app_id=app_id):
                pairs[row.pk.rpartition("#")[2]].take(row)
            found |= {
                contact_id: _place_of(pair, app_id=app_id, contact_id=contact_id)
                for contact_id, pair in pairs.items()
                if not pair.is_torn
            }
        raise StaleError(", ".join(contact_ids - found.keys()))

    @override
    def regroup(self, people: Sequence[Person], *, places: Mapping[str, Place]) -> None:
        writes: dict[str, Write] = {}
        for person in people:
            for contact_id in person.contact_ids:
                place = places[contact_id]
                if place.moved_to != person.contact_id:
                    writes |= self._swaps(place, person)
        commit_or_stale(writes)

    @override
    def get_case(self, case_id: str, *, app_id: str) -> CaseRecord | None:
        try:
            row = self._history.get(*_case_key(app_id, case_id), consistent_read=True)
        except DoesNotExist:
            return None
        return _case_of(row.text, app_id=app_id)

    @override
    def get_proof(self, proof_id: str, *, contact_id: str, app_id: str) -> Proof | None:
        key = _history_key(app_id, contact_id, f"P#{proof_id}")
        try:
            row = self._history.get(*key, consistent_read=True)
        except DoesNotExist:
            return None
        return _proof_of(row.text, app_id=app_id)

    @override
    def proofs(
        self, contact_ids: Iterable[str], *, app_id: str, limit: int, before: str | None
    ) -> Sequence[Proof]:
        newest = (
            self._proofs_of(contact_id, app_id=app_id, limit=limit, before=before)
            for contact_id in contact_ids
        )
        merged = merge(*newest, key=lambda proof: proof.proof_id, reverse=True)
        return list(islice(merged, limit))

    @override
    def cases_of(self, contact_id: str, *, app_id: str) -> Sequence[CaseRecord]:
        rows = self._history.query(
            _history_key(app_id, contact_id, "")[0],
            self._history.sk.startswith("C#"),
            consistent_read=True,
        )
        return [_case_of(row.text, app_id=app_id) for row in rows]

    @override
    def record(self, event: Envelope) -> None:
        commit({"event": self._ledger.record(event)})

    @override
    def forget(self, contact_id: str, *, app_id: str) -> None:
        for case in self.cases_of(contact_id, app_id=app_id):
            commit({"case": Delete(row=self._history(*_case_key(app_id, case.case_id)))})
        partition = _history_key(app_id, contact_id, "")[0]
        with self._history.batch_write() as batch:
            for row in self._history.query(partition, consistent_read=True):
                batch.delete(row)

    def _rows(self, contact_ids: Sequence[str], *, app_id: str) -> Iterable[_PersonRow]:
        """Return the items of some contacts: of one by a query, which costs less than a batch."""
        if len(contact_ids) == 1:
            return self._person.query(_partition(app_id, contact_ids[0]), consistent_read=True)
        keys = [
            (_partition(app_id, contact_id), sk)
            for contact_id in contact_ids
            for sk in (_PRESSURE, _STANDING)
        ]
        return self._person.batch_get(keys, consistent_read=True) if keys else ()

    def _replace_pressure(self, person: Person) -> bool:
        version = person.pressure.version
        row = self._pressure_row(person, version=version + 1)
        try:
            commit_or_stale({"pressure": next_of(row, before=version)})
        except StaleError:
            return False
        return True

    def _write_of_pressure(self, person: Person) -> SingleWrite:
        version = person.pressure.version
        row = self._pressure_row(person, version=version + 1)
        return Swap(row=row, expected={"version": version}) if version else Insert(row=row)

    def _pressure_row(self, person: Person, *, version: int) -> _PersonRow:
        return self._person(
            _partition(person.app_id, person.contact_id),
            _PRESSURE,
            # None of them is said too: in a batch, what a row lacks stays as it was.
            touches=person.pressure.packed,
            version=version,
            regroupings=person.regroupings,
        )

    def _standing_row(self, person: Person, *, version: int) -> _PersonRow:
        return self._person(
            _partition(person.app_id, person.contact_id),
            _STANDING,
            said=standing_text(person.standing.parts, person.links),
            version=version,
            regroupings=person.regroupings,
        )

    def _swaps(self, place: Place, person: Person) -> dict[str, Write]:
        """Return the writes of both items of a place: the person, or where to find them."""
        partition = _partition(person.app_id, place.contact_id)
        regroupings = place.regroupings + 1
        pressure, standing = place.pressure_version + 1, place.standing_version + 1
        if place.contact_id == person.contact_id:
            held = replace(person, regroupings=regroupings)
            rows = (
                self._pressure_row(held, version=pressure),
                self._standing_row(held, version=standing),
            )
        else:
            moved: dict[str, Any] = {"moved_to": person.contact_id, "regroupings": regroupings}
            rows = (
                self._person(partition, _PRESSURE, version=pressure, **moved),
                self._person(partition, _STANDING, version=standing, **moved),
            )
        return {
            f"pressure of {place.contact_id}": next_of(rows[0], before=place.pressure_version),
            f"standing of {place.contact_id}": next_of(rows[1], before=place.standing_version),
        }

    def _case_writes(self, before: CaseRecord | None, after: CaseRecord) -> dict[str, Write]:
        text = _case_text(after)
        row = self._history(*_case_key(after.app_id, after.case_id), text=text)
        unchanged: Condition = self._history.pk.does_not_exist()
        if before is not None:
            unchanged = self._history.text == _case_text(before)
        key = _history_key(after.app_id, after.contact_id, f"C#{after.case_id}")
        return {
            "case": Put(row=row, condition=unchanged),
            "case of contact": Put(row=self._history(*key, text=text)),
        }

    def _proofs_of(
        self, contact_id: str, *, app_id: str, limit: int, before: str | None
    ) -> Iterator[Proof]:
        partition = _history_key(app_id, contact_id, "")[0]
        # Both ends are within: one more is read, since ``before`` itself is not sought.
        older = self._history.sk.between("P#", f"P#{before or _AFTER_ALL}")
        rows = self._history.query(
            partition, older, consistent_read=True, scan_index_forward=False, limit=limit + 1
        )
        found = (_proof_of(row.text, app_id=app_id) for row in rows)
        return (proof for proof in found if proof.proof_id != before)


def _partition(app_id: str, contact_id: str) -> str:
    return f"APP#{app_id}#P#{contact_id}"


def _history_key(app_id: str, contact_id: str, sort_key: str) -> tuple[str, str]:
    return f"APP#{app_id}#H#{contact_id}", sort_key


def _case_key(app_id: str, case_id: str) -> tuple[str, str]:
    return f"APP#{app_id}#CASE#{case_id}", "CASE"


def _place_of(pair: _Pair, *, app_id: str, contact_id: str) -> Place:
    pressure, standing = pair.pressure, pair.standing
    pressure_version = int(pressure.version) if pressure else 0
    standing_version = int(standing.version) if standing else 0
    either = pressure or standing
    regroupings = int(either.regroupings) if either else 0
    moved_to = either.moved_to if either else None
    person = None
    if moved_to is None:
        parts, links = standing_of(standing.said) if standing else ({}, {})
        person = Person(
            app_id=app_id,
            contact_id=contact_id,
            pressure=Pressure(
                packed=(pressure.touches or b"") if pressure else b"", version=pressure_version
            ),
            standing=Standing(parts=parts, version=standing_version),
            links=links,
            regroupings=regroupings,
        )
    return Place(
        contact_id=contact_id,
        pressure_version=pressure_version,
        standing_version=standing_version,
        regroupings=regroupings,
        person=person,
        moved_to=moved_to,
    )


def _proof_text(proof: Proof) -> str:
    fields = [
        proof.proof_id,
        proof.contact_id,
        list(proof.key),
        proof.status.value,
        proof.text,
        proof.text_version,
        proof.obtained_by,
        proof.by,
        rfc3339(proof.at),
        _text(proof.expires_at),
    ]
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False)


def _proof_of(text: str, *, app_id: str) -> Proof:
    fields: list[Any] = json.loads(text)
    proof_id, contact_id, key, status, shown, version, obtained_by, by, at, expires_at = fields
    purpose, channel, topic = key
    return Proof(
        proof_id=proof_id,
        app_id=app_id,
        contact_id=contact_id,
        key=ConsentKey(Purpose(purpose), Channel(channel) if channel else None, topic),
        status=ConsentStatus(status),
        text=shown,
        text_version=version,
        obtained_by=obtained_by,
        by=by,
        at=from_rfc3339(at),
        expires_at=_instant(expires_at),
    )


def _case_text(case: CaseRecord) -> str:
    fields = [case.case_id, case.contact_id, case.kind]
    return json.dumps([*fields, rfc3339(case.opened_at), _text(case.closed_at)])


def _case_of(text: str, *, app_id: str) -> CaseRecord:
    case_id, contact_id, kind, opened_at, closed_at = json.loads(text)
    return CaseRecord(
        case_id=case_id,
        app_id=app_id,
        contact_id=contact_id,
        kind=kind,
        opened_at=from_rfc3339(opened_at),
        closed_at=_instant(closed_at),
    )


def _text(at: datetime | None) -> str | None:
    return None if at is None else rfc3339(at)


def _instant(text: str | None) -> datetime | None:
    return None if text is None else from_rfc3339(text)

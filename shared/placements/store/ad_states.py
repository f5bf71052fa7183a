"""States of people in DynamoDB.

| what              | pk                     | sk      |
| ----------------- | ---------------------- | ------- |
| state of a person | APP#<app>#P#<contact>  | ADSTATE |

The state is one packed binary, so that the item stays below 4 kB: half a unit to read, eventually
consistent. Of a contact that was merged into another, the item says only where the state went.
"""

from dataclasses import replace

from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from typing_extensions import override

from shared.placements.errors import AdStateContendedError
from shared.placements.model.ad_state import AdState
from shared.placements.model.packed_state import pack, unpack
from shared.placements.ports.decisions import AdStates, Change
from shared.platform.dynamodb import Delete, Put, Row, WriteRefusedError, bind, commit

MOST_MOVES = 8
"""Contacts that stand for one another in a row."""


class _StateRow(Row):
    """One person's state."""

    version = NumberAttribute()
    state = BinaryAttribute(legacy_encoding=False)
    moved_to = UnicodeAttribute(null=True)


class DynamoAdStates(AdStates):
    """States, in the placements table."""

    def __init__(self, *, table: str) -> None:
        self._row = bind(_StateRow, table=table)

    @override
    def read(self, contact_id: str, *, app_id: str) -> AdState:
        return self._followed(contact_id, app_id, consistent=False)

    @override
    def read_latest(self, contact_id: str, *, app_id: str) -> AdState:
        return self._followed(contact_id, app_id, consistent=True)

    @override
    def replace(self, state: AdState, *, before: AdState) -> bool:
        try:
            commit({"state": self._next(Change(before, state))})
        except WriteRefusedError:
            return False
        return True

    @override
    def kept(self, contact_id: str, *, app_id: str) -> AdState:
        return self._kept(contact_id, app_id, consistent=True)

    @override
    def replace_both(self, one: Change, other: Change) -> bool:
        try:
            commit({"one": self._next(one), "other": self._next(other)})
        except WriteRefusedError:
            return False
        return True

    @override
    def forget(self, contact_id: str, *, app_id: str) -> None:
        commit({"state": Delete(row=self._row(*_key(app_id, contact_id)))})

    def _followed(self, contact_id: str, app_id: str, *, consistent: bool) -> AdState:
        at = contact_id
        for _ in range(MOST_MOVES):
            state = self._kept(at, app_id, consistent=consistent)
            if state.moved_to is None:
                return state
            at = state.moved_to
        raise AdStateContendedError(contact_id)

    def _kept(self, contact_id: str, app_id: str, *, consistent: bool) -> AdState:
        try:
            row = self._row.get(*_key(app_id, contact_id), consistent_read=consistent)
        except DoesNotExist:
            return AdState(app_id=app_id, contact_id=contact_id)
        state = unpack(row.state, app_id=app_id, contact_id=contact_id, version=int(row.version))
        return replace(state, moved_to=row.moved_to)

    def _next(self, change: Change) -> Put:
        """Return the write of a state that follows another."""
        before, after, kind = change.before, change.after, self._row
        row = kind(
            *_key(after.app_id, after.contact_id),
            version=before.version + 1,
            state=pack(after),
            moved_to=after.moved_to,
        )
        if before.version == 0:
            return Put(row=row, condition=kind.pk.does_not_exist())
        return Put(row=row, condition=kind.version == before.version)


def _key(app_id: str, contact_id: str) -> tuple[str, str]:
    return f"APP#{app_id}#P#{contact_id}", "ADSTATE"

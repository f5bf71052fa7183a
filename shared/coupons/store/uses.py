"""Noted uses in DynamoDB: one small item a subject and limit, written by compare-and-swap."""

import json
from collections.abc import Mapping

from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.condition import Condition
from typing_extensions import override

from shared.coupons.model.limits import Subject
from shared.coupons.model.moves import Move, MoveState
from shared.coupons.model.redemptions import Place
from shared.coupons.model.uses import Uses, packed_uses, uses_of
from shared.coupons.ports.redemptions import UseStore
from shared.coupons.store.keys import move_key, uses_key
from shared.platform.dynamodb import Delete, Put, Row, WriteRefusedError, bind, commit


class _UsesRow(Row):
    """The uses of a subject under a limit, packed; ``version`` counts writes."""

    uses = BinaryAttribute(legacy_encoding=False)
    version = NumberAttribute()


class _MoveRow(Row):
    """Where a contact's uses are noted, beside those that were noted under its own id."""

    moved_to = UnicodeAttribute()
    state = UnicodeAttribute()
    edges = UnicodeAttribute()
    version = NumberAttribute()


class DynamoUseStore(UseStore):
    """Noted uses, in the coupons table."""

    def __init__(self, *, table: str) -> None:
        self._row = bind(_UsesRow, table=table)
        self._move = bind(_MoveRow, table=table)

    @override
    def uses(self, place: Place) -> Uses:
        try:
            row = self._row.get(*uses_key(place), consistent_read=True)
        except DoesNotExist:
            return Uses()
        return uses_of(row.uses, version=int(row.version))

    @override
    def replace(self, place: Place, uses: Uses) -> bool:
        row = self._row
        before = uses.version
        put = Put(
            row=row(*uses_key(place), uses=packed_uses(uses), version=before + 1),
            condition=row.version == before if before else row.pk.does_not_exist(),
        )
        try:
            commit({"uses": put})
        except WriteRefusedError:
            return False
        return True

    @override
    def move_of(self, contact_id: str, *, app_id: str) -> Move | None:
        try:
            row = self._move.get(*move_key(app_id, contact_id), consistent_read=True)
        except DoesNotExist:
            return None
        return Move(
            app_id=app_id,
            contact_id=contact_id,
            moved_to=row.moved_to,
            state=MoveState(row.state),
            edges=frozenset(json.loads(row.edges)),
            version=int(row.version),
        )

    @override
    def put_move(self, move: Move) -> bool:
        row = self._move(
            *move_key(move.app_id, move.contact_id),
            moved_to=move.moved_to,
            state=move.state.value,
            edges=json.dumps(sorted(move.edges)),
            version=move.version + 1,
        )
        return self._is_written(Put(row=row, condition=self._is_as_read(move)))

    @override
    def remove_move(self, move: Move) -> bool:
        row = self._move(*move_key(move.app_id, move.contact_id))
        return self._is_written(Delete(row=row, condition=self._is_as_read(move)))

    @override
    def of_contact(self, contact_id: str, *, app_id: str) -> Mapping[Place, Uses]:
        partition, _ = move_key(app_id, contact_id)
        found: dict[Place, Uses] = {}
        for row in self._row.query(
            partition, consistent_read=True, filter_condition=self._row.uses.exists()
        ):
            owner, _, limit_id = row.sk.partition("#")
            place = Place(
                app_id=app_id,
                coupon_id=None if owner == "APP" else owner,
                limit_id=limit_id,
                subject=Subject.CONTACT,
                subject_id=contact_id,
                window="",
            )
            found[place] = uses_of(row.uses, version=int(row.version))
        return found

    def _is_as_read(self, move: Move) -> Condition:
        row = self._move
        return row.version == move.version if move.version else row.pk.does_not_exist()

    def _is_written(self, write: Put | Delete) -> bool:
        try:
            commit({"move": write})
        except WriteRefusedError:
            return False
        return True

"""Rounds of sweeps in DynamoDB.

| what                   | pk              | sk    |
| ---------------------- | --------------- | ----- |
| where a round goes on  | APP#<app>#SWEEP | ROUND |
"""

from pynamodb.attributes import UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from typing_extensions import override

from shared.coupons.model.rounds import Spot
from shared.coupons.ports.rounds import RoundStore
from shared.platform.dynamodb import Delete, Put, Row, bind, commit


class _RoundRow(Row):
    """What is swept next."""

    coupon_id = UnicodeAttribute(null=True)
    limit_id = UnicodeAttribute()
    after = UnicodeAttribute(null=True)


class DynamoRoundStore(RoundStore):
    """Rounds, in the coupons table."""

    def __init__(self, *, table: str) -> None:
        self._row = bind(_RoundRow, table=table)

    @override
    def spot_of(self, app_id: str) -> Spot | None:
        try:
            row = self._row.get(*_key(app_id), consistent_read=True)
        except DoesNotExist:
            return None
        return Spot(coupon_id=row.coupon_id, limit_id=row.limit_id, after=row.after)

    @override
    def put_spot(self, app_id: str, spot: Spot | None) -> None:
        row = self._row(*_key(app_id))
        if spot is None:
            commit({"round": Delete(row=row)})
            return
        row.coupon_id, row.limit_id, row.after = spot.coupon_id, spot.limit_id, spot.after
        commit({"round": Put(row=row)})


def _key(app_id: str) -> tuple[str, str]:
    return f"APP#{app_id}#SWEEP", "ROUND"

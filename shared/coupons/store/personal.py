"""Redemptions by contact in DynamoDB: the ledger knows them, so no item of its own is written."""

from itertools import islice

from typing_extensions import override

from shared.coupons.events import CouponRedeemed, CouponReserved
from shared.coupons.ports.personal import RedemptionArchive
from shared.kernel.events import Subject
from shared.kernel.paging import Page
from shared.platform.dynamodb import bind
from shared.platform.ledger import EventRow, from_row, partition

_USES = (CouponRedeemed.type, CouponReserved.type)


class DynamoRedemptionArchive(RedemptionArchive):
    """Who redeemed what, by the events of the ledger."""

    def __init__(self, *, ledger_table: str) -> None:
        self._event = bind(EventRow, table=ledger_table)

    @override
    def redemptions_of(
        self, contact_id: str, *, app_id: str, after: str | None, limit: int
    ) -> Page[str]:
        row = self._event
        rows = row.query(
            partition(app_id, Subject(kind="contact", id=contact_id)),
            row.sk > after if after else row.sk.startswith("E#"),
            filter_condition=row.type.is_in(*_USES),
            consistent_read=True,
        )
        found = list(islice(rows, limit + 1))
        ids = (str(from_row(one).data["redemption_id"]) for one in found[:limit])
        return Page(
            items=list(dict.fromkeys(ids)),
            next_cursor=found[limit - 1].sk if len(found) > limit else None,
        )

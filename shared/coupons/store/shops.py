"""The keys of stores in DynamoDB: one item a store, so that its limit holds under races.

| what              | pk                          | sk    |
| ----------------- | --------------------------- | ----- |
| keys of a store   | APP#<app>#SHOP#<store>      | KEYS  |
"""

import json
from collections.abc import Mapping

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.condition import Condition
from typing_extensions import override

from shared.coupons.errors import ShopChangedError
from shared.coupons.model.shops import Shop, ShopKey, bytes_of, letters_of
from shared.coupons.ports.shops import ShopStore
from shared.kernel.clock import from_rfc3339, rfc3339
from shared.kernel.envelope import Envelope
from shared.platform.dynamodb import Put, Row, WriteRefusedError, bind, commit
from shared.platform.ledger import Ledger


class _ShopRow(Row):
    """A store's keys as one JSON text: at most twenty, of some 150 bytes each."""

    text = UnicodeAttribute()
    version = NumberAttribute()


class DynamoShopStore(ShopStore):
    """Stores with the keys of their tills, in the coupons table."""

    def __init__(self, *, table: str, ledger: Ledger) -> None:
        self._shop = bind(_ShopRow, table=table)
        self._ledger = ledger

    @override
    def get_shop(self, app_id: str, store_id: str) -> Shop:
        try:
            row = self._shop.get(*_key(app_id, store_id), consistent_read=True)
        except DoesNotExist:
            return Shop(app_id=app_id, store_id=store_id)
        keys = tuple(_key_of(stored) for stored in json.loads(row.text))
        return Shop(app_id=app_id, store_id=store_id, keys=keys, version=int(row.version))

    @override
    def replace_shop(self, shop: Shop, event: Envelope) -> None:
        row = self._shop(
            *_key(shop.app_id, shop.store_id),
            text=json.dumps([_stored(key) for key in shop.keys], ensure_ascii=False),
            version=shop.version,
        )
        unchanged: Condition = self._shop.version == shop.version - 1
        if shop.version == 1:
            unchanged = self._shop.pk.does_not_exist()
        try:
            commit({"shop": Put(row=row, condition=unchanged), "event": self._ledger.record(event)})
        except WriteRefusedError as error:
            raise ShopChangedError(shop.store_id) from error


def _key(app_id: str, store_id: str) -> tuple[str, str]:
    return f"APP#{app_id}#SHOP#{store_id}", "KEYS"


def _stored(key: ShopKey) -> dict[str, str]:
    return {
        "public": letters_of(key.public),
        "name": key.name,
        "registered_at": rfc3339(key.registered_at),
    }


def _key_of(stored: Mapping[str, str]) -> ShopKey:
    return ShopKey(
        public=bytes_of(stored["public"]),
        name=stored["name"],
        registered_at=from_rfc3339(stored["registered_at"]),
    )

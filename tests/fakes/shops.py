"""Stores with the keys of their tills, in memory, held to the contract of the real store."""

from threading import Lock

from typing_extensions import override

from shared.coupons.errors import ShopChangedError
from shared.coupons.model.shops import Shop
from shared.coupons.ports.shops import ShopStore
from shared.kernel.envelope import Envelope


class InMemoryShopStore(ShopStore):
    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Shop] = {}
        self.events: list[Envelope] = []
        self._lock = Lock()

    @override
    def get_shop(self, app_id: str, store_id: str) -> Shop:
        return self.kept.get((app_id, store_id), Shop(app_id=app_id, store_id=store_id))

    @override
    def replace_shop(self, shop: Shop, event: Envelope) -> None:
        with self._lock:
            if self.get_shop(shop.app_id, shop.store_id).version != shop.version - 1:
                raise ShopChangedError(shop.store_id)
            self.kept[shop.app_id, shop.store_id] = shop
            self.events.append(event)

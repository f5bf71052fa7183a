"""Use cases of stores: an editor registers and removes the keys of their tills."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.coupons.events import TillKeyRegistered, TillKeyRemoved
from shared.coupons.model.shops import ShopKey, check_store_id, public_key_of
from shared.coupons.ports.shops import ShopStore
from shared.kernel.clock import Clock
from shared.kernel.envelope import seal
from shared.kernel.ids import Ids
from shared.kernel.principal import TillKey


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopService:
    """Keeps the public keys of stores, by which the doors know their tills."""

    shops: ShopStore
    clock: Clock
    ids: Ids

    def register_key(
        self, public_key: str, *, app_id: str, store_id: str, name: str, by: str
    ) -> tuple[ShopKey, bool]:
        """Let whoever signs with a key speak for a store; say whether the store lacked the key.

        ``public_key`` is the 32 bytes of an Ed25519 key in base64url. A key that the store has is
        returned as it is, under the name that it got first.

        Raises:
            InvalidFieldsError: the key or the store's id is unusable.
            TooManyTillKeysError: the store has twenty keys.
            ShopChangedError: the store's keys changed meanwhile.
        """
        check_store_id(store_id)
        at = self.clock()
        key = ShopKey(public=public_key_of(public_key), name=name, registered_at=at)
        shop = self.shops.get_shop(app_id, store_id)
        known = shop.find(key.key_id)
        if known:
            return known, False
        event = TillKeyRegistered(
            app_id=app_id,
            occurred_at=at,
            store_id=store_id,
            key_id=key.key_id,
            name=name,
            by=by,
        )
        self.shops.replace_shop(shop.with_key(key), seal(event, sequence=self.ids.sequence()))
        return key, True

    def list_keys(self, *, app_id: str, store_id: str) -> Sequence[ShopKey]:
        """Return the keys of a store, oldest first; a store that nobody told of has none."""
        return self.shops.get_shop(app_id, store_id).keys

    def remove_key(self, key_id: str, *, app_id: str, store_id: str, by: str) -> None:
        """Let a key prove nothing any more, from the next request on.

        Raises:
            ShopNotFoundError: the store has no such key.
            ShopChangedError: the store's keys changed meanwhile.
        """
        shop = self.shops.get_shop(app_id, store_id)
        key = shop.get(key_id)
        event = TillKeyRemoved(
            app_id=app_id,
            occurred_at=self.clock(),
            store_id=store_id,
            key_id=key_id,
            name=key.name,
            by=by,
        )
        self.shops.replace_shop(shop.without(key), seal(event, sequence=self.ids.sequence()))

    def till_key(self, app_id: str, store_id: str, key_id: str) -> TillKey | None:
        """Return a key of a store as the doors ask for it, or ``None``."""
        key = self.shops.get_shop(app_id, store_id).find(key_id)
        return TillKey(key_id=key_id, public=key.public) if key else None

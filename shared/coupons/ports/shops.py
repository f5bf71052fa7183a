"""What the keys of stores need from outside."""

from typing import Protocol

from shared.coupons.model.shops import Shop
from shared.kernel.envelope import Envelope


class ShopStore(Protocol):
    """Keeps stores with the keys of their tills. All reads see the last write."""

    def get_shop(self, app_id: str, store_id: str) -> Shop:
        """Return a store; one that nobody told of has no keys, and version 0."""
        ...

    def replace_shop(self, shop: Shop, event: Envelope) -> None:
        """Store the version of a store that follows on the one that stands, and its event.

        Raises:
            ShopChangedError: somebody else stored that version; nothing was written.
        """
        ...

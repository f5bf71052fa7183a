"""Stores and the keys of their tills, on the wire."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Self

from pydantic import Field

from shared.coupons.model.shops import ShopKey, letters_of
from shared.platform.http.schemas import In, Out


class TillKeyIn(In):
    """A public key by which the tills of a store are known."""

    public_key: Annotated[str, Field(min_length=1, max_length=64)] = Field(
        description="The 32 bytes of an Ed25519 key, in base64url."
    )
    name: Annotated[str, Field(min_length=1, max_length=128, examples=["Till 3"])]


class TillKeyOut(Out):
    """A key of a store; `key_id` is the `kid` of what is signed with it (RFC 7638)."""

    key_id: str
    name: str
    public_key: str
    registered_at: datetime

    @classmethod
    def of(cls, key: ShopKey) -> Self:
        """Render a key."""
        return cls(
            key_id=key.key_id,
            name=key.name,
            public_key=letters_of(key.public),
            registered_at=key.registered_at,
        )


class TillKeysOut(Out):
    """The keys of a store, oldest first."""

    items: tuple[TillKeyOut, ...]

    @classmethod
    def of(cls, keys: Sequence[ShopKey]) -> Self:
        """Render the keys of a store."""
        return cls(items=tuple(TillKeyOut.of(key) for key in keys))

"""A shop's till, whose tokens say what tests ask for."""

from datetime import datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.kernel.principal import TillKey
from tests.fakes.clock import NOON


class Till:
    """One till of a store; its key is the same for the same ``seed``."""

    def __init__(
        self, *, app_id: str, store_id: str = "zurich-1", key_id: str = "k1", seed: str = "till"
    ) -> None:
        self.app_id = app_id
        self.store_id = store_id
        self.private = Ed25519PrivateKey.from_private_bytes(seed.encode().ljust(32, b"."))
        self.key = TillKey(key_id=key_id, public=self.private.public_key().public_bytes_raw())

    def token(
        self, till: str = "till-3", *, at: datetime = NOON, key_id: str | None = None, **claims: Any
    ) -> str:
        """Return a token that holds for five minutes; a claim set to ``None`` is left out."""
        content = {
            "iss": self.store_id,
            "sub": till,
            "aud": self.app_id,
            "iat": int(at.timestamp()),
            "exp": int((at + timedelta(minutes=5)).timestamp()),
            **claims,
        }
        return jwt.encode(
            {name: value for name, value in content.items() if value is not None},
            self.private,
            algorithm="EdDSA",
            headers={"kid": key_id or self.key.key_id},
        )

"""Hides identifiers: a keyed hash, with a key of its own for every app."""

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentifierHasher:
    """HMAC-SHA256 under the app's key, which is derived from the deployment's (RFC 5869, expand).

    Two apps hash the same person differently: nothing can be joined across tenants.
    """

    keys: Callable[[], Sequence[bytes]]

    def digest(self, value: str, *, app_id: str, namespace: str) -> str:
        """Return the hash by which an identifier is kept, in hexadecimal."""
        key = hmac.digest(self.keys()[0], b"identifier\0" + app_id.encode() + b"\x01", sha256)
        return hmac.digest(key, f"{namespace}\0{value}".encode(), sha256).hex()

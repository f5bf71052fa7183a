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
        return _digest(self.keys()[0], value, app_id=app_id, namespace=namespace)

    def former(self, value: str, *, app_id: str, namespace: str) -> str | None:
        """Return the hash under the previous key, while the deployment has one."""
        _, *previous = self.keys()
        if not previous:
            return None
        return _digest(previous[0], value, app_id=app_id, namespace=namespace)


def _digest(secret: bytes, value: str, *, app_id: str, namespace: str) -> str:
    key = hmac.digest(secret, b"identifier\0" + app_id.encode() + b"\x01", sha256)
    return hmac.digest(key, f"{namespace}\0{value}".encode(), sha256).hex()

"""Hides identifiers and codes: a keyed hash, with a key of its own for every app."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeHasher:
    """HMAC-SHA256 of coupon codes, under a key of the app that is derived as for identifiers.

    The letters of a code are kept nowhere, so codes cannot be hashed anew: the secret has to stay,
    as ``current`` or as ``previous``, for as long as its codes are to be known.
    """

    keys: Callable[[], Sequence[bytes]]

    def fingerprint(self, text: str, *, app_id: str) -> str:
        """Return the hash by which a text is known, in hexadecimal."""
        return _fingerprint(self.keys()[0], text, app_id=app_id)

    def former(self, text: str, *, app_id: str) -> str | None:
        """Return the hash under the previous key, while the deployment has one."""
        _, *previous = self.keys()
        return _fingerprint(previous[0], text, app_id=app_id) if previous else None


def _digest(secret: bytes, value: str, *, app_id: str, namespace: str) -> str:
    key = hmac.digest(secret, b"identifier\0" + app_id.encode() + b"\x01", sha256)
    return hmac.digest(key, f"{namespace}\0{value}".encode(), sha256).hex()


def _fingerprint(secret: bytes, text: str, *, app_id: str) -> str:
    key = hmac.digest(secret, b"code\0" + app_id.encode() + b"\x01", sha256)
    return hmac.digest(key, text.encode(), sha256).hex()

"""Device tokens: short signed texts that say which installation of which app is calling.

``<payload>.<signature>``, both base64url; the payload is JSON, the signature HMAC-SHA256 over it.
Standard library only: every request of every phone passes here.
"""

import binascii
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from shared.platform.auth.errors import UnauthenticatedError

LIFETIME = timedelta(days=30)
GRACE = timedelta(days=400)
"""An expired token still proves ownership to a device that registers again, for so long."""

_LONGEST = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceClaims:
    """What a device token says. ``epoch`` is raised to revoke every token before it.

    ``contact_id`` is whose device it was when the token was made, which may have changed since;
    ``None`` in tokens of earlier versions.
    """

    app_id: str
    device_id: str
    epoch: int
    expires_at: datetime
    contact_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceTokens:
    """Signs and verifies device tokens.

    ``keys`` returns the signing key first, then the one before it, which still verifies.
    """

    keys: Callable[[], Sequence[bytes]]

    def issue(
        self, *, app_id: str, device_id: str, epoch: int, at: datetime, contact_id: str | None
    ) -> str:
        """Return a token that is valid for 30 days from ``at``."""
        expires = int((at + LIFETIME).timestamp())
        claims = {"a": app_id, "d": device_id, "e": epoch, "x": expires, "c": contact_id}
        payload = urlsafe_b64encode(json.dumps(claims, separators=(",", ":")).encode())
        return f"{payload.decode()}.{_signature(self.keys()[0], payload)}"

    def verify(self, token: str, *, at: datetime, grace: timedelta = timedelta()) -> DeviceClaims:
        """Return what a token says, if we signed it and it has not expired longer than ``grace``.

        Raises:
            UnauthenticatedError: it is forged, malformed or too old.
        """
        payload, _, signature = token.partition(".")
        if len(token) > _LONGEST or not self._is_ours(payload, signature):
            raise UnauthenticatedError("the device token is not one of ours")
        claims = _read(payload)
        if at >= claims.expires_at + grace:
            raise UnauthenticatedError("the device token has expired: register the device again")
        return claims

    def _is_ours(self, payload: str, signature: str) -> bool:
        if not (payload.isascii() and signature.isascii()):
            return False
        return any(
            hmac.compare_digest(_signature(key, payload.encode()), signature) for key in self.keys()
        )


def _signature(key: bytes, payload: bytes) -> str:
    digest = hmac.digest(key, b"device-token\0" + payload, sha256)
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def _read(payload: str) -> DeviceClaims:
    try:
        claims = json.loads(urlsafe_b64decode(payload))
        return DeviceClaims(
            app_id=claims["a"],
            device_id=claims["d"],
            epoch=claims["e"],
            expires_at=datetime.fromisoformat("1970-01-01T00:00:00+00:00")
            + timedelta(seconds=claims["x"]),
            contact_id=claims.get("c"),
        )
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise UnauthenticatedError("the device token cannot be read") from error

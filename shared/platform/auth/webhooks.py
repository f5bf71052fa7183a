"""Signed messages of other systems, as Standard Webhooks 1.0 has them.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md: the
sender signs ``<webhook-id>.<webhook-timestamp>.<body>`` with HMAC-SHA256, and may sign with two
secrets while it changes them. Neither the method nor the path is signed: a message holds for every
route of the app that admits its sender.
"""

import hmac
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Self

from shared.kernel.principal import System
from shared.platform.auth.errors import UnauthenticatedError

TOLERANCE = timedelta(minutes=5)
"""How far the sender's clock, and the message's way, may lie from our clock: both ways."""

FRESH_SECONDS = 60
"""A new secret works, and a deleted one ends, everywhere within a minute."""

MOST_SIGNATURES = 20
"""A sender needs two; each of them is compared with each secret of the app."""

_PREFIX = "whsec_"
_LONGEST_ID = 255
_LONGEST_TIMESTAMP = 12


def secret_text(key: bytes) -> str:
    """Return a key as senders are given it: ``whsec_<base64>``."""
    return _PREFIX + b64encode(key).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedMessage:
    """What a request says of its own signature; nothing of it is checked yet."""

    id: str
    timestamp: str
    signatures: str
    body: bytes

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Self | None:
        """Read an event of an HTTP API or function URL; ``None``: it does not claim to be signed.

        The body is taken byte by byte as the sender sent it.
        """
        headers = event.get("headers") or {}
        signatures = headers.get("webhook-signature")
        if not signatures:
            return None
        body = event.get("body") or ""
        return cls(
            id=headers.get("webhook-id", ""),
            timestamp=headers.get("webhook-timestamp", ""),
            signatures=signatures,
            body=b64decode(body) if event.get("isBase64Encoded") else body.encode(),
        )

    def sender(self, systems: Sequence[System], *, at: datetime) -> System:
        """Return which of the systems signed the message.

        Raises:
            UnauthenticatedError: none did, or not within five minutes of ``at``, or the id or the
                timestamp is malformed.
        """
        self._check_parts()
        if abs(at.timestamp() - int(self.timestamp)) > TOLERANCE.total_seconds():
            raise UnauthenticatedError("the webhook-timestamp lies more than five minutes away")
        for system in systems:
            if self._is_signed_with(system.key):
                return system
        raise UnauthenticatedError("no secret of the app made this webhook-signature")

    def _check_parts(self) -> None:
        """Hold id and timestamp to what can be told apart in ``<id>.<timestamp>.<body>``."""
        is_id = self.id.isascii() and self.id.isprintable() and "." not in self.id
        if not (is_id and 1 <= len(self.id) <= _LONGEST_ID):
            raise UnauthenticatedError("the webhook-id must be 1 to 255 of ASCII, without a dot")
        is_number = self.timestamp.isascii() and self.timestamp.isdigit()
        if not (is_number and len(self.timestamp) <= _LONGEST_TIMESTAMP):
            raise UnauthenticatedError("the webhook-timestamp must be whole seconds since 1970")

    def _is_signed_with(self, key: bytes) -> bool:
        content = f"{self.id}.{self.timestamp}.".encode() + self.body
        expected = b"v1," + b64encode(hmac.digest(key, content, sha256))
        offered = self.signatures.encode(errors="replace").split(b" ")[:MOST_SIGNATURES]
        return any(hmac.compare_digest(expected, one) for one in offered)


@dataclass(slots=True, kw_only=True)
class KnownSystems:
    """The systems of each app, read when they are first asked for and again after a minute.

    ``read`` returns the systems of an app, one for each secret. An app without any is read each
    time: its first secret works at once, and made-up apps take no memory.
    """

    read: Callable[[str], Sequence[System]]
    monotonic: Callable[[], float] = time.monotonic
    _held: dict[str, tuple[float, Sequence[System]]] = field(default_factory=dict)

    def of(self, app_id: str) -> Sequence[System]:
        """Return the systems of an app; none for an unknown app."""
        fresh_until, systems = self._held.get(app_id, (0.0, ()))
        if not systems or self.monotonic() >= fresh_until:
            systems = self.read(app_id)
            self._held[app_id] = (self.monotonic() + FRESH_SECONDS, systems)
            if not systems:
                del self._held[app_id]
        return systems

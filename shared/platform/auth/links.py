"""Signed links: they let a person in who got one, to one thing, without logging in.

``<payload>.<signature>``, both base64url, as device tokens are; the key is derived from theirs (RFC
5869, expand) under a label of its own, so that neither is ever taken for the other.
"""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256

from shared.kernel.clock import EPOCH
from shared.platform.auth.errors import LinkUnusableError

LIFETIME = timedelta(days=400)
"""The longest: a newsletter of a year ago still lets its reader unsubscribe."""

LONGEST_TOPIC = 64
_LONGEST = 1024
_LABEL = b"signed-link\x01"


class LinkPurpose(StrEnum):
    """What a link opens."""

    PREFERENCES = "preferences"
    UNSUBSCRIBE = "unsubscribe"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What a link says; ``topic`` narrows what it is about, ``None`` is everything."""

    app_id: str
    contact_id: str
    purpose: LinkPurpose
    topic: str | None = None
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedLinks:
    """Signs and reads the tokens that stand at the end of links.

    ``keys`` returns the deployment's secret for device tokens first, then the one before it, which
    still verifies.
    """

    keys: Callable[[], Sequence[bytes]]

    def token(self, link: Link, *, at: datetime) -> str:
        """Return a link's token: at most 800 letters, all of which may stand in a path.

        Raises:
            ValueError: the link would live longer than 400 days, or its topic is longer than 64
                letters.
        """
        if link.expires_at - at > LIFETIME:
            raise ValueError("a link lives at most 400 days")
        if link.topic is not None and len(link.topic) > LONGEST_TOPIC:
            raise ValueError(f"a topic has at most {LONGEST_TOPIC} letters")
        claims = {
            "a": link.app_id,
            "c": link.contact_id,
            "p": link.purpose,
            "t": link.topic,
            "x": int(link.expires_at.timestamp()),
        }
        text = json.dumps(claims, separators=(",", ":"), ensure_ascii=False)
        payload = _letters(text.encode())
        return f"{payload}.{_signature(self.keys()[0], payload)}"

    def read(self, token: str, *, purpose: LinkPurpose, at: datetime) -> Link:
        """Return what a token says, if we signed it for this purpose and it has not expired.

        Raises:
            LinkUnusableError: it is malformed, forged, for another purpose, or too old.
        """
        payload, _, signature = token.partition(".")
        if len(token) > _LONGEST or not self._is_ours(payload, signature):
            raise LinkUnusableError
        link = _link_of(payload)
        if link.purpose is not purpose or at >= link.expires_at:
            raise LinkUnusableError
        return link

    def _is_ours(self, payload: str, signature: str) -> bool:
        if not (payload.isascii() and signature.isascii()):
            return False
        return any(hmac.compare_digest(_signature(key, payload), signature) for key in self.keys())


def _signature(secret: bytes, payload: str) -> str:
    key = hmac.digest(secret, _LABEL, sha256)
    return _letters(hmac.digest(key, payload.encode(), sha256))


def _letters(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _link_of(payload: str) -> Link:
    """Return the link of a payload that we signed, and therefore wrote."""
    claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return Link(
        app_id=claims["a"],
        contact_id=claims["c"],
        purpose=LinkPurpose(claims["p"]),
        topic=claims["t"],
        expires_at=EPOCH + timedelta(seconds=claims["x"]),
    )

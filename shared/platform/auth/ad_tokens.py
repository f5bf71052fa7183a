"""Ad tokens: what an ad was given for travels with it, signed, so that nothing is written for it.

``base64url(content + signature)``; the signature is the first 128 bits of HMAC-SHA256 (RFC 2104
section 5: no less than half of it). The key is derived from the device tokens' (RFC 5869, expand)
under a label of its own, so that neither is ever taken for the other. What the content means is
not said here: only whose it is.
"""

import binascii
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from shared.platform.auth.errors import AdTokenForgedError

SIGNATURE_BYTES = 16
LONGEST = 512
"""Letters of a token that is looked at; those that we make have about 220."""

_LABEL = b"ad-token\x01"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdTokens:
    """Signs and opens ad tokens.

    ``keys`` returns the deployment's secret for device tokens first, then the one before it, which
    still verifies.
    """

    keys: Callable[[], Sequence[bytes]]

    def seal(self, content: bytes) -> str:
        """Return the token of a content; all of its letters may stand in a path."""
        return _letters(content + _signature(self.keys()[0], content))

    def open(self, token: str) -> bytes:
        """Return the content of a token that we signed.

        Raises:
            AdTokenForgedError: we did not, or a letter of it was changed.
        """
        raw = _bytes_of(token)
        content, signature = raw[:-SIGNATURE_BYTES], raw[-SIGNATURE_BYTES:]
        signatures = (_signature(key, content) for key in self.keys())
        if not any(hmac.compare_digest(signature, one) for one in signatures):
            raise AdTokenForgedError
        return content


def _bytes_of(token: str) -> bytes:
    """Return what a token's letters stand for, if they are the only ones that do.

    The last letter may hold bits that say nothing: another letter there is another token.
    """
    if len(token) > LONGEST or not token.isascii():
        raise AdTokenForgedError
    try:
        raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except binascii.Error as error:
        raise AdTokenForgedError from error
    if _letters(raw) != token:
        raise AdTokenForgedError
    return raw


def _letters(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _signature(secret: bytes, content: bytes) -> bytes:
    return hmac.digest(_key(secret), content, sha256)[:SIGNATURE_BYTES]


@lru_cache(maxsize=4)
def _key(secret: bytes) -> bytes:
    return hmac.digest(secret, _LABEL, sha256)

"""Signs quotes, and knows its own signature again.

``<payload>.<signature>``, both base64url, as signed links and device tokens are; the key is derived
from theirs (RFC 5869, expand) under a label of its own, so that none is ever taken for the other.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from shared.coupons.errors import QuoteInvalidError
from shared.coupons.model.quotes import Quote, quote_of, text_of

LONGEST = 8_192
"""Letters; thirty coupons with their codes have fewer."""

_LABEL = b"coupon-quote\x01"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteSigner:
    """Writes and reads quotes.

    ``keys`` returns the deployment's secret first, then the one before it, which still verifies.
    """

    keys: Callable[[], Sequence[bytes]]

    def token(self, quote: Quote) -> str:
        """Return a quote as a token."""
        payload = _letters(text_of(quote).encode())
        return f"{payload}.{_signature(self.keys()[0], payload)}"

    def read(self, token: str, *, app_id: str, at: datetime) -> Quote:
        """Return what a token says.

        Raises:
            QuoteInvalidError: it is malformed, forged, another app's, or too old.
        """
        payload, _, signature = token.partition(".")
        if len(token) > LONGEST or not self._is_ours(payload, signature):
            raise QuoteInvalidError("it is not one of ours")
        quote = quote_of(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).decode())
        if quote.app_id != app_id:
            raise QuoteInvalidError("it is not one of ours")
        if at >= quote.expires_at:
            raise QuoteInvalidError("it has expired")
        return quote

    def _is_ours(self, payload: str, signature: str) -> bool:
        if not (payload.isascii() and signature.isascii()):
            return False
        return any(hmac.compare_digest(_signature(key, payload), signature) for key in self.keys())


def _signature(secret: bytes, payload: str) -> str:
    key = hmac.digest(secret, _LABEL, sha256)
    return _letters(hmac.digest(key, payload.encode(), sha256))


def _letters(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()

"""A quote: what an order was told that its coupons give, so that the till says the same."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from shared.coupons.model.baskets import Basket
from shared.kernel.clock import from_rfc3339, rfc3339

LIFETIME = timedelta(minutes=15)
"""Long enough to pay; after that prices, and what is left of a limit, are asked anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quoted:
    """A coupon of a quote: in which version, by which code, and what it gives."""

    coupon_id: str
    version: int
    discount: int
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What was said to whom about which basket; it holds before ``expires_at``."""

    app_id: str
    basket: str
    coupons: tuple[Quoted, ...]
    expires_at: datetime
    contact_id: str | None = None
    device_id: str | None = None

    @property
    def fingerprints(self) -> frozenset[str]:
        """Return the codes in it."""
        return frozenset(one.fingerprint for one in self.coupons if one.fingerprint is not None)


def fingerprint_of(basket: Basket) -> str:
    """Return what names a basket's content; the order of its lines does not matter."""
    lines = sorted(
        [line.line_id, line.product_id, line.quantity, line.unit_price, *sorted(line.categories)]
        for line in basket.lines
    )
    text = json.dumps([basket.currency, basket.shipping, lines], separators=(",", ":"))
    return sha256(text.encode()).hexdigest()


def text_of(quote: Quote) -> str:
    """Return a quote as text; ``quote_of`` reads it back."""
    fields = {
        "a": quote.app_id,
        "b": quote.basket,
        "q": [[one.coupon_id, one.version, one.discount, one.fingerprint] for one in quote.coupons],
        "x": rfc3339(quote.expires_at),
        "c": quote.contact_id,
        "d": quote.device_id,
    }
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False)


def quote_of(text: str) -> Quote:
    """Return the quote of a text that we wrote."""
    fields: Mapping[str, Any] = json.loads(text)
    coupons = tuple(
        Quoted(coupon_id=coupon_id, version=version, discount=discount, fingerprint=fingerprint)
        for coupon_id, version, discount, fingerprint in fields["q"]
    )
    return Quote(
        app_id=fields["a"],
        basket=fields["b"],
        coupons=coupons,
        expires_at=from_rfc3339(fields["x"]),
        contact_id=fields["c"],
        device_id=fields["d"],
    )

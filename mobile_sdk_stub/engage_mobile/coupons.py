"""Coupons: what can I use, it is mine, judge this basket, use it, give it back."""

import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Final
from unicodedata import normalize
from urllib.parse import quote as escaped

from engage_mobile.operations import Instant, Kind
from engage_mobile.outbox import Outbox
from engage_mobile.outcomes import Outcome

_PASSED_OVER: Final = re.compile(r"[\s\-\u00ad\u200b-\u200d\u2010-\u2015\u2212\ufeff]+")


def qr_payload(code: str) -> str:
    """Return what the QR code of a code says: its normal form, capitals without spaces and dashes.

    So a phone draws the picture by itself, also offline; tills read the same from the API's.
    """
    return _PASSED_OVER.sub("", normalize("NFKC", code)).upper()


class Coupons:
    """Coupons of whoever uses the device.

    Baskets, lines and redeemables are those of the API, amounts in minor units. Questions are
    answered soon or not at all. What uses something has an idempotency key from now on, whatever
    happens to the app meanwhile: it is used once.
    """

    def __init__(self, outbox: Outbox, clock: Callable[[], Instant]) -> None:
        self._outbox = outbox
        self._clock = clock

    def list_usable(self, basket: Mapping[str, Any] | None = None) -> Future[Outcome]:
        """Ask which coupons are the person's or free to take, and what each gives for a basket."""
        return self._add(Kind.ASK, "GET" if basket is None else "POST", "me/coupons", basket)

    def claim(self, coupon_id: str, *, ad_token: str | None = None) -> Future[Outcome]:
        """Take a coupon; the answer has its code. ``ad_token`` is of the ad that was tapped."""
        body = None if ad_token is None else {"ad_token": ad_token}
        return self._add(Kind.CLAIM, "POST", f"coupons/{_part(coupon_id)}/claims", body)

    def validate(
        self,
        redeemables: Sequence[Mapping[str, str]],
        *,
        basket: Mapping[str, Any],
        with_best: bool = False,
    ) -> Future[Outcome]:
        """Ask what a basket may use; the answer's ``quote`` holds for 15 minutes."""
        body = {**_order(redeemables, basket, None), "with_best": with_best}
        return self._add(Kind.ASK, "POST", "coupon-validations", body)

    def redeem(
        self,
        redeemables: Sequence[Mapping[str, str]],
        *,
        basket: Mapping[str, Any],
        quote: str | None = None,
        hold_seconds: int | None = None,
    ) -> Future[Outcome]:
        """Use coupons in an order, all or none; with ``hold_seconds`` only hold them so long."""
        body = _order(redeemables, basket, quote)
        if hold_seconds is not None:
            body |= {"mode": "reserve", "hold_seconds": hold_seconds}
        return self._add(Kind.REDEEM, "POST", "redemptions", body)

    def commit(self, redemption_id: str) -> Future[Outcome]:
        """Use what is held."""
        return self._add(Kind.COMPLETE, "POST", f"redemptions/{_part(redemption_id)}/commit")

    def release(self, redemption_id: str) -> Future[Outcome]:
        """Give back what is held."""
        return self._add(Kind.COMPLETE, "POST", f"redemptions/{_part(redemption_id)}/release")

    def roll_back(
        self, redemption_id: str, *, lines: Sequence[Mapping[str, Any]] | None = None
    ) -> Future[Outcome]:
        """Give back pieces of lines, or all that is left of an order."""
        body = {} if lines is None else {"lines": list(lines)}
        path = f"redemptions/{_part(redemption_id)}/rollback"
        return self._add(Kind.ROLL_BACK, "POST", path, body)

    def image(self, code: str) -> Future[Outcome]:
        """Ask for the QR code of a code that the person holds, as PNG: ``Answered.content``."""
        return self._add(Kind.ASK, "GET", f"codes/{_part(code)}/image.png")

    def _add(
        self, kind: Kind, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> Future[Outcome]:
        return self._outbox.add(kind, method, path, at=self._clock(), body=body)


def _order(
    redeemables: Sequence[Mapping[str, str]], basket: Mapping[str, Any], quote: str | None
) -> dict[str, Any]:
    quoted = {} if quote is None else {"quote": quote}
    return {"redeemables": list(redeemables), "basket": basket, **quoted}


def _part(text: str) -> str:
    """Return a text as one part of a path: no letter of it means anything there."""
    return escaped(text, safe="")

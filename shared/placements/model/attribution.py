"""To which ad a conversion is owed: the last click before it, else the last impression."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.kernel.envelope import Envelope
from shared.kernel.events import Purpose
from shared.placements.events import AdClicked, AdConverted, AdCouponClaimed, AdShown
from shared.placements.model.accounting import worth
from shared.placements.model.demand import Rate
from shared.placements.model.engagements import Engagement

AFTER_CLICK = timedelta(days=7)
AFTER_VIEW = timedelta(days=1)
"""How long before a conversion they may lie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An event of an ad as the ledger has it, and when the ad's token was issued."""

    issued_at: datetime
    event: Envelope


def owed_to(told: Iterable[Told], *, coupon_id: str, at: datetime) -> Told | None:
    """Return the click, else the impression, of an ad about a coupon that led to its use."""
    about = [one for one in told if one.event.data.get("coupon_id") == coupon_id]
    for type_, within in ((AdClicked.type, AFTER_CLICK), (AdShown.type, AFTER_VIEW)):
        near = [
            one
            for one in about
            if one.event.type == type_ and timedelta(0) <= at - one.event.time <= within
        ]
        if near:
            return max(near, key=lambda one: (one.event.time, one.event.sequence))
    return None


def conversion(
    told: Told, *, at: datetime, cause: str, rate: Rate | None, price: int
) -> AdConverted:
    """Return the conversion that is owed to an ad, of its contact; ``price`` is what ``rate`` pays.

    ``cause`` is the public id of the event that is the conversion.
    """
    event = told.event
    own = {name: value for name, value in event.data.items() if name not in _NOT_OF_THE_AD}
    own["price"] = worth(Engagement.CONVERSION, pricing=rate.pricing if rate else None, price=price)
    return AdConverted(
        app_id=event.app_id,
        contact_id=event.subject.id,
        occurred_at=at,
        cause=cause,
        purpose=Purpose(event.purpose or Purpose.MARKETING),
        **own,
    )


def claimed(told: Told, *, at: datetime) -> AdCouponClaimed:
    """Return the claim of an ad's coupon, which was made by a tap on it."""
    event = told.event
    own = {name: value for name, value in event.data.items() if name not in _NOT_OF_THE_AD}
    return AdCouponClaimed(
        app_id=event.app_id,
        contact_id=event.subject.id,
        occurred_at=at,
        purpose=Purpose(event.purpose or Purpose.MARKETING),
        **own,
    )


_NOT_OF_THE_AD = frozenset({"price", "cause"})

"""What some coupons make of a basket's price.

Coupons are applied in a fixed order: by ``stacking.order``, then by ``coupon_id``. One that does
not go with all that were applied before it is left out, and so is one that takes nothing off: it
stands in nobody's way. What each takes off is described in ``reductions``.

A minimum amount is no part of pricing. It is a rule, judged on the basket's initial prices before,
whatever ``stacking.base`` says: so no coupon opens or shuts another one's door.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from shared.coupons.model.baskets import Basket
from shared.coupons.model.coupons import Coupon
from shared.coupons.model.discounts import Discount
from shared.coupons.model.redemptions import Applied
from shared.coupons.model.reductions import Left, Reduction, sorted_lines
from shared.coupons.model.rules import Reason
from shared.coupons.model.stacking import ALONE, Stacking


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A coupon as far as pricing needs it; an order uses a coupon once."""

    coupon_id: str
    discount: Discount
    stacking: Stacking = ALONE

    @classmethod
    def of(cls, coupon: Coupon) -> "Offer":
        """Return what a coupon offers."""
        return cls(coupon_id=coupon.coupon_id, discount=coupon.discount, stacking=coupon.stacking)

    def goes_with(self, other: "Offer") -> bool:
        """Say whether both may stand in one order."""
        return self.coupon_id != other.coupon_id and self.stacking.goes_with(other.stacking)


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """A basket's price, in minor units; ``applied`` is in the order of application.

    ``before`` has shipping in it. ``left_out`` says of each other coupon why it was not applied:
    ``NO_EFFECT`` or ``NOT_COMBINABLE``.
    """

    before: int
    applied: tuple[Applied, ...] = ()
    left_out: Mapping[str, Reason] = field(default_factory=dict)

    @property
    def discount(self) -> int:
        """Return what all coupons take off together."""
        return sum(one.discount for one in self.applied)

    @property
    def total(self) -> int:
        """Return what is to be paid; never below zero."""
        return self.before - self.discount

    @property
    def coupon_ids(self) -> tuple[str, ...]:
        """Return the coupons that were applied, in order."""
        return tuple(one.coupon_id for one in self.applied)


class Ready(NamedTuple):
    """An offer, with what it takes off one basket."""

    offer: Offer
    reduction: Reduction


def price(basket: Basket, offers: Iterable[Offer]) -> Priced:
    """Apply offers to a basket; those that cannot stand beside the ones before are left out."""
    return price_ready(basket, ready(basket, offers))


def ready(basket: Basket, offers: Iterable[Offer]) -> Sequence[Ready]:
    """Return offers in the order of application, made ready for a basket."""
    ordered = sorted(offers, key=lambda offer: (offer.stacking.order, offer.coupon_id))
    return [Ready(offer, Reduction(offer.discount, offer.stacking, basket)) for offer in ordered]


def price_ready(basket: Basket, candidates: Iterable[Ready]) -> Priced:
    """Apply offers that are ready, and in order."""
    left = Left.of(basket)
    standing: list[Offer] = []
    applied: list[Applied] = []
    left_out = {}
    for offer, reduction in candidates:
        taken = reduction.takes(left)
        if not all(map(offer.goes_with, standing)):
            left_out[offer.coupon_id] = Reason.NOT_COMBINABLE
        elif not any(taken):
            left_out[offer.coupon_id] = Reason.NO_EFFECT
        else:
            left = reduction.after(left, taken)
            standing.append(offer)
            applied.append(_applied(offer, basket, taken))
    return Priced(
        before=basket.subtotal + basket.shipping, applied=tuple(applied), left_out=left_out
    )


def _applied(offer: Offer, basket: Basket, taken: Sequence[int]) -> Applied:
    *of_lines, of_shipping = taken
    shares = zip(sorted_lines(basket), of_lines, strict=True)
    return Applied(
        coupon_id=offer.coupon_id,
        discount=sum(taken),
        lines={line.line_id: share for line, share in shares if share},
        shipping=of_shipping,
    )

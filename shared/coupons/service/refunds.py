"""How much goes back when pieces of an order come back, by the coupons' own terms."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from typing_extensions import override

from shared.coupons.model.baskets import Basket
from shared.coupons.model.coupons import Coupon, PartialRefund
from shared.coupons.model.pricing import Offer, Priced, price
from shared.coupons.model.redemptions import Redemption, Refund
from shared.coupons.model.refunds import refund
from shared.coupons.model.rules import refusals_of_basket
from shared.coupons.ports.coupons import CouponStore
from shared.coupons.ports.redemptions import RefundReckoning


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundService(RefundReckoning):
    """Reckons refunds; what is reckoned again, by the coupons and rules of the moment.

    What a rule asks of the person was so when the order was made, and is not asked again.
    """

    coupons: CouponStore

    @override
    def __call__(self, redemption: Redemption, pieces: Mapping[str, int]) -> Refund:
        used = [part.applied.coupon_id for part in redemption.parts]
        coupons = self.coupons.find_coupons(used, app_id=redemption.app_id)
        reevaluated = frozenset(
            one.coupon_id
            for one in coupons.values()
            if one.partial_refund is PartialRefund.REEVALUATE
        )

        def reprice(stays: Basket) -> Priced:
            holding = [one for one in coupons.values() if _holds(one, stays)]
            return price(stays, map(Offer.of, holding))

        return refund(
            redemption,
            pieces,
            reevaluated=reevaluated,
            reprice=reprice if reevaluated else None,
        )


def _holds(coupon: Coupon, basket: Basket) -> bool:
    return not refusals_of_basket(replace(coupon.rules, currency=coupon.currency), basket)

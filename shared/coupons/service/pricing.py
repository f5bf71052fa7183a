"""What coupons give, by the arithmetic of the model."""

from collections.abc import Sequence

from typing_extensions import override

from shared.coupons.model import near_misses
from shared.coupons.model.baskets import Basket
from shared.coupons.model.combinations import Best, best
from shared.coupons.model.coupons import Coupon
from shared.coupons.model.near_misses import Miss, nearest_miss
from shared.coupons.model.pricing import Offer, Priced, price
from shared.coupons.ports.validation import Lacking, Pricing


class OfferPricing(Pricing):
    """Prices coupons as what they offer."""

    @override
    def price(self, basket: Basket, coupons: Sequence[Coupon]) -> Priced:
        return price(basket, map(Offer.of, coupons))

    @override
    def best(self, basket: Basket, coupons: Sequence[Coupon]) -> Best:
        return best(basket, map(Offer.of, coupons))

    @override
    def nearest_miss(self, basket: Basket, lacking: Sequence[Lacking]) -> Miss | None:
        return nearest_miss(
            basket,
            [
                near_misses.Lacking(
                    offer=Offer.of(one.coupon), amount=one.amount, pieces=one.pieces
                )
                for one in lacking
            ],
        )

"""Baskets and offers that read short: amounts are cents."""

from shared.coupons.model.baskets import Basket, Line
from shared.coupons.model.discounts import Discount
from shared.coupons.model.pricing import Offer
from shared.coupons.model.stacking import Base, Combination, Stacking

EUR = "EUR"


def line(
    line_id: str, unit_price: int, quantity: int = 1, *categories: str, product_id: str = ""
) -> Line:
    """Return a line; its product is named like it unless said otherwise."""
    return Line(
        line_id=line_id,
        product_id=product_id or line_id,
        quantity=quantity,
        unit_price=unit_price,
        categories=frozenset(categories),
    )


def basket(*lines: Line, shipping: int = 0) -> Basket:
    """Return a basket in euro."""
    return Basket(currency=EUR, lines=lines, shipping=shipping)


def joint(
    *, order: int = 100, base: Base = Base.DISCOUNTED, once_per_line: bool = False
) -> Stacking:
    """Return the stacking of a coupon that goes with all others of this kind."""
    return Stacking(
        category="offers",
        combination=Combination.JOINT,
        combines_with=frozenset({"offers"}),
        order=order,
        base=base,
        once_per_line=once_per_line,
    )


def offer(coupon_id: str, discount: Discount, stacking: Stacking | None = None) -> Offer:
    """Return an offer, joint unless said otherwise."""
    return Offer(coupon_id=coupon_id, discount=discount, stacking=stacking or joint())

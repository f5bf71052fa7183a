"""How little more would open a coupon: "2.10 more unlocks 8.00"."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from shared.coupons.model.baskets import Basket, Line
from shared.coupons.model.pricing import Offer, price


@dataclass(frozen=True, slots=True, kw_only=True)
class Lacking:
    """A coupon refused for nothing but what the basket lacks of its minimum.

    ``amount`` is in minor units, ``pieces`` counts pieces; at least one of them is above zero.
    """

    offer: Offer
    amount: int = 0
    pieces: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Miss:
    """What a basket lacks of a coupon's minimum, and what the coupon takes off once it is there."""

    coupon_id: str
    missing_amount: int
    missing_pieces: int
    unlocks: int


def nearest_miss(basket: Basket, refused: Iterable[Lacking]) -> Miss | None:
    """Return the coupon that lacks the least; ``None`` where none would take anything off.

    What lacks fewer pieces is nearer, then what lacks less money; of equals the one that unlocks
    more, then the first by its id. ``unlocks`` is the discount of the coupon alone on the basket
    with one piece more, which costs what is missing and is of a product that no scope names. So it
    promises nothing that depends on what the buyer will choose. Missing pieces have no price yet.
    """
    misses = [_miss(basket, lacking) for lacking in refused]
    return min((miss for miss in misses if miss.unlocks), key=_distance, default=None)


def _miss(basket: Basket, lacking: Lacking) -> Miss:
    more = Line(line_id="", product_id="", quantity=1, unit_price=lacking.amount)
    fuller = replace(basket, lines=(*basket.lines, more)) if lacking.amount else basket
    return Miss(
        coupon_id=lacking.offer.coupon_id,
        missing_amount=lacking.amount,
        missing_pieces=lacking.pieces,
        unlocks=price(fuller, [lacking.offer]).discount,
    )


def _distance(miss: Miss) -> tuple[int, int, int, str]:
    return miss.missing_pieces, miss.missing_amount, -miss.unlocks, miss.coupon_id

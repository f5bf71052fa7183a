"""What one discount takes off a basket, given what those before it left.

Rules of every kind:

- All is whole minor units. A percentage is rounded once, a half up: of each line at the level of
  lines, of the sum at the level of the order.
- What belongs to the order as a whole is spread over its lines in proportion to what they still
  cost, by largest remainder; so is a ``max_discount``. Of equal remainders the line whose
  ``line_id`` sorts first gets the unit: the order in which lines came says nothing.
- ``Base.INITIAL`` reckons a percentage or a new price on the price before any discount,
  ``Base.DISCOUNTED`` on what is left. Neither takes more than is left.
- The pieces of a line cost alike: what others took off a line is taken off each of its pieces.
- An amount or a price in another currency than the basket's gives nothing.

Hence no discount takes more beside others than it would alone. The search for the best combination
rests on that.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from shared.coupons.model.baskets import Basket, Line
from shared.coupons.model.discounts import (
    AmountOff,
    BuyXGetY,
    Discount,
    FixedPrice,
    FreeUnit,
    Level,
    PercentOff,
    ShippingOff,
)
from shared.coupons.model.giveaways import free_pieces, got_pieces
from shared.coupons.model.shares import WHOLE, share_of, spread
from shared.coupons.model.stacking import Base, Stacking

_LEVELLED = (PercentOff, AmountOff, FixedPrice)
"""Kinds that may be of the order as a whole."""


class Left(NamedTuple):
    """What a basket costs after some discounts.

    ``prices`` are of the lines, sorted by ``line_id``, and of shipping, which stands last.
    ``discounted`` are places of lines that have a discount; ``closed`` those that take no more.
    """

    prices: tuple[int, ...]
    discounted: frozenset[int] = frozenset()
    closed: frozenset[int] = frozenset()

    @classmethod
    def of(cls, basket: Basket) -> "Left":
        """Return what a basket costs before any discount."""
        return cls((*(line.amount for line in sorted_lines(basket)), basket.shipping))


class Reach(NamedTuple):
    """Pieces of one line that a discount is for; ``initial`` is their price before any."""

    place: int
    pieces: int
    quantity: int
    initial: int


class Reduction:
    """One discount, made ready for one basket."""

    __slots__ = (
        "_alone",
        "_discount",
        "_initial",
        "_most",
        "_once",
        "_places",
        "_reaches",
        "_shipping",
    )

    def __init__(self, discount: Discount, stacking: Stacking, basket: Basket) -> None:
        self._discount = discount
        self._initial = stacking.base is Base.INITIAL
        self._once = stacking.once_per_line
        self._most = (
            discount.max_discount if isinstance(discount, PercentOff | ShippingOff) else None
        )
        self._shipping = len(basket.lines)
        self._reaches = tuple(_reaches(discount, basket))
        self._places = frozenset(reach.place for reach in self._reaches)
        self._alone = sum(self.takes(Left.of(basket)))

    @property
    def alone(self) -> int:
        """Return what it takes off when it is the only one: the most that it ever takes."""
        return self._alone

    @property
    def places(self) -> frozenset[int]:
        """Return the places, as of ``Left.prices``, that it is for."""
        return self._places

    def takes(self, left: Left) -> tuple[int, ...]:
        """Return what it takes off each line and shipping, in the order of ``left.prices``."""
        shut = left.closed | left.discounted if self._once else left.closed
        reaches = self._reaches
        if shut:
            reaches = tuple([reach for reach in reaches if reach.place not in shut])
        prices = left.prices
        rests = [prices[place] * pieces // quantity for place, pieces, quantity, _ in reaches]
        bases = [reach.initial for reach in reaches] if self._initial else rests
        taken = [0] * len(prices)
        for reach, share in zip(reaches, self._shares(reaches, bases, rests), strict=True):
            taken[reach.place] = share
        return tuple(taken)

    def after(self, left: Left, taken: Sequence[int]) -> Left:
        """Return what is left when it has taken something off."""
        lines = frozenset(place for place, share in enumerate(taken) if share) - {self._shipping}
        return Left(
            tuple([price - share for price, share in zip(left.prices, taken, strict=True)]),
            left.discounted | lines,
            left.closed | lines if self._once else left.closed,
        )

    def least_left(self, price: int, *, most: int) -> int:
        """Return the least that can be left of a basket that costs ``price`` when it comes.

        ``most`` is what it takes off where no fewer discounts came before it. The answer never
        falls as ``price`` grows, so the bounds of several can be put one after the other.
        """
        if isinstance(self._discount, PercentOff) and not self._initial:
            # Rounding adds less than a unit for each line.
            most = min(most, price * self._discount.hundredths // WHOLE + self._shipping)
        return max(price - most, 0)

    def _shares(
        self, reaches: Sequence[Reach], bases: Sequence[int], rests: Sequence[int]
    ) -> tuple[int, ...]:
        discount = self._discount
        if isinstance(discount, _LEVELLED) and discount.level is Level.ORDER:
            weights, total = rests, _off_all(discount, sum(bases))
        else:
            worth = _off_lines(discount, bases, [reach.pieces for reach in reaches])
            weights = list(map(min, worth, rests))
            total = sum(weights)
        if self._most is not None:
            total = min(total, self._most)
        return spread(min(total, sum(weights)), weights)


def sorted_lines(basket: Basket) -> Sequence[Line]:
    """Return a basket's lines by ``line_id``."""
    return sorted(basket.lines, key=lambda line: line.line_id)


def _off_all(discount: PercentOff | AmountOff | FixedPrice, price: int) -> int:
    """Return what a discount of the order as a whole is worth at a price."""
    match discount:
        case PercentOff():
            return share_of(price, discount.hundredths)
        case FixedPrice():
            return max(price - discount.price, 0)
        case AmountOff():
            return discount.amount


def _off_lines(discount: Discount, prices: Sequence[int], pieces: Sequence[int]) -> Sequence[int]:
    """Return what a discount is worth on each line, whose pieces cost a price together."""
    match discount:
        case PercentOff() | ShippingOff() | BuyXGetY():
            return [share_of(price, discount.hundredths) for price in prices]
        case FreeUnit():
            return prices
        case AmountOff():
            return [discount.amount * count for count in pieces]
        case FixedPrice():
            new = [discount.price * count for count in pieces]
            return [max(price - less, 0) for price, less in zip(prices, new, strict=True)]


def _reaches(discount: Discount, basket: Basket) -> Iterable[Reach]:
    """Yield what of the basket a discount is for, before any other has its say."""
    if isinstance(discount, ShippingOff):
        yield Reach(len(basket.lines), 1, 1, basket.shipping)
        return
    lines = sorted_lines(basket)
    for place, pieces in _pieces(discount, lines, basket.currency).items():
        if pieces:
            line = lines[place]
            yield Reach(place, pieces, line.quantity, pieces * line.unit_price)


def _pieces(
    discount: PercentOff | AmountOff | FixedPrice | FreeUnit | BuyXGetY,
    lines: Sequence[Line],
    currency: str,
) -> Mapping[int, int]:
    match discount:
        case FreeUnit():
            return free_pieces(lines, discount)
        case BuyXGetY():
            return got_pieces(lines, discount)
        case AmountOff() | FixedPrice() if discount.currency != currency:
            return {}
        case _:
            return {place: discount.scope.pieces(line) for place, line in enumerate(lines)}

"""What a coupon gives."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from shared.coupons.model.baskets import Line


class Level(StrEnum):
    """What a discount is reckoned on: each line by itself, or the order as a whole."""

    LINE = "line"
    ORDER = "order"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which lines a discount is for: of one of the products or categories; empty means all lines.

    ``at_most`` is the greatest number of pieces of a line that it touches, where there is one.
    """

    products: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    at_most: int | None = None

    def covers(self, line: Line) -> bool:
        """Say whether the line is one of these."""
        if not self.products and not self.categories:
            return True
        return line.product_id in self.products or not self.categories.isdisjoint(line.categories)

    def pieces(self, line: Line) -> int:
        """Return how many pieces of the line it touches."""
        if not self.covers(line):
            return 0
        return line.quantity if self.at_most is None else min(line.quantity, self.at_most)


EVERYTHING = Scope()


@dataclass(frozen=True, slots=True, kw_only=True)
class PercentOff:
    """A share of the price, in hundredths of a percent (1 to 10,000); at most ``max_discount``."""

    hundredths: int
    level: Level = Level.ORDER
    scope: Scope = EVERYTHING
    max_discount: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AmountOff:
    """A fixed amount off the order, or off each piece of the lines in scope."""

    amount: int
    currency: str
    level: Level = Level.ORDER
    scope: Scope = EVERYTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedPrice:
    """A new price: of each piece in scope, or of all lines in scope together."""

    price: int
    currency: str
    level: Level = Level.LINE
    scope: Scope = EVERYTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeUnit:
    """``quantity`` pieces of a product for nothing: those in the basket, as many as there are.

    Where lines of the product differ in price, the cheapest.
    """

    product_id: str
    quantity: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ShippingOff:
    """Shipping, wholly or by hundredths of a percent; at most ``max_discount``."""

    hundredths: int = 10_000
    max_discount: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BuyXGetY:
    """For every ``buy`` pieces in scope, the next ``get`` cheapest of ``gets`` cost less.

    ``hundredths`` of a percent of their price are taken off; ``times`` is how often at most. A
    piece is bought or got, never both, and got as far as there are enough.
    """

    buy: int
    get: int
    scope: Scope = EVERYTHING
    gets: Scope = EVERYTHING
    hundredths: int = 10_000
    times: int | None = None


Discount: TypeAlias = PercentOff | AmountOff | FixedPrice | FreeUnit | ShippingOff | BuyXGetY

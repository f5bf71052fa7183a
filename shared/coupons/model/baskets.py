"""What somebody wants to buy; all amounts are whole minor units of one currency."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a basket: ``quantity`` pieces of a product at ``unit_price`` each."""

    line_id: str
    product_id: str
    quantity: int
    unit_price: int
    categories: frozenset[str] = frozenset()

    @property
    def amount(self) -> int:
        """Return the line's price before any discount."""
        return self.quantity * self.unit_price


@dataclass(frozen=True, slots=True, kw_only=True)
class Basket:
    """The lines of one order, and what its shipping costs; ``line_id`` is unique in it."""

    currency: str
    lines: tuple[Line, ...]
    shipping: int = 0

    @property
    def subtotal(self) -> int:
        """Return the price of all lines before any discount, without shipping."""
        return sum(line.amount for line in self.lines)

"""Which coupons go together, and in which order they are applied."""

from dataclasses import dataclass
from enum import StrEnum


class Combination(StrEnum):
    """What may stand beside a coupon in one order."""

    EXCLUSIVE = "exclusive"
    """Nothing."""
    JOINT = "joint"
    """Coupons of the categories in ``combines_with``, and only if they name its category too."""


class Base(StrEnum):
    """Which price a discount is reckoned on."""

    INITIAL = "initial"
    DISCOUNTED = "discounted"
    """What those before it left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stacking:
    """How a coupon stands to others.

    Coupons are applied by ``order`` (lower first), then by ``coupon_id``. ``combines_with`` names
    categories; its own may be among them. ``once_per_line``: no other coupon discounts a line that
    this one discounts, and this one none that another before it did.
    """

    category: str = "default"
    combination: Combination = Combination.EXCLUSIVE
    combines_with: frozenset[str] = frozenset()
    order: int = 100
    base: Base = Base.DISCOUNTED
    once_per_line: bool = False

    def goes_with(self, other: "Stacking") -> bool:
        """Say whether both may stand in one order: each is joint and names the other's category."""
        return (
            self.combination is other.combination is Combination.JOINT
            and other.category in self.combines_with
            and self.category in other.combines_with
        )


ALONE = Stacking()

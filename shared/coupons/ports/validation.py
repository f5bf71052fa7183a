"""What validations and redemptions need from outside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from shared.coupons.model.baskets import Basket
from shared.coupons.model.codes import Code, CodeKind
from shared.coupons.model.coupons import Coupon
from shared.coupons.model.redemptions import Applied, Redemption
from shared.coupons.model.rules import Circumstances, Reason


class Priced(Protocol):
    """What some coupons make of a basket's price, in minor units."""

    @property
    def before(self) -> int:
        """Return the price before any discount, with shipping."""
        ...

    @property
    def applied(self) -> tuple[Applied, ...]:
        """Return what each coupon gives, in the order of application."""
        ...

    @property
    def left_out(self) -> Mapping[str, Reason]:
        """Return of each other coupon why: ``NO_EFFECT`` or ``NOT_COMBINABLE``."""
        ...

    @property
    def total(self) -> int:
        """Return what is to be paid."""
        ...


class Best(Protocol):
    """The best combination that was found; ``exact`` says that there is no better one."""

    @property
    def priced(self) -> Priced:
        """Return what it makes of the price."""
        ...

    @property
    def exact(self) -> bool:
        """Say whether every combination was considered."""
        ...


class Miss(Protocol):
    """What a basket lacks of a coupon's minimum, and what the coupon gives once it is there."""

    @property
    def coupon_id(self) -> str:
        """Return the coupon that lacks the least."""
        ...

    @property
    def missing_amount(self) -> int:
        """Return how much money is missing, in minor units."""
        ...

    @property
    def missing_pieces(self) -> int:
        """Return how many pieces are missing."""
        ...

    @property
    def unlocks(self) -> int:
        """Return the discount that it then gives, in minor units."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Lacking:
    """A coupon refused for nothing but what the basket lacks of its minimum."""

    coupon: Coupon
    amount: int = 0
    pieces: int = 0


class Pricing(Protocol):
    """The arithmetic of discounts."""

    def price(self, basket: Basket, coupons: Sequence[Coupon]) -> Priced:
        """Apply coupons to a basket; those that cannot stand beside the ones before are left out.

        They are applied in their own order, whatever the order in which they are named.
        """
        ...

    def best(self, basket: Basket, coupons: Sequence[Coupon]) -> Best:
        """Return the combination of coupons that takes the most off a basket."""
        ...

    def nearest_miss(self, basket: Basket, lacking: Sequence[Lacking]) -> Miss | None:
        """Return the coupon that lacks the least; ``None``: none would take anything off."""
        ...


class CodeFinder(Protocol):
    """The codes of an app."""

    def find(self, letters: str, *, app_id: str) -> Code | None:
        """Return the code that somebody typed, in whatever state; ``None``: there is none.

        It does the same work in both cases.
        """
        ...


class Guesses(Protocol):
    """Counts codes that were tried in vain."""

    def begin(self, letters: str, who: Circumstances, *, address: str | None) -> object:
        """Let a code be tried; return what ``miss`` is told if it was in vain.

        Raises:
            TooManyGuessesError: too many were, from there.
        """
        ...

    def miss(self, guess: object) -> None:
        """Count a try in vain."""
        ...


class Availability(Protocol):
    """What is left of limits, as far as it is known without asking every counter."""

    def refusal(
        self, coupon: Coupon, *, fingerprint: str | None, who: Circumstances
    ) -> Reason | None:
        """Return why no use is left: ``EXHAUSTED``, ``BUDGET_EXHAUSTED``, ``PERSON_LIMIT``.

        It promises nothing: only a redemption takes a use.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A coupon that is to be used, and what it gives in the order; ``code``: by which kind."""

    applied: Applied
    coupon: Coupon
    code: CodeKind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be redeemed or reserved: one order, judged and priced, with its coupons."""

    redemption_id: str
    fingerprint: str
    basket: Basket
    wanted: tuple[Wanted, ...]
    circumstances: Circumstances


class Redeemer(Protocol):
    """Takes uses, so that no limit is ever passed."""

    def id_of(self, *, app_id: str, caller: str, key: str) -> str:
        """Return the id of the redemption that a caller's Idempotency-Key makes."""
        ...

    def find(self, redemption_id: str, *, app_id: str) -> Redemption | None:
        """Return the redemption of an id, if it was made."""
        ...

    def redeem(self, order: Order) -> Redemption:
        """Use the coupons of an order; the same id is answered as the first time.

        Raises:
            CouponExhaustedError: every use that a limit allows is taken.
            RedemptionRefusedError: a person, device or budget has no more.
            RedemptionContendedError: others were always quicker.
        """
        ...

    def reserve(self, order: Order, *, hold: timedelta) -> Redemption:
        """Hold the uses of an order's coupons for a while.

        Raises:
            CouponExhaustedError, RedemptionRefusedError, RedemptionContendedError: as to redeem.
        """
        ...

    def renew(self, redemption: Redemption, *, hold: timedelta) -> Redemption:
        """Hold what is reserved for a while from now, as it was priced and counted.

        Raises:
            ReservationExpiredError: it ran out before.
            RedemptionStateError: it is no reservation any more.
        """
        ...

"""What stands around orders: simple prices, listed codes, and a redeemer without limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from typing_extensions import override

from shared.coupons.model.baskets import Basket
from shared.coupons.model.codes import Code
from shared.coupons.model.coupons import Coupon
from shared.coupons.model.discounts import AmountOff, PercentOff
from shared.coupons.model.redemptions import Applied, Part, Redemption, RedemptionState
from shared.coupons.model.rules import Circumstances, Reason
from shared.coupons.model.stacking import Combination
from shared.coupons.ports.validation import (
    Availability,
    CodeFinder,
    Guesses,
    Lacking,
    Order,
    Pricing,
    Redeemer,
)


@dataclass(frozen=True, kw_only=True)
class PlainPrice:
    before: int
    applied: tuple[Applied, ...]
    left_out: Mapping[str, Reason]

    @property
    def total(self) -> int:
        return self.before - sum(one.discount for one in self.applied)


@dataclass(frozen=True, kw_only=True)
class PlainBest:
    priced: PlainPrice
    exact: bool = True


@dataclass(frozen=True, kw_only=True)
class PlainMiss:
    coupon_id: str
    missing_amount: int
    missing_pieces: int
    unlocks: int


class PlainPricing(Pricing):
    """Takes amounts and percents off the whole order; exclusive coupons stand alone."""

    @override
    def price(self, basket: Basket, coupons: Sequence[Coupon]) -> PlainPrice:
        applied: list[Applied] = []
        left_out: dict[str, Reason] = {}
        standing: list[Coupon] = []
        for one in sorted(coupons, key=lambda each: (each.stacking.order, each.coupon_id)):
            discount = _discount(one, basket)
            alone = {Combination.EXCLUSIVE} & {
                each.stacking.combination for each in [*standing, one]
            }
            if standing and alone:
                left_out[one.coupon_id] = Reason.NOT_COMBINABLE
            elif not discount:
                left_out[one.coupon_id] = Reason.NO_EFFECT
            else:
                standing.append(one)
                lines = {basket.lines[0].line_id: discount}
                applied.append(Applied(coupon_id=one.coupon_id, discount=discount, lines=lines))
        before = basket.subtotal + basket.shipping
        return PlainPrice(before=before, applied=tuple(applied), left_out=left_out)

    @override
    def best(self, basket: Basket, coupons: Sequence[Coupon]) -> PlainBest:
        alone = [self.price(basket, [one]) for one in coupons]
        return PlainBest(priced=min([self.price(basket, coupons), *alone], key=lambda p: p.total))

    @override
    def nearest_miss(self, basket: Basket, lacking: Sequence[Lacking]) -> PlainMiss | None:
        misses = [
            PlainMiss(
                coupon_id=one.coupon.coupon_id,
                missing_amount=one.amount,
                missing_pieces=one.pieces,
                unlocks=_discount(one.coupon, basket),
            )
            for one in lacking
        ]
        return min(misses, key=lambda one: (one.missing_pieces, one.missing_amount), default=None)


def _discount(coupon: Coupon, basket: Basket) -> int:
    match coupon.discount:
        case AmountOff(amount=amount):
            return min(amount, basket.subtotal)
        case PercentOff(hundredths=hundredths):
            return basket.subtotal * hundredths // 10_000
    return 0


@dataclass
class ListedCodes(CodeFinder):
    """Knows codes by their letters; ``log`` notes what was asked."""

    codes: dict[str, Code] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)

    @override
    def find(self, letters: str, *, app_id: str) -> Code | None:
        self.log.append("code")
        return self.codes.get(letters)


@dataclass
class CountedGuesses(Guesses):
    """Counts tries in vain, by device."""

    missed: list[str] = field(default_factory=list)

    @override
    def begin(self, letters: str, who: Circumstances, *, address: str | None) -> object:
        return letters

    @override
    def miss(self, guess: object) -> None:
        self.missed.append(str(guess))


@dataclass
class KnownAvailability(Availability):
    """Knows of some coupons why no use is left."""

    gone: dict[str, Reason] = field(default_factory=dict)

    @override
    def refusal(
        self, coupon: Coupon, *, fingerprint: str | None, who: Circumstances
    ) -> Reason | None:
        return self.gone.get(coupon.coupon_id)


@dataclass
class UnlimitedRedeemer(Redeemer):
    """Redeems whatever is ordered, and remembers it."""

    kept: dict[str, Redemption] = field(default_factory=dict)
    orders: list[Order] = field(default_factory=list)

    @override
    def id_of(self, *, app_id: str, caller: str, key: str) -> str:
        return f"red_{app_id}_{caller}_{key}"

    @override
    def find(self, redemption_id: str, *, app_id: str) -> Redemption | None:
        return self.kept.get(redemption_id)

    @override
    def redeem(self, order: Order) -> Redemption:
        return self._kept(order, RedemptionState.REDEEMED, hold=None)

    @override
    def reserve(self, order: Order, *, hold: timedelta) -> Redemption:
        return self._kept(order, RedemptionState.RESERVED, hold=hold)

    @override
    def renew(self, redemption: Redemption, *, hold: timedelta) -> Redemption:
        assert redemption.reserved_until is not None
        renewed = replace(redemption, reserved_until=redemption.reserved_until + hold)
        self.kept[redemption.redemption_id] = renewed
        return renewed

    def roll_back(self, redemption_id: str) -> Redemption:
        undone = replace(self.kept[redemption_id], state=RedemptionState.ROLLED_BACK)
        self.kept[redemption_id] = undone
        return undone

    def _kept(self, order: Order, state: RedemptionState, *, hold: timedelta | None) -> Redemption:
        self.orders.append(order)
        who = order.circumstances
        redemption = Redemption(
            redemption_id=order.redemption_id,
            app_id=who.app_id,
            fingerprint=order.fingerprint,
            basket=order.basket,
            parts=tuple(Part(applied=one.applied) for one in order.wanted),
            state=state,
            made_at=who.at,
            contact_id=who.contact_id,
            device_id=who.device_id,
            store_id=who.store_id,
            till_id=who.till_id,
            reserved_until=None if hold is None else who.at + hold,
        )
        self.kept[order.redemption_id] = redemption
        return redemption

"""Which of many coupons to use together: the combination that takes off the most.

The search walks subsets in the order of application, and lets a branch go when even the bounds of
all that could still join it (``Reduction.least_left``) do not reach the best found so far: branch
and bound (Land and Doig, 1960). So it is exact, and deterministic: of equal discounts the one with
the fewest coupons wins, then the one whose sorted coupon ids come first.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from shared.coupons.model.baskets import Basket
from shared.coupons.model.pricing import Offer, Priced, Ready, price_ready, ready
from shared.coupons.model.reductions import Left
from shared.coupons.model.rules import Reason

MOST_EXACT = 12
"""Coupons that go with another one up to which the answer is exact. What stands alone costs nothing
to try, so any number of those may come on top."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """The best combination that was found; ``exact`` says that there is no better one.

    ``priced.left_out`` tells of the others: ``NO_EFFECT`` of what takes nothing off even alone,
    else ``NOT_COMBINABLE``.
    """

    priced: Priced
    exact: bool


def best(basket: Basket, offers: Iterable[Offer]) -> Best:
    """Return the combination of offers that takes the most off a basket.

    Exact for up to 12 offers that go with another one; beyond, ``greedy`` and said to be so.
    """
    everything = ready(basket, offers)
    candidates = [one for one in everything if one.reduction.alone]
    joint = [one for one in candidates if any(one.offer.goes_with(two.offer) for two in candidates)]
    exact = len(joint) <= MOST_EXACT
    chosen = _Search(basket, candidates).found if exact else _greedy(basket, candidates)
    left_out = {
        one.offer.coupon_id: Reason.NOT_COMBINABLE if one.reduction.alone else Reason.NO_EFFECT
        for one in everything
        if one not in chosen
    }
    return Best(priced=replace(price_ready(basket, chosen), left_out=left_out), exact=exact)


def greedy(basket: Basket, offers: Iterable[Offer]) -> Priced:
    """Return a good combination: from none, the offer that adds the most joins, until none does."""
    return price_ready(basket, _greedy(basket, ready(basket, offers)))


def _greedy(basket: Basket, candidates: Sequence[Ready]) -> Sequence[Ready]:
    chosen: Sequence[Ready] = ()
    discount = 0
    while True:
        larger = [_joined(candidates, chosen, one) for one in candidates if _fits(one, chosen)]
        priced = [price_ready(basket, each).discount for each in larger]
        if max(priced, default=0) <= discount:
            return chosen
        discount = max(priced)
        chosen = larger[priced.index(discount)]


def _fits(one: Ready, chosen: Sequence[Ready]) -> bool:
    return all(one.offer.goes_with(other.offer) for other in chosen)


def _joined(candidates: Sequence[Ready], chosen: Sequence[Ready], one: Ready) -> Sequence[Ready]:
    """Return what was chosen, and one more, in the order of application."""
    return [each for each in candidates if each is one or each in chosen]


class Joining(NamedTuple):
    """An offer that may join a combination, and what it would take off: the most that it can."""

    one: Ready
    taken: Sequence[int]
    most: int

    @classmethod
    def of(cls, one: Ready, left: Left) -> "Joining":
        """Return what an offer would take off what is left."""
        taken = one.reduction.takes(left)
        return cls(one, taken, sum(taken))

    def beside(self, left: Left, places: frozenset[int]) -> "Joining":
        """Return the same after another offer took something off some places at most."""
        return self if self.one.reduction.places.isdisjoint(places) else self.of(self.one, left)


class _Search:
    """The walk through all combinations; ``found`` is the best one."""

    __slots__ = ("_least", "_rank", "found")

    def __init__(self, basket: Basket, candidates: Sequence[Ready]) -> None:
        left = Left.of(basket)
        reached = frozenset[int]().union(*(one.reduction.places for one in candidates))
        self.found: Sequence[Ready] = ()
        # No combination takes off what none of them is for, such as shipping.
        self._least = sum(cost for place, cost in enumerate(left.prices) if place not in reached)
        self._rank = _rank(sum(left.prices), ())
        self._walk(left, (), [Joining.of(one, left) for one in candidates])

    def _walk(self, left: Left, chosen: Sequence[Ready], rest: Sequence[Joining]) -> None:
        joining = [one for one in rest if one.most]
        price = sum(left.prices)
        for place, (one, taken, most) in enumerate(joining):
            if not self._promises(price, len(chosen) + 1, joining[place:]):
                return
            larger = (*chosen, one)
            self._consider(price - most, larger)
            others = [two for two in joining[place + 1 :] if one.offer.goes_with(two.one.offer)]
            if others and self._promises(price - most, len(larger) + 1, others):
                after = one.reduction.after(left, taken)
                met = one.reduction.places
                self._walk(after, larger, [two.beside(after, met) for two in others])

    def _promises(self, price: int, coupons: int, rest: Iterable[Joining]) -> bool:
        """Say whether what still costs ``price`` may rank first with at least so many coupons."""
        for one, _, most in rest:
            price = one.reduction.least_left(price, most=most)
        return (max(price, self._least), coupons) <= self._rank[:2]

    def _consider(self, price: int, chosen: Sequence[Ready]) -> None:
        rank = _rank(price, chosen)
        if rank < self._rank:
            self._rank, self.found = rank, chosen


def _rank(price: int, chosen: Sequence[Ready]) -> tuple[int, int, list[str]]:
    """Return what a combination is ranked by, the best first."""
    return price, len(chosen), sorted(one.offer.coupon_id for one in chosen)

"""S1: the CPU of finding the best combination of twelve coupons, exactly.

Each round has a basket of its own, and coupons that all go together: every kind twice, drawn by a
seed. Rounds differ much, for some baskets let few branches go: so the slowest is shown apart.
"""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import chain, combinations
from random import Random

from shared.coupons.model.baskets import Basket, Line
from shared.coupons.model.combinations import MOST_EXACT, best
from shared.coupons.model.discounts import (
    EVERYTHING,
    AmountOff,
    BuyXGetY,
    Discount,
    FixedPrice,
    FreeUnit,
    Level,
    PercentOff,
    Scope,
    ShippingOff,
)
from shared.coupons.model.pricing import Offer, price_ready, ready
from shared.coupons.model.stacking import Base, Combination, Stacking
from tests.benchmarks.figures import Comparison, Goal, Result, Runs, Tell, interleaved

TITLES = {"S1": "Coupons: the best combination of twelve"}

MILLISECONDS = 20
"""What finding it may take."""

LINES = 10
_CATEGORIES = ("food", "home", "garden")
_CURRENCY = "EUR"
_CALLS = 3
"""How often ours is timed in a round: it is short."""


def measure(ids: Collection[str], *, quick: bool, tell: Tell) -> Iterator[Result]:
    """Solve each round's basket, and price all its subsets; both must say the same."""
    rounds = 5 if quick else 15
    orders = [(_basket(chance), _offers(chance)) for chance in map(_chance, range(rounds))]
    for basket, offers in orders:
        assert best(basket, offers).priced.discount == _by_brute_force(basket, offers)
    sides = {
        "ours": _timed(orders, best, calls=_CALLS),
        "subsets": _timed(orders, _by_brute_force, calls=1),
    }
    took = interleaved(sides, rounds=rounds, tell=tell)
    ours = took["ours"]
    what = f"CPU, {MOST_EXACT} coupons, {LINES} lines"
    comparisons = [
        Comparison(
            what=what,
            peer="what it may take",
            unit="ms",
            goal=Goal(1),
            ours=ours,
            theirs=Runs([MILLISECONDS] * rounds),
        ),
        Comparison(
            what=f"{what}: the slowest of {rounds}",
            peer="what it may take",
            unit="ms",
            goal=Goal(1),
            ours=Runs([max(ours.values)]),
            theirs=Runs([MILLISECONDS]),
        ),
        Comparison(
            what=what,
            peer=f"all {2**MOST_EXACT:,} subsets",
            unit="ms",
            goal=Goal(0.1),
            ours=ours,
            theirs=took["subsets"],
        ),
    ]
    for each in ids:
        yield Result(id=each, title=TITLES[each], comparisons=comparisons)


def _by_brute_force(basket: Basket, offers: Sequence[Offer]) -> int:
    """Return the greatest discount of all subsets; each offer is made ready once."""
    candidates = ready(basket, offers)
    sizes = range(len(candidates) + 1)
    subsets = chain.from_iterable(combinations(candidates, size) for size in sizes)
    return max(price_ready(basket, subset).discount for subset in subsets)


def _timed(
    orders: Sequence[tuple[Basket, Sequence[Offer]]],
    solve: Callable[[Basket, Sequence[Offer]], object],
    *,
    calls: int,
) -> Callable[[], float]:
    """Return what solves the next order, and says how many milliseconds of CPU that took."""
    coming = iter(orders)

    def run() -> float:
        basket, offers = next(coming)
        before = time.process_time()
        for _ in range(calls):
            solve(basket, offers)
        return (time.process_time() - before) / calls * 1000

    return run


def _chance(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - a seed must repeat the orders


def _basket(chance: Random) -> Basket:
    lines = [
        Line(
            line_id=f"line-{number}",
            product_id=f"product-{number}",
            quantity=chance.randint(1, 4),
            unit_price=chance.randint(199, 9_999),
            categories=frozenset({chance.choice(_CATEGORIES)}),
        )
        for number in range(LINES)
    ]
    return Basket(currency=_CURRENCY, lines=tuple(lines), shipping=590)


def _offers(chance: Random) -> Sequence[Offer]:
    discounts = [discount for _ in range(2) for discount in _every_kind(chance)]
    assert len(discounts) == MOST_EXACT
    return [
        Offer(
            coupon_id=f"coupon-{number:02}",
            discount=discount,
            stacking=Stacking(
                combination=Combination.JOINT,
                combines_with=frozenset({"default"}),
                order=chance.randint(1, 3),
                base=chance.choice(list(Base)),
                once_per_line=chance.random() < 0.2,
            ),
        )
        for number, discount in enumerate(discounts)
    ]


def _every_kind(chance: Random) -> Sequence[Discount]:
    return [
        PercentOff(
            hundredths=chance.randint(500, 5_000),
            level=chance.choice(list(Level)),
            scope=_scope(chance),
            max_discount=chance.choice([None, 1_500]),
        ),
        AmountOff(amount=chance.randint(100, 3_000), currency=_CURRENCY, scope=_scope(chance)),
        FixedPrice(price=chance.randint(100, 5_000), currency=_CURRENCY, scope=_scope(chance)),
        FreeUnit(product_id=f"product-{chance.randrange(LINES)}"),
        ShippingOff(hundredths=chance.choice([5_000, 10_000])),
        BuyXGetY(buy=chance.randint(1, 3), get=1, scope=_scope(chance), gets=_scope(chance)),
    ]


def _scope(chance: Random) -> Scope:
    return chance.choice([EVERYTHING, Scope(categories=frozenset({chance.choice(_CATEGORIES)}))])

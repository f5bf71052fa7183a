from itertools import chain, combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.coupons.model.baskets import Basket
from shared.coupons.model.combinations import MOST_EXACT, best, greedy
from shared.coupons.model.discounts import AmountOff, FreeUnit, Level, PercentOff, Scope
from shared.coupons.model.pricing import Offer, price
from shared.coupons.model.rules import Reason
from shared.coupons.model.stacking import ALONE
from tests.fakes.baskets import EUR, basket, joint, line, offer
from tests.unit.coupons.pricing_strategies import BASKETS, offers

HUNDRED = basket(line("a", 10_000))


def by_brute_force(basket: Basket, offers: list[Offer]) -> tuple[int, int, list[str]]:
    """Return what is left to pay, how many coupons, and which, of the best of all subsets."""
    subsets = chain.from_iterable(combinations(offers, size) for size in range(len(offers) + 1))
    tried = (price(basket, subset) for subset in subsets)
    return min((one.total, len(one.applied), sorted(one.coupon_ids)) for one in tried)


def test_two_small_ones_that_go_together_beat_a_large_one_that_stands_alone() -> None:
    half = offer("half", PercentOff(hundredths=5_000), ALONE)
    first, second = (
        offer(name, AmountOff(amount=amount, currency=EUR))
        for name, amount in (("first", 3_000), ("second", 2_500))
    )
    found = best(HUNDRED, [half, second, first])
    assert found.exact
    assert (found.priced.coupon_ids, found.priced.discount) == (("first", "second"), 5_500)
    assert found.priced.left_out == {"half": Reason.NOT_COMBINABLE}


def test_a_coupon_that_spoils_another_is_left_out() -> None:
    # It takes 1.00 off the line, and with that shuts it for the half.
    spoiler = offer("a", AmountOff(amount=100, currency=EUR), joint(once_per_line=True))
    half = offer("b", PercentOff(hundredths=5_000))
    assert best(HUNDRED, [spoiler, half]).priced.coupon_ids == ("b",)


def test_the_one_that_adds_most_at_first_may_not_lead_to_the_best() -> None:
    two = basket(line("a", 1_000), line("b", 1_000))
    tempting = offer("t", PercentOff(hundredths=6_000), joint(order=1, once_per_line=True))
    free_a, free_b = (offer(name, FreeUnit(product_id=name)) for name in "ab")
    assert greedy(two, [tempting, free_a, free_b]).discount == 1_200
    assert best(two, [tempting, free_a, free_b]).priced.discount == 2_000


def test_what_takes_nothing_off_is_not_told_that_it_does_not_combine() -> None:
    pot = offer("pot", FreeUnit(product_id="pot"))
    assert best(HUNDRED, [pot]).priced.left_out == {"pot": Reason.NO_EFFECT}


def test_of_equal_discounts_fewer_coupons_win_then_those_whose_ids_come_first() -> None:
    def off(name: str, amount: int, order: int) -> Offer:
        return offer(name, AmountOff(amount=amount, currency=EUR), joint(order=order))

    cheap = basket(line("a", 500))
    found = best(cheap, [off("a", 200, 1), off("b", 300, 2), off("d", 500, 3), off("c", 500, 4)])
    assert found.priced.coupon_ids == ("c",)


def test_a_coupon_that_gains_by_rounding_is_not_underrated() -> None:
    cents = basket(*(line(name, 1) for name in "abc"))
    two = offer("two", AmountOff(amount=2, currency=EUR), ALONE)
    # Half a cent of each line is a whole one.
    half = offer("half", PercentOff(hundredths=5_000, level=Level.LINE), joint(order=200))
    assert best(cents, [two, half]).priced.discount == 3


def test_beyond_twelve_that_go_together_the_answer_says_that_it_fell_back() -> None:
    one = PercentOff(hundredths=100)
    many = [offer(f"{number:02}", one) for number in range(MOST_EXACT + 1)]
    alone = [offer(f"alone {number}", one, ALONE) for number in range(30)]
    assert not best(HUNDRED, many).exact
    assert best(HUNDRED, many[1:] + alone).exact
    assert best(HUNDRED, many).priced.coupon_ids == greedy(HUNDRED, many).coupon_ids


def test_without_offers_nothing_is_taken_off() -> None:
    found = best(HUNDRED, [])
    assert (found.exact, found.priced.total) == (True, 10_000)


@settings(max_examples=200, deadline=None)
@given(BASKETS, offers(8))
def test_the_best_is_the_best_of_all_subsets(basket: Basket, offers: list[Offer]) -> None:
    found = best(basket, offers)
    expected = by_brute_force(basket, offers)
    chosen = sorted(found.priced.coupon_ids)
    assert (found.priced.total, len(chosen), chosen) == expected
    assert found.exact


@settings(max_examples=50, deadline=None)
@given(BASKETS, offers(16))
def test_the_best_is_no_worse_than_any_coupon_alone_or_than_the_greedy_way(
    basket: Basket, offers: list[Offer]
) -> None:
    found = best(basket, offers).priced.discount
    assert found >= greedy(basket, offers).discount
    assert all(found >= price(basket, [one]).discount for one in offers)


@settings(max_examples=50, deadline=None)
@given(BASKETS, offers(16), st.data())
def test_the_best_does_not_depend_on_how_offers_are_arranged(
    basket: Basket, offers: list[Offer], data: st.DataObject
) -> None:
    assert best(basket, data.draw(st.permutations(offers))) == best(basket, offers)


@settings(deadline=None)
@given(BASKETS, offers(8))
def test_the_best_is_what_pricing_makes_of_the_chosen(basket: Basket, offers: list[Offer]) -> None:
    found = best(basket, offers).priced
    chosen = [one for one in offers if one.coupon_id in found.coupon_ids]
    assert price(basket, chosen).applied == found.applied
    assert {*found.left_out} == {one.coupon_id for one in offers} - {*found.coupon_ids}


def test_two_that_let_no_other_to_their_line_go_together_on_different_lines() -> None:
    two = basket(line("a", 1_000, 1, "hot"), line("b", 600, 1, "cold"))
    hot, cold = (
        offer(
            name,
            PercentOff(hundredths=5_000, scope=Scope(categories=frozenset({name}))),
            joint(once_per_line=True),
        )
        for name in ("hot", "cold")
    )
    assert best(two, [hot, cold]).priced.discount == 800

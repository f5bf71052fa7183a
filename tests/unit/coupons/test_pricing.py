from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.coupons.model.baskets import Basket
from shared.coupons.model.coupons import Coupon
from shared.coupons.model.discounts import (
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
from shared.coupons.model.pricing import Offer, Priced, price
from shared.coupons.model.rules import Reason
from shared.coupons.model.stacking import ALONE, Base
from shared.coupons.model.validity import Validity
from tests.fakes.baskets import EUR, basket, joint, line, offer
from tests.fakes.clock import NOON
from tests.unit.coupons.pricing_strategies import BASKETS, offers

TEN_PERCENT = PercentOff(hundredths=1_000)
TEA, CUP = line("tea", 1_000, 2, "hot"), line("cup", 250, 3, "cold")
"""Tea for 20.00 and cups for 7.50."""
BOTH = basket(TEA, CUP, shipping=490)
HOT = Scope(categories=frozenset({"hot"}))


def taken(basket: Basket, discount: Discount) -> tuple[Mapping[str, int], int]:
    """Return what a discount alone takes off each line, and off shipping."""
    priced = price(basket, [offer("one", discount)])
    if not priced.applied:
        return {}, 0
    (one,) = priced.applied
    return one.lines, one.shipping


@pytest.mark.parametrize(
    ("discount", "lines"),
    [
        (TEN_PERCENT, {"tea": 200, "cup": 75}),
        (PercentOff(hundredths=1_000, level=Level.LINE, scope=HOT), {"tea": 200}),
        # 1.00 off 20.00 : 7.50 is 72.73 and 27.27.
        (PercentOff(hundredths=5_000, max_discount=100), {"tea": 73, "cup": 27}),
        (AmountOff(amount=1_000, currency=EUR), {"tea": 727, "cup": 273}),
        (AmountOff(amount=9_900, currency=EUR), {"tea": 2_000, "cup": 750}),
        (AmountOff(amount=300, currency=EUR, level=Level.LINE), {"tea": 600, "cup": 750}),
        (FixedPrice(price=200, currency=EUR), {"tea": 1_600, "cup": 150}),
        (FixedPrice(price=300, currency=EUR), {"tea": 1_400}),
        (FixedPrice(price=2_200, currency=EUR, level=Level.ORDER), {"tea": 400, "cup": 150}),
        (FreeUnit(product_id="cup"), {"cup": 250}),
        (FreeUnit(product_id="cup", quantity=9), {"cup": 750}),
        (BuyXGetY(buy=2, get=1), {"cup": 250}),
        (BuyXGetY(buy=2, get=1, scope=HOT, hundredths=5_000), {"cup": 125}),
    ],
)
def test_each_kind_takes_off_what_it_says(discount: Discount, lines: Mapping[str, int]) -> None:
    assert taken(BOTH, discount) == (lines, 0)


@pytest.mark.parametrize(
    ("discount", "off"),
    [
        (ShippingOff(), 490),
        (ShippingOff(hundredths=5_000), 245),
        (ShippingOff(max_discount=300), 300),
    ],
)
def test_shipping_can_be_taken_off_wholly_or_in_part(discount: ShippingOff, off: int) -> None:
    assert taken(BOTH, discount) == ({}, off)


def test_lines_are_rounded_each_for_itself_and_an_order_once() -> None:
    three = basket(*(line(name, 105) for name in "abc"))
    each = PercentOff(hundredths=1_000, level=Level.LINE)
    assert taken(three, each)[0] == {"a": 11, "b": 11, "c": 11}
    assert taken(three, TEN_PERCENT)[0] == {"a": 11, "b": 11, "c": 10}


def test_no_more_pieces_of_a_line_are_touched_than_the_scope_says() -> None:
    scope = Scope(at_most=1)
    assert taken(BOTH, replace(TEN_PERCENT, scope=scope))[0] == {"tea": 100, "cup": 25}
    half = FixedPrice(price=500, currency=EUR, scope=scope)
    assert taken(BOTH, half)[0] == {"tea": 500}


@pytest.mark.parametrize(
    "discount",
    [AmountOff(amount=100, currency="CHF"), FixedPrice(price=100, currency="CHF")],
)
def test_an_amount_in_another_currency_takes_nothing_off(discount: Discount) -> None:
    assert price(BOTH, [offer("one", discount)]).left_out == {"one": Reason.NO_EFFECT}


@pytest.mark.parametrize(
    ("deal", "got"),
    [
        # 9 8 7 6 5: two are paid for, the cheapest is free; what is left is one short.
        (BuyXGetY(buy=2, get=1), {"e": 500}),
        (BuyXGetY(buy=1, get=1), {"e": 500, "d": 600}),
        (BuyXGetY(buy=1, get=1, times=1), {"e": 500}),
        # The second time gets only what is there.
        (BuyXGetY(buy=1, get=2), {"e": 500, "d": 600, "c": 700}),
        (BuyXGetY(buy=5, get=1), {}),
    ],
)
def test_the_cheapest_pieces_are_got_for_the_dearest(deal: BuyXGetY, got: dict[str, int]) -> None:
    five = basket(*(line(name, 900 - 100 * place) for place, name in enumerate("abcde")))
    assert taken(five, deal)[0] == got


def test_what_can_only_be_bought_is_bought_first() -> None:
    cheap_or_dear = basket(line("tin", 100, 1, "hot"), line("pot", 900, 1, "hot", "cold"))
    cold = Scope(categories=frozenset({"cold"}))
    deal = BuyXGetY(buy=1, get=1, scope=HOT, gets=cold)
    assert taken(cheap_or_dear, deal)[0] == {"pot": 900}


def test_of_pieces_that_cost_the_same_those_of_the_line_sorted_first_are_paid_for() -> None:
    same = basket(line("b", 100, 2), line("a", 100, 2))
    assert taken(same, BuyXGetY(buy=3, get=1))[0] == {"b": 100}


def test_coupons_are_applied_by_order_then_by_id() -> None:
    five_off = AmountOff(amount=500, currency=EUR)
    hundred = basket(line("a", 10_000))
    half = PercentOff(hundredths=5_000)
    first = price(hundred, [offer("z", five_off, joint(order=1)), offer("a", half)])
    assert (first.coupon_ids, first.total) == (("z", "a"), 4_750)
    by_id = price(hundred, [offer("z", five_off), offer("a", half)])
    assert (by_id.coupon_ids, by_id.total) == (("a", "z"), 4_500)


def test_a_discount_is_reckoned_on_what_is_left_or_on_the_initial_price() -> None:
    hundred = basket(line("a", 10_000))
    half = offer("a", PercentOff(hundredths=5_000))
    then = PercentOff(hundredths=2_000)
    assert price(hundred, [half, offer("b", then)]).total == 4_000
    assert price(hundred, [half, offer("b", then, joint(base=Base.INITIAL))]).total == 3_000


def test_two_discounts_of_the_initial_price_never_take_more_than_it() -> None:
    most = PercentOff(hundredths=7_000)
    both = [offer(name, most, joint(base=Base.INITIAL)) for name in "ab"]
    priced = price(basket(line("a", 10_000)), both)
    assert ([one.discount for one in priced.applied], priced.total) == ([7_000, 3_000], 0)


def test_a_line_with_a_discount_that_stands_alone_gets_no_other() -> None:
    tea = offer("tea", FreeUnit(product_id="tea"), joint(order=1, once_per_line=True))
    tenth = offer("tenth", TEN_PERCENT)
    priced = price(BOTH, [tea, tenth])
    assert [one.lines for one in priced.applied] == [{"tea": 1_000}, {"cup": 75}]
    late = replace(tea, stacking=joint(order=200, once_per_line=True))
    assert price(BOTH, [late, tenth]).left_out == {"tea": Reason.NO_EFFECT}


def test_what_does_not_go_with_an_earlier_one_is_left_out() -> None:
    alone = offer("alone", TEN_PERCENT, ALONE)
    priced = price(BOTH, [offer("z", TEN_PERCENT), alone])
    assert (priced.coupon_ids, priced.left_out) == (("alone",), {"z": Reason.NOT_COMBINABLE})


def test_an_order_uses_a_coupon_once() -> None:
    tenth = offer("tenth", TEN_PERCENT)
    assert price(BOTH, [tenth, tenth]).applied == price(BOTH, [tenth]).applied


def test_a_coupon_offers_its_discount_and_how_it_stands_to_others() -> None:
    coupon = Coupon(
        coupon_id="cpn_1",
        app_id="app_1",
        name="Ten percent",
        discount=TEN_PERCENT,
        stacking=joint(),
        validity=Validity(),
        created_at=NOON,
    )
    assert Offer.of(coupon) == offer("cpn_1", TEN_PERCENT)


def test_what_has_no_effect_stands_in_nobodys_way() -> None:
    nothing = offer("a", FreeUnit(product_id="pot"), ALONE)
    priced = price(BOTH, [nothing, offer("b", TEN_PERCENT)])
    assert (priced.coupon_ids, priced.left_out) == (("b",), {"a": Reason.NO_EFFECT})


def test_a_price_tells_what_was_before_and_what_is_to_be_paid() -> None:
    priced = price(BOTH, [offer("a", TEN_PERCENT), offer("b", ShippingOff())])
    assert (priced.before, priced.discount, priced.total) == (3_240, 765, 2_475)


def off_lines(priced: Priced) -> Counter[str]:
    summed: Counter[str] = Counter()
    for one in priced.applied:
        summed.update(one.lines)
    return summed


@given(BASKETS, offers(6))
def test_discounts_of_lines_and_shipping_sum_to_the_discount(
    basket: Basket, offers: list[Offer]
) -> None:
    priced = price(basket, offers)
    for one in priced.applied:
        assert sum(one.lines.values()) + one.shipping == one.discount > 0
        assert all(share > 0 for share in one.lines.values())
    assert priced.before == basket.subtotal + basket.shipping
    assert {*priced.coupon_ids, *priced.left_out} == {one.coupon_id for one in offers}


@given(BASKETS, offers(6))
def test_neither_a_line_nor_shipping_nor_the_total_falls_below_zero(
    basket: Basket, offers: list[Offer]
) -> None:
    priced = price(basket, offers)
    off = off_lines(priced)
    assert all(off[line.line_id] <= line.amount for line in basket.lines)
    assert sum(one.shipping for one in priced.applied) <= basket.shipping
    assert priced.total >= 0


@given(BASKETS, offers(6))
def test_no_coupon_takes_more_beside_others_than_alone(basket: Basket, offers: list[Offer]) -> None:
    by_id = {one.coupon_id: one for one in offers}
    for one in price(basket, offers).applied:
        assert one.discount <= price(basket, [by_id[one.coupon_id]]).discount


@given(BASKETS, offers(6), st.data())
def test_the_price_does_not_depend_on_how_lines_and_offers_are_arranged(
    basket: Basket, offers: list[Offer], data: st.DataObject
) -> None:
    arranged = replace(basket, lines=tuple(data.draw(st.permutations(basket.lines))))
    assert price(arranged, data.draw(st.permutations(offers))) == price(basket, offers)


@given(BASKETS, offers(6))
def test_what_was_applied_can_stand_together_and_is_applied_in_order(
    basket: Basket, offers: list[Offer]
) -> None:
    by_id = {one.coupon_id: one for one in offers}
    chosen = [by_id[coupon_id] for coupon_id in price(basket, offers).coupon_ids]
    assert all(one.goes_with(two) for one in chosen for two in chosen if one is not two)
    assert chosen == sorted(chosen, key=lambda one: (one.stacking.order, one.coupon_id))

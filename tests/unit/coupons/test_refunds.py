from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.coupons.errors import LineNotReturnableError
from shared.coupons.model.baskets import Basket
from shared.coupons.model.discounts import (
    AmountOff,
    BuyXGetY,
    Discount,
    FreeUnit,
    ShippingOff,
)
from shared.coupons.model.pricing import Offer, price
from shared.coupons.model.redemptions import Part, Redemption, RedemptionState, Refund
from shared.coupons.model.refunds import (
    Reprice,
    noted,
    refund,
    refund_of_all,
    staying,
)
from tests.fakes.baskets import EUR, basket, line, offer
from tests.fakes.clock import NOON
from tests.unit.coupons.pricing_strategies import BASKETS, offers

FIVE_OFF = AmountOff(amount=500, currency=EUR)


def redeemed(basket: Basket, offers: Sequence[Offer]) -> Redemption:
    priced = price(basket, offers)
    return Redemption(
        redemption_id="red_1",
        app_id="app_1",
        fingerprint="f",
        basket=basket,
        parts=tuple(Part(applied=one) for one in priced.applied),
        state=RedemptionState.REDEEMED,
        made_at=NOON,
    )


def one_coupon(basket: Basket, discount: Discount) -> Redemption:
    return redeemed(basket, [offer("one", discount)])


def reprices(offers: Sequence[Offer], *, minimum: int = 0) -> Reprice:
    """Return what prices what stays: from a minimum on, with all offers, else with none."""
    return lambda stays: price(stays, offers if stays.subtotal >= minimum else [])


def test_each_line_pays_back_its_price_less_its_share_of_the_discount() -> None:
    # 5.00 off 30.00 : 10.00 : 20.00 is 2.50, 0.83 and 1.67.
    order = one_coupon(basket(line("a", 3_000), line("b", 1_000), line("c", 1_000, 2)), FIVE_OFF)
    done = refund(order, {"b": 1, "c": 2})
    assert done.lines == {"b": 917, "c": 1_833}
    assert (done.amount, done.discount) == (2_750, 250)
    assert done.given_back[0].lines == {"b": 83, "c": 167}


def test_the_pieces_of_a_line_pay_back_what_was_paid_for_it_to_the_cent() -> None:
    # 10.00 for three pieces.
    order = one_coupon(basket(line("a", 500, 3)), FIVE_OFF)
    paid_back = []
    for _ in range(3):
        done = refund(order, {"a": 1})
        paid_back.append(done.amount)
        order = noted(order, done)
    assert paid_back == [333, 333, 334]


def test_a_free_piece_is_spread_over_the_pieces_of_its_line() -> None:
    order = one_coupon(basket(line("a", 900, 3)), FreeUnit(product_id="a"))
    assert refund(order, {"a": 1}).amount == 600


def test_two_coupons_get_back_in_proportion_to_what_they_gave() -> None:
    offers = [offer("a", FIVE_OFF), offer("b", AmountOff(amount=100, currency=EUR))]
    order = redeemed(basket(line("x", 1_000, 2)), offers)
    done = refund(order, {"x": 1})
    assert [back.discount for back in done.given_back] == [250, 50]


def test_shipping_goes_back_with_the_last_piece() -> None:
    half_shipping = ShippingOff(hundredths=5_000)
    order = one_coupon(basket(line("a", 1_000, 2), shipping=500), half_shipping)
    first = refund(order, {"a": 1})
    assert (first.amount, first.shipping, first.discount) == (1_000, 0, 0)
    last = refund(noted(order, first), {"a": 1})
    assert (last.amount, last.shipping, last.discount) == (1_250, 250, 250)


@pytest.mark.parametrize("pieces", [{"a": 3}, {"b": 1}, {"b": 0}])
def test_what_was_not_bought_cannot_go_back(pieces: Mapping[str, int]) -> None:
    order = one_coupon(basket(line("a", 1_000, 2)), FIVE_OFF)
    with pytest.raises(LineNotReturnableError, match=next(iter(pieces))):
        refund(order, pieces)


def test_a_piece_goes_back_once() -> None:
    order = one_coupon(basket(line("a", 1_000, 2)), FIVE_OFF)
    order = noted(order, refund(order, {"a": 2}))
    with pytest.raises(LineNotReturnableError):
        refund(order, {"a": 1})
    assert refund_of_all(order).amount == refund(order, {}).amount == 0


def test_what_stays_below_the_minimum_loses_the_discount() -> None:
    # 5.00 off from 50.00 on; 40.00 stay.
    coupon = [offer("one", FIVE_OFF)]
    order = redeemed(basket(line("a", 4_000), line("b", 1_500)), coupon)
    again = partial(refund, reevaluated=frozenset({"one"}), reprice=reprices(coupon, minimum=5_000))
    done = again(order, {"b": 1})
    assert refund(order, {"b": 1}).amount == 1_364
    assert (done.amount, done.lessened, done.discount) == (1_000, 364, 500)
    order = noted(order, done)
    assert again(order, {"a": 1}).amount == 4_000


def test_a_refund_is_never_lessened_below_zero_and_the_rest_is_taken_back_later() -> None:
    coupon = [offer("one", AmountOff(amount=2_000, currency=EUR))]
    order = redeemed(basket(line("a", 4_900), line("b", 100), line("c", 5_000)), coupon)
    again = partial(
        refund, reevaluated=frozenset({"one"}), reprice=reprices(coupon, minimum=10_000)
    )
    first = again(order, {"b": 1})
    # 0.80 was paid for it; 19.80 would have to come back.
    assert (first.amount, first.lessened) == (0, 80)
    second = again(noted(order, first), {"c": 1})
    # 80.00 were paid, and 49.00 are to be paid for what stays.
    assert first.amount + second.amount == 3_100


def test_what_stays_never_gains_by_a_return() -> None:
    # Of 9, 9, 9 and 2 the 2 was free; of 9, 9 and 9 one would be.
    deal = [offer("one", BuyXGetY(buy=2, get=1))]
    order = redeemed(basket(line("a", 900, 3), line("b", 200)), deal)
    done = refund(order, {"b": 1}, reevaluated=frozenset({"one"}), reprice=reprices(deal))
    assert done.amount == 0


def test_a_coupon_that_keeps_is_not_reckoned_again_beside_one_that_is() -> None:
    keeps = offer("keeps", AmountOff(amount=300, currency=EUR))
    again = offer("again", AmountOff(amount=600, currency=EUR))
    order = redeemed(basket(line("a", 1_000, 3)), [keeps, again])
    done = refund(
        order, {"a": 1}, reevaluated=frozenset({"again"}), reprice=reprices([], minimum=1)
    )
    given_back = {back.coupon_id: back.discount for back in done.given_back}
    assert given_back == {"keeps": 100, "again": 600}


def test_what_stays_is_the_order_without_what_went_back() -> None:
    order = one_coupon(basket(line("a", 1_000, 2), line("b", 300)), FIVE_OFF)
    order = noted(order, refund(order, {"a": 1}))
    assert staying(order, {"b": 1}).lines == (line("a", 1_000, 1),)


def one_by_one(
    order: Redemption,
    steps: Sequence[Mapping[str, int]],
    refunded: Callable[[Redemption, Mapping[str, int]], Refund] = refund,
) -> tuple[list[Refund], Redemption]:
    """Refund step after step; return each refund, and the order as it is in the end."""
    done = []
    for pieces in steps:
        done.append(refunded(order, pieces))
        order = noted(order, done[-1])
    return done, order


def steps_of(basket: Basket, data: st.DataObject) -> Sequence[Mapping[str, int]]:
    """Draw an order in which all pieces go back, some of them together."""
    every = [line.line_id for line in basket.lines for _ in range(line.quantity)]
    drawn = data.draw(st.permutations(every))
    size = data.draw(st.integers(1, len(every)))
    return [Counter(drawn[start : start + size]) for start in range(0, len(drawn), size)]


@settings(deadline=None)
@given(BASKETS, offers(5), st.data())
def test_partial_refunds_in_any_order_end_where_one_whole_refund_ends(
    basket: Basket, offers: list[Offer], data: st.DataObject
) -> None:
    order = redeemed(basket, offers)
    done, ended = one_by_one(order, steps_of(basket, data))
    whole = refund_of_all(order)
    assert ended == noted(order, whole)
    assert sum(each.amount for each in done) == whole.amount == price(basket, offers).total
    lines: Counter[str] = Counter()
    for each in done:
        lines.update(each.lines)
    assert lines == Counter(whole.lines)


@settings(deadline=None)
@given(BASKETS, offers(5), st.data())
def test_they_end_there_too_where_discounts_are_reckoned_again(
    basket: Basket, offers: list[Offer], data: st.DataObject
) -> None:
    order = redeemed(basket, offers)
    reevaluated = frozenset(one.coupon_id for one in offers if data.draw(st.booleans()))
    reprice = reprices(offers, minimum=data.draw(st.integers(0, basket.subtotal)))
    again = partial(refund, reevaluated=reevaluated, reprice=reprice)
    done, ended = one_by_one(order, steps_of(basket, data), again)
    assert ended == noted(order, refund_of_all(order))
    assert sum(each.amount for each in done) == price(basket, offers).total


@settings(deadline=None)
@given(BASKETS, offers(5), st.data())
def test_every_refund_adds_up_and_nothing_of_it_is_below_zero(
    basket: Basket, offers: list[Offer], data: st.DataObject
) -> None:
    order = redeemed(basket, offers)
    reevaluated = frozenset(one.coupon_id for one in offers)
    prices = {line.line_id: line.unit_price for line in basket.lines}
    for pieces in steps_of(basket, data):
        done = refund(order, pieces, reevaluated=reevaluated, reprice=reprices(offers))
        order = noted(order, done)
        shipping = 0 if staying(order, {}).lines else basket.shipping
        gross = sum(prices[line_id] * count for line_id, count in pieces.items()) + shipping
        assert done.amount + done.discount == gross
        amounts = [*done.lines.values(), done.shipping, done.lessened]
        for back in done.given_back:
            amounts += [*back.lines.values(), back.shipping]
        assert min(amounts) >= 0


@settings(deadline=None)
@given(BASKETS, offers(5), st.data())
def test_reckoning_again_never_pays_back_more_in_all_than_keeping(
    basket: Basket, offers: list[Offer], data: st.DataObject
) -> None:
    order = redeemed(basket, offers)
    steps = steps_of(basket, data)
    kept, _ = one_by_one(order, steps)
    reckoned = partial(
        refund,
        reevaluated=frozenset(one.coupon_id for one in offers),
        reprice=reprices(offers, minimum=data.draw(st.integers(0, basket.subtotal))),
    )
    again, _ = one_by_one(order, steps, reckoned)
    for step in range(len(steps)):
        so_far = sum(each.amount for each in again[: step + 1])
        assert so_far <= sum(each.amount for each in kept[: step + 1])

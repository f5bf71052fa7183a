from hypothesis import given

from shared.coupons.model.baskets import Basket
from shared.coupons.model.discounts import AmountOff, BuyXGetY, FreeUnit, PercentOff, Scope
from shared.coupons.model.near_misses import Lacking, Miss, nearest_miss
from shared.coupons.model.pricing import Offer, price
from tests.fakes.baskets import EUR, basket, line, offer
from tests.unit.coupons.pricing_strategies import BASKETS, offers

EIGHT = offer("eight", AmountOff(amount=800, currency=EUR))
TENTH = offer("tenth", PercentOff(hundredths=1_000))
FULL = basket(line("tea", 4_790, 1, "hot"))


def test_two_ten_more_unlocks_eight() -> None:
    assert nearest_miss(FULL, [Lacking(offer=EIGHT, amount=210)]) == Miss(
        coupon_id="eight", missing_amount=210, missing_pieces=0, unlocks=800
    )


def test_a_share_of_everything_counts_what_is_missing_too() -> None:
    found = nearest_miss(FULL, [Lacking(offer=TENTH, amount=210)])
    assert found is not None
    assert found.unlocks == 500


def test_a_share_of_some_products_counts_only_what_is_there() -> None:
    hot = PercentOff(hundredths=1_000, scope=Scope(categories=frozenset({"hot"})))
    found = nearest_miss(FULL, [Lacking(offer=offer("hot", hot), amount=210)])
    assert found is not None
    assert found.unlocks == 479


def test_the_nearest_lacks_the_fewest_pieces_then_the_least_money() -> None:
    piece = Lacking(offer=EIGHT, pieces=1)
    near, far = (Lacking(offer=TENTH, amount=amount) for amount in (1, 1_000))
    for refused, nearest in (([piece, far], far), ([far, near], near), ([piece], piece)):
        found = nearest_miss(FULL, refused)
        assert found is not None
        assert (found.missing_amount, found.missing_pieces) == (nearest.amount, nearest.pieces)


def test_of_two_as_near_the_one_that_unlocks_more_is_told() -> None:
    found = nearest_miss(FULL, [Lacking(offer=one, amount=210) for one in (TENTH, EIGHT)])
    assert found is not None
    assert found.coupon_id == "eight"


def test_what_would_take_nothing_off_is_no_miss() -> None:
    pot = offer("pot", FreeUnit(product_id="pot"))
    assert nearest_miss(FULL, [Lacking(offer=pot, amount=1)]) is None
    assert nearest_miss(FULL, []) is None


def test_a_missing_piece_has_no_price_yet() -> None:
    deal = offer("deal", BuyXGetY(buy=1, get=1))
    assert nearest_miss(FULL, [Lacking(offer=deal, pieces=1)]) is None
    two = nearest_miss(basket(line("tea", 4_790, 2)), [Lacking(offer=deal, pieces=1)])
    assert two is not None
    assert two.unlocks == 4_790


@given(BASKETS, offers(5))
def test_a_miss_in_pieces_unlocks_what_the_coupon_gives_as_it_is(
    basket: Basket, offers: list[Offer]
) -> None:
    found = nearest_miss(basket, [Lacking(offer=one, pieces=1) for one in offers])
    gives = [price(basket, [one]).discount for one in offers]
    assert (found.unlocks if found else 0) == max(gives, default=0)

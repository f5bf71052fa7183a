"""Any basket and any offers, for the laws that hold for all of them."""

from hypothesis import strategies as st

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
from shared.coupons.model.pricing import Offer
from shared.coupons.model.stacking import Base, Combination, Stacking
from tests.fakes.baskets import EUR, basket, line

PRODUCTS = ("tea", "cup", "pot", "tin")
CATEGORIES = ("hot", "cold")

BASKETS = st.builds(
    lambda lines, shipping: basket(*lines, shipping=shipping),
    st.lists(
        st.builds(
            lambda number, product_id, price, quantity, categories: line(
                f"l{number}", price, quantity, *categories, product_id=product_id
            ),
            st.integers(0, 20),
            st.sampled_from(PRODUCTS),
            st.integers(0, 40) | st.integers(0, 10**6),
            st.integers(1, 7),
            st.frozensets(st.sampled_from(CATEGORIES)),
        ),
        min_size=1,
        max_size=5,
        unique_by=lambda one: one.line_id,
    ),
    st.integers(0, 1_000),
)

_SCOPES = st.builds(
    Scope,
    products=st.frozensets(st.sampled_from(PRODUCTS), max_size=2),
    categories=st.frozensets(st.sampled_from(CATEGORIES), max_size=1),
    at_most=st.none() | st.integers(0, 4),
)
_LEVELS = st.sampled_from(Level)
_HUNDREDTHS = st.integers(1, 10_000)
_AMOUNTS = st.integers(0, 40) | st.integers(0, 10**6)
_MOST = st.none() | st.integers(0, 500)

DISCOUNTS: st.SearchStrategy[Discount] = st.one_of(
    st.builds(PercentOff, hundredths=_HUNDREDTHS, level=_LEVELS, scope=_SCOPES, max_discount=_MOST),
    st.builds(AmountOff, amount=_AMOUNTS, currency=st.just(EUR), level=_LEVELS, scope=_SCOPES),
    st.builds(FixedPrice, price=_AMOUNTS, currency=st.just(EUR), level=_LEVELS, scope=_SCOPES),
    st.builds(FreeUnit, product_id=st.sampled_from(PRODUCTS), quantity=st.integers(1, 4)),
    st.builds(ShippingOff, hundredths=_HUNDREDTHS, max_discount=_MOST),
    st.builds(
        BuyXGetY,
        buy=st.integers(1, 3),
        get=st.integers(1, 3),
        scope=_SCOPES,
        gets=_SCOPES,
        hundredths=_HUNDREDTHS,
        times=st.none() | st.integers(1, 3),
    ),
)

_KINDS = st.sampled_from(("kind", "other"))
STACKINGS = st.builds(
    Stacking,
    category=_KINDS,
    # Most are joint: else hardly any two would meet.
    combination=st.sampled_from([Combination.JOINT] * 7 + [Combination.EXCLUSIVE]),
    combines_with=st.sampled_from([frozenset({"kind", "other"})] * 3 + [frozenset({"kind"})]),
    order=st.integers(1, 3),
    base=st.sampled_from(Base),
    once_per_line=st.booleans(),
)


def offers(most: int) -> st.SearchStrategy[list[Offer]]:
    """Return lists of offers, of each coupon one."""
    one = st.builds(
        Offer,
        coupon_id=st.integers(0, 99).map(lambda number: f"cpn_{number:02}"),
        discount=DISCOUNTS,
        stacking=STACKINGS,
    )
    return st.lists(one, max_size=most, unique_by=lambda offer: offer.coupon_id)

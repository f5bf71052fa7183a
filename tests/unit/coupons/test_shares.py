import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.coupons.model.shares import share_of, spread


@pytest.mark.parametrize(
    ("amount", "hundredths", "share"),
    [
        (995, 1_000, 100),  # 99.5
        (994, 1_000, 99),  # 99.4
        (1, 5_000, 1),  # half a cent
        (1, 4_999, 0),
        (12_345, 10_000, 12_345),
        (0, 10_000, 0),
    ],
)
def test_a_share_is_rounded_a_half_up(amount: int, hundredths: int, share: int) -> None:
    assert share_of(amount, hundredths) == share


@given(st.integers(0, 10**9), st.integers(1, 10_000))
def test_a_share_is_at_most_the_whole(amount: int, hundredths: int) -> None:
    assert 0 <= share_of(amount, hundredths) <= amount


def test_what_does_not_divide_goes_to_the_largest_remainders() -> None:
    # 10 of 3 : 4 : 5 are 2.5, 3.33 and 4.17.
    assert spread(10, [3, 4, 5]) == (3, 3, 4)


def test_of_equal_remainders_the_first_ones_get_more() -> None:
    assert spread(2, [1, 1, 1]) == (1, 1, 0)


@given(st.lists(st.integers(0, 10**6)), st.data())
def test_shares_sum_to_the_total_and_none_is_greater_than_its_weight(
    weights: list[int], data: st.DataObject
) -> None:
    total = data.draw(st.integers(0, sum(weights)))
    shares = spread(total, weights)
    assert sum(shares) == total
    assert all(0 <= share <= weight for share, weight in zip(shares, weights, strict=True))

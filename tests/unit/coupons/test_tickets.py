"""How uses are spread over counters, and what a process remembers of empty ones."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.coupons.model.limits import Subject
from shared.coupons.model.redemptions import Place
from shared.coupons.model.tickets import KNOWN_FOR, KnownEmpty, counters_for, shares, spread

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
PLACE = Place(
    app_id="app_1",
    coupon_id="cpn_1",
    limit_id="total",
    subject=Subject.COUPON,
    subject_id="cpn_1",
    window="ever",
)


def in_order(numbers: Collection[int]) -> Sequence[int]:
    return sorted(numbers)


@given(st.integers(0, 10**7), st.integers(1, 64))
def test_shares_sum_to_the_limit_and_differ_by_one_at_most(total: int, counters: int) -> None:
    parts = shares(total, counters)
    assert (sum(parts), len(parts)) == (total, counters)
    assert max(parts) - min(parts) <= 1


@pytest.mark.parametrize(
    ("capacity", "peak", "counters"),
    [(10**6, 400, 1), (10**6, 401, 2), (10**6, 10**6, 64), (800, 6_400, 16), (799, 6_400, 15)],
)
def test_counters_follow_the_peak_and_the_limit(capacity: int, peak: int, counters: int) -> None:
    assert counters_for(capacity, peak=peak) == counters


def test_a_limit_of_nothing_has_a_counter() -> None:
    assert counters_for(0, peak=6_400) == 1


@given(st.integers(1, 500), st.lists(st.integers(0, 100), min_size=1, max_size=16))
def test_an_amount_is_drawn_whole_or_not_at_all(amount: int, left: list[int]) -> None:
    taken = spread(amount, left)
    if taken is None:
        assert sum(left) < amount
        return
    assert sum(taken.values()) == amount
    assert all(0 < part <= left[counter] for counter, part in taken.items())
    assert len(taken) == 1 or max(left) < amount


def test_an_empty_counter_is_passed_over_for_a_while() -> None:
    known = KnownEmpty(shuffled=in_order)
    known.note_empty(PLACE, 1, now=NOON)
    assert known.order(PLACE, counters=3, now=NOON) == [0, 2]
    assert known.order(PLACE, counters=3, now=NOON + KNOWN_FOR) == [0, 1, 2]


def test_what_is_given_back_is_known_at_once() -> None:
    known = KnownEmpty(shuffled=in_order)
    known.note_empty(PLACE, 1, now=NOON)
    known.note_sold_out(PLACE, now=NOON)
    assert known.is_sold_out(PLACE, now=NOON)
    known.reopen(PLACE, [1])
    assert not known.is_sold_out(PLACE, now=NOON)
    assert known.order(PLACE, counters=2, now=NOON) == [0, 1]


def test_that_it_is_sold_out_is_asked_again_after_a_while() -> None:
    known = KnownEmpty(shuffled=in_order)
    known.note_sold_out(PLACE, now=NOON)
    assert not known.is_sold_out(PLACE, now=NOON + KNOWN_FOR)

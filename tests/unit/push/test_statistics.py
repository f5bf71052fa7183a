"""Intervals and chances of our own say what statsmodels says, and keep what they promise."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy.stats import binom, chisquare
from statsmodels.stats.proportion import confint_proportions_2indep

from shared.push.model.statistics import (
    ERROR,
    POWER,
    Interval,
    Share,
    always_valid,
    chance_of_split,
    difference,
    least_found,
    relative,
    score_variance,
)

CAMPAIGNS, LOOKS = 1_000, 30
SURPRISE = 0.001
"""A sound test fails so often; the seeds are fixed, so it does not."""


@given(
    some.integers(1, 10**6).flatmap(lambda n: some.tuples(some.integers(0, n), some.just(n))),
    some.integers(1, 10**6).flatmap(lambda n: some.tuples(some.integers(0, n), some.just(n))),
)
def test_a_difference_has_the_interval_of_newcombe(
    one: tuple[int, int], other: tuple[int, int]
) -> None:
    found = difference(
        Share(converted=one[0], told=one[1]), Share(converted=other[0], told=other[1])
    )
    low, high = confint_proportions_2indep(*one, *other, method="newcomb", compare="diff")
    assert found.low == pytest.approx(low, abs=1e-9)
    assert found.high == pytest.approx(high, abs=1e-9)


@given(some.lists(some.integers(0, 10**5), min_size=2, max_size=6), some.data())
def test_a_split_has_the_chance_of_chi_square(found: list[int], data: some.DataObject) -> None:
    weights = data.draw(some.lists(some.integers(1, 100), min_size=len(found), max_size=len(found)))
    if not sum(found):
        assert chance_of_split(found, weights) == 1
        return
    meant = [sum(found) * one / sum(weights) for one in weights]
    assert chance_of_split(found, weights) == pytest.approx(
        chisquare(found, meant).pvalue, rel=1e-6, abs=1e-12
    )


def test_a_relative_interval_covers_the_truth_as_often_as_it_says() -> None:
    chance = np.random.default_rng(11)
    told = chance.binomial(4_000, 0.06, CAMPAIGNS), chance.binomial(4_000, 0.05, CAMPAIGNS)
    missed = 0
    for one, other in zip(*told, strict=True):
        found = relative(
            Share(converted=int(one), told=4_000), Share(converted=int(other), told=4_000)
        )
        missed += not found.low <= 0.06 / 0.05 - 1 <= found.high
    assert _is_fair(missed)


def test_campaigns_that_change_nothing_are_called_a_change_in_one_of_twenty() -> None:
    chance = np.random.default_rng(12)
    sides = chance.binomial(5_000, 0.05, (CAMPAIGNS, 2))
    wrong = sum(
        not difference(
            Share(converted=int(one), told=5_000), Share(converted=int(other), told=5_000)
        ).has_zero
        for one, other in sides
    )
    assert _is_fair(wrong)


def test_who_looks_every_day_is_wrong_no_more_often() -> None:
    chance = np.random.default_rng(13)
    expected = score_variance(6_000, 6_000, rate=0.05)
    grown = chance.binomial(200, 0.05, (CAMPAIGNS, LOOKS, 2)).cumsum(axis=1)
    always, naively = 0, 0
    for campaign in grown:
        looks = [
            (Share(converted=int(one), told=200 * day), Share(converted=int(other), told=200 * day))
            for day, (one, other) in enumerate(campaign, start=1)
        ]
        always += any(not always_valid(*look, expected=expected).has_zero for look in looks)
        naively += any(not difference(*look).has_zero for look in looks)
    assert always <= binom.ppf(1 - SURPRISE, CAMPAIGNS, ERROR)
    assert naively > 3 * ERROR * CAMPAIGNS, (
        "looking often must be what the other interval cannot bear"
    )


def test_a_rise_is_found_at_the_promised_size_as_often_as_promised() -> None:
    size = 1
    while (least_found(size, size, rate=0.05) or 1) > 0.005:  # a tenth more than 5 %
        size = math.ceil(size * 1.01)
    chance = np.random.default_rng(14)
    told, held = chance.binomial(size, 0.055, CAMPAIGNS), chance.binomial(size, 0.05, CAMPAIGNS)
    found = sum(
        difference(Share(converted=int(one), told=size), Share(converted=int(other), told=size)).low
        > 0
        for one, other in zip(told, held, strict=True)
    )
    assert (
        binom.ppf(SURPRISE, CAMPAIGNS, POWER) <= found <= binom.ppf(1 - SURPRISE, CAMPAIGNS, POWER)
    )


def test_what_no_campaign_could_show_is_not_promised() -> None:
    assert least_found(1, 1, rate=0.05) is None
    assert least_found(0, 10, rate=0.05) is None


def test_a_planted_split_is_no_accident_and_a_fair_one_is() -> None:
    assert chance_of_split([5_200, 4_800], [1, 1]) < 0.001
    assert chance_of_split([5_020, 4_980], [1, 1]) > 0.5
    assert chance_of_split([0, 0], [1, 1]) == 1


def test_an_interval_knows_whether_nothing_would_fit() -> None:
    assert Interval(-0.1, 0.1).has_zero
    assert not Interval(0.01, 0.1).has_zero


def _is_fair(wrong: int) -> bool:
    low, high = binom.ppf([SURPRISE, 1 - SURPRISE], CAMPAIGNS, ERROR)
    return bool(low <= wrong <= high)

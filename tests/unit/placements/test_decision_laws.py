"""What holds of every decision, whatever is booked and whoever asks."""

import math
from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.placements.model.ad_state import CouponStanding
from shared.placements.model.decision import decide
from shared.placements.model.demand import Pricing, Rate
from shared.placements.model.fitting import fits
from shared.placements.model.matching import compiled, facts_of
from shared.placements.model.requests import Outcome, Wanted
from tests.unit.placements.decision_strategies import CASES, FLIGHTS, Case, given_in, markets
from tests.unit.placements.markets import Market, asked, names_of, person

MANY = settings(max_examples=60, deadline=None)


def outcome_of(case: Case) -> Outcome:
    return decide(case.request, case.snapshot, case.state, **case.turn)


@given(CASES)
@MANY
def test_the_same_again_is_decided_the_same(case: Case) -> None:
    assert outcome_of(case) == outcome_of(case)


@given(CASES)
@MANY
def test_every_slot_has_as_many_as_it_wants_or_a_reason(case: Case) -> None:
    outcome = outcome_of(case)
    assert list(outcome.choices) == [wanted.name for wanted in case.request.wanted]
    for wanted in case.request.wanted:
        given_ads = len(outcome.choices[wanted.name])
        assert given_ads <= wanted.count
        assert (wanted.name in outcome.no_ad) is (given_ads < wanted.count)


@given(CASES)
@MANY
def test_nobody_is_shown_whom_dates_leases_rules_or_coupons_refuse(case: Case) -> None:
    ads = {ad.ad_id: ad for ad in case.snapshot.ads}
    placements = {one.placement_id: one for one in case.snapshot.placements}
    wanted = {one.name: one for one in case.request.wanted}
    facts = facts_of(case.request, case.state)
    for choice in given_in(outcome_of(case)):
        ad, slot = ads[choice.ad_id], wanted[choice.name]
        placement, flight = placements[choice.placement_id], ad.flight
        own = {"$placement": slot.name, "$keywords": slot.keywords}
        told = {**facts, **slot.attributes, **own}
        assert fits(ad.creative, placement)
        assert flight.starts_at <= case.request.at
        assert flight.flight_id not in case.refused
        assert compiled(flight.targeting.rule)(told)
        assert case.rates.get(flight.flight_id, 1) > 0
        assert case.state.coupons.get(flight.coupon_id or "") is not CouponStanding.REDEEMED
        hold = case.state.holds.get(flight.purpose)
        assert hold is None or (hold.until is not None and hold.until <= case.request.at)
        assert flight.ghost_percent < 100


@given(CASES)
@MANY
def test_no_cap_is_passed_by_what_was_seen_and_given(case: Case) -> None:
    ads = {ad.ad_id: ad for ad in case.snapshot.ads}
    choices = given_in(outcome_of(case))
    if not case.request.consent.capping:
        return
    at = case.request.at
    standing = [one for one in case.state.seen if not one.held_until or one.held_until > at]
    for choice in choices:
        for cap in ads[choice.ad_id].caps:
            seen = [one for one in standing if one.at > at - cap.window]
            counted = [
                one
                for one in (*seen, *choices)
                if cap.counts in {one.flight_id, one.ad_campaign_id, one.advertiser_id, one.ad_id}
            ]
            assert len(counted) <= cap.times


@given(CASES)
@MANY
def test_no_ad_comes_twice_and_no_label_but_within_a_companion_set(case: Case) -> None:
    choices = given_in(outcome_of(case))
    sets = {flight.flight_id: flight.companions for flight in case.snapshot.flights}
    assert len({choice.ad_id for choice in choices}) == len(choices)
    assert len({choice.creative_id for choice in choices}) == len(choices)
    for place, one in enumerate(choices):
        for other in choices[place + 1 :]:
            if one.labels & other.labels:
                assert sets[one.flight_id] == sets[other.flight_id] is not None


@given(CASES)
@MANY
def test_companions_are_all_there_or_none_is(case: Case) -> None:
    since = case.request.at - case.snapshot.apart
    there = {choice.flight_id for choice in given_in(outcome_of(case))}
    seen = {one.flight_id for one in case.state.seen if one.at > since}
    for companions in case.snapshot.companions.values():
        together = {flight.flight_id for flight in companions}
        assert not together & there or together <= there | seen


@given(markets(), CASES, st.integers(1, 4))
@MANY
def test_what_is_booked_far_below_changes_nothing_above(
    market: Market, case: Case, number: int
) -> None:
    for place, flight in enumerate(market.flights):
        # Sets stand in their lowest tier; here all stand above the new ones.
        market.flights[place] = replace(flight, tier=min(flight.tier, 8))
    before = market.snapshot()
    for extra in range(number):
        market.flight(f"low-{extra}", tier=15, ads=2)
    after = market.snapshot()
    after.hash = before.hash  # It seeds the draws.
    one = decide(case.request, before, case.state, **case.turn)
    other = decide(case.request, after, case.state, **case.turn)
    for name, choices in one.choices.items():
        kept = [choice for choice in other.choices[name] if choice.tier < 15]
        assert kept == list(choices)


@given(st.lists(st.sampled_from([2, 4, 8, 12]), min_size=1, max_size=6))
def test_a_higher_tier_always_comes_first(tiers: list[int]) -> None:
    market = Market()
    market.placement("top")
    for name, tier in zip(FLIGHTS, tiers, strict=False):
        market.flight(name, tier=tier)
    count = (len(tiers) + 1) // 2
    request = asked(Wanted(name="top", count=count))
    choices = decide(request, market.snapshot(), person(), rates={}).choices["top"]
    assert [choice.tier for choice in choices] == sorted(tiers)[:count]


def chi_square(found: Counter[str], expected: dict[str, float]) -> float:
    return sum((found[name] - value) ** 2 / value for name, value in expected.items())


def test_a_lottery_gives_in_proportion_to_worth_and_weight() -> None:
    market = Market()
    market.placement("top")
    rates = {"a": (100, 1), "b": (200, 1), "c": (100, 3), "d": (50, 4)}
    for name, (amount, weight) in rates.items():
        rate = Rate(pricing=Pricing.CPM, amount=amount, currency="EUR")
        market.flight(name, ads=3, rate=rate, weight=weight)
    snapshot, rounds = market.snapshot(), 4_000
    wins: Counter[str] = Counter()
    for number in range(rounds):
        choices = decide(asked("top", number=number), snapshot, person(), rates={}).choices["top"]
        wins.update(names_of(choices))
    shares = {name: amount * weight for name, (amount, weight) in rates.items()}
    expected = {name: rounds * share / sum(shares.values()) for name, share in shares.items()}
    # The 99.9th percentile of chi-square with three degrees of freedom is 16.3; seeds are fixed.
    assert chi_square(wins, expected) < 16.3


def test_who_is_refused_shifts_no_proportion_among_the_others_in_a_large_group() -> None:
    market = Market()
    market.placement("top")
    for number in range(60):
        market.flight(f"never-{number}", targeting='$country = "FR"', weight=20)
    weights = {"a": 1, "b": 2, "c": 5}
    for name, weight in weights.items():
        market.flight(name, weight=weight)
    snapshot, rounds = market.snapshot(), 2_000
    wins: Counter[str] = Counter()
    for number in range(rounds):
        choices = decide(asked("top", number=number), snapshot, person(), rates={}).choices["top"]
        wins.update(names_of(choices))
    expected = {name: rounds * weight / 8 for name, weight in weights.items()}
    # The 99.9th percentile of chi-square with two degrees of freedom is 13.8.
    assert chi_square(wins, expected) < 13.8


def test_the_second_of_a_lottery_is_drawn_among_those_that_are_left() -> None:
    market = Market()
    market.placement("top")
    weights = {"a": 6, "b": 3, "c": 1}
    for name, weight in weights.items():
        market.flight(name, weight=weight)
    snapshot, rounds = market.snapshot(), 4_000
    orders: Counter[str] = Counter()
    for number in range(rounds):
        request = asked(Wanted(name="top", count=2), number=number)
        choices = decide(request, snapshot, person(), rates={}).choices["top"]
        orders["".join(names_of(choices))] += 1
    expected = {
        first + second: rounds * weights[first] / 10 * weights[second] / (10 - weights[first])
        for first in weights
        for second in weights
        if first != second
    }
    assert math.isclose(sum(expected.values()), rounds)
    # The 99.9th percentile of chi-square with five degrees of freedom is 20.5.
    assert chi_square(orders, expected) < 20.5


def test_two_decisions_of_a_person_draw_apart_and_two_slots_do_too() -> None:
    market = Market()
    market.placement("top")
    market.placement("bottom")
    for name in FLIGHTS:
        market.flight(name)
    snapshot = market.snapshot()
    pairs = set()
    for number in range(300):
        outcome = decide(asked("top", "bottom", number=number), snapshot, person(), rates={})
        pairs.add(tuple(names_of(given_in(outcome))))
    assert len(pairs) == len(FLIGHTS) * (len(FLIGHTS) - 1)

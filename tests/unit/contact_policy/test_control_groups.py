from collections.abc import Sequence
from math import comb
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from shared.contact_policy.model.control_groups import (
    ControlGroup,
    fraction,
    is_control,
    is_held_out,
)
from shared.kernel.events import Channel
from tests.fakes.contact_policy import candidate

EXPERIMENTS = 1_000
PEOPLE = 400
# Of a normal distribution, 5 % lies farther out than this.
FIVE_PERCENT = 1.959964


def group(percent: float = 50, *, salt: str = "s", **changed: object) -> ControlGroup:
    return ControlGroup(id="g", salt=salt, percent=percent, **changed)  # type: ignore[arg-type]


@given(st.text(), st.text())
def test_a_share_of_nobody_has_nobody_and_of_everybody_all(salt: str, person: str) -> None:
    assert not is_control(group(0, salt=salt), person)
    assert is_control(group(100, salt=salt), person)
    assert 0 <= fraction(salt, person) < 1


@given(st.text(), st.floats(0, 100), st.floats(0, 100))
def test_a_larger_share_keeps_who_was_in_the_smaller(person: str, one: float, other: float) -> None:
    small, large = sorted((one, other))
    assert is_control(group(large), person) or not is_control(group(small), person)


def test_the_draw_never_changes() -> None:
    assert fraction("salt", "con_1") == 0.2481404066156716


def test_a_share_is_what_it_says() -> None:
    drawn = sum(is_control(group(10), f"con_{number}") for number in range(20_000))
    assert abs(drawn - 2_000) < 4 * (20_000 * 0.1 * 0.9) ** 0.5


@given(st.text(), st.floats(0, 100), st.floats(0, 100))
def test_a_larger_holdout_keeps_who_was_in_the_smaller(
    person: str, one: float, other: float
) -> None:
    small, large = sorted((one, other))
    in_small, in_large = (
        is_held_out(candidate(campaign_id="cmp_1", holdout_percent=percent), person)
        for percent in (small, large)
    )
    assert in_large or not in_small


@given(st.text(), st.text())
def test_a_campaign_holds_out_nobody_or_all_and_what_is_no_campaign_nobody(
    campaign: str, person: str
) -> None:
    assert not is_held_out(candidate(campaign_id=campaign), person)
    assert is_held_out(candidate(campaign_id=campaign, holdout_percent=100), person)
    assert not is_held_out(candidate(holdout_percent=100), person)


def test_each_campaign_draws_its_holdout_anew() -> None:
    people = [f"con_{number}" for number in range(4_000)]
    spring, autumn = (
        {one for one in people if is_held_out(candidate(**campaign, holdout_percent=25), one)}
        for campaign in ({"campaign_id": "cmp_spring"}, {"campaign_id": "cmp_autumn"})
    )
    for drawn in (len(spring), len(autumn)):
        assert abs(drawn - 1_000) < 4 * (4_000 * 0.25 * 0.75) ** 0.5
    both = len(spring & autumn)
    assert abs(both - 250) < 4 * (4_000 * 0.0625 * 0.9375) ** 0.5


def test_a_group_covers_its_channels_and_its_campaign() -> None:
    push = group(channels=frozenset({Channel.PUSH}))
    spring = group(campaign_id="cmp_spring")
    assert push.covers(candidate())
    assert not push.covers(candidate(channel=Channel.SMS))
    assert spring.covers(candidate(campaign_id="cmp_spring"))
    assert not spring.covers(candidate(campaign_id="cmp_autumn"))
    assert not spring.covers(candidate())
    assert group().covers(candidate(campaign_id="cmp_autumn"))


def test_where_nothing_differs_one_experiment_in_twenty_finds_a_difference() -> None:
    """An A/A test: groups drawn from the same people, a two-sided test at 5 %, a thousand times."""
    chance = Random(2026)  # noqa: S311 - a fixed series, no secret
    people = [f"con_{number}" for number in range(PEOPLE)]
    converted = [chance.random() < 0.3 for _ in people]
    found = sum(
        _differs([is_control(group(salt=f"experiment-{number}"), one) for one in people], converted)
        for number in range(EXPERIMENTS)
    )
    # Within 99.9 % of a binomial distribution of 1,000 draws at 5 %.
    assert _binomial(found) > 0.0005


def _differs(control: Sequence[bool], converted: Sequence[bool]) -> bool:
    """Say whether the share that converted differs between the groups (two-proportion z test)."""
    size = sum(control)
    inside = sum(won for won, held in zip(converted, control, strict=True) if held)
    outside, rest = sum(converted) - inside, len(control) - size
    share = sum(converted) / len(control)
    spread: float = (share * (1 - share) * (1 / size + 1 / rest)) ** 0.5
    return abs(inside / size - outside / rest) / spread > FIVE_PERCENT


def _binomial(found: int) -> float:
    """Return how probable it is to be as far out as ``found``, on its side."""
    chances = [
        comb(EXPERIMENTS, count) * 0.05**count * 0.95 ** (EXPERIMENTS - count)
        for count in range(found + 1)
    ]
    below = sum(chances)
    return min(below, 1 - below + chances[-1])

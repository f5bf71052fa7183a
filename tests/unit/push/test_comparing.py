"""What results prove is said by the plan, and of the right groups."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from shared.push.model.books import Books, Place
from shared.push.model.campaigns import Campaign, CampaignDraft, Conversion, Variant
from shared.push.model.comparing import (
    Comparison,
    Experiment,
    Split,
    Verdict,
    detectable,
    experiment_of,
)
from shared.push.model.messages import State
from shared.push.model.results import Control, Funnel, Results, VariantResults
from shared.push.model.statistics import ERROR, POWER, Interval
from tests.fakes.clock import NOON

CAMPAIGNS = 1_000
SURPRISE = 0.001


def a_draft(*weights: int, holdout_percent: float = 20, rate: float = 0.05) -> CampaignDraft:
    return CampaignDraft(
        name="sale",
        segment_id="seg",
        segment_version=1,
        variants=tuple(
            Variant(name=f"v{at}", template_id="tpl", weight=weight)
            for at, weight in enumerate(weights)
        ),
        holdout_percent=holdout_percent,
        conversion=Conversion(type="a.b.v1", within=timedelta(days=1), expected_rate=rate),
    )


def results(
    draft: CampaignDraft, told: Mapping[str, tuple[int, int]], held: Mapping[str, tuple[int, int]]
) -> Results:
    """Return results: by variant how many converted of how many, told and held out."""
    variants = [
        VariantResults(
            name=name,
            books=Books(
                planned=told[name][1] + held[name][1],
                chunks=1,
                tally={
                    Place(name, State.SENT): told[name][1],
                    Place(name, State.HELD_OUT): held[name][1],
                },
            ),
            funnel=Funnel(sent=told[name][1], converted=told[name][0]),
            control=Control(held_out=held[name][1], converted=held[name][0]),
        )
        for name in told
    ]
    return Results(
        campaign=Campaign(
            app_id="app",
            campaign_id="cmp",
            draft=draft,
            authors=("ada",),
            created_at=NOON,
            updated_at=NOON,
        ),
        books=Books(planned=sum(one.books.planned for one in variants), chunks=1),
        control=Control(
            held_out=sum(one.control.held_out for one in variants),
            converted=sum(one.control.converted for one in variants),
        ),
        variants=variants,
    )


def test_each_text_is_held_against_all_who_were_not_told_and_against_each_other() -> None:
    found = experiment_of(
        results(
            a_draft(1, 1),
            {"v0": (800, 4_000), "v1": (200, 4_000)},
            {"v0": (52, 1_000), "v1": (48, 1_000)},
        )
    )
    assert [(one.variant, one.than, one.verdict) for one in found.uplifts] == [
        ("v0", None, Verdict.BETTER),
        ("v1", None, Verdict.OPEN),
    ]
    assert [round(one.difference, 4) for one in found.uplifts] == [0.15, 0.0]
    (pair,) = found.pairs
    assert (pair.variant, pair.than, pair.verdict) == ("v0", "v1", Verdict.BETTER)
    assert pair.relative is not None
    assert pair.relative.low < 3 < pair.relative.high
    assert found.is_sound
    assert [one.group for one in found.splits] == ["planned", "held_out"]


def test_a_text_that_does_harm_is_worse() -> None:
    found = experiment_of(results(a_draft(1), {"v0": (100, 8_000)}, {"v0": (200, 2_000)}))
    assert [one.verdict for one in found.uplifts] == [Verdict.WORSE]
    assert found.pairs == ()
    assert found.splits == ()


def test_what_nobody_was_told_or_counted_proves_nothing() -> None:
    draft = a_draft(1, 1)
    told, held = {"v0": (5, 50), "v1": (5, 50)}, {"v0": (1, 10), "v1": (1, 10)}
    assert not experiment_of(results(replace(draft, conversion=None), told, held)).uplifts
    nobody = dict.fromkeys(told, (0, 0))
    assert not experiment_of(results(draft, nobody, held)).uplifts
    assert experiment_of(results(draft, nobody, nobody)) == Experiment(splits=_no_surprise(draft))
    assert not detectable(replace(draft, conversion=None), 1_000)
    assert not detectable(replace(a_draft(1), holdout_percent=0), 1_000)


def test_a_campaign_that_was_not_sent_proves_nothing() -> None:
    unsent = replace(results(a_draft(1, 1), {}, {}), variants=())

    assert experiment_of(unsent) == Experiment(uplifts=(), pairs=(), splits=())


def test_without_a_conversion_untold_there_is_no_part_by_which_it_rose() -> None:
    found = experiment_of(results(a_draft(1), {"v0": (9, 80)}, {"v0": (0, 20)}))
    assert [one.relative for one in found.uplifts] == [None]


def test_the_more_are_compared_the_wider_each_interval() -> None:
    widths = []
    for count in (2, 3, 5):
        names = [f"v{at}" for at in range(count)]
        found = experiment_of(
            results(
                a_draft(*[1] * count),
                dict.fromkeys(names, (50, 1_000)),
                dict.fromkeys(names, (50, 1_000)),
            )
        )
        assert len(found.pairs) == count * (count - 1) // 2
        widths.append(found.pairs[0].once.high - found.pairs[0].once.low)
    assert all(narrow < wide for narrow, wide in pairwise(widths))


@pytest.mark.parametrize(("planned", "sound"), [((5_200, 4_800), False), ((5_050, 4_950), True)])
def test_a_planted_split_of_52_to_48_rings(planned: tuple[int, int], *, sound: bool) -> None:
    told = {f"v{at}": (count // 20, count) for at, count in enumerate(planned)}
    found = experiment_of(results(a_draft(1, 1), told, dict.fromkeys(told, (0, 0))))
    assert found.is_sound == sound


def test_who_is_held_out_of_one_text_alone_rings() -> None:
    told = {"v0": (40, 800), "v1": (50, 1_000)}
    found = experiment_of(results(a_draft(1, 1), told, {"v0": (10, 200), "v1": (0, 0)}))
    assert [one.group for one in found.splits if one.is_alarming] == ["held_out"]


def test_texts_by_weight_add_up_to_who_is_told() -> None:
    found = detectable(a_draft(9, 2, 1, holdout_percent=10), 1_001)
    beside_held_out = [one for one in found if one.than is None]
    assert [(one.told, one.beside) for one in beside_held_out] == [
        (676, 100),
        (150, 100),
        (75, 100),
    ]
    assert sum(one.told for one in beside_held_out) + 100 == 1_001
    assert [(one.variant, one.than) for one in found if one.than] == [
        ("v0", "v1"),
        ("v0", "v2"),
        ("v1", "v2"),
    ]


@given(st.integers(1, 10**6), st.floats(0.001, 0.5), st.floats(1, 50))
def test_more_people_show_smaller_rises(messages: int, rate: float, held: float) -> None:
    draft = a_draft(1, holdout_percent=held, rate=rate)
    for few in detectable(draft, messages):
        (many,) = detectable(draft, messages * 4)
        assert few.rise is None or (many.rise is not None and many.rise <= few.rise * 1.01)


def test_campaigns_without_effect_look_like_one_in_one_of_twenty_whatever_their_texts() -> None:
    chance = np.random.default_rng(21)
    once = always = 0
    draft = a_draft(2, 1, 1, holdout_percent=25)
    sizes = {"v0": (3_000, 1_000), "v1": (1_500, 500), "v2": (1_500, 500)}
    for _ in range(CAMPAIGNS):
        told = {name: (int(chance.binomial(n, 0.05)), n) for name, (n, _) in sizes.items()}
        held = {name: (int(chance.binomial(n, 0.05)), n) for name, (_, n) in sizes.items()}
        found = experiment_of(results(draft, told, held))
        once += any(not one.once.has_zero for one in found.uplifts)
        always += any(one.verdict is not Verdict.OPEN for one in found.uplifts)
    # Bonferroni's bound is not reached, for all three are held against the same people.
    assert CAMPAIGNS * ERROR / 3 < once <= binom.ppf(1 - SURPRISE, CAMPAIGNS, ERROR)
    assert always <= once


def test_a_rise_of_a_tenth_is_found_in_an_audience_of_the_promised_size() -> None:
    messages = 1_000
    draft = a_draft(1, holdout_percent=50)
    while (promised := detectable(draft, messages)[0]).rise is None or promised.rise > 0.005:
        messages = round(messages * 1.02)
    chance = np.random.default_rng(22)
    found = 0
    for _ in range(CAMPAIGNS):
        told = {"v0": (int(chance.binomial(promised.told, 0.055)), promised.told)}
        held = {"v0": (int(chance.binomial(promised.beside, 0.05)), promised.beside)}
        (uplift,) = experiment_of(results(draft, told, held)).uplifts
        found += uplift.once.low > 0
    low, high = binom.ppf([SURPRISE, 1 - SURPRISE], CAMPAIGNS, POWER)
    assert low <= found <= high


def test_a_verdict_is_by_the_interval_that_daily_looks_do_not_spoil() -> None:
    shown = Interval(0.01, 0.02)
    found = Comparison(
        variant="a",
        than=None,
        difference=0.015,
        once=shown,
        always=Interval(-0.01, 0.04),
        relative=None,
    )
    assert found.verdict is Verdict.OPEN
    assert replace(found, always=shown).verdict is Verdict.BETTER


def _no_surprise(draft: CampaignDraft) -> tuple[Split, ...]:
    nobody = {one.name: (0, 0) for one in draft.variants}
    return tuple(experiment_of(results(draft, nobody, nobody)).splits)

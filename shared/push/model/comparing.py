"""What a campaign proves: each text against those who were not told, and against each other."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate, combinations, pairwise

from shared.push.model.campaigns import CampaignDraft, Variant
from shared.push.model.messages import State
from shared.push.model.results import Results
from shared.push.model.statistics import (
    ERROR,
    Interval,
    Share,
    always_valid,
    chance_of_split,
    difference,
    least_found,
    relative,
    score_variance,
)

ALARM = 0.001
"""Below such a chance a split is no accident: one sound campaign in a thousand rings in vain."""


class Verdict(StrEnum):
    """What a comparison shows, however often somebody looked."""

    BETTER = "better"
    WORSE = "worse"
    OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One text beside another, or beside those held out (``than`` is ``None``).

    Intervals are of the difference of shares, -1 to 1, and hold for the whole family together: for
    all texts beside the hold-out, or all pairs of texts. ``once`` is for who looks once, at the
    end; ``always`` for who looks every day. ``relative`` is ``None`` while nobody of the other
    side converted.
    """

    variant: str
    than: str | None
    difference: float
    once: Interval
    always: Interval
    relative: Interval | None

    @property
    def verdict(self) -> Verdict:
        """Say what is shown, by the interval that daily looks do not spoil."""
        if self.always.has_zero:
            return Verdict.OPEN
        return Verdict.BETTER if self.difference > 0 else Verdict.WORSE


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Whether messages were shared as the weights say: ``chance`` that it is an accident.

    ``group`` is ``planned`` (all messages) or ``held_out`` (of these alone).
    """

    group: str
    chance: float

    @property
    def is_alarming(self) -> bool:
        """Say whether something other than chance shared them, so that no comparison counts."""
        return self.chance < ALARM


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """What a campaign's results prove."""

    uplifts: Sequence[Comparison] = ()
    pairs: Sequence[Comparison] = ()
    splits: Sequence[Split] = ()

    @property
    def is_sound(self) -> bool:
        """Say whether the groups are as large as they were meant to be."""
        return not any(one.is_alarming for one in self.splits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Detectable:
    """The least rise of one text over another, or over the hold-out (``than`` is ``None``).

    It shows in four of five such campaigns, to who looks once, in groups of ``told`` and ``beside``
    messages. ``rise`` is a difference of shares; ``None``: nothing that could be would show.
    """

    variant: str
    than: str | None
    told: int
    beside: int
    rise: float | None


def experiment_of(results: Results) -> Experiment:
    """Return what results prove up to now; without a conversion to count, only of the split."""
    draft = results.campaign.draft
    # Before its sending a campaign has no figures of its texts.
    shares: dict[str | None, Share] = {
        one.name: Share(converted=0, told=0) for one in draft.variants
    }
    shares |= {
        one.name: Share(converted=one.funnel.converted, told=one.funnel.sent)
        for one in results.variants
    }
    control = results.control
    shares[None] = Share(converted=control.converted, told=control.held_out)
    uplifts, pairs = (
        _compared(family, shares, rate=draft.conversion.expected_rate if draft.conversion else None)
        for family in _families(draft, results.books.planned)
    )
    return Experiment(uplifts=uplifts, pairs=pairs, splits=tuple(_splits(results)))


def detectable(draft: CampaignDraft, messages: int) -> Sequence[Detectable]:
    """Return what a campaign of so many messages can show; without a conversion, nothing."""
    goal = draft.conversion
    return [
        Detectable(
            variant=one.variant,
            than=one.than,
            told=one.told,
            beside=one.beside,
            rise=least_found(
                one.told, one.beside, rate=goal.expected_rate, error=ERROR / len(family)
            ),
        )
        for family in _families(draft, messages)
        for one in family
        if goal and one.told and one.beside
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Meant:
    """Two groups that are to be compared, as large as the plan has them."""

    variant: str
    than: str | None
    told: int
    beside: int


def _families(draft: CampaignDraft, messages: int) -> tuple[Sequence[_Meant], Sequence[_Meant]]:
    """Return the comparisons with the hold-out, and those of texts; each family errs as one."""
    held_out = round(messages * draft.holdout_percent / 100)
    told = dict(
        zip(
            [one.name for one in draft.variants],
            _shared(messages - held_out, [one.weight for one in draft.variants]),
            strict=True,
        )
    )
    uplifts = [
        _Meant(variant=name, than=None, told=count, beside=held_out) for name, count in told.items()
    ]
    pairs = [
        _Meant(variant=one, than=other, told=told[one], beside=told[other])
        for one, other in combinations(told, 2)
    ]
    return uplifts, pairs


def _shared(count: int, weights: Sequence[int]) -> Iterable[int]:
    """Return the parts of ``count`` by weight; they add up."""
    ends = [round(count * upto / sum(weights)) for upto in accumulate(weights, initial=0)]
    return (after - before for before, after in pairwise(ends))


def _compared(
    family: Sequence[_Meant], shares: Mapping[str | None, Share], *, rate: float | None
) -> Sequence[Comparison]:
    """Compare a family: each interval is wider, so that all of them hold together (Bonferroni)."""
    return tuple(
        _comparison(one, shares, rate=rate, error=ERROR / len(family))
        for one in family
        if rate is not None and shares[one.variant].told and shares[one.than].told
    )


def _comparison(
    meant: _Meant, shares: Mapping[str | None, Share], *, rate: float, error: float
) -> Comparison:
    one, other = shares[meant.variant], shares[meant.than]
    # By the plan, never by what was found: an interval that follows the data does not hold.
    expected = score_variance(max(meant.told, 1), max(meant.beside, 1), rate=rate)
    once = difference(one, other, error=error)
    # The sequence is asymptotic: of few people the exact one knows better how little is known.
    always = always_valid(one, other, expected=expected, error=error).around(once)
    return Comparison(
        variant=meant.variant,
        than=meant.than,
        difference=one.rate - other.rate,
        once=once,
        always=always,
        relative=relative(one, other, error=error) if other.converted else None,
    )


def _splits(results: Results) -> Iterable[Split]:
    """Hold who was planned, and who was held out, against the weights.

    Which part is held out is not looked at: an app's own control groups add to it, and people whom
    the policy refuses before are missing, alike in every variant.
    """
    by_name = {one.name: one.books for one in results.variants}
    variants: Sequence[Variant] = results.campaign.draft.variants
    weights = [one.weight for one in variants]
    planned = [by_name[one.name].planned for one in variants if one.name in by_name]
    held = [by_name[one.name].count(State.HELD_OUT) for one in variants if one.name in by_name]
    if len(planned) == len(weights) > 1:
        yield Split(group="planned", chance=chance_of_split(planned, weights))
        yield Split(group="held_out", chance=chance_of_split(held, weights))

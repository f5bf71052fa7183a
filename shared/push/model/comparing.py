"""What a campaign proves: each text against those who were not told, and against each other."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations, pairwise

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

BASE_RATE = 0.05
"""Who converts untold, unless the marketer knows it."""


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
    """The least rise over the hold-out that shows in four of five such campaigns, for one look.

    ``rise`` is a difference of shares; ``None``: nothing that could be would show.
    """

    variant: str
    told: int
    held_out: int
    rise: float | None


def experiment_of(results: Results) -> Experiment:
    """Return what results prove up to now."""
    draft = results.campaign.draft
    told = {
        one.name: Share(converted=one.funnel.converted, told=one.funnel.sent)
        for one in results.variants
    }
    held = Share(converted=results.control.converted, told=results.control.held_out)
    planned = results.books.planned
    meant = {one.variant: one for one in _sizes(draft, planned)}
    beside = [
        (name, None, told[name], held, (size.told, size.held_out)) for name, size in meant.items()
    ]
    between = [
        (one, other, told[one], told[other], (meant[one].told, meant[other].told))
        for one, other in combinations(meant, 2)
    ]
    return Experiment(
        uplifts=_compared(beside), pairs=_compared(between), splits=tuple(_splits(results))
    )


def detectable(draft: CampaignDraft, messages: int, *, rate: float) -> Sequence[Detectable]:
    """Return what a campaign of so many messages can show; ``rate`` convert untold (0 to 1).

    Without a hold-out it is nothing.
    """
    sizes = _sizes(draft, messages)
    return [
        Detectable(
            variant=one.variant,
            told=one.told,
            held_out=one.held_out,
            rise=least_found(one.told, one.held_out, rate=rate, error=ERROR / len(sizes)),
        )
        for one in sizes
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Size:
    variant: str
    told: int
    held_out: int


def _sizes(draft: CampaignDraft, messages: int) -> Sequence[_Size]:
    held_out = round(messages * draft.holdout_percent / 100)
    total = sum(one.weight for one in draft.variants)
    ends = [0]
    for one in draft.variants:
        ends.append(ends[-1] + one.weight)
    told = [
        round((messages - held_out) * after / total) - round((messages - held_out) * before / total)
        for before, after in pairwise(ends)
    ]
    return [
        _Size(variant=one.name, told=size, held_out=held_out)
        for one, size in zip(draft.variants, told, strict=True)
    ]


_Side = tuple[str, str | None, Share, Share, tuple[int, int]]


def _compared(sides: Sequence[_Side]) -> Sequence[Comparison]:
    """Compare a family: each interval is wider, so that all of them hold together (Bonferroni)."""
    return [
        _comparison(side, error=ERROR / len(sides))
        for side in sides
        if side[2].told > 0 < side[3].told
    ]


def _comparison(side: _Side, *, error: float) -> Comparison:
    variant, than, one, other, meant = side
    # By the plan, never by what was found: an interval that follows the data does not hold.
    expected = score_variance(max(meant[0], 1), max(meant[1], 1), rate=BASE_RATE)
    return Comparison(
        variant=variant,
        than=than,
        difference=one.rate - other.rate,
        once=difference(one, other, error=error),
        always=always_valid(one, other, expected=expected, error=error),
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

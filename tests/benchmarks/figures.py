"""What a benchmark says: runs of ours and of a peer, their medians, the ratio, the verdict.

Sides run in turns, so what slows a shared machine for a while slows both: a round's ratio is far
steadier than either figure. The ratio is the median of the rounds' ratios; where the goal lies
within their middle half (of fewer than ten rounds: within all of them), the machine's noise decides
between reached and missed, and the verdict says so instead: two runs may then differ by one step,
and hardly ever contradict each other.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import median, quantiles
from typing import Any, TypeAlias

from typing_extensions import override

Tell: TypeAlias = Callable[[int, int], None]
"""Hears how many parts of a measurement are done, and of how many."""


class Verdict(StrEnum):
    """Whether a goal stands."""

    REACHED = "reached"
    CLOSE = "close"
    """The goal lies within the noise of the rounds."""
    MISSED = "missed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Goal:
    """What a ratio must be: at most, or at least, a limit."""

    limit: float
    at_least: bool = False

    @override
    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {self.limit:g}"

    def holds(self, ratio: float) -> bool:
        """Say whether a ratio reaches the goal."""
        return ratio >= self.limit if self.at_least else ratio <= self.limit

    def strain(self, ratio: float) -> float:
        """Return how much of the goal a ratio uses up: above 1 it is missed."""
        if not self.at_least:
            return ratio / self.limit
        return self.limit / ratio if ratio else float("inf")


@dataclass(frozen=True, slots=True)
class Exactly:
    """What every run of ours must be; the peer only stands beside it."""

    value: float

    @override
    def __str__(self) -> str:
        return f"= {self.value:g}"


@dataclass(frozen=True, slots=True)
class Runs:
    """What one side measured, run by run."""

    values: Sequence[float]

    @property
    def median(self) -> float:
        """Return the middle run."""
        return median(self.values)

    def as_json(self) -> dict[str, Any]:
        """Return the median, the spread and every run, in three digits after the point."""
        return {
            "median": round(self.median, 3),
            "min": round(min(self.values), 3),
            "max": round(max(self.values), 3),
            "runs": [round(value, 3) for value in self.values],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Ours beside one peer, in ``unit``."""

    what: str
    peer: str
    unit: str
    goal: Goal | Exactly
    ours: Runs
    theirs: Runs

    @property
    def ratios(self) -> Sequence[float]:
        """Return ours over the peer's, round by round."""
        rounds = zip(self.ours.values, self.theirs.values, strict=True)
        return [ours / theirs for ours, theirs in rounds]

    @property
    def ratio(self) -> float:
        """Return the middle of the rounds' ratios."""
        return median(self.ratios)

    @property
    def verdict(self) -> Verdict:
        """Return whether the goal stands."""
        if isinstance(self.goal, Exactly):
            is_met = set(self.ours.values) == {self.goal.value}
            return Verdict.REACHED if is_met else Verdict.MISSED
        low, high = _middle(self.ratios)
        if low < self.goal.limit < high:
            return Verdict.CLOSE
        return Verdict.REACHED if self.goal.holds(self.ratio) else Verdict.MISSED

    @property
    def strain(self) -> float:
        """Return how much of the goal is used up: above 1 it is missed."""
        if isinstance(self.goal, Exactly):
            return 0 if self.verdict is Verdict.REACHED else float("inf")
        return self.goal.strain(self.ratio)

    def as_json(self) -> dict[str, Any]:
        """Return all of it in plain values."""
        return {
            "what": self.what,
            "peer": self.peer,
            "unit": self.unit,
            "goal": str(self.goal),
            "ratio": round(self.ratio, 4),
            "verdict": self.verdict,
            "ours": self.ours.as_json(),
            "theirs": self.theirs.as_json(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One id: its comparisons, or why there are none; the most strained one speaks for all."""

    id: str
    title: str
    comparisons: Sequence[Comparison] = field(default_factory=tuple)
    skipped: str | None = None

    @property
    def worst(self) -> Comparison:
        """Return the comparison that is nearest to missing its goal, or farthest beyond it."""
        return max(self.comparisons, key=lambda one: one.strain)

    def as_json(self) -> dict[str, Any]:
        """Return all of it in plain values."""
        told: dict[str, Any] = {"id": self.id, "title": self.title}
        if self.skipped is not None:
            return told | {"verdict": Verdict.SKIPPED, "why": self.skipped}
        worst = self.worst
        return told | {
            "what": worst.what,
            "peer": worst.peer,
            "goal": str(worst.goal),
            "ratio": round(worst.ratio, 4),
            "verdict": worst.verdict,
            "comparisons": [one.as_json() for one in self.comparisons],
        }


FEW = 10
"""Of fewer rounds than this, the quartiles themselves are noise."""


def _middle(values: Sequence[float]) -> tuple[float, float]:
    """Return between what the middle half of the values lies; of few values, all."""
    if len(values) < FEW:
        return min(values), max(values)
    low, _, high = quantiles(values, method="inclusive")
    return low, high


def interleaved(
    sides: Mapping[str, Callable[[], float]], *, rounds: int, tell: Tell
) -> dict[str, Runs]:
    """Run every side once a round, in turn, so that a slow minute of the machine hits them all."""
    measured: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds):
        for place, (name, run) in enumerate(sides.items()):
            tell(number * len(sides) + place, rounds * len(sides))
            measured[name].append(run())
    return {name: Runs(values) for name, values in measured.items()}

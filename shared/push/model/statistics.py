"""What two shares of people prove: intervals, splits, and what can be found at all.

Closed forms on the standard library, for the API must start fast; tests hold them against
statsmodels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import erfc, exp, gamma, log, sqrt
from statistics import NormalDist

ERROR = 0.05
"""How often an interval may miss the truth."""

POWER = 0.8
"""How often an effect that is as large as promised is to be found."""

_NARROWEST = 8.2
"""A normal mixture is narrowest where the variance is so many times its constant (at 5 %)."""
_STEPS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """``converted`` of ``told``, both counts; ``told`` may be 0."""

    converted: int
    told: int

    @property
    def rate(self) -> float:
        """Return which part converted, 0 to 1; of nobody, 0."""
        return self.converted / self.told if self.told else 0.0


@dataclass(frozen=True, slots=True)
class Interval:
    """From ``low`` to ``high``."""

    low: float
    high: float

    @property
    def has_zero(self) -> bool:
        """Say whether no difference at all would fit."""
        return self.low <= 0 <= self.high

    def around(self, other: "Interval") -> "Interval":
        """Return the interval that has both in it."""
        return Interval(min(self.low, other.low), max(self.high, other.high))


def difference(one: Share, other: Share, *, error: float = ERROR) -> Interval:
    """Return the interval of ``one.rate - other.rate``, for a single look; nobody is empty.

    The hybrid score interval: R. G. Newcombe, "Interval estimation for the difference between
    independent proportions", Statistics in Medicine 17 (1998), method 10.
    """
    z, found = _z(error), one.rate - other.rate
    first, second = _wilson(one, z), _wilson(other, z)
    below = sqrt((one.rate - first.low) ** 2 + (second.high - other.rate) ** 2)
    above = sqrt((first.high - one.rate) ** 2 + (other.rate - second.low) ** 2)
    return Interval(found - below, found + above)


def relative(one: Share, other: Share, *, error: float = ERROR) -> Interval:
    """Return the interval of ``one.rate / other.rate - 1``; nobody is empty.

    On the scale of logarithms, with half a conversion added to each (Walter 1975).
    """
    a, b = one.converted + 0.5, other.converted + 0.5
    m, n = one.told + 0.5, other.told + 0.5
    middle = log(a / m) - log(b / n)
    around = _z(error) * sqrt(1 / a - 1 / m + 1 / b - 1 / n)
    return Interval(exp(middle - around) - 1, exp(middle + around) - 1)


def always_valid(one: Share, other: Share, *, expected: float, error: float = ERROR) -> Interval:
    """Return the interval of ``one.rate - other.rate`` that holds however often one looks.

    ``expected`` is the variance of the score, as ``score_variance`` has it, at which the interval
    is narrowest. It must not follow from what was found: from the plan alone. Nobody is empty.

    The normal mixture of H. Robbins (1970) as an asymptotic confidence sequence: I. Waudby-Smith,
    D. Arbour, R. Sinha, E. H. Kennedy, A. Ramdas, "Time-uniform central limit theory and
    asymptotic confidence sequences" (2021), arXiv:2103.06476.
    """
    size = _joint_size(one.told, other.told)
    noise = _cautious_variance(one) / one.told + _cautious_variance(other) / other.told
    spread = size**2 * noise
    constant = expected / _NARROWEST
    bound = sqrt((spread + constant) * log((spread + constant) / (constant * error**2)))
    found = one.rate - other.rate
    return Interval(found - bound / size, found + bound / size)


def score_variance(one: int, other: int, *, rate: float) -> float:
    """Return the variance of the score of two groups of so many, where ``rate`` convert."""
    return _joint_size(one, other) * rate * (1 - rate)


def chance_of_split(found: Sequence[int], weights: Sequence[float]) -> float:
    """Return how likely counts are as far from the weights as these, or farther (chi-square).

    Nobody at all, or a single group, is no surprise: 1.
    """
    total, weight = sum(found), sum(weights)
    if not total or len(found) < 2:  # noqa: PLR2004 - one group has nobody to be compared with
        return 1.0
    expected = [total * one / weight for one in weights]
    squares = sum((one - due) ** 2 / due for one, due in zip(found, expected, strict=True))
    return _chi_square_above(squares, len(found) - 1)


def least_found(
    one: int, other: int, *, rate: float, error: float = ERROR, power: float = POWER
) -> float | None:
    """Return the least rise above ``rate`` that groups of so many show as often as ``power``.

    It is a difference of shares, 0 to 1; ``None``: not even a rise to everybody would show.
    """
    if not one or not other or _power(one, other, rate, 1 - rate, error) < power:
        return None
    low, high = 0.0, 1 - rate
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if _power(one, other, rate, middle, error) < power:
            low = middle
        else:
            high = middle
    return high


def _power(one: int, other: int, rate: float, rise: float, error: float) -> float:
    """Return how often a rise is found: J. L. Fleiss, "Statistical Methods", chapter 4."""
    told = rate + rise
    pooled = (one * told + other * rate) / (one + other)
    under_null = sqrt(pooled * (1 - pooled) / _joint_size(one, other))
    with_rise = sqrt(told * (1 - told) / one + rate * (1 - rate) / other)
    if not with_rise:
        return 1.0
    return NormalDist().cdf((rise - _z(error) * under_null) / with_rise)


def _wilson(share: Share, z: float) -> Interval:
    told, rate = share.told, share.rate
    middle = (rate + z**2 / (2 * told)) / (1 + z**2 / told)
    around = z / (1 + z**2 / told) * sqrt(_variance(share) / told + z**2 / (4 * told**2))
    return Interval(max(middle - around, 0.0), min(middle + around, 1.0))


def _variance(share: Share) -> float:
    return share.rate * (1 - share.rate)


def _cautious_variance(share: Share) -> float:
    """Return the variance as if two more had been told and one converted: of few it is never 0."""
    rate = (share.converted + 1) / (share.told + 2)
    return rate * (1 - rate)


def _joint_size(one: int, other: int) -> float:
    return one * other / (one + other)


def _z(error: float) -> float:
    return NormalDist().inv_cdf(1 - error / 2)


def _chi_square_above(value: float, freedom: int) -> float:
    """Return the chance of more than ``value``: the finite sums for whole degrees of freedom."""
    half = value / 2
    if freedom % 2:
        terms = (sqrt(half) * half**at / gamma(at + 1.5) for at in range(freedom // 2))
        return erfc(sqrt(half)) + exp(-half) * sum(terms)
    return exp(-half) * sum(half**at / gamma(at + 1) for at in range(freedom // 2))

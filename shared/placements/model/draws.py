"""Chance that repeats: every draw follows from a seed, so a decision can be made again.

What is drawn without replacement by weights may be drawn in two ways that are equally likely to
give any order: one by one among all, passing over what was drawn before, or by a race, in which
each finishes after a time that is exponential with its weight as rate (Efraimidis and Spirakis,
"Weighted random sampling with a reservoir", 2006). The first is fast where one of the first few
will do; the second where most are refused.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from math import log
from random import Random

from shared.placements.model.live import LiveAd
from shared.placements.model.snapshot import Group

FIRST_DRAWS = 24
"""So many are drawn one by one before the others race; no more than so many race at once."""

_FRACTION_BITS = 53
"""As many bits of a hash as a float holds exactly."""


def seed_of(*words: str) -> bytes:
    """Return a seed that these words alone make, in this order."""
    return sha256("\0".join(words).encode()).digest()


def fraction(seed: bytes, *words: str) -> float:
    """Return a number from 0 to 1 (never 1), uniform over what the words name."""
    digest = sha256(seed + "\0".join(words).encode()).digest()
    return (int.from_bytes(digest[:8]) >> 64 - _FRACTION_BITS) / (1 << _FRACTION_BITS)


def chance_of(seed: bytes, *words: str) -> Random:
    """Return a source of many draws."""
    made = sha256(seed + "\0".join(words).encode()).digest()
    return Random(int.from_bytes(made))  # noqa: S311 - it must repeat, and keeps no secret


def in_order(
    group: Group, chance: Random, *, racing: Callable[[], Iterable[int]]
) -> Iterator[LiveAd]:
    """Yield ads in an order drawn by their weights.

    ``racing`` is asked before the race, for the places of those that take part. The others are not
    yielded any more, which changes nothing of the order of those that are.
    """
    drawn: set[int] = set()
    last = len(group.ads) - 1
    for _ in range(FIRST_DRAWS if last >= FIRST_DRAWS else 0):
        place = bisect_right(group.cumulative, chance.random() * group.cumulative[-1], 0, last)
        if place not in drawn:
            drawn.add(place)
            yield group.ads[place]
    times = [
        (-log(1 - chance.random()) / group.weights[place], place)
        for place in racing()
        if place not in drawn
    ]
    for _, place in sorted(times):
        yield group.ads[place]

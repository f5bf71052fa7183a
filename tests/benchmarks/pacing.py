"""A2: what a day of a flight delivers, beside a flight that reads its counter every five minutes.

A model on a virtual clock: our own pacing and leases in twenty servers, traffic that follows the
day with a surge of eight times for ten minutes, three of ten ads never shown, one of twenty shown
late. Goals to 2,000 are aired as exact flights too. The figures are what was shown, in hundredths
of the goal; the same seed airs the same day.
"""

from collections.abc import Collection, Iterator
from functools import partial

from tests.benchmarks.figures import Comparison, Exactly, Goal, Result, Runs, Tell
from tests.day_of_ads import Aired, with_counter, with_pacing

TITLES = {"A2": "Ads: delivery of a day's goal, beside a counter of five minutes"}

GOALS = (50, 200, 2_000, 20_000, 100_000)
QUICK_GOALS = (50, 200, 2_000)
MOST_EXACT = 2_000
REQUESTS, QUICK_REQUESTS = 400_000, 20_000
ABOVE = 1.01
"""What may be delivered at most, as a part of the goal."""


def measure(ids: Collection[str], *, quick: bool, tell: Tell) -> Iterator[Result]:
    """Air each goal for some days, by ours and by the counter."""
    goals, rounds = (QUICK_GOALS, 1) if quick else (GOALS, 3)
    requests = QUICK_REQUESTS if quick else REQUESTS
    comparisons: list[Comparison] = []
    for place, goal in enumerate(goals):
        tell(place, len(goals))
        comparisons += _compared(goal, requests=requests, rounds=rounds)
    for each in ids:
        yield Result(id=each, title=TITLES[each], comparisons=comparisons)


def _compared(goal: int, *, requests: int, rounds: int) -> Iterator[Comparison]:
    aired = partial(with_pacing, goal, requests=requests)
    paced = [aired(seed=seed, exact=False) for seed in range(rounds)]
    counted = [with_counter(goal, requests=requests, seed=seed) for seed in range(rounds)]
    most = Runs([ABOVE * 100] * rounds)
    yield Comparison(
        what=f"delivered of {goal:,}, paced",
        peer="a hundredth above",
        unit="%",
        goal=Goal(1),
        ours=_parts(paced),
        theirs=most,
    )
    yield Comparison(
        what=f"delivered of {goal:,}, paced",
        peer="a counter of five minutes",
        unit="%",
        goal=Goal(1),
        ours=_parts(paced),
        theirs=_parts(counted),
    )
    if goal <= MOST_EXACT:
        exact = [aired(seed=seed, exact=True) for seed in range(rounds)]
        yield Comparison(
            what=f"delivered above {goal:,}, exact",
            peer="a counter of five minutes",
            unit="ads",
            goal=Exactly(0),
            ours=_above(exact),
            theirs=Runs([max(one.shown - goal, 0) for one in counted]),
        )


def _parts(days: list[Aired]) -> Runs:
    return Runs([day.part * 100 for day in days])


def _above(days: list[Aired]) -> Runs:
    return Runs([max(day.shown - day.goal, 0) for day in days])

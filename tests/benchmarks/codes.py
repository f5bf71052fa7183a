"""G1: coupon codes by the million: how fast they are made, how fast they are stored, in what room.

Making is the CPU of the whole job but for the store: letters, fingerprints, list and file. Storing
is by the clock, on DynamoDB Local, which is slower than DynamoDB and one for all threads.
"""

import time
from collections.abc import Callable, Collection, Iterator
from typing import Any

from shared.coupons.model.code_jobs import JobState
from tests.benchmarks.children import answer_of, python
from tests.benchmarks.dynamodb import local_dynamodb
from tests.benchmarks.figures import Comparison, Goal, Result, Runs, Tell, interleaved
from tests.benchmarks.peers import naive_codes
from tests.contract.coupon_codes import on_dynamodb
from tests.tables import make_all

TITLES = {"G1": "Coupon codes: made, stored, and in how much memory"}

MEGABYTES = 32
"""What a job of a million codes may take beside the code itself: a file of them is 15."""


def measure(ids: Collection[str], *, quick: bool, tell: Tell) -> Iterator[Result]:
    """Make codes in processes of their own, then store some."""
    count, rounds = (100_000, 3) if quick else (1_000_000, 3)
    told: dict[str, list[dict[str, float]]] = {"ours": [], "naive": []}
    for number in range(rounds):
        for place, side in enumerate(told):
            tell(number * 2 + place, rounds * 4)
            command = python("tests.benchmarks.code_maker", side, str(count))
            told[side].append(answer_of(command))
    with local_dynamodb() as client:
        stored = interleaved(
            {"ours": _ours(client), "naive": _naive(client)},
            rounds=rounds,
            tell=lambda done, of: tell(of + done, of * 2),
        )
    grown = _runs(told["ours"], "grown_mb")
    comparisons = [
        Comparison(
            what=f"{count} codes made, fingerprints and file included",
            peer="letters drawn into a set",
            unit="1/s",
            goal=Goal(0.5, at_least=True),
            ours=_runs(told["ours"], "codes_per_second"),
            theirs=_runs(told["naive"], "codes_per_second"),
        ),
        Comparison(
            what=f"memory that {count} codes take",
            peer="letters drawn into a set",
            unit="MB",
            goal=Goal(0.5),
            ours=grown,
            theirs=_runs(told["naive"], "grown_mb"),
        ),
        Comparison(
            what=f"memory that {count} codes take",
            peer="what it may take",
            unit="MB",
            goal=Goal(1),
            ours=grown,
            theirs=Runs([MEGABYTES] * rounds),
        ),
        Comparison(
            what="codes stored, each if absent",
            peer="one put after the other",
            unit="1/s",
            goal=Goal(1, at_least=True),
            ours=stored["ours"],
            theirs=stored["naive"],
        ),
    ]
    for each in ids:
        yield Result(id=each, title=TITLES[each], comparisons=comparisons)


def _runs(told: list[dict[str, float]], name: str) -> Runs:
    return Runs([one[name] for one in told])


def _ours(client: Any, count: int = 2_000) -> Callable[[], float]:
    """Return a whole job over tables of its own; it says codes a second."""

    def run() -> float:
        it = on_dynamodb(make_all(client))
        job = it.ordered(count)
        before = time.perf_counter()
        assert it.work(job).state is JobState.DONE
        return count / (time.perf_counter() - before)

    return run


def _naive(client: Any, count: int = 1_000) -> Callable[[], float]:
    def run() -> float:
        table, codes = make_all(client)["coupons"], naive_codes.draw(count)
        before = time.perf_counter()
        naive_codes.put(client, table, codes)
        return count / (time.perf_counter() - before)

    return run

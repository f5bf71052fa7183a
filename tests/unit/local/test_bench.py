from collections.abc import Callable
from io import StringIO

import pytest
from rich.console import Console

from infra.local.bench import table
from tests.benchmarks.figures import Comparison, Exactly, Goal, Result, Runs, Verdict, interleaved


def compared(
    ours: list[float], theirs: list[float], goal: Goal | Exactly, what: str = "it"
) -> Comparison:
    return Comparison(
        what=what, peer="a peer", unit="ms", goal=goal, ours=Runs(ours), theirs=Runs(theirs)
    )


def test_a_ratio_is_the_middle_of_the_rounds() -> None:
    one = compared([1, 4, 90], [4, 8, 100], Goal(0.9))
    assert one.ratio == 0.5
    assert one.verdict is Verdict.REACHED


def test_a_slow_minute_that_hits_both_sides_changes_no_ratio() -> None:
    one = compared([1, 9, 1, 9, 1], [2, 18, 2, 18, 2], Goal(0.6))
    assert one.ratio == 0.5
    assert one.verdict is Verdict.REACHED


@pytest.mark.parametrize(
    ("limit", "verdict"),
    [(0.8, Verdict.REACHED), (0.65, Verdict.CLOSE), (0.35, Verdict.CLOSE), (0.2, Verdict.MISSED)],
)
def test_where_the_goal_lies_within_few_rounds_it_is_close(limit: float, verdict: Verdict) -> None:
    one = compared([3, 4, 5, 6, 7], [10] * 5, Goal(limit))
    assert one.ratio == 0.5
    assert one.verdict is verdict


@pytest.mark.parametrize(
    ("limit", "verdict"),
    [(0.7, Verdict.REACHED), (0.55, Verdict.CLOSE), (0.3, Verdict.MISSED)],
)
def test_of_many_rounds_the_middle_half_decides(limit: float, verdict: Verdict) -> None:
    one = compared([1, 2, 3, 4, 4, 5, 5, 5, 6, 6, 7, 8, 9], [10] * 13, Goal(limit))
    assert one.ratio == 0.5
    assert one.verdict is verdict


@pytest.mark.parametrize(
    ("goal", "ours", "verdict"),
    [
        (Goal(2), 2, Verdict.REACHED),
        (Goal(2), 2.01, Verdict.MISSED),
        (Goal(8, at_least=True), 8, Verdict.REACHED),
        (Goal(8, at_least=True), 7.99, Verdict.MISSED),
    ],
)
def test_a_goal_is_a_limit_that_may_be_met(goal: Goal, ours: float, verdict: Verdict) -> None:
    assert compared([ours], [1], goal).verdict is verdict


@pytest.mark.parametrize(
    ("ours", "verdict"), [([5, 5, 5], Verdict.REACHED), ([5, 6, 5], Verdict.MISSED)]
)
def test_what_must_be_exact_is_so_in_every_run(ours: list[float], verdict: Verdict) -> None:
    one = compared(ours, [9, 12, 7], Exactly(5))
    slack = compared([1], [2], Goal(1))
    assert (one.verdict, str(one.goal)) == (verdict, "= 5")
    worst = Result(id="X1", title="Some", comparisons=[slack, one]).worst
    assert (worst is one) == (verdict is Verdict.MISSED)


def test_a_result_is_judged_by_its_most_strained_comparison() -> None:
    goals = [
        ("slack", Goal(10), 1.0),
        ("tight", Goal(1), 0.9),
        ("fast", Goal(8, at_least=True), 80),
    ]
    result = Result(
        id="X1",
        title="Some",
        comparisons=[compared([ours], [1], goal, what) for what, goal, ours in goals],
    )
    assert result.as_json()["what"] == "tight"
    assert result.as_json()["verdict"] == "reached"


def test_a_result_tells_every_run_and_its_spread() -> None:
    result = Result(id="X1", title="Some", comparisons=[compared([3, 1, 2], [4, 4, 4], Goal(1))])
    told = result.as_json()["comparisons"][0]
    assert told["ours"] == {"median": 2, "min": 1, "max": 3, "runs": [3, 1, 2]}
    assert (told["ratio"], told["goal"], told["verdict"]) == (0.5, "<= 1", "reached")


def test_what_cannot_be_measured_says_why() -> None:
    told = Result(id="X1", title="Some", skipped="install it").as_json()
    assert told == {"id": "X1", "title": "Some", "verdict": "skipped", "why": "install it"}


def test_sides_run_in_turn() -> None:
    order, steps = [], []

    def side(name: str) -> Callable[[], float]:
        def run() -> float:
            order.append(name)
            return len(order)

        return run

    measured = interleaved(
        {"a": side("a"), "b": side("b")}, rounds=3, tell=lambda done, of: steps.append((done, of))
    )
    assert "".join(order) == "ababab"
    assert measured == {"a": Runs([1, 3, 5]), "b": Runs([2, 4, 6])}
    assert steps == [(done, 6) for done in range(6)]


def test_people_see_ratio_goal_and_verdict() -> None:
    results = [
        Result(id="X1", title="Some", comparisons=[compared([1, 2, 3], [4, 4, 4], Goal(1))]),
        Result(id="X2", title="Other", skipped="install it"),
    ]
    console = Console(width=120, file=StringIO())
    console.print(table([result.as_json() for result in results]))
    assert isinstance(console.file, StringIO)
    lines = console.file.getvalue().splitlines()
    for part in ("X1", "2 ms 1-3", "0.50", "<= 1", "reached"):
        assert part in lines[1]
    assert "install it" in lines[2]
    assert "skipped" in lines[2]

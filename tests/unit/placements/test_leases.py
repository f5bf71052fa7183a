"""What numbers of exact flights add up to, whatever is changed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.placements.model.leases import (
    MOST_MARKS,
    UNBOUNDED,
    Bounds,
    Budget,
    Counter,
    Mark,
    Sweep,
    opened,
    resized,
    shards_for,
    shares,
)

NOW = datetime(2026, 11, 23, 13, 30, tzinfo=UTC)
GRACE = timedelta(minutes=11)

counters = st.lists(
    st.builds(Counter, given=st.integers(0, 50), quota=st.integers(50, 100)),
    min_size=1,
    max_size=4,
)


@given(st.integers(0, UNBOUNDED), st.integers(1, 64))
def test_shares_sum_to_the_total_and_differ_by_one(total: int, shards: int) -> None:
    parts = shares(total, shards)
    assert sum(parts) == total
    assert max(parts) - min(parts) <= 1


@given(counters, st.integers(0, 500), st.integers(0, 20), st.integers(0, 20))
def test_a_target_that_changes_keeps_the_sum_of_the_counters(
    kept: list[Counter], lifetime: int, owed: int, lapsed: int
) -> None:
    target = sum(one.quota for one in kept) - owed - lapsed
    bounds = Bounds(app_id="app_1", flight_id="flt_1", version=1, lifetime=target)
    budget = Budget(bounds=bounds, shards=len(kept), owed=owed)
    change = resized(budget, replace(bounds, version=2, lifetime=lifetime), kept)
    quotas = [one.quota + by for one, by in zip(kept, change.quotas, strict=True)]
    assert sum(quotas) == change.after.target + change.after.owed + lapsed
    assert all(one.given <= quota for one, quota in zip(kept, quotas, strict=True))
    assert change.after.owed >= 0


@pytest.mark.parametrize(
    ("target", "peak", "shards"),
    [(50, 10_000, 1), (100_000, 1, 1), (100_000, 401, 2), (100_000, 10**6, 64), (1_200, 4_000, 2)],
)
def test_a_target_has_a_counter_for_each_400_a_second(target: int, peak: int, shards: int) -> None:
    assert shards_for(target, peak=peak) == shards


def test_a_flight_with_one_bound_has_no_other() -> None:
    daily = Bounds(app_id="app_1", flight_id="flt_1", version=1, daily=10, peak=5_000)
    budget = opened(daily)
    assert (budget.target, budget.shards, budget.share_of_a_day(0)) == (UNBOUNDED, 1, 10)


def test_what_was_given_before_a_mark_is_due_after_the_grace() -> None:
    sweep = Sweep().marked(Mark(at=NOW, given=3)).marked(Mark(at=NOW + GRACE, given=5))
    assert sweep.due(NOW + GRACE - timedelta(seconds=1), grace=GRACE) == 0
    assert sweep.due(NOW + GRACE, grace=GRACE) == 3
    assert sweep.settled_to(3).marks == (Mark(at=NOW + GRACE, given=5),)


def test_marks_that_say_nothing_new_are_not_kept_nor_too_many() -> None:
    sweep = Sweep(settled=4).marked(Mark(at=NOW, given=4))
    assert sweep.marks == ()
    for given_so_far in range(5, 100):
        sweep = sweep.marked(Mark(at=NOW, given=given_so_far))
    assert len(sweep.marks) == MOST_MARKS

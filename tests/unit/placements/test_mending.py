"""What a counter should say is reckoned from the ledger, and only when it stands still."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.placements.model.folding import NAMES, CounterKey, Figures
from shared.placements.model.mending import Counted, Mend, Place, in_step, raised

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)
KEY = CounterKey(app_id="app_1", flight_id="flt_1")
FIGURES = st.builds(Figures, **{name: st.integers(0, 9) for name in NAMES})


def counted(**positions: int) -> Counted:
    """Return a counter that has just come to positions of shards."""
    return Counted(seen={shard: Place(f"{at:09}", NOW) for shard, at in positions.items()})


def long_ago(**positions: int) -> Counted:
    """Return a counter that came to positions of shards which the stream has no more."""
    past = NOW - 3 * DAY
    return Counted(seen={shard: Place(f"{at:09}", past) for shard, at in positions.items()})


@given(FIGURES, FIGURES)
def test_no_figure_is_lowered_and_what_was_added_is_the_difference(
    before: Figures, ledger: Figures
) -> None:
    after = raised(before, ledger)
    assert raised(after, before) == raised(after, ledger) == after
    mend = Mend(key=KEY, before=before, after=after, is_done=True)
    assert before + Figures(**mend.added) == after
    assert all(more > 0 for more in mend.added.values())


def test_a_life_is_in_step_with_the_latest_of_its_days() -> None:
    days = [counted(a=3, b=9), counted(a=5)]
    assert in_step(counted(a=5, b=9), days, at=NOW)
    assert in_step(Counted(), [], at=NOW)


def test_a_life_that_is_behind_or_ahead_in_a_shard_is_not_in_step() -> None:
    days = [counted(a=3, b=9), counted(a=5)]
    for life in (counted(a=4, b=9), counted(a=6, b=9), counted(a=5), counted(a=5, b=9, c=1)):
        assert not in_step(life, days, at=NOW)


def test_shards_of_long_ago_may_be_forgotten_on_either_side() -> None:
    assert in_step(counted(a=5), [long_ago(old=7), counted(a=5)], at=NOW)
    assert in_step(long_ago(old=7), [], at=NOW)
    assert not in_step(long_ago(old=6), [long_ago(old=7)], at=NOW)

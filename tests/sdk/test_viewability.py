"""Whether an ad was seen: half or all of it, for a second without a break."""

from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from engage_mobile.operations import Instant
from engage_mobile.viewability import LONG_ENOUGH, Viewability
from tests.sdk.phones import NOON


def watched(*reports: tuple[int, float]) -> list[tuple[str, int]]:
    """Return the events of reports (milliseconds after noon, share), each with its instant."""
    state, events = Viewability(), []
    for after, share in reports:
        state, came = state.seen(share, at=NOON + after)
        events += [(event, at - NOON) for event, at in came]
    return events


def test_half_of_it_for_a_second_is_seen() -> None:
    assert watched((0, 0.5), (1_000, 0.5)) == [("impression", 0), ("viewable50", 1_000)]


def test_a_moment_less_than_a_second_is_not() -> None:
    assert watched((0, 0.5), (999, 0.0), (5_000, 0.5)) == [("impression", 0)]


def test_less_than_half_is_not() -> None:
    assert watched((0, 0.49), (9_000, 0.49)) == [("impression", 0)]


def test_all_of_it_is_told_apart_from_half() -> None:
    told = watched((0, 0.6), (500, 1.0), (1_000, 1.0), (1_500, 1.0), (9_000, 1.0))
    assert told == [("impression", 0), ("viewable50", 1_000), ("viewable100", 1_500)]


def test_a_break_begins_the_second_anew() -> None:
    assert watched((0, 1.0), (900, 0.7), (1_000, 1.0), (1_999, 1.0), (2_000, 1.0)) == [
        ("impression", 0),
        ("viewable50", 1_000),
        ("viewable100", 2_000),
    ]


def test_the_instant_is_when_the_second_was_over_not_when_somebody_looked() -> None:
    assert watched((0, 0.5), (60_000, 0.0)) == [("impression", 0), ("viewable50", 1_000)]


def test_it_says_when_to_look_again() -> None:
    state, _ = Viewability().seen(0.5, at=NOON)
    assert state.due_at == NOON + LONG_ENOUGH
    state, _ = state.seen(0.5, at=NOON + LONG_ENOUGH)
    assert state.due_at is None


REPORTS = st.lists(st.tuples(st.integers(0, 1_500), st.sampled_from([0, 0.2, 0.5, 0.8, 1.0])))


@given(REPORTS)
def test_each_event_is_told_once_and_only_after_a_second_in_view(
    reports: list[tuple[int, float]],
) -> None:
    times = [NOON + at for at in accumulate(nap for nap, _ in reports)]
    shares = [share for _, share in reports]
    state, told = Viewability(), dict[str, Instant]()
    for at, share in zip(times, shares, strict=True):
        state, came = state.seen(share, at=at)
        assert not told.keys() & dict(came).keys()
        told |= dict(came)
    for event, least in (("viewable50", 0.5), ("viewable100", 1.0)):
        since: Instant | None = None
        seen_at: Instant | None = None
        for at, share in zip(times, shares, strict=True):
            if since is not None and seen_at is None and at - since >= LONG_ENOUGH:
                seen_at = since + LONG_ENOUGH
            since = (at if since is None else since) if share >= least else None
        assert told.get(event) == seen_at

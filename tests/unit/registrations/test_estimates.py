"""What is told of an audience by a part of it is true nineteen times in twenty."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.registrations.model.audience import AUDIENCE_SHARDS, AudienceMember
from shared.registrations.model.estimates import LARGEST_SAMPLE, Estimate, Tally
from tests.unit.registrations.rules import PHONE

MEMBER = AudienceMember(device_id="phone-001", contact_id="con_1", facts=PHONE)


def told(matched: int, *, shards_read: int) -> Estimate:
    tally = Tally()
    tally.add([MEMBER] * matched, devices_read=matched)
    return tally.estimate(shards_read=shards_read)


@given(matched=st.integers(min_value=0, max_value=500))
def test_what_was_read_as_a_whole_is_exact(matched: int) -> None:
    found = told(matched, shards_read=AUDIENCE_SHARDS)
    assert (found.low, found.size, found.high, found.is_exact) == (matched, matched, matched, True)


@given(
    matched=st.integers(min_value=0, max_value=500),
    shards_read=st.integers(min_value=1, max_value=AUDIENCE_SHARDS - 1),
)
def test_an_estimate_lies_in_its_interval_and_never_below_what_was_seen(
    matched: int, shards_read: int
) -> None:
    found = told(matched, shards_read=shards_read)
    assert matched <= found.low <= found.size <= found.high
    assert sum(found.by_platform.values()) == found.size
    assert found.reachable == found.size
    assert not found.is_exact
    assert len(found.sample) == min(matched, LARGEST_SAMPLE)


def test_an_audience_of_which_nobody_was_seen_may_yet_be_some() -> None:
    found = told(0, shards_read=1)
    assert (found.low, found.size) == (0, 0)
    assert 64 < found.high < 64 * 4


@pytest.mark.parametrize(("size", "shards_read"), [(100, 8), (5_000, 1), (1_000, 32)])
def test_the_interval_holds_nineteen_times_in_twenty(size: int, shards_read: int) -> None:
    random, runs = Random(7), 400  # noqa: S311 - a simulation
    held = 0
    for _ in range(runs):
        matched = sum(random.randrange(AUDIENCE_SHARDS) < shards_read for _ in range(size))
        found = told(matched, shards_read=shards_read)
        held += found.low <= size <= found.high
    assert 0.93 <= held / runs <= 0.98

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.coupons.model.guesses import (
    ALLOWANCES,
    DAY,
    GUESSES_A_DAY,
    IDENTITIES,
    Allowance,
    Bucket,
    Origin,
    longest_wait,
    network_of,
)
from tests.fakes.clock import NOON

DEVICE = ALLOWANCES[Origin.DEVICE]
MINUTE = timedelta(minutes=1)


def bucket(origin: Origin) -> Bucket:
    return Bucket(app_id="app_1", origin=origin, subject="one")


def test_a_burst_is_let_through_then_nothing_for_a_while() -> None:
    busy_until = NOON
    for _ in range(DEVICE.burst):
        assert not DEVICE.wait(busy_until, at=NOON)
        busy_until += DEVICE.weight(busy_until, at=NOON)
    assert DEVICE.wait(busy_until, at=NOON) == DEVICE.lock_out + DEVICE.every


@given(
    burst=st.integers(1, 20),
    every=st.integers(1, 100),
    lock_out=st.integers(0, 1_000),
    pauses=st.lists(st.integers(0, 300), min_size=1, max_size=60),
)
def test_no_one_gets_more_through_than_the_allowance_says(
    burst: int, every: int, lock_out: int, pauses: list[int]
) -> None:
    allowance = Allowance(
        burst=burst, every=timedelta(seconds=every), lock_out=timedelta(seconds=lock_out)
    )
    at, busy_until, passed = NOON, None, []
    for pause in pauses:
        at += timedelta(seconds=pause)
        if not allowance.wait(busy_until, at=at):
            busy_until = max(busy_until or at, at) + allowance.weight(busy_until, at=at)
            passed.append(at)
    for place, first in enumerate(passed):
        for many, last in enumerate(passed[place:], 1):
            assert many <= burst + (last - first) / allowance.every


@given(st.integers(1, 20), st.integers(1, 100), st.integers(0, 1_000))
def test_who_waits_as_long_as_told_is_heard(burst: int, every: int, lock_out: int) -> None:
    allowance = Allowance(
        burst=burst, every=timedelta(seconds=every), lock_out=timedelta(seconds=lock_out)
    )
    busy_until = NOON
    while not (wait := allowance.wait(busy_until, at=NOON)):
        busy_until += allowance.weight(busy_until, at=NOON)
    assert not allowance.wait(busy_until, at=NOON + wait)
    assert allowance.wait(busy_until, at=NOON + wait - timedelta(milliseconds=1))


def test_a_day_of_guessing_from_one_device_is_a_hundred_guesses() -> None:
    busy_until, passed, at = NOON, 0, NOON
    while (at := at + timedelta(seconds=10)) < NOON + DAY:
        if not DEVICE.wait(busy_until, at=at):
            busy_until = max(busy_until, at) + DEVICE.weight(busy_until, at=at)
            passed += 1
    assert abs(passed - DEVICE.a_day) <= 2
    assert GUESSES_A_DAY == IDENTITIES * DEVICE.a_day == 100_000


def test_a_prefix_makes_only_those_wait_who_missed_themselves() -> None:
    prefix, device = bucket(Origin.CODE_PREFIX), bucket(Origin.DEVICE)
    full = NOON + timedelta(hours=1)
    assert not longest_wait({prefix: full}, at=NOON)
    assert not longest_wait({prefix: full, device: NOON}, at=NOON)
    assert longest_wait({prefix: full, device: NOON + MINUTE}, at=NOON) > 49 * MINUTE


def test_the_longest_wait_counts() -> None:
    waits = {bucket(Origin.DEVICE): NOON + 20 * MINUTE, bucket(Origin.CONTACT): NOON + 30 * MINUTE}
    assert longest_wait(waits, at=NOON) == 21 * MINUTE
    assert not longest_wait({}, at=NOON)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2ff::1", "2001:db8:1:200::/56"),
        ("not an address", None),
        ("", None),
    ],
)
def test_an_address_stands_for_its_network(address: str, network: str | None) -> None:
    assert network_of(address) == network

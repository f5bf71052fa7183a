"""What limits promise, over thousands of ways in which things may happen."""

import pytest

from tests.simulation.coupons import Shop

SCHEDULES = 2_000
LONG = 100_000


def test_no_limit_is_passed_and_no_use_leaks() -> None:
    for seed in range(SCHEDULES):
        assert Shop(seed).run() == [], f"seed {seed}"


@pytest.mark.long
def test_the_same_holds_in_many_more_schedules() -> None:
    for seed in range(SCHEDULES, SCHEDULES + LONG):
        assert Shop(seed).run() == [], f"seed {seed}"

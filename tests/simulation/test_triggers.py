"""What triggers promise, over thousands of ways in which things may happen."""

import pytest

from tests.simulation.triggers import Company

SCHEDULES = 2_000
LONG = 100_000


def test_each_fires_exactly_once_or_is_cancelled_and_never_both() -> None:
    for seed in range(SCHEDULES):
        assert Company(seed).run() == [], f"seed {seed}"


@pytest.mark.long
def test_the_same_holds_in_many_more_schedules() -> None:
    for seed in range(SCHEDULES, SCHEDULES + LONG):
        assert Company(seed).run() == [], f"seed {seed}"

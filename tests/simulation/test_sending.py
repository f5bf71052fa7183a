"""What the sender promises, over thousands of ways in which things may happen."""

import pytest

from shared.push.model import DeliveryMode
from tests.simulation.world import World

SCHEDULES = 2_000
"""In each mode; ten times as many with ``--long``."""


@pytest.mark.parametrize("mode", DeliveryMode)
def test_nothing_that_must_not_be_ever_is(mode: DeliveryMode) -> None:
    for seed in range(SCHEDULES):
        assert World(seed, mode).run() == [], f"seed {seed}"


@pytest.mark.long
@pytest.mark.parametrize("mode", DeliveryMode)
def test_nothing_that_must_not_be_ever_is_in_many_more_schedules(mode: DeliveryMode) -> None:
    for seed in range(SCHEDULES, 10 * SCHEDULES):
        assert World(seed, mode).run() == [], f"seed {seed}"

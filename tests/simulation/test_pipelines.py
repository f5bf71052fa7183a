"""What a whole campaign promises, over thousands of ways in which things may happen."""

import pytest

from shared.push.model import DeliveryMode
from tests.simulation.pipeline import Pipeline

SCHEDULES = 2_000
"""In each mode; ten times as many with ``--long``."""

pytestmark = pytest.mark.usefixtures("small_plans")


@pytest.mark.parametrize("mode", DeliveryMode)
def test_nothing_that_must_not_be_ever_is(mode: DeliveryMode) -> None:
    for seed in range(SCHEDULES):
        assert Pipeline(seed, mode).run() == [], f"seed {seed}"


@pytest.mark.long
@pytest.mark.parametrize("mode", DeliveryMode)
def test_nothing_that_must_not_be_ever_is_in_many_more_schedules(mode: DeliveryMode) -> None:
    for seed in range(SCHEDULES, 10 * SCHEDULES):
        assert Pipeline(seed, mode).run() == [], f"seed {seed}"

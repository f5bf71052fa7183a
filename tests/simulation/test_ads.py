"""What exact flights promise, over thousands of ways in which things may happen."""

import pytest

from shared.placements.model import leases as model
from shared.placements.service import leases as service
from tests.simulation.ads import SMALL_BLOCK, Airing

SCHEDULES = 2_000
LONG = 100_000


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (model, service):
        monkeypatch.setattr(module, "BLOCK", SMALL_BLOCK)
    monkeypatch.setattr(model, "LEAST_SHARE", 2)


def test_no_target_is_passed_and_no_number_leaks() -> None:
    for seed in range(SCHEDULES):
        assert Airing(seed).run() == [], f"seed {seed}"


@pytest.mark.long
def test_the_same_holds_in_many_more_schedules() -> None:
    for seed in range(SCHEDULES, SCHEDULES + LONG):
        assert Airing(seed).run() == [], f"seed {seed}"

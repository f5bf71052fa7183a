"""The simulation sees what it should: each bug here breaks one rule, and is caught."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from typing_extensions import override

from shared.placements.model.leases import Budget, Counter, Lease, Resizing, Slot, Sweep
from tests.fakes.leases import InMemoryLeaseStore
from tests.simulation.ads import Airing, Impressions, Token
from tests.simulation.test_ads import SCHEDULES, small_blocks

__all__ = ["small_blocks"]


class DrawsWithoutLooking(InMemoryLeaseStore):
    """Gives the next number whether or not one is left."""

    @override
    def draw(self, budget: Budget, *, shard: int, day: str) -> Lease | None:
        key = (budget.bounds.app_id, budget.bounds.flight_id, shard)
        self.kept[key] = replace(self.kept[key], quota=self.kept[key].quota + 1)
        return super().draw(budget, shard=shard, day=day)


class DrawsOfTwoDays(InMemoryLeaseStore):
    """Begins a day that has begun already."""

    @override
    def begin_day(self, budget: Budget, *, shard: int, day: str) -> bool:
        key = (budget.bounds.app_id, budget.bounds.flight_id, shard)
        self.kept[key] = self.kept[key].on_day(day, quota=budget.share_of_a_day(shard))
        return True


class OpensAnew(InMemoryLeaseStore):
    """Makes counters that another process made before."""

    @override
    def open(self, budget: Budget) -> None:
        self.budgets.clear()
        super().open(budget)


class ReturnsWithoutATombstone(InMemoryLeaseStore):
    """Puts a number back, and lets it be shown all the same."""

    @override
    def lapse(self, lease: Lease, *, owes: bool) -> bool:
        was_lapsed = super().lapse(lease, owes=owes)
        if was_lapsed:
            del self.ended[lease]
        return was_lapsed


class ReturnsTwice(InMemoryLeaseStore):
    """Puts a number back whenever it is asked."""

    @override
    def lapse(self, lease: Lease, *, owes: bool) -> bool:
        if not super().lapse(lease, owes=owes):
            self._give_back(lease)
        return True


class ReturnsNothing(InMemoryLeaseStore):
    """Puts a tombstone, and no number back."""

    @override
    def _give_back(self, lease: Lease) -> None:
        return


class ReturnsToTodayWhateverTheDay(InMemoryLeaseStore):
    """Puts a number of yesterday back to today."""

    @override
    def _give_back(self, lease: Lease) -> None:
        super()._give_back(lease)
        key = (lease.app_id, lease.flight_id, lease.shard)
        counter = self.kept[key]
        if lease.number <= counter.day_from:
            self.kept[key] = replace(counter, day_quota=counter.day_quota + 1)


class LowersWithoutLooking(InMemoryLeaseStore):
    """Changes a target by counters of the past."""

    @override
    def resize(self, budget: Budget, counters: Sequence[Counter], resizing: Resizing) -> bool:
        is_written = super().resize(budget, self.counters(budget), resizing)
        if is_written:
            for shard, counter in enumerate(counters):
                key = (budget.bounds.app_id, budget.bounds.flight_id, shard)
                quota = counter.quota + resizing.quotas[shard]
                self.kept[key] = replace(self.kept[key], quota=quota)
        return is_written


class LowersTwice(InMemoryLeaseStore):
    """Changes a target whatever the budget is by now."""

    @override
    def resize(self, budget: Budget, counters: Sequence[Counter], resizing: Resizing) -> bool:
        key = (budget.bounds.app_id, budget.bounds.flight_id)
        now = replace(budget, revision=self.budgets[key].revision)
        return super().resize(now, counters, resizing)


class SweepsOverBlocks(InMemoryLeaseStore):
    """Notes as settled all that was ever marked."""

    @override
    def put_sweep(self, budget: Budget, sweep: Sweep, *, shard: int) -> None:
        settled = max((sweep.settled, *(mark.given for mark in sweep.marks)))
        super().put_sweep(budget, Sweep(settled=settled), shard=shard)


class ShowsWhatLapsed(InMemoryLeaseStore):
    """Writes an impression's slot over the tombstone."""

    @override
    def show(self, lease: Lease, token_id: str) -> bool:
        self.ended[lease] = Slot(lease=lease, token_id=token_id)
        return True


class CountsWithoutASlot(Impressions):
    """Counts an impression whose lease is gone."""

    @override
    def show(self, token: Token) -> None:
        super().show(token)
        if token.token_id not in self.counted:
            self.counted[token.token_id] += 1


class CountsTwice(Impressions):
    """Counts whatever is told, as often as it is told."""

    @override
    def show(self, token: Token) -> None:
        self.counted[token.token_id] += self.store.show(token.lease, token.token_id) or (
            token.token_id in self.counted
        )


BUGS: Mapping[str, tuple[dict[str, Any], set[str]]] = {
    "a number is given though none is left": (
        {"store": DrawsWithoutLooking},
        {"the target was passed", "the counters do not add up to the target"},
    ),
    "a day is begun twice": (
        {"store": DrawsOfTwoDays},
        {"the target of a day was passed"},
    ),
    "counters are made twice": (
        {"store": OpensAnew},
        {"a number was given twice"},
    ),
    "a number that came back is shown": (
        {"store": ReturnsWithoutATombstone},
        {"the counters do not add up to the target", "the target was passed"},
    ),
    "a number comes back twice": (
        {"store": ReturnsTwice},
        {"the counters do not add up to the target", "the target was passed"},
    ),
    "a number never comes back": (
        {"store": ReturnsNothing},
        {"the counters do not add up to the target", "a number leaked"},
    ),
    "a number of yesterday comes back today": (
        {"store": ReturnsToTodayWhateverTheDay},
        {"the target of a day was passed"},
    ),
    "a target is lowered by figures of the past": (
        {"store": LowersWithoutLooking},
        {"the counters do not add up to the target"},
    ),
    "a target is changed twice": (
        {"store": LowersTwice},
        {"the counters do not add up to the target", "the target was passed"},
    ),
    "what was not swept is noted as swept": ({"store": SweepsOverBlocks}, {"a number leaked"}),
    "an impression uses what lapsed": (
        {"store": ShowsWhatLapsed},
        {"the target was passed", "the counters do not add up to the target"},
    ),
    "an impression counts without its slot": (
        {"impressions": CountsWithoutASlot},
        {"slots and impressions differ"},
    ),
    "an impression counts twice": (
        {"impressions": CountsTwice},
        {"an impression counted twice", "slots and impressions differ"},
    ),
}
"""Each breaks one rule, and what must come of it within the schedules of CI: any of these."""


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_seen(bug: str) -> None:
    parts, violations = BUGS[bug]
    assert any(violations & set(Airing(seed, **parts).run()) for seed in range(SCHEDULES))

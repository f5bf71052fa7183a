"""Exact budgets in memory; held to the same contract as the real store."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from threading import RLock

from typing_extensions import override

from shared.placements.errors import StaleError
from shared.placements.model.leases import (
    Budget,
    Counter,
    Lease,
    Resizing,
    Slot,
    Sweep,
    shares,
)
from shared.placements.ports.leases import LeaseStore


@dataclass
class InMemoryLeaseStore(LeaseStore):
    budgets: dict[tuple[str, str], Budget] = field(default_factory=dict)
    kept: dict[tuple[str, str, int], Counter] = field(default_factory=dict)
    ended: dict[Lease, Slot] = field(default_factory=dict)
    sweeps: dict[tuple[str, str, int], Sweep] = field(default_factory=dict)
    days: dict[Lease, str] = field(default_factory=dict)
    lock: RLock = field(default_factory=RLock)

    @override
    def budget(self, flight_id: str, *, app_id: str) -> Budget | None:
        return self.budgets.get((app_id, flight_id))

    @override
    def open(self, budget: Budget) -> None:
        with self.lock:
            if _key(budget) in self.budgets:
                return
            self.budgets[_key(budget)] = budget
            for shard, quota in enumerate(shares(budget.target, budget.shards)):
                day_quota = budget.share_of_a_day(shard)
                self.kept[*_key(budget), shard] = Counter(quota=quota, day_quota=day_quota)

    @override
    def counters(self, budget: Budget) -> Sequence[Counter]:
        with self.lock:
            return [self.kept[*_key(budget), shard] for shard in range(budget.shards)]

    @override
    def draw(self, budget: Budget, *, shard: int, day: str) -> Lease | None:
        app_id, flight_id = _key(budget)
        with self.lock:
            counter = self.kept[app_id, flight_id, shard]
            if not counter.allows(day):
                return None
            drawn = self.kept[app_id, flight_id, shard] = counter.drawn()
        lease = Lease(app_id=app_id, flight_id=flight_id, shard=shard, number=drawn.given)
        self.days[lease] = drawn.day
        return lease

    @override
    def begin_day(self, budget: Budget, *, shard: int, day: str) -> bool:
        with self.lock:
            if self.budgets[_key(budget)].revision != budget.revision:
                return False
            counter = self.kept[*_key(budget), shard]
            if counter.day < day:
                quota = budget.share_of_a_day(shard)
                self.kept[*_key(budget), shard] = counter.on_day(day, quota=quota)
        return True

    @override
    def resize(self, budget: Budget, counters: Sequence[Counter], resizing: Resizing) -> bool:
        with self.lock:
            if self.budgets[_key(budget)].revision != budget.revision:
                return False
            after: list[Counter] = []
            for now, read, quota, day in zip(
                self.counters(budget), counters, resizing.quotas, resizing.days, strict=True
            ):
                if now.quota != read.quota or (quota < 0 and now.given > now.quota + quota):
                    return False
                after.append(replace(now, quota=now.quota + quota, day_quota=now.day_quota + day))
            self.budgets[_key(budget)] = resizing.after
            for shard, counter in enumerate(after):
                self.kept[*_key(budget), shard] = counter
        return True

    @override
    def slots(self, budget: Budget, *, shard: int, block: int) -> Sequence[Slot]:
        with self.lock:
            found = [
                slot
                for slot in self.ended.values()
                if (slot.lease.app_id, slot.lease.flight_id) == _key(budget)
                and (slot.lease.shard, slot.lease.block) == (shard, block)
            ]
        return sorted(found, key=lambda slot: slot.lease.number)

    @override
    def lapse(self, lease: Lease, *, owes: bool) -> bool:
        key = (lease.app_id, lease.flight_id)
        with self.lock:
            if lease in self.ended:
                return False
            if owes != bool(self.budgets[key].owed):
                raise StaleError(lease.flight_id)
            self.ended[lease] = Slot(lease=lease)
            if owes:
                budget = self.budgets[key]
                self.budgets[key] = replace(
                    budget, owed=budget.owed - 1, revision=budget.revision + 1
                )
            else:
                self._give_back(lease)
        return True

    @override
    def sweep_of(self, budget: Budget, *, shard: int) -> Sweep:
        return self.sweeps.get((*_key(budget), shard), Sweep())

    @override
    def put_sweep(self, budget: Budget, sweep: Sweep, *, shard: int) -> None:
        self.sweeps[*_key(budget), shard] = sweep

    def show(self, lease: Lease, token_id: str) -> bool:
        """Do what the transaction of an impression does with its slot."""
        with self.lock:
            if lease in self.ended:
                return False
            self.ended[lease] = Slot(lease=lease, token_id=token_id)
        return True

    def _give_back(self, lease: Lease) -> None:
        key = (lease.app_id, lease.flight_id, lease.shard)
        self.kept[key] = self.kept[key].lapsed(lease.number)


def _key(budget: Budget) -> tuple[str, str]:
    return budget.bounds.app_id, budget.bounds.flight_id

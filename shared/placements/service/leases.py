"""Draws numbers for ads of exact flights, returns those that nobody used, and recounts them."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from shared.placements.errors import BudgetContendedError, StaleError
from shared.placements.model.leases import (
    BLOCK,
    Bounds,
    Budget,
    Counter,
    Lease,
    LeaseAudit,
    Mark,
    Slot,
    opened,
    resized,
)
from shared.placements.ports.decisions import Pause
from shared.placements.ports.leases import LeaseStore

ATTEMPTS = 16

KNOWN_FOR = timedelta(milliseconds=1500)
"""How long a process believes that a flight has nothing left; a sweep may give it some."""

PROBES = 2
"""Counters that are tried by chance; then all are read, which costs less than to try each."""

_MOST_FLIGHTS = 10_000
"""Flights of which a process remembers something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseService:
    """Gives the numbers of exact flights: each counts once, and never one more than the target.

    ``shuffled`` returns numbers in any order. ``grace`` is how long a token can be used at most,
    and a minute more.
    """

    store: LeaseStore
    shuffled: Callable[[Collection[int]], Sequence[int]]
    pause: Pause
    grace: timedelta
    _budgets: dict[tuple[str, str], Budget] = field(default_factory=dict)
    _empty: dict[tuple[str, str], datetime] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def draw(self, bounds: Bounds, *, day: str, at: datetime) -> Lease | None:
        """Take a number for one ad; ``None``: all are taken at this moment.

        ``day`` is the date in the app's zone, or no text where a flight has no daily bound. Nothing
        else is written: a number that is not shown comes back when its token has run out.
        """
        key = (bounds.app_id, bounds.flight_id)
        with self._lock:
            if self._empty.get(key, at) > at:
                return None
        budget = self._known(bounds)
        order = self.shuffled(range(budget.shards))
        for shard in order[:PROBES]:
            if lease := self.store.draw(budget, shard=shard, day=day):
                return lease
        counters = self.store.counters(budget)
        for shard in order:
            if lease := self._draw_of(bounds, shard, counters[shard], day):
                return lease
        with self._lock:
            if len(self._empty) >= _MOST_FLIGHTS:
                self._empty.clear()
            self._empty[key] = at + KNOWN_FOR
        return None

    def follow(self, bounds: Bounds) -> None:
        """Have a running budget follow the flight, and make one where there is none.

        Nothing changes where it follows a later version already. A target that is lowered below
        what was given keeps what devices hold: that may be shown, and nothing more is given.

        Raises:
            BudgetContendedError: others kept changing it; again does it.
        """
        key = (bounds.app_id, bounds.flight_id)
        for attempt in range(ATTEMPTS):
            budget = self.store.budget(bounds.flight_id, app_id=bounds.app_id)
            if budget is None:
                self.store.open(opened(bounds))
                continue
            if budget.bounds.version >= bounds.version or self._is_resized(budget, bounds):
                with self._lock:
                    self._budgets.pop(key, None)
                    self._empty.pop(key, None)
                return
            self.pause(attempt)
        raise BudgetContendedError(bounds.flight_id)

    def sweep(self, flight_id: str, *, app_id: str, at: datetime, most: int) -> int:
        """Return numbers of a flight whose tokens ran out and that were not shown.

        About ``most`` of them, and none that is younger than ``grace``; where it stopped, the next
        call goes on. Returns how many came back.

        Raises:
            BudgetContendedError: its target kept changing; again goes on.
        """
        budget = self.store.budget(flight_id, app_id=app_id)
        if budget is None:
            return 0
        returned = 0
        for shard, counter in enumerate(self.store.counters(budget)):
            if returned < most and counter.given:
                returned += self._sweep(budget, shard, counter, at=at, most=most - returned)
        if returned:
            with self._lock:
                self._empty.pop((app_id, flight_id), None)
        return returned

    def audit(self, flight_id: str, *, app_id: str) -> LeaseAudit | None:
        """Recount a flight's numbers from their slots; it reads them all, and changes nothing."""
        budget = self.store.budget(flight_id, app_id=app_id)
        if budget is None:
            return None
        counters = self.store.counters(budget)
        slots = [
            slot
            for shard, counter in enumerate(counters)
            for slot in self._slots(budget, shard, counter)
        ]
        given = sum(counter.given for counter in counters)
        shown = sum(slot.token_id is not None for slot in slots)
        return LeaseAudit(
            target=budget.target,
            given=given,
            shown=shown,
            lapsed=len(slots) - shown,
            open=given - len(slots),
            left=sum(counter.left for counter in counters),
            owed=budget.owed,
        )

    def _known(self, bounds: Bounds) -> Budget:
        """Return a flight's budget; the first who asks makes it."""
        key = (bounds.app_id, bounds.flight_id)
        with self._lock:
            known = self._budgets.get(key)
        return known or self._read(bounds)

    def _read(self, bounds: Bounds) -> Budget:
        budget = self.store.budget(bounds.flight_id, app_id=bounds.app_id)
        if budget is None:
            self.store.open(opened(bounds))
            # Somebody else may have made it first, for other bounds.
            budget = self.store.budget(bounds.flight_id, app_id=bounds.app_id) or opened(bounds)
        with self._lock:
            if len(self._budgets) >= _MOST_FLIGHTS:
                self._budgets.clear()
            self._budgets[bounds.app_id, bounds.flight_id] = budget
        return budget

    def _draw_of(self, bounds: Bounds, shard: int, counter: Counter, day: str) -> Lease | None:
        """Draw from a counter that was read, after it began the day."""
        budget = self._known(bounds)
        if counter.day < day:
            while not self.store.begin_day(budget, shard=shard, day=day):
                budget = self._read(bounds)
        elif not counter.allows(day):
            return None
        return self.store.draw(budget, shard=shard, day=day)

    def _is_resized(self, budget: Budget, bounds: Bounds) -> bool:
        counters = self.store.counters(budget)
        return self.store.resize(budget, counters, resized(budget, bounds, counters))

    def _sweep(
        self, budget: Budget, shard: int, counter: Counter, *, at: datetime, most: int
    ) -> int:
        sweep = self.store.sweep_of(budget, shard=shard)
        due = sweep.due(at, grace=self.grace)
        returned, settled = 0, sweep.settled
        while settled < due and returned < most:
            until = min((settled // BLOCK + 1) * BLOCK, due)
            returned += self._settle(budget, shard, range(settled + 1, until + 1))
            settled = until
        after = sweep.settled_to(settled).marked(Mark(at=at, given=counter.given))
        if after != sweep:
            self.store.put_sweep(budget, after, shard=shard)
        return returned

    def _settle(self, budget: Budget, shard: int, numbers: range) -> int:
        """Put a tombstone for each number of a block that has no slot; return how many."""
        bounds, block = budget.bounds, (numbers.start - 1) // BLOCK
        slots = self.store.slots(budget, shard=shard, block=block)
        taken = {slot.lease.number for slot in slots}
        returned = 0
        for number in numbers:
            if number not in taken:
                lease = Lease(
                    app_id=bounds.app_id, flight_id=bounds.flight_id, shard=shard, number=number
                )
                returned += self._lapse(lease)
        return returned

    def _lapse(self, lease: Lease) -> bool:
        """Return a number: to a target that was lowered below what was given first."""
        for attempt in range(ATTEMPTS):
            budget = self.store.budget(lease.flight_id, app_id=lease.app_id)
            try:
                return self.store.lapse(lease, owes=budget is not None and budget.owed > 0)
            except StaleError:
                self.pause(attempt)
        raise BudgetContendedError(lease.flight_id)

    def _slots(self, budget: Budget, shard: int, counter: Counter) -> Sequence[Slot]:
        """Return the slots of the numbers that were given when the counter was read."""
        return [
            slot
            for block in range(-(-counter.given // BLOCK))
            for slot in self.store.slots(budget, shard=shard, block=block)
            if slot.lease.number <= counter.given
        ]

"""What exact budgets need from outside."""

from collections.abc import Sequence
from typing import Protocol

from shared.placements.model.leases import Budget, Counter, Lease, Resizing, Slot, Sweep


class LeaseStore(Protocol):
    """Counters of exact flights, and the slots of their numbers. All reads see the last write."""

    def budget(self, flight_id: str, *, app_id: str) -> Budget | None:
        """Return a flight's budget, if its counters were made."""
        ...

    def open(self, budget: Budget) -> None:
        """Make the counters of a flight, each with its share; nothing where they are there."""
        ...

    def counters(self, budget: Budget) -> Sequence[Counter]:
        """Return every counter of a flight."""
        ...

    def draw(self, budget: Budget, *, shard: int, day: str) -> Lease | None:
        """Take the next number of a counter; ``None``: it has nothing left, or not begun ``day``.

        One write unit. An answer that is lost may have taken a number: the sweep returns it.
        """
        ...

    def begin_day(self, budget: Budget, *, shard: int, day: str) -> bool:
        """Have a counter begin a day, unless that or a later one began.

        Returns:
            Whether ``budget`` is still what stands; if not, nothing was written.
        """
        ...

    def resize(self, budget: Budget, counters: Sequence[Counter], resizing: Resizing) -> bool:
        """Change a budget and its counters; say whether both are what was read."""
        ...

    def slots(self, budget: Budget, *, shard: int, block: int) -> Sequence[Slot]:
        """Return the slots of a block of numbers, by number."""
        ...

    def lapse(self, lease: Lease, *, owes: bool) -> bool:
        """Put a tombstone where a number has no slot, and put one back; say whether it was done.

        Where the budget ``owes``, that takes it instead of the counter.

        Raises:
            StaleError: it does not owe any more, or does now; nothing was written.
        """
        ...

    def sweep_of(self, budget: Budget, *, shard: int) -> Sweep:
        """Return how far a counter is swept."""
        ...

    def put_sweep(self, budget: Budget, sweep: Sweep, *, shard: int) -> None:
        """Note how far a counter is swept."""
        ...

"""Leases: each ad of an exact flight has a number, and each number counts once or comes back.

A counter has given the numbers 1 to ``given`` and may give as many as ``quota``. A number ends as a
slot, which is written once: by the impression, or as a tombstone by the sweep, which puts one back
into ``quota`` in the same transaction. So what is shown is never more than ``given`` less
tombstones, and as ``given <= quota`` when a number is given, never more than the share of the
target that the counter began with. That holds whenever anybody crashes: an ad that was given and
never shown is missing until it is swept, and nothing more.

A flight with bounds of its life and of a day has one counter for both: a number is given only where
both allow it, in one write, so neither has to be given back because the other refuses. What was
given on a day counts to that day, whenever it is shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.placements.model.demand import Flight

SPEED_OF_A_SHARD = 400
"""Ads a second for which a counter is added; an item takes 1,000 writes a second at most."""

MOST_SHARDS = 64
LEAST_SHARE = 500
"""Ads that a counter begins with at least: of fewer, too many would look at the wrong one."""

UNBOUNDED = 10**12
"""What stands for no bound."""

BLOCK = 50
"""Slots that lie in one partition."""

_SECONDS_OF_AN_HOUR = 3_600

MOST_MARKS = 32
"""Marks of a counter that are kept; beyond it none is added until one is done with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What an exact flight may bring at most, as ``version`` of the flight says.

    ``None`` is no bound. ``peak`` are the ads a second for which it is made ready.
    """

    app_id: str
    flight_id: str
    version: int
    lifetime: int | None = None
    daily: int | None = None
    peak: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The bounds of a flight as its counters have them.

    ``owed`` is what a lowered target lacks, since it was given before: what comes back goes there
    first. ``revision`` counts the writes.
    """

    bounds: Bounds
    shards: int
    owed: int = 0
    revision: int = 1

    @property
    def target(self) -> int:
        """Return what is shown at most in all."""
        return bound(self.bounds.lifetime)

    def share_of_a_day(self, shard: int) -> int:
        """Return what a counter may give in one day."""
        return shares(bound(self.bounds.daily), self.shards)[shard]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """One number of one counter: the right to have an ad shown, and counted, once."""

    app_id: str
    flight_id: str
    shard: int
    number: int

    @property
    def block(self) -> int:
        """Return which block its slot lies in."""
        return (self.number - 1) // BLOCK


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """One counter; numbers above ``day_from`` were given on ``day`` (a date, or no text yet)."""

    given: int = 0
    quota: int = 0
    day: str = ""
    day_from: int = 0
    day_quota: int = 0

    @property
    def left(self) -> int:
        """Return what may still be given, of the whole life."""
        return max(self.quota - self.given, 0)

    def allows(self, day: str) -> bool:
        """Say whether a number can be given on a day, or on a later one that has begun."""
        return self.day >= day and self.given < min(self.quota, self.day_quota)

    def drawn(self) -> "Counter":
        """Return the counter with one number more given."""
        return replace(self, given=self.given + 1)

    def on_day(self, day: str, *, quota: int) -> "Counter":
        """Return the counter as it begins a day on which it may give so many."""
        return replace(self, day=day, day_from=self.given, day_quota=self.given + quota)

    def lapsed(self, number: int) -> "Counter":
        """Return the counter after a number came back; one of its day comes back to that too."""
        of_the_day = int(number > self.day_from)
        return replace(self, quota=self.quota + 1, day_quota=self.day_quota + of_the_day)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """How a number ended: shown by the ad of a token, or lapsed (``token_id`` is ``None``)."""

    lease: Lease
    token_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """By this instant the numbers up to ``given`` had been given."""

    at: datetime
    given: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """How far a counter is swept: each number up to ``settled`` has its slot; marks, oldest first.

    Marks are facts. So whoever writes an older sweep over a later one has it done again, no more.
    """

    settled: int = 0
    marks: tuple[Mark, ...] = ()

    def due(self, at: datetime, *, grace: timedelta) -> int:
        """Return up to which number all leases ran out, where they last for ``grace`` at most."""
        over = (mark.given for mark in self.marks if mark.at + grace <= at)
        return max(self.settled, *over, 0)

    def settled_to(self, number: int) -> "Sweep":
        """Return the sweep with all done up to a number."""
        return Sweep(
            settled=number, marks=tuple(mark for mark in self.marks if mark.given > number)
        )

    def marked(self, mark: Mark) -> "Sweep":
        """Return the sweep with a mark more, if it says something new and there is room."""
        known = max((self.settled, *(one.given for one in self.marks)))
        if mark.given <= known or len(self.marks) >= MOST_MARKS:
            return self
        return replace(self, marks=(*self.marks, mark))


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseAudit:
    """What became of an exact flight's numbers, recounted from the slots.

    ``left`` may still be given; ``open`` were given, and neither shown nor lapsed yet.
    """

    target: int
    given: int
    shown: int
    lapsed: int
    open: int
    left: int
    owed: int

    @property
    def is_balanced(self) -> bool:
        """Say whether all add up to the target: always, where nobody changes it meanwhile."""
        return self.shown + self.open + self.left == self.target + self.owed


@dataclass(frozen=True, slots=True, kw_only=True)
class Resizing:
    """A change of a target: the budget after it, and how each counter's quotas change."""

    after: Budget
    quotas: Sequence[int]
    days: Sequence[int]


def bound(figure: int | None) -> int:
    """Return a bound as a number."""
    return UNBOUNDED if figure is None else figure


def shards_for(target: int, *, peak: int) -> int:
    """Return over how many counters a target is spread, at so many ads a second at most."""
    wanted = min(-(-peak // SPEED_OF_A_SHARD), MOST_SHARDS, target // LEAST_SHARE)
    return max(wanted, 1)


def bounds_of(flight: Flight) -> Bounds:
    """Return the bounds of an exact flight as it is booked.

    It is made ready to give the smaller of them in an hour.
    """
    target = flight.target
    least = min(bound(target.lifetime), bound(target.daily))
    return Bounds(
        app_id=flight.app_id,
        flight_id=flight.flight_id,
        version=flight.version,
        lifetime=target.lifetime,
        daily=target.daily,
        peak=-(-least // _SECONDS_OF_AN_HOUR),
    )


def shares(total: int, shards: int) -> tuple[int, ...]:
    """Return how much each counter gets: they sum to ``total``, and differ by one at most."""
    least, rest = divmod(total, shards)
    return tuple(least + (place < rest) for place in range(shards))


def opened(bounds: Bounds) -> Budget:
    """Return the budget of bounds that nothing was given of yet."""
    least = min(bound(bounds.lifetime), bound(bounds.daily))
    return Budget(bounds=bounds, shards=shards_for(least, peak=bounds.peak))


def resized(budget: Budget, bounds: Bounds, counters: Sequence[Counter]) -> Resizing:
    """Return how a running budget follows other bounds.

    A raised target first makes good what is owed. A lowered one takes from what is left, the
    fullest counters first; what was given already is owed, and can still be shown.
    """
    by = bound(bounds.lifetime) - budget.target
    if by >= 0:
        made_good = min(by, budget.owed)
        owed, quotas = budget.owed - made_good, list(shares(by - made_good, budget.shards))
    else:
        taken = _spread(min(-by, sum(one.left for one in counters)), counters)
        owed, quotas = budget.owed - by - sum(taken), [-one for one in taken]
    before = shares(bound(budget.bounds.daily), budget.shards)
    after = shares(bound(bounds.daily), budget.shards)
    return Resizing(
        after=replace(budget, bounds=bounds, owed=owed, revision=budget.revision + 1),
        quotas=quotas,
        days=[one - other for one, other in zip(after, before, strict=True)],
    )


def _spread(amount: int, counters: Sequence[Counter]) -> list[int]:
    """Return how much to take of each counter, the fullest first."""
    taken = [0] * len(counters)
    for shard in sorted(range(len(counters)), key=lambda one: -counters[one].left):
        taken[shard] = min(amount, counters[shard].left)
        amount -= taken[shard]
    return taken

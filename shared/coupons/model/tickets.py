"""Numbered tickets: a limit is split over counters, and each number is given out once.

A counter has given out the numbers 1 to ``drawn``, and may give out ``left`` more. A ticket becomes
a use when its slot is written; the slot can be written once, by the redemption or by the sweep. So
live slots are never more than what was drawn, less what was swept and given back; and as each of
those two put one back into ``left``, never more than the limit (the proof in full: the design of
coupons, section 3.3, with ``left`` for ``quota - seq``, since DynamoDB compares but does not
reckon).
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Lock

from shared.coupons.model.redemptions import Place

USES_A_COUNTER = 400
"""Uses a second for which a counter is added; an item takes 1,000 writes a second at most."""

MOST_COUNTERS = 64
LEAST_SHARE = 50
"""Uses that a counter begins with at least: of fewer, too many would look at the wrong one."""

BLOCK = 50
"""Slots that lie in one partition."""

KNOWN_FOR = timedelta(milliseconds=1500)
"""How long a process believes that a counter has nothing left; a release may give it some."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenWindow:
    """A window of a limit as it was opened: so many counters, for ``capacity`` uses or units.

    ``version`` is that of the limits it follows. ``epoch`` counts how often it was exhausted and
    had something again; ``is_exhausted``: it is told that nothing is left.
    """

    place: Place
    counters: int
    capacity: int
    version: int
    ends_at: datetime | None = None
    epoch: int = 0
    is_exhausted: bool = False

    def resized(self, by: int, *, version: int) -> "OpenWindow":
        """Return the window with so much more, or less, under other limits."""
        return replace(self, capacity=self.capacity + by, version=version)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """One counter: how many numbers it gave out, and how many it may still give out."""

    drawn: int = 0
    left: int = 0


def counters_for(capacity: int, *, peak: int) -> int:
    """Return over how many counters so many uses are spread, at so many a second at most."""
    wanted = min(-(-peak // USES_A_COUNTER), MOST_COUNTERS, capacity // LEAST_SHARE)
    return max(wanted, 1)


def shares(total: int, counters: int) -> tuple[int, ...]:
    """Return how much each counter gets: they sum to ``total``, and differ by one at most."""
    least, rest = divmod(total, counters)
    return tuple(least + (place < rest) for place in range(counters))


@dataclass(slots=True, kw_only=True)
class KnownEmpty:
    """What a process knows of counters that have nothing left; it forgets after ``KNOWN_FOR``.

    ``shuffled`` returns numbers in any order.
    """

    shuffled: Callable[[Collection[int]], Sequence[int]]
    _empty: dict[tuple[Place, int], datetime] = field(default_factory=dict)
    _sold_out: dict[Place, datetime] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def order(self, place: Place, *, counters: int, now: datetime) -> Sequence[int]:
        """Return which counters to try, in which order: not those known to be empty."""
        with self._lock:
            hopeful = [
                counter
                for counter in range(counters)
                if self._empty.get((place, counter), now) <= now
            ]
        return self.shuffled(hopeful)

    def note_empty(self, place: Place, counter: int, *, now: datetime) -> None:
        """Note that a counter has nothing left."""
        with self._lock:
            self._forget(now)
            self._empty[place, counter] = now + KNOWN_FOR

    def note_sold_out(self, place: Place, *, now: datetime) -> None:
        """Note that no counter of a place has anything left."""
        with self._lock:
            self._forget(now)
            self._sold_out[place] = now + KNOWN_FOR

    def is_sold_out(self, place: Place, *, now: datetime) -> bool:
        """Say whether a place is known to be sold out; if not, it must be asked."""
        with self._lock:
            return self._sold_out.get(place, now) > now

    def reopen(self, place: Place, counters: Collection[int]) -> None:
        """Forget that some counters of a place were empty: something was given back."""
        with self._lock:
            self._sold_out.pop(place, None)
            for counter in counters:
                self._empty.pop((place, counter), None)

    def _forget(self, now: datetime) -> None:
        """Drop what is not known any more, so that no process grows by what it once met."""
        for key in [key for key, until in self._empty.items() if until <= now]:
            del self._empty[key]
        for place in [place for place, until in self._sold_out.items() if until <= now]:
            del self._sold_out[place]


def spread(amount: int, counters: Sequence[int]) -> dict[int, int] | None:
    """Return from which counters to take an amount, by what each has left; ``None``: too little.

    One counter alone where one has enough: that with the most, so that the rests stay even. Else
    the fullest together.
    """
    if sum(counters) < amount:
        return None
    taken: dict[int, int] = {}
    for counter in sorted(range(len(counters)), key=lambda one: -counters[one]):
        if amount == 0:
            break
        taken[counter] = min(amount, counters[counter])
        amount -= taken[counter]
    return taken

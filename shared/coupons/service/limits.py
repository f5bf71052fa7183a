"""Has running windows follow when a limit is raised or lowered."""

from collections.abc import Iterator
from dataclasses import dataclass

from shared.coupons.errors import RedemptionContendedError
from shared.coupons.model.limits import Counting, Limit
from shared.coupons.model.places import LimitSheet
from shared.coupons.model.redemptions import Place
from shared.coupons.model.tickets import KnownEmpty, OpenWindow, shares
from shared.coupons.ports.redemptions import Pause, TicketStore
from shared.kernel.clock import Clock

PAGE = 100
ATTEMPTS = 256
"""Steps of one window: at most one for each counter, and again where draws came in between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjusted:
    """A window after it followed its limit.

    ``capacity`` is what it grants in all; ``missing`` is by how much it could not be lowered, since
    more than the limit is used or held.
    """

    place: Place
    capacity: int
    missing: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitService:
    """Raises and lowers limits while they run.

    The coupon is changed first, under a new version: windows are opened under it from then on.
    Those that are open follow here, step by step; what a crash leaves, the next call does. Packed
    limits need nothing: each use is held against the limit of the coupon as it was read.
    """

    tickets: TicketStore
    known: KnownEmpty
    clock: Clock
    pause: Pause

    def settle(self, sheet: LimitSheet, limit_id: str) -> tuple[Adjusted, ...]:
        """Have each window of a limit that is not over grant what the limit says now.

        A limit is lowered as far as nothing is taken from anybody. What is given back later can be
        had again until another call lowers it further.

        Raises:
            CouponChangedError: the limits were changed again: read the coupon, then repeat.
            RedemptionContendedError: others kept changing a window.
        """
        limit = next(one for one in sheet.limits if one.limit_id == limit_id)
        if limit.counting is Counting.PACKED:
            return ()
        return tuple(self._settled(window, limit, sheet) for window in self._open(sheet, limit_id))

    def _open(self, sheet: LimitSheet, limit_id: str) -> Iterator[OpenWindow]:
        after = None
        while True:
            page = self.tickets.windows_of(
                sheet.app_id, sheet.coupon_id, limit_id, after=after, limit=PAGE
            )
            for window in page.items:
                if window.ends_at is None or window.ends_at > self.clock():
                    yield window
            after = page.next_cursor
            if after is None:
                return

    def _settled(self, window: OpenWindow, limit: Limit, sheet: LimitSheet) -> Adjusted:
        for attempt in range(ATTEMPTS):
            missing = limit.capacity - window.capacity
            if missing == 0:
                return Adjusted(place=window.place, capacity=window.capacity)
            step = self._raise_by(window, missing) if missing > 0 else self._lower_by(window)
            if step is None:
                return Adjusted(place=window.place, capacity=window.capacity, missing=-missing)
            counter, by = step
            by = max(by, missing) if missing < 0 else by
            if not self.tickets.resize(window, by=by, counter=counter, version=sheet.version):
                self.pause(attempt)
            elif by > 0:
                self._reopen(window, counter)
            window = self.tickets.window(window.place) or window
        raise RedemptionContendedError("others kept drawing on the limit")

    def _raise_by(self, window: OpenWindow, missing: int) -> tuple[int, int]:
        """Return the counter with the least, and how much to give it."""
        left = [counter.left for counter in self.tickets.counters(window)]
        return left.index(min(left)), shares(missing, window.counters)[0]

    def _lower_by(self, window: OpenWindow) -> tuple[int, int] | None:
        """Return the counter with the most, and how much it has; ``None``: there is nothing."""
        left = [counter.left for counter in self.tickets.counters(window)]
        most = max(left)
        return (left.index(most), -most) if most else None

    def _reopen(self, window: OpenWindow, counter: int) -> None:
        self.known.reopen(window.place, [counter])
        if window.is_exhausted:
            self.tickets.note_reopened(window)

"""Draws tickets and amounts from the counters of limits."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from shared.coupons.events import CouponExhausted
from shared.coupons.model.limits import Subject
from shared.coupons.model.places import Counted
from shared.coupons.model.redemptions import Draw, Place, Spent, Ticket
from shared.coupons.model.tickets import (
    KnownEmpty,
    OpenWindow,
    counters_for,
    shares,
    spread,
)
from shared.coupons.ports.redemptions import TicketStore
from shared.kernel.clock import Clock
from shared.kernel.envelope import seal
from shared.kernel.ids import Ids

PROBES = 2
"""Counters that are tried by chance; then all are read, which costs less than to try each."""

_MOST_WINDOWS = 10_000
"""Windows of which a process remembers how they were opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawer:
    """Draws from counters, by chance from any that is not known to be empty."""

    store: TicketStore
    known: KnownEmpty
    clock: Clock
    ids: Ids
    _windows: dict[Place, OpenWindow] = field(default_factory=dict)

    def is_sold_out(self, counted: Counted) -> bool:
        """Say whether a limit is known to be exhausted, without asking anybody."""
        return self.known.is_sold_out(counted.place, now=self.clock())

    def ticket(self, counted: Counted) -> Ticket | None:
        """Draw a ticket of a limit; ``None``: none is left.

        Raises:
            CouponChangedError: the limits are not those of ``counted`` any more.
        """
        place, now = counted.place, self.clock()
        if self.known.is_sold_out(place, now=now):
            return None
        window = self._window(counted)
        hopeful = self.known.order(place, counters=window.counters, now=now)
        for counter in hopeful[:PROBES]:
            if ticket := self._drawn(place, counter):
                return ticket
        return self._ticket_of_the_rest(counted, window)

    def amounts(self, counted: Counted, amount: int) -> tuple[Spent, ...]:
        """Return how to draw an amount without having looked: from any one counter.

        Nothing is drawn: that is a part of the transaction that makes the redemption.

        Raises:
            CouponChangedError: the limits are not those of ``counted`` any more.
        """
        place, window = counted.place, self._window(counted)
        hopeful = self.known.order(place, counters=window.counters, now=self.clock())
        return (Spent(place=place, shard=hopeful[0] if hopeful else 0, amount=amount),)

    def amounts_of_the_rest(
        self, counted: Counted, amount: int, *, besides: Iterable[Draw]
    ) -> tuple[Spent, ...] | None:
        """Return how to draw an amount from what the counters have now; ``None``: too little.

        Where no counter alone has enough, a draw takes from some of them together: so what is left
        is never too scattered to be had. ``besides`` is drawn in the same transaction.
        """
        place, window = counted.place, self._window(counted)
        left = [counter.left for counter in self.store.counters(window)]
        for draw in besides:
            if isinstance(draw, Spent) and draw.place == place:
                left[draw.shard] = max(left[draw.shard] - draw.amount, 0)
        for counter, rest in enumerate(left):
            if rest == 0:
                self.known.note_empty(place, counter, now=self.clock())
        if sum(left) == 0:
            self._tell_exhausted(counted)
        taken = spread(amount, left)
        if taken is None:
            return None
        return tuple(Spent(place=place, shard=one, amount=part) for one, part in taken.items())

    def void(self, tickets: list[Ticket]) -> None:
        """Put back tickets that were drawn here and will not be used."""
        for ticket in tickets:
            self.store.void(ticket)
            self.known.reopen(ticket.place, [ticket.shard])

    def reopen(self, draws: tuple[Draw, ...]) -> None:
        """Note that what some draws held was given back."""
        for draw in draws:
            if isinstance(draw, Ticket | Spent):
                self.known.reopen(draw.place, [draw.shard])
        for place in {draw.place for draw in draws if isinstance(draw, Ticket | Spent)}:
            window = self.store.window(place)
            if window is not None and window.is_exhausted:
                self.store.note_reopened(window)

    def _window(self, counted: Counted) -> OpenWindow:
        """Return a limit's window; the first who asks opens it."""
        place = counted.place
        window = self._windows.get(place) or self.store.window(place)
        if window is None:
            window = self._opened(counted)
        if len(self._windows) >= _MOST_WINDOWS:
            self._windows.clear()
        self._windows[place] = window
        return window

    def _opened(self, counted: Counted) -> OpenWindow:
        limit, place = counted.limit, counted.place
        window = OpenWindow(
            place=place,
            counters=counters_for(limit.capacity, peak=limit.peak),
            capacity=limit.capacity,
            version=counted.sheet.version,
            ends_at=counted.window.end,
        )
        self.store.open_window(window, shares=shares(window.capacity, window.counters))
        # Somebody else may have opened it first, with other counters.
        return self.store.window(place) or window

    def _drawn(self, place: Place, counter: int) -> Ticket | None:
        number = self.store.draw(place, counter)
        if number is None:
            self.known.note_empty(place, counter, now=self.clock())
            return None
        return Ticket(place=place, shard=counter, number=number)

    def _ticket_of_the_rest(self, counted: Counted, window: OpenWindow) -> Ticket | None:
        """Draw from a counter that was seen to have something; note it where none had."""
        place = counted.place
        counters = self.store.counters(window)
        full = [number for number, counter in enumerate(counters) if counter.left > 0]
        for counter in self.known.shuffled(full):
            if ticket := self._drawn(place, counter):
                return ticket
        self.known.note_sold_out(place, now=self.clock())
        self._tell_exhausted(counted)
        return None

    def _tell_exhausted(self, counted: Counted) -> None:
        """Note that a window is exhausted; of the coupon as a whole it is told, once an epoch."""
        window = self.store.window(counted.place)
        if window is None or window.is_exhausted:
            return
        event = None
        if counted.limit.subject is Subject.COUPON and counted.sheet.coupon_id:
            told = CouponExhausted(
                app_id=counted.sheet.app_id,
                occurred_at=self.clock(),
                coupon_id=counted.sheet.coupon_id,
                limit_id=counted.limit.limit_id,
                window=counted.window.label,
            )
            event = seal(told, sequence=self.ids.sequence())
        self.store.note_exhausted(window, event)

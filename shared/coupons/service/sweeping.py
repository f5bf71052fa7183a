"""Ends what nobody ends: reservations that ran out, tickets that were drawn and never used."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.coupons.model.redemptions import RedemptionState, Ticket
from shared.coupons.model.reservations import SETTLED, minute_of
from shared.coupons.model.tickets import BLOCK, KnownEmpty, OpenWindow
from shared.coupons.ports.redemptions import (
    DueReservation,
    RedemptionStore,
    SweepMark,
    TicketStore,
)
from shared.coupons.service.ending import Ending
from shared.coupons.service.noting import GRACE
from shared.kernel.clock import Clock

_MINUTE = timedelta(minutes=1)
PAGE = 25
"""Reservations of a minute, or windows of a limit, that are read at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweeping:
    """Works within bounds, and goes on where the last call stopped; nothing depends on when.

    However late it runs, no limit is passed: what it has not put back is missing, nothing more.
    """

    redemptions: RedemptionStore
    tickets: TicketStore
    known: KnownEmpty
    ending: Ending
    clock: Clock

    def end_reservations(self, app_id: str, *, most: int) -> int:
        """End an app's reservations that ran out, about ``most`` of them; return how many.

        All minutes that nobody has done yet are worked on in turn. A minute is done once none of
        its reservations is left, and no clock can note another in it.
        """
        minute = self.redemptions.done_until(app_id)
        ended = 0
        while minute is not None and minute + _MINUTE <= self.clock():
            while found := self.redemptions.due_in(app_id, minute=minute, limit=PAGE):
                ended += sum(self._end(app_id, due) for due in found)
                if ended >= most:
                    return ended
            minute += _MINUTE
            if minute + SETTLED <= self.clock():
                self.redemptions.mark_done(app_id, until=minute)
        return ended

    def sweep_tickets(
        self, app_id: str, coupon_id: str | None, limit_id: str, *, after: str | None = None
    ) -> str | None:
        """Put back tickets that nobody used, of some windows; return where to go on, if anywhere.

        A ticket is left alone until two calls have seen it that are ``GRACE`` apart.
        """
        page = self.tickets.windows_of(app_id, coupon_id, limit_id, after=after, limit=PAGE)
        for window in page.items:
            self.sweep_window(window)
        return page.next_cursor

    def sweep_window(self, window: OpenWindow) -> int:
        """Put back tickets of one window that nobody used; return how many."""
        now = self.clock()
        drawn = [counter.drawn for counter in self.tickets.counters(window)]
        return sum(
            self._sweep_counter(window, counter, drawn=count, now=now)
            for counter, count in enumerate(drawn)
            if count
        )

    def _end(self, app_id: str, due: DueReservation) -> bool:
        """End a reservation if it ran out; say whether that was done here."""
        redemption = self.redemptions.find(due.redemption_id, app_id=app_id).redemption
        has_ended = False
        if redemption and redemption.has_run_out(self.clock()):
            has_ended = self.ending.expire(redemption) is not None
            redemption = self.redemptions.find(due.redemption_id, app_id=app_id).redemption
        # One that was renewed is due in another minute, or later in this one.
        is_held = redemption is not None and redemption.state is RedemptionState.RESERVED
        until = redemption.reserved_until if redemption and is_held else None
        if until is None or minute_of(until) != due.minute:
            self.redemptions.forget_due(app_id, due)
        return has_ended

    def _sweep_counter(self, window: OpenWindow, counter: int, *, drawn: int, now: datetime) -> int:
        mark = self.tickets.sweep_mark(window.place, counter)
        voided = 0
        if mark.seen_at is not None:
            if now - mark.seen_at < GRACE:
                return 0
            voided = self._settle(window, counter, mark)
            mark = replace(mark, settled=mark.seen)
        if mark.settled < drawn or mark.seen_at is not None:
            fresh = SweepMark(
                settled=mark.settled, seen=drawn, seen_at=now if drawn > mark.settled else None
            )
            self.tickets.put_sweep_mark(window.place, counter, fresh)
        return voided

    def _settle(self, window: OpenWindow, counter: int, mark: SweepMark) -> int:
        """Void each ticket without a slot that was seen when the mark was set."""
        voided = 0
        for block in range(mark.settled // BLOCK, -(-mark.seen // BLOCK)):
            slots = self.tickets.slots(window.place, counter=counter, block=block)
            taken = {slot.ticket.number for slot in slots}
            first, last = block * BLOCK + 1, (block + 1) * BLOCK
            for number in range(max(first, mark.settled + 1), min(last, mark.seen) + 1):
                ticket = Ticket(place=window.place, shard=counter, number=number)
                if number not in taken and self.tickets.void(ticket):
                    voided += 1
        if voided:
            self.known.reopen(window.place, [counter])
            if window.is_exhausted:
                self.tickets.note_reopened(window)
        return voided

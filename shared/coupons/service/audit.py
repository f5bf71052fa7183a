"""Recounts limits from what was written for each use, and holds the counters against it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from shared.coupons.model.limits import Counting, Limit
from shared.coupons.model.places import Counted, LimitSheet
from shared.coupons.model.redemptions import Place, Redemption, RedemptionState, Spent
from shared.coupons.model.tickets import BLOCK, Counter, OpenWindow
from shared.coupons.ports.redemptions import RedemptionStore, Slot, TicketStore, UseStore
from shared.coupons.service.noting import holds
from shared.kernel.clock import Clock

PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitAudit:
    """What became of a limit's uses, in one window and of one subject.

    ``granted`` and ``reserved`` are recounted: of tickets from their slots, of noted uses and of
    budgets from their redemptions. ``available`` is what may still be given out. ``in_flight`` are
    tickets that were drawn, or uses that were noted, and are nobody's yet: a request is under way,
    or a sweep will put them back. A budget has none: it is drawn when its redemption is made.
    """

    place: Place
    limit: int
    granted: int
    reserved: int
    available: int
    in_flight: int = 0

    @property
    def is_balanced(self) -> bool:
        """Say whether all add up to the limit: always, for one that nobody changes meanwhile."""
        return self.granted + self.reserved + self.available + self.in_flight == self.limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """Recounts limits; it reads every slot or redemption, and changes nothing."""

    tickets: TicketStore
    uses: UseStore
    redemptions: RedemptionStore
    clock: Clock

    def audit(self, sheet: LimitSheet) -> Iterator[LimitAudit]:
        """Yield every window of every limit that has counters, as it was opened."""
        for limit in sheet.limits:
            if limit.counting is Counting.PACKED:
                continue
            for window in self._windows(sheet, limit):
                yield self.audit_window(window, limit)

    def audit_window(self, window: OpenWindow, limit: Limit) -> LimitAudit:
        """Recount one window."""
        before = self.tickets.counters(window)
        if limit.counting is Counting.BUDGET:
            return self._audit_of_budget(window, left=sum(counter.left for counter in before))
        slots = [slot for one, at in enumerate(before) for slot in self._slots(window, one, at)]
        live = [slot for slot in slots if slot.is_live]
        reserved = self._held(live)
        return LimitAudit(
            place=window.place,
            limit=window.capacity,
            granted=len(live) - reserved,
            reserved=reserved,
            available=sum(counter.left for counter in before),
            in_flight=sum(counter.drawn for counter in before) - len(slots),
        )

    def audit_uses(self, counted: Counted) -> LimitAudit:
        """Recount the noted uses of one subject; of an amount, in minor units."""
        place, limit = counted.place, counted.limit
        uses = list(self.uses.uses(place).within(counted.window))
        ids = [use.redemption_id for use in uses]
        found = self.redemptions.find_many(ids, app_id=place.app_id)
        sums = {"granted": 0, "reserved": 0, "in_flight": 0, "": 0}
        for use in uses:
            redemption = found[use.redemption_id].redemption
            kind = "in_flight"
            if redemption is not None:
                is_held = redemption.state is RedemptionState.RESERVED
                kind = "" if not holds(redemption, place) else "reserved" if is_held else "granted"
            sums[kind] += use.amount if limit.amount is not None else 1
        del sums[""]
        available = limit.capacity - sum(sums.values())
        return LimitAudit(place=place, limit=limit.capacity, available=available, **sums)

    def _audit_of_budget(self, window: OpenWindow, *, left: int) -> LimitAudit:
        granted = reserved = 0
        spenders = self.redemptions.spenders(window)
        while ids := list(islice(spenders, PAGE)):
            found = self.redemptions.find_many(ids, app_id=window.place.app_id)
            for redemption in (one.redemption for one in found.values() if one.redemption):
                spent = _spent(redemption, window.place)
                if redemption.state is RedemptionState.RESERVED:
                    reserved += spent
                else:
                    granted += spent
        return LimitAudit(
            place=window.place,
            limit=window.capacity,
            granted=granted,
            reserved=reserved,
            available=left,
        )

    def _windows(self, sheet: LimitSheet, limit: Limit) -> Iterator[OpenWindow]:
        after = None
        while True:
            page = self.tickets.windows_of(
                sheet.app_id, sheet.coupon_id, limit.limit_id, after=after, limit=PAGE
            )
            yield from page.items
            after = page.next_cursor
            if after is None:
                return

    def _slots(self, window: OpenWindow, counter: int, at: Counter) -> Iterator[Slot]:
        """Yield the slots of the numbers that were drawn when the counter was read."""
        for block in range(-(-at.drawn // BLOCK)):
            for slot in self.tickets.slots(window.place, counter=counter, block=block):
                if slot.ticket.number <= at.drawn:
                    yield slot

    def _held(self, live: Sequence[Slot]) -> int:
        """Return how many of some uses are reservations still."""
        ids = [slot.redemption_id for slot in live if slot.was_held and slot.redemption_id]
        if not ids:
            return 0
        found = self.redemptions.find_many(ids, app_id=live[0].ticket.place.app_id)
        owners = (found[one].redemption for one in ids)
        return sum(
            owner is not None and owner.state is RedemptionState.RESERVED for owner in owners
        )


def _spent(redemption: Redemption, place: Place) -> int:
    """Return how much of a budget a redemption holds now."""
    return sum(
        draw.amount for draw in redemption.draws if isinstance(draw, Spent) and draw.place == place
    )

"""Says whether limits have a use left, for a dry run: it takes nothing and promises nothing."""

from dataclasses import dataclass

from shared.coupons.model.codes import CodeKind
from shared.coupons.model.coupons import Coupon
from shared.coupons.model.limits import Counting, Subject
from shared.coupons.model.places import Counted, Subjects, counted_by, sheet_of
from shared.coupons.model.rules import Circumstances, Reason
from shared.coupons.model.tickets import KnownEmpty
from shared.coupons.model.uses import Use
from shared.coupons.ports.redemptions import TicketStore, UseStore
from shared.kernel.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability:
    """Looks at limits; what another process holds counts, what crashed may count a little longer.

    A person who was joined to another is looked up under the contact that stands for them.
    """

    tickets: TicketStore
    uses: UseStore
    known: KnownEmpty
    clock: Clock

    def refusal(
        self, coupon: Coupon, *, fingerprint: str | None, who: Circumstances
    ) -> Reason | None:
        """Return why no use of a coupon is left; ``None``: as far as can be seen there is one."""
        subjects = Subjects(
            contact_id=who.contact_id,
            device_id=who.device_id,
            fingerprint=fingerprint,
            store_id=who.store_id,
        )
        # The one use of a unique code is noted by its fingerprint; a generic one has none there.
        sheet = sheet_of(coupon, code=CodeKind.UNIQUE if fingerprint is not None else None)
        counted = counted_by(sheet, subjects, self.clock())
        return next((self._reason(one) for one in counted if not self._has_left(one)), None)

    def _has_left(self, counted: Counted) -> bool:
        if counted.counting is Counting.PACKED:
            return self._has_noted_left(counted)
        place, now = counted.place, self.clock()
        if self.known.is_sold_out(place, now=now):
            return False
        window = self.tickets.window(place)
        if window is None:
            return counted.limit.capacity > 0
        if any(counter.left for counter in self.tickets.counters(window)):
            return True
        self.known.note_sold_out(place, now=now)
        return False

    def _has_noted_left(self, counted: Counted) -> bool:
        # One more use, of the least amount, under an id that no redemption has.
        use = Use(redemption_id="", at=self.clock(), amount=1)
        uses = self.uses.uses(counted.place)
        return uses.allow(use, limit=counted.limit, window=counted.window)

    def _reason(self, counted: Counted) -> Reason:
        if counted.counting is Counting.BUDGET:
            return Reason.BUDGET_EXHAUSTED
        is_personal = counted.limit.subject in {Subject.CONTACT, Subject.DEVICE}
        return Reason.PERSON_LIMIT if is_personal else Reason.EXHAUSTED

"""What time brings about for claims: a reminder, then the end.

A claim's end is judged by its ``expires_at`` wherever it matters; here it is only told. A crash
between a reminder and its note repeats the reminder, which is told once for a claim.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.coupons.errors import CouponNotFoundError
from shared.coupons.events import ClaimExpired
from shared.coupons.model.claims import Claim, ClaimState
from shared.coupons.model.coupons import Coupon, CouponState
from shared.coupons.ports.claims import ClaimStore, Reminders
from shared.coupons.ports.coupons import CouponStore
from shared.kernel.clock import Clock
from shared.kernel.envelope import seal
from shared.kernel.ids import Ids

_MINUTE = timedelta(minutes=1)

GRACE = timedelta(minutes=1)
"""So soon after its instant a claim is stored: by then nothing more comes into a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderService:
    """Works through the minutes of an app in which something is due about its claims."""

    coupons: CouponStore
    claims: ClaimStore
    reminders: Reminders
    clock: Clock
    ids: Ids

    def catch_up(self, app_id: str, *, minutes: int) -> bool:
        """Do what is due in up to so many minutes that are over; say whether more are left."""
        minute = self.claims.done_until(app_id)
        if minute is None:
            return False
        over = (self.clock() - GRACE).astimezone(UTC).replace(second=0, microsecond=0)
        for _ in range(minutes):
            if minute >= over:
                return False
            for claim in self.claims.due_in(app_id, minute=minute):
                self._settle(claim)
            minute += _MINUTE
            self.claims.mark_done(app_id, until=minute)
        return minute < over

    def _settle(self, claim: Claim) -> None:
        """Do what is due about a claim; whoever does it at the same moment does the same."""
        at = self.clock()
        if claim.is_over(at):
            self._end(claim, at=at)
        elif claim.remind_at is not None and claim.remind_at <= at:
            if claim.state is ClaimState.HELD:
                self._remind(claim)
            self.claims.replace_claim(claim.reminded(), None, before=claim)

    def _end(self, claim: Claim, *, at: datetime) -> None:
        coupon = self._coupon(claim)
        if coupon is not None and not claim.is_over_under(coupon, at):
            self.claims.replace_claim(claim.prolonged(coupon), None, before=claim)
            return
        if claim.state is not ClaimState.HELD:
            self.claims.drop_due(claim)
            return
        event = ClaimExpired(
            app_id=claim.app_id,
            occurred_at=claim.expires_at or at,
            coupon_id=claim.coupon_id,
            contact_id=claim.contact_id,
            claim_id=claim.claim_id,
        )
        after = claim.moved_to(ClaimState.EXPIRED)
        sealed = seal(event, sequence=self.ids.sequence())
        if self.claims.replace_claim(after, sealed, before=claim):
            self.claims.drop_due(after)

    def _remind(self, claim: Claim) -> None:
        coupon = self._coupon(claim)
        if coupon is None or coupon.state is not CouponState.ACTIVE:
            return
        template_id = coupon.claims.reminder_template_id
        if template_id is not None:
            self.reminders.remind(claim, coupon, template_id=template_id)

    def _coupon(self, claim: Claim) -> Coupon | None:
        try:
            return self.coupons.get_coupon(claim.coupon_id, app_id=claim.app_id)
        except CouponNotFoundError:
            return None

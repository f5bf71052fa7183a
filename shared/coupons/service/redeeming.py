"""Using coupons in an order: what a validation allows is taken, and answered once for all time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from shared.coupons.errors import CodeRefusedError, QuoteInvalidError, RedemptionRefusedError
from shared.coupons.model.redemptions import Applied, Redemption, RedemptionState
from shared.coupons.model.rules import SENTENCES, Reason
from shared.coupons.model.validation import UNKNOWN
from shared.coupons.ports.validation import Order, Redeemer, Wanted
from shared.coupons.service.claims import ClaimService
from shared.coupons.service.quotes import QuoteSigner
from shared.coupons.service.validation import Request, Validation, ValidationService
from shared.kernel.errors import FieldProblem
from shared.kernel.idempotency import Attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class RedeemingService:
    """Joins what judges an order to what takes its uses."""

    validations: ValidationService
    redeemer: Redeemer
    claims: ClaimService
    quotes: QuoteSigner

    def redeem(
        self, request: Request, *, attempt: Attempt, hold: timedelta | None = None
    ) -> tuple[Redemption, bool]:
        """Use the coupons of an order, or hold them; say whether it was answered before.

        All that is presented is used, or nothing. The same attempt has the same answer for the life
        of the redemption, whatever became of its coupons; a hold is renewed by it.

        Raises:
            InvalidFieldsError: the order presents no coupon, or too many.
            TooManyGuessesError: too many codes were tried in vain from there.
            QuoteInvalidError: the quote is not one of ours for this order, or no more true.
            CodeRefusedError: a code cannot be used, and is not the caller's.
            RedemptionRefusedError: a coupon cannot be used; ``fields`` has each reason.
            CouponExhaustedError: every use that a limit allows is taken.
            IdempotencyKeyReusedError: the attempt's key belongs to another request.
            ReservationExpiredError: the hold that was to be renewed has run out.
            RedemptionContendedError: others were always quicker.
        """
        app_id = request.circumstances.app_id
        redemption_id = self.redeemer.id_of(app_id=app_id, caller=attempt.caller, key=attempt.key)
        before = self.redeemer.find(redemption_id, app_id=app_id)
        if before is not None:
            attempt.check(before.fingerprint)
            return self._answered(before, hold=hold), True
        validation = self.validations.validate(request, with_limits=False)
        _check(validation)
        self._check_quote(validation, request)
        order = Order(
            redemption_id=redemption_id,
            fingerprint=attempt.fingerprint,
            basket=request.basket,
            wanted=_wanted(validation),
            circumstances=validation.circumstances,
        )
        return self._taken(order, hold=hold), False

    def note_uses(self, redemption: Redemption) -> None:
        """Note of its claims that they were used; for a reservation, once it is committed.

        Again changes nothing. It is for people to read: no limit is counted by it.
        """
        for coupon_id, contact_id in _claimed(redemption):
            self.claims.note_used(coupon_id, contact_id=contact_id, app_id=redemption.app_id)

    def note_returns(self, redemption: Redemption) -> None:
        """Note of its claims that they can be used again, once their uses were given back."""
        for coupon_id, contact_id in _claimed(redemption):
            self.claims.note_returned(coupon_id, contact_id=contact_id, app_id=redemption.app_id)

    def _answered(self, before: Redemption, *, hold: timedelta | None) -> Redemption:
        if before.state is RedemptionState.REDEEMED:
            # The first try may have ended between the use and its note.
            self.note_uses(before)
        if hold is None or before.state is not RedemptionState.RESERVED:
            return before
        return self.redeemer.renew(before, hold=hold)

    def _taken(self, order: Order, *, hold: timedelta | None) -> Redemption:
        if hold is not None:
            return self.redeemer.reserve(order, hold=hold)
        redemption = self.redeemer.redeem(order)
        self.note_uses(redemption)
        return redemption

    def _check_quote(self, validation: Validation, request: Request) -> None:
        """Hold what is given now to what was quoted."""
        if request.quote is None:
            return
        who = request.circumstances
        quote = self.quotes.read(request.quote, app_id=who.app_id, at=who.at)
        gives = {one.coupon_id: one.discount for one in validation.priced.applied}
        now = {
            (one.coupon.coupon_id, one.coupon.version, gives[one.coupon.coupon_id])
            for one in validation.used
        }
        if now != {(one.coupon_id, one.version, one.discount) for one in quote.coupons}:
            raise QuoteInvalidError("its coupons give something else by now")


def _claimed(redemption: Redemption) -> Iterator[tuple[str, str]]:
    """Yield the coupons that were used by a claim, and whose it was."""
    for part in redemption.parts:
        if part.applied.claim_id is not None and redemption.contact_id is not None:
            yield part.applied.coupon_id, redemption.contact_id


def _wanted(validation: Validation) -> tuple[Wanted, ...]:
    used = {one.coupon.coupon_id: one for one in validation.used}
    applied: dict[str, Applied] = {
        one.applied.coupon_id: one.applied for one in validation.verdicts if one.applied
    }
    # In the order of application, as they were priced.
    return tuple(
        Wanted(
            applied=applied[one.coupon_id],
            coupon=used[one.coupon_id].coupon,
            code=used[one.coupon_id].code_kind,
        )
        for one in validation.priced.applied
    )


def _check(validation: Validation) -> None:
    """Hold an order to the verdicts: all that is presented is applicable.

    Raises:
        CodeRefusedError: there is no more to be told of one of its codes.
        RedemptionRefusedError: some cannot be used; ``fields`` has each reason.
    """
    if any(verdict == UNKNOWN for verdict in validation.verdicts):
        raise CodeRefusedError(SENTENCES[Reason.NOT_FOUND])
    problems = [
        FieldProblem(pointer=f"/redeemables/{place}", code=one.reason.value, detail=one.detail)
        for place, verdict in enumerate(validation.verdicts)
        for one in verdict.refusals
    ]
    if problems:
        raise RedemptionRefusedError(problems[0].detail, fields=problems)

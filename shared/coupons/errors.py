"""Why a coupon is refused."""

from datetime import timedelta
from math import ceil

from shared.kernel.errors import DomainError, Fault


class CouponError(DomainError):
    """Base of every refusal of this domain."""


class CouponNotFoundError(CouponError):
    """The app has no such coupon."""

    code = "coupon_not_found"
    fault = Fault.NOT_FOUND


class CouponStateError(CouponError):
    """The coupon's state does not allow this; `detail` names both."""

    code = "coupon_state"
    fault = Fault.CONFLICT


class CouponChangedError(CouponError):
    """The coupon was changed by somebody else meanwhile: look again, then repeat."""

    code = "coupon_changed"
    fault = Fault.CONFLICT


class CouponSettingsChangedError(CouponError):
    """The app's coupon settings were changed meanwhile: look again, then repeat."""

    code = "coupon_settings_changed"
    fault = Fault.CONFLICT


class LimitNotLoweredError(CouponError):
    """The limit cannot be lowered so far: more of it is used or held; `detail` says how much."""

    code = "limit_not_lowered"
    fault = Fault.CONFLICT


class WeakPatternError(CouponError):
    """Codes of this pattern could be guessed; `detail` says what a day of guessing would find."""

    code = "weak_pattern"
    fault = Fault.REFUSED


class CodeTakenError(CouponError):
    """The code belongs to another coupon of the app."""

    code = "code_taken"
    fault = Fault.CONFLICT


class CodeRefusedError(CouponError):
    """The code cannot be used here; who does not hold it is told no more than that."""

    code = "code_refused"
    fault = Fault.REFUSED


class JobNotFoundError(CouponError):
    """The coupon has no such job."""

    code = "job_not_found"
    fault = Fault.NOT_FOUND


class JobStateError(CouponError):
    """The job's state does not allow this."""

    code = "job_state"
    fault = Fault.CONFLICT


class ClaimRefusedError(CouponError):
    """The coupon cannot be claimed, or not any more; `errors` has the reason."""

    code = "claim_refused"
    fault = Fault.REFUSED


class ClaimContendedError(CouponError):
    """Others changed the same claim at the same moment, again and again: repeat the request."""

    code = "multiple_requests"
    fault = Fault.CONFLICT


class PublicationNotFoundError(CouponError):
    """The app has no such publication."""

    code = "publication_not_found"
    fault = Fault.NOT_FOUND


class PublicationSourceReusedError(CouponError):
    """The source id was used before, for another publication."""

    code = "source_id_reused"
    fault = Fault.INVALID


class RedemptionRefusedError(CouponError):
    """A code cannot be used for this basket; `errors` has a reason for each code."""

    code = "redemption_refused"
    fault = Fault.REFUSED


class CouponExhaustedError(CouponError):
    """Every use that the coupon's limits allow is taken."""

    code = "quantity_exceeded"
    fault = Fault.CONFLICT


class RedemptionNotFoundError(CouponError):
    """There is no such redemption, or it is not the caller's."""

    code = "redemption_not_found"
    fault = Fault.NOT_FOUND


class RedemptionStateError(CouponError):
    """The redemption's state does not allow this; `detail` names the state."""

    code = "redemption_state"
    fault = Fault.CONFLICT


class LineNotReturnableError(CouponError):
    """The order has no such line, or not so many pieces of it left; `detail` names the line."""

    code = "line_not_returnable"
    fault = Fault.REFUSED


class ReservationExpiredError(CouponError):
    """The reservation ran out before it was committed: reserve again."""

    code = "reservation_expired"
    fault = Fault.CONFLICT


class RedemptionContendedError(CouponError):
    """Others changed the same thing at the same moment, again and again: repeat the request."""

    code = "multiple_requests"
    fault = Fault.CONFLICT


class QuoteInvalidError(CouponError):
    """The quote was altered, is another basket's, or has expired: validate again."""

    code = "quote_invalid"
    fault = Fault.REFUSED


class TooManyGuessesError(CouponError):
    """Too many codes that do not exist were tried from here; `detail` says when to come again."""

    code = "too_many_guesses"
    fault = Fault.THROTTLED
    retry_after: timedelta

    def __init__(self, *, retry_after: timedelta = timedelta()) -> None:
        self.retry_after = retry_after
        super().__init__(f"try again in {ceil(retry_after.total_seconds())} seconds")


class ShopNotFoundError(CouponError):
    """The app has no such store, or the store no such key."""

    code = "store_not_found"
    fault = Fault.NOT_FOUND


class MalformedCodeError(CouponError):
    """No code has these letters: 3 to 64 of A to Z, 0 to 9, and `. _ %` are one."""

    code = "malformed_code"
    fault = Fault.INVALID


class CodeNotFoundError(CouponError):
    """The coupon has no such code."""

    code = "code_not_found"
    fault = Fault.NOT_FOUND


class CodeAssignedError(CouponError):
    """The code is somebody else's already."""

    code = "code_assigned"
    fault = Fault.CONFLICT


class StaleError(Exception):
    """What a change was based on is no longer so; nothing was written. Read and decide again."""


class LeaseHeldError(Exception):
    """Another worker has the job to itself, or there is nothing to work on: ask again later."""


class CodeJobFailedError(Exception):
    """A job cannot go on; ``code`` and ``detail`` are told to who asks how far it is."""

    def __init__(self, detail: str, *, code: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class ShopChangedError(CouponError):
    """The keys of the store were changed by somebody else meanwhile: repeat the request."""

    code = "store_changed"
    fault = Fault.CONFLICT


class TooManyTillKeysError(CouponError):
    """The store has as many keys as one store may have: remove one first."""

    code = "too_many_till_keys"
    fault = Fault.REFUSED

"""The routes of orders: judge them, use coupons in them, give uses back."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body

from functions.coupons_api.routes.callers import own, request_of
from functions.coupons_api.schemas import AppId, RedemptionId
from functions.coupons_api.schemas.orders import (
    RedemptionIn,
    RedemptionOut,
    RedemptionWithRollbacksOut,
    RollbackIn,
    RollbackOut,
    ValidationIn,
    ValidationOut,
)
from functions.coupons_api.wiring.orders import completions, redeeming, redemptions, validations
from shared.coupons.errors import (
    ClaimContendedError,
    CodeRefusedError,
    CouponChangedError,
    CouponExhaustedError,
    LineNotReturnableError,
    QuoteInvalidError,
    RedemptionContendedError,
    RedemptionNotFoundError,
    RedemptionRefusedError,
    RedemptionStateError,
    ReservationExpiredError,
    TooManyGuessesError,
)
from shared.kernel.idempotency import IdempotencyKeyMissingError
from shared.kernel.principal import Role
from shared.platform.auth.doors import device
from shared.platform.http.api import answered
from shared.platform.http.request import required_attempt
from shared.platform.http.routing import Router

router = Router()
OK, CREATED = HTTPStatus.OK, HTTPStatus.CREATED
REDEMPTIONS = "/v1/apps/<app_id>/redemptions"
REDEMPTION = f"{REDEMPTIONS}/<redemption_id>"


@router.on(
    "POST /v1/apps/<app_id>/coupon-validations",
    summary="Judge an order",
    access=device(or_contact=True, or_till=True),
    success={OK: "What may be used, what it gives, and why the rest may not."},
    refusals=[QuoteInvalidError, TooManyGuessesError],
)
def validate(app_id: AppId, body: Annotated[ValidationIn, Body()]) -> ValidationOut:
    """Say which coupons an order may use; nothing is used by it.

    Who does not hold a code is told only that it cannot be used, whether it exists or not.
    """
    found = validations().validate(request_of(body, app_id), with_best=body.with_best)
    return ValidationOut.of(found, currency=body.basket.currency)


@router.on(
    f"POST {REDEMPTIONS}",
    summary="Use coupons in an order",
    access=device(or_contact=True, or_till=True),
    success={CREATED: "The redemption; its answer to the same key is the same for good."},
    refusals=[
        IdempotencyKeyMissingError,
        QuoteInvalidError,
        TooManyGuessesError,
        CodeRefusedError,
        RedemptionRefusedError,
        CouponExhaustedError,
        CouponChangedError,
        ReservationExpiredError,
        RedemptionStateError,
        RedemptionContendedError,
    ],
)
def redeem(app_id: AppId, body: Annotated[RedemptionIn, Body()]) -> Response[RedemptionOut]:
    """Use all that an order presents, or hold it for a while, or nothing of it.

    It needs an `Idempotency-Key`, of which the redemption's id is made.
    """
    redemption, replayed = redeeming().redeem(
        request_of(body, app_id), attempt=required_attempt(), hold=body.hold()
    )
    return answered(RedemptionOut.first(redemption), CREATED, replayed=replayed)


@router.on(
    f"GET {REDEMPTION}",
    summary="A redemption",
    access=device(or_contact=True, or_till=True, or_role=Role.VIEWER),
    success={OK: "The redemption as it is now, with its rollbacks."},
    refusals=[RedemptionNotFoundError],
)
def get_redemption(app_id: AppId, redemption_id: RedemptionId) -> RedemptionWithRollbacksOut:
    """Return the caller's own redemption, or for a till one of its store."""
    found = own(redemptions().get(redemption_id, app_id=app_id))
    return RedemptionWithRollbacksOut.whole(found)


@router.on(
    f"POST {REDEMPTION}/commit",
    summary="Use what is held",
    access=device(or_contact=True, or_till=True),
    success={OK: "The coupons are used."},
    refusals=[
        RedemptionNotFoundError,
        RedemptionStateError,
        ReservationExpiredError,
        RedemptionContendedError,
        ClaimContendedError,
    ],
)
def commit(app_id: AppId, redemption_id: RedemptionId) -> RedemptionOut:
    """Make a reservation a use; again changes nothing."""
    own(redemptions().get(redemption_id, app_id=app_id))
    return RedemptionOut.of(completions().commit(redemption_id, app_id=app_id))


@router.on(
    f"POST {REDEMPTION}/release",
    summary="Give back what is held",
    access=device(or_contact=True, or_till=True),
    success={OK: "The uses are free again."},
    refusals=[RedemptionNotFoundError, RedemptionStateError, RedemptionContendedError],
)
def release(app_id: AppId, redemption_id: RedemptionId) -> RedemptionOut:
    """Give back a reservation; again, or after it ran out, changes nothing."""
    own(redemptions().get(redemption_id, app_id=app_id))
    return RedemptionOut.of(redemptions().release(redemption_id, app_id=app_id))


@router.on(
    f"POST {REDEMPTION}/rollback",
    summary="Undo a redemption, or some lines of it",
    access=device(or_contact=True, or_till=True, or_role=Role.EDITOR),
    success={OK: "What came back, and what is paid back for it."},
    refusals=[
        IdempotencyKeyMissingError,
        RedemptionNotFoundError,
        RedemptionStateError,
        LineNotReturnableError,
        RedemptionContendedError,
        ClaimContendedError,
    ],
)
def roll_back(
    app_id: AppId, redemption_id: RedemptionId, body: Annotated[RollbackIn, Body()]
) -> RollbackOut:
    """Give back pieces of lines, or all that is left.

    The same `Idempotency-Key` again is answered as the first time.
    """
    own(redemptions().get(redemption_id, app_id=app_id))
    rollback = completions().roll_back(
        redemption_id, app_id=app_id, attempt=required_attempt(), pieces=body.pieces()
    )
    return RollbackOut.of(rollback, redemption_id=redemption_id)

"""The routes of definitions: what coupons promise, what an app decides for all, what became."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from functions.coupons_api.schemas import AppId, CouponId, Cursor, Limit
from functions.coupons_api.schemas.audits import AuditOut
from functions.coupons_api.schemas.coupons import (
    ChangedCouponOut,
    CouponChangeIn,
    CouponIn,
    CouponOut,
    CouponSettingsIn,
    CouponSettingsOut,
    CouponsOut,
)
from functions.coupons_api.wiring import coupons
from functions.coupons_api.wiring.limits import adjuster, audits
from shared.coupons.errors import (
    CouponChangedError,
    CouponNotFoundError,
    CouponSettingsChangedError,
    CouponStateError,
    RedemptionContendedError,
)
from shared.coupons.model.coupons import Coupon
from shared.coupons.model.limits import Counting
from shared.coupons.model.places import Subjects, counted_by, sheet_of
from shared.coupons.service.audit import LimitAudit
from shared.kernel.clock import system_clock
from shared.kernel.paging import cursor_of, place_of
from shared.kernel.principal import Role
from shared.platform.auth.doors import marketer
from shared.platform.http.api import answered
from shared.platform.http.request import attempt, caller
from shared.platform.http.routing import Router
from shared.registrations.errors import AppNotFoundError

router = Router()
OK, CREATED = HTTPStatus.OK, HTTPStatus.CREATED
COUPONS = "/v1/apps/<app_id>/coupons"
COUPON = f"{COUPONS}/<coupon_id>"
SETTINGS = "/v1/apps/<app_id>/coupon-settings"


@router.on(
    f"POST {COUPONS}",
    summary="Draft a coupon",
    access=marketer(Role.EDITOR),
    success={CREATED: "The coupon, a draft, and what its limits cost."},
    refusals=[AppNotFoundError, CouponNotFoundError],
)
def create_coupon(app_id: AppId, body: Annotated[CouponIn, Body()]) -> Response[CouponOut]:
    """Store a draft; with an `Idempotency-Key`, once."""
    coupon, replayed = coupons().create_coupon(
        body.document(), app_id=app_id, by=caller().subject, attempt=attempt()
    )
    return answered(CouponOut.of(coupon), CREATED, replayed=replayed)


@router.on(
    f"GET {COUPONS}",
    summary="The coupons of an app",
    access=marketer(Role.VIEWER),
    success={OK: "A page of coupons."},
)
def list_coupons(app_id: AppId, limit: Limit = 50, cursor: Cursor = None) -> CouponsOut:
    """Return which coupons there are, in the order of their creation."""
    page = coupons().list_coupons(app_id, limit=limit, cursor=cursor and place_of(cursor))
    return CouponsOut(
        items=tuple(CouponOut.of(one) for one in page.items),
        next_cursor=page.next_cursor and cursor_of(page.next_cursor),
    )


@router.on(
    f"GET {COUPON}",
    summary="A coupon",
    access=marketer(Role.VIEWER),
    success={OK: "The coupon."},
    refusals=[CouponNotFoundError],
)
def get_coupon(app_id: AppId, coupon_id: CouponId) -> CouponOut:
    """Return a coupon, its defaults written out."""
    return CouponOut.of(coupons().get_coupon(coupon_id, app_id=app_id))


@router.on(
    f"PATCH {COUPON}",
    summary="Change a coupon",
    access=marketer(Role.EDITOR),
    success={OK: "The coupon, and which windows of its limits could not be lowered so far."},
    refusals=[
        CouponNotFoundError,
        CouponChangedError,
        CouponStateError,
        RedemptionContendedError,
    ],
)
def change_coupon(
    app_id: AppId, coupon_id: CouponId, body: Annotated[CouponChangeIn, Body()]
) -> ChangedCouponOut:
    """Change the fields that are named; limits that run follow at once, as far as they can."""
    changes = body.changes()
    coupon = coupons().change_coupon(
        coupon_id, changes, app_id=app_id, version=body.version, by=caller().subject
    )
    short = adjuster().short_of(sheet_of(coupon)) if "limits" in changes else ()
    return ChangedCouponOut.after(coupon, short)


@router.on(
    f"POST {COUPON}/activate",
    summary="Activate a coupon",
    access=marketer(Role.EDITOR),
    success={OK: "The coupon can be claimed and used."},
    refusals=[CouponNotFoundError, CouponChangedError, CouponStateError],
)
def activate_coupon(app_id: AppId, coupon_id: CouponId) -> CouponOut:
    """Let a draft or a paused coupon be claimed and used."""
    return CouponOut.of(coupons().activate(coupon_id, app_id=app_id, by=caller().subject))


@router.on(
    f"POST {COUPON}/pause",
    summary="Pause a coupon",
    access=marketer(Role.EDITOR),
    success={OK: "The coupon can neither be claimed nor used."},
    refusals=[CouponNotFoundError, CouponChangedError, CouponStateError],
)
def pause_coupon(app_id: AppId, coupon_id: CouponId) -> CouponOut:
    """Let a coupon neither be claimed nor used, until it is activated again."""
    return CouponOut.of(coupons().pause(coupon_id, app_id=app_id, by=caller().subject))


@router.on(
    f"POST {COUPON}/end",
    summary="End a coupon",
    access=marketer(Role.EDITOR),
    success={OK: "The coupon has ended."},
    refusals=[CouponNotFoundError, CouponChangedError, CouponStateError],
)
def end_coupon(app_id: AppId, coupon_id: CouponId) -> CouponOut:
    """Let a coupon neither be claimed nor used any more, for good."""
    return CouponOut.of(coupons().end(coupon_id, app_id=app_id, by=caller().subject))


@router.on(
    f"GET {COUPON}/audit",
    summary="What became of a coupon's limits",
    access=marketer(Role.VIEWER),
    success={OK: "Each limit and window, recounted, beside its counters."},
    refusals=[CouponNotFoundError],
)
def audit_coupon(
    app_id: AppId,
    coupon_id: CouponId,
    contact_id: Annotated[str | None, Query(pattern=r"^con_[0-9A-Z]{26}$")] = None,
) -> AuditOut:
    """Recount all windows that were opened; of a contact's own limits, for the one that is named.

    It reads what was written for each use, so a coupon of a million uses takes a while.
    """
    coupon = coupons().get_coupon(coupon_id, app_id=app_id)
    found = list(audits().audit(sheet_of(coupon)))
    if contact_id is not None:
        found += _audits_of_contact(coupon, contact_id)
    return AuditOut.of(found)


def _audits_of_contact(coupon: Coupon, contact_id: str) -> Iterator[LimitAudit]:
    subjects = Subjects(contact_id=contact_id)
    for counted in counted_by(sheet_of(coupon), subjects, system_clock()):
        if counted.counting is Counting.PACKED:
            yield audits().audit_uses(counted)


@router.on(
    f"GET {SETTINGS}",
    summary="What holds for all coupons of an app",
    access=marketer(Role.VIEWER),
    success={OK: "The settings; version 0 before anybody decided."},
)
def get_coupon_settings(app_id: AppId) -> CouponSettingsOut:
    """Return the app's own limits, its zone, and how many wrong codes may be tried."""
    return CouponSettingsOut.of(coupons().get_settings(app_id))


@router.on(
    f"PUT {SETTINGS}",
    summary="Decide what holds for all coupons of an app",
    access=marketer(Role.ADMIN),
    success={OK: "The settings."},
    refusals=[CouponSettingsChangedError, CouponChangedError, RedemptionContendedError],
)
def put_coupon_settings(
    app_id: AppId, body: Annotated[CouponSettingsIn, Body()]
) -> CouponSettingsOut:
    """Replace the settings; limits that run follow at once."""
    settings = coupons().replace_settings(
        body.document(), app_id=app_id, version=body.version, by=caller().subject
    )
    return CouponSettingsOut.of(settings)

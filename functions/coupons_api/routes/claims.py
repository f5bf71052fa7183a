"""The routes of claims: what can I use, it is mine, and coupons given to many."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body

from functions.coupons_api.routes.callers import circumstances, own_contact, tapped_ad
from functions.coupons_api.schemas import AppId, CouponId, Cursor, Limit, PublicationId
from functions.coupons_api.schemas.claims import (
    ClaimIn,
    OwnClaimOut,
    PublicationIn,
    PublicationOut,
    PublicationsOut,
    QualificationOut,
)
from functions.coupons_api.schemas.orders import BasketIn
from functions.coupons_api.wiring import claims, codes, publishing
from functions.coupons_api.wiring.orders import qualifications
from shared.coupons.errors import (
    ClaimRefusedError,
    CouponNotFoundError,
    PublicationNotFoundError,
    PublicationSourceReusedError,
)
from shared.coupons.model.claims import Claim, ClaimedBy
from shared.kernel.paging import cursor_of, place_of
from shared.kernel.principal import Kind, Role
from shared.placements.errors import AdTokenInvalidError, AdUnusableError
from shared.platform.auth.doors import device, marketer
from shared.platform.http.api import answered
from shared.platform.http.request import caller
from shared.platform.http.routing import Router
from shared.registrations.errors import SegmentNotFoundError

router = Router()
OK, CREATED, ACCEPTED = HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.ACCEPTED
MINE = "/v1/apps/<app_id>/me/coupons"
COUPON = "/v1/apps/<app_id>/coupons/<coupon_id>"


@router.on(
    f"GET {MINE}",
    summary="What can I use",
    access=device(or_contact=True),
    success={OK: "The caller's coupons, and those that are free to take."},
)
def list_own_coupons(app_id: AppId) -> QualificationOut:
    """Return what the caller has claimed or may take, and why something cannot be used now."""
    return QualificationOut.of(qualifications().qualify(circumstances(app_id), basket=None))


@router.on(
    f"POST {MINE}",
    summary="What can I use for this basket",
    access=device(or_contact=True),
    success={OK: "The same, with what each would give, the best of all, and the nearest miss."},
)
def qualify(app_id: AppId, body: Annotated[BasketIn, Body()]) -> QualificationOut:
    """Return what the caller can use for a basket; nothing is used by it."""
    found = qualifications().qualify(circumstances(app_id), basket=body.basket())
    return QualificationOut.of(found)


@router.on(
    f"POST {COUPON}/claims",
    summary="Claim a coupon",
    access=device(or_contact=True),
    success={CREATED: "The coupon is the caller's.", OK: "It was the caller's already."},
    refusals=[CouponNotFoundError, ClaimRefusedError, AdTokenInvalidError, AdUnusableError],
)
def claim_coupon(
    app_id: AppId, coupon_id: CouponId, body: Annotated[ClaimIn | None, Body()] = None
) -> Response[OwnClaimOut]:
    """Take a coupon that is free to take; the answer has the code that comes with it.

    With the token of an ad one tap does it: the same again finds the same claim, and the claim is
    counted for the ad if that was shown.
    """
    who = caller()
    is_device = who.kind is Kind.DEVICE
    ad = tapped_ad(body.ad_token, coupon_id) if body and body.ad_token else None
    claim, known = claims().claim(
        coupon_id,
        app_id=app_id,
        contact_id=own_contact(app_id),
        device_id=who.subject if is_device else None,
        by=ClaimedBy.DEVICE if is_device else ClaimedBy.CONTACT,
        ad=ad,
    )
    return answered(OwnClaimOut.with_code(claim, _letters_of(claim)), OK if known else CREATED)


def _letters_of(claim: Claim) -> str | None:
    if claim.fingerprint is None:
        return None
    code = codes().get_code(claim.fingerprint, coupon_id=claim.coupon_id, app_id=claim.app_id)
    return codes().letters_of(code)


@router.on(
    f"POST {COUPON}/publications",
    summary="Give a coupon to many people",
    access=marketer(Role.EDITOR),
    success={ACCEPTED: "It is being given to them."},
    refusals=[CouponNotFoundError, PublicationSourceReusedError, SegmentNotFoundError],
)
def publish_coupon(
    app_id: AppId, coupon_id: CouponId, body: Annotated[PublicationIn, Body()]
) -> Response[PublicationOut]:
    """Give a coupon to contacts, devices or a segment, once to each.

    The same source again finds its own publication.
    """
    publication = publishing().publish(
        coupon_id,
        body.recipients(),
        source_id=body.source_id,
        app_id=app_id,
        by=caller().subject,
    )
    return answered(PublicationOut.of(publication), ACCEPTED)


@router.on(
    f"GET {COUPON}/publications",
    summary="To whom a coupon was given",
    access=marketer(Role.VIEWER),
    success={OK: "A page of publications, the newest first."},
    refusals=[CouponNotFoundError],
)
def list_publications(
    app_id: AppId, coupon_id: CouponId, limit: Limit = 50, cursor: Cursor = None
) -> PublicationsOut:
    """Return which publications there are, and how far each is."""
    page = publishing().list_publications(
        coupon_id, app_id=app_id, limit=limit, cursor=cursor and place_of(cursor)
    )
    return PublicationsOut(
        items=tuple(PublicationOut.of(one) for one in page.items),
        next_cursor=page.next_cursor and cursor_of(page.next_cursor),
    )


@router.on(
    f"GET {COUPON}/publications/<publication_id>",
    summary="How far a publication is",
    access=marketer(Role.VIEWER),
    success={OK: "The publication."},
    refusals=[PublicationNotFoundError],
)
def get_publication(
    app_id: AppId, coupon_id: CouponId, publication_id: PublicationId
) -> PublicationOut:
    """Return to how many people the coupon was given by now."""
    found = publishing().get_publication(publication_id, app_id=app_id)
    if found.coupon_id != coupon_id:
        raise PublicationNotFoundError(publication_id)
    return PublicationOut.of(found)

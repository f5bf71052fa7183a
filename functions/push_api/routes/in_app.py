"""The routes of in-app messages."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body

from functions.push_api.schemas import AppId, Cursor, DeviceId, InAppId, Limit
from functions.push_api.schemas.in_app import (
    DeviceRulesOut,
    InAppChangeIn,
    InAppIn,
    InAppListOut,
    InAppOut,
    InAppVersionIn,
)
from functions.push_api.wiring import displays, in_app
from shared.kernel.paging import place_of
from shared.kernel.principal import Role
from shared.platform.auth.doors import device, marketer
from shared.platform.http.api import answered
from shared.platform.http.request import attempt, caller
from shared.platform.http.routing import Router
from shared.push.errors import (
    InAppChangedError,
    InAppInvalidError,
    InAppNotFoundError,
    InAppStateError,
    TooManyInAppError,
)
from shared.registrations.errors import (
    AppNotFoundError,
    DeviceNotFoundError,
    SegmentNotFoundError,
)

router = Router()
OK, CREATED = HTTPStatus.OK, HTTPStatus.CREATED
MESSAGES = "/v1/apps/<app_id>/in-app-messages"
MESSAGE = f"{MESSAGES}/<in_app_id>"


@router.on(
    f"POST {MESSAGES}",
    summary="Draft an in-app message",
    access=marketer(Role.EDITOR),
    success={CREATED: "The draft, version 1."},
    refusals=[AppNotFoundError, InAppNotFoundError, InAppInvalidError, SegmentNotFoundError],
)
def create_in_app(app_id: AppId, body: Annotated[InAppIn, Body()]) -> Response[InAppOut]:
    """Store a draft; with an `Idempotency-Key`, once. No device is told before it is activated."""
    message, replayed = in_app().create_message(
        body.draft(), app_id=app_id, by=caller().subject, attempt=attempt()
    )
    return answered(InAppOut.of_message(message), CREATED, replayed=replayed)


@router.on(
    f"GET {MESSAGES}",
    summary="The in-app messages of an app",
    access=marketer(Role.VIEWER),
    success={OK: "A page of in-app messages."},
)
def list_in_app(app_id: AppId, limit: Limit = 50, cursor: Cursor = None) -> InAppListOut:
    """Return which in-app messages there are, in the order of their creation."""
    page = in_app().list_messages(app_id, limit=limit, cursor=cursor and place_of(cursor))
    return InAppListOut.of(page)


@router.on(
    f"GET {MESSAGE}",
    summary="An in-app message",
    access=marketer(Role.VIEWER),
    success={OK: "The in-app message."},
    refusals=[InAppNotFoundError],
)
def get_in_app(app_id: AppId, in_app_id: InAppId) -> InAppOut:
    """Return an in-app message as it stands."""
    return InAppOut.of_message(in_app().get_message(in_app_id, app_id=app_id))


@router.on(
    f"PUT {MESSAGE}",
    summary="Replace an in-app message",
    access=marketer(Role.EDITOR),
    success={OK: "The in-app message, in its next version."},
    refusals=[InAppNotFoundError, InAppChangedError, InAppInvalidError, SegmentNotFoundError],
)
def update_in_app(
    app_id: AppId, in_app_id: InAppId, body: Annotated[InAppChangeIn, Body()]
) -> InAppOut:
    """Replace an in-app message as a whole; one that is active stays active."""
    message = in_app().update_message(
        in_app_id, body.draft(), app_id=app_id, version=body.version, by=caller().subject
    )
    return InAppOut.of_message(message)


@router.on(
    f"POST {MESSAGE}/activate",
    summary="Have an in-app message shown",
    access=marketer(Role.SENDER),
    success={OK: "The in-app message, active."},
    refusals=[InAppNotFoundError, InAppChangedError, InAppStateError, TooManyInAppError],
)
def activate_in_app(
    app_id: AppId, in_app_id: InAppId, body: Annotated[InAppVersionIn, Body()]
) -> InAppOut:
    """Have devices told of an in-app message from now on; an app has 25 active ones at most."""
    message = in_app().activate(in_app_id, app_id=app_id, version=body.version, by=caller().subject)
    return InAppOut.of_message(message)


@router.on(
    f"POST {MESSAGE}/pause",
    summary="Have an in-app message shown no more",
    access=marketer(Role.SENDER),
    success={OK: "The in-app message, paused."},
    refusals=[InAppNotFoundError, InAppChangedError, InAppStateError],
)
def pause_in_app(
    app_id: AppId, in_app_id: InAppId, body: Annotated[InAppVersionIn, Body()]
) -> InAppOut:
    """Have no device told of it any more; what devices know already holds for an hour at most."""
    message = in_app().pause(in_app_id, app_id=app_id, version=body.version, by=caller().subject)
    return InAppOut.of_message(message)


@router.on(
    "GET /v1/apps/<app_id>/devices/<device_id>/in-app",
    summary="What a device may show",
    access=device(),
    success={OK: "The in-app messages that may be shown within the next hour."},
    refusals=[DeviceNotFoundError],
)
def rules_of_device(app_id: AppId, device_id: DeviceId) -> DeviceRulesOut:
    """Return the active in-app messages for whoever uses a device; the device judges when.

    Those are left out whose segment the device is not in, and those that the contact policy does
    not allow: consents, wishes, cases, control groups, caps. Nothing counts before the device tells
    by a receipt that it was displayed.
    """
    return DeviceRulesOut.of(displays().rules_for(device_id, app_id=app_id))

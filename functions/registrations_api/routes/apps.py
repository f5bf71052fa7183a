"""The routes of apps and grants."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from functions.registrations_api.schemas import AnyApp, AppId, Cursor, Limit, PrincipalName
from functions.registrations_api.schemas.apps import (
    AppIn,
    AppOut,
    AppSettingsIn,
    AppsOut,
    GrantIn,
    GrantOut,
    GrantsOut,
)
from functions.registrations_api.wiring import registrations
from shared.kernel.paging import cursor_of, place_of
from shared.kernel.principal import Role
from shared.platform.auth.doors import marketer, operator
from shared.platform.http.api import answered
from shared.platform.http.request import attempt, caller
from shared.platform.http.routing import Router
from shared.registrations.errors import (
    AppChangedError,
    AppNotFoundError,
)

router = Router()
OK, CREATED, NO_CONTENT = HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.NO_CONTENT


@router.on(
    "PUT /v1/grants",
    summary="Give a principal a role",
    access=operator(),
    success={OK: "The role stands."},
    refusals=[AppNotFoundError],
)
def grant(body: Annotated[GrantIn, Body()]) -> GrantOut:
    """Give a principal a role on an app, or on every app; the newest role stands."""
    registrations().apps.grant(body.principal, app_id=body.app_id, role=body.granted())
    return GrantOut(principal=body.principal, app_id=body.app_id, role=body.role)


@router.on(
    "DELETE /v1/grants",
    summary="Take a role away",
    access=operator(),
    success={NO_CONTENT: "The principal has no role on the app."},
)
def revoke(
    principal: Annotated[PrincipalName, Query()], app_id: Annotated[AnyApp, Query()]
) -> Response[None]:
    """Take a principal's role on an app away; none is no error."""
    registrations().apps.revoke(principal, app_id=app_id)
    return Response(status_code=NO_CONTENT)


@router.on(
    "GET /v1/grants",
    summary="Who may do what",
    access=operator(),
    success={OK: "A page of grants."},
)
def list_grants(limit: Limit = 50, cursor: Cursor = None) -> GrantsOut:
    """Return who may do what, on which app."""
    page = registrations().apps.list_grants(limit=limit, cursor=cursor and place_of(cursor))
    return GrantsOut(
        items=tuple(
            GrantOut(principal=who, app_id=app_id, role=role.name.lower())
            for who, app_id, role in page.items
        ),
        next_cursor=page.next_cursor and cursor_of(page.next_cursor),
    )


@router.on(
    "POST /v1/apps",
    summary="Create an app",
    access=operator(),
    success={CREATED: "The app."},
)
def create_app(body: Annotated[AppIn, Body()]) -> Response[AppOut]:
    """Create an app; with an `Idempotency-Key`, once."""
    settings = {"org": body.org, **_defaults(body), **body.settings()}
    app, replayed = registrations().apps.create_app(settings, attempt=attempt())
    return answered(AppOut.of(app), CREATED, replayed=replayed)


@router.on(
    "GET /v1/apps",
    summary="The apps on which the caller has a role",
    access=marketer(Role.VIEWER),
    success={OK: "A page of apps."},
)
def list_apps(limit: Limit = 50, cursor: Cursor = None) -> AppsOut:
    """Return the caller's apps, in the order of their creation."""
    page = registrations().apps.list_apps(caller(), limit=limit, cursor=cursor and place_of(cursor))
    return AppsOut(
        items=tuple(AppOut.of(app) for app in page.items),
        next_cursor=page.next_cursor and cursor_of(page.next_cursor),
    )


@router.on(
    "GET /v1/apps/<app_id>",
    summary="An app",
    access=marketer(Role.VIEWER),
    success={OK: "The app."},
    refusals=[AppNotFoundError],
)
def get_app(app_id: AppId) -> AppOut:
    """Return an app."""
    return AppOut.of(registrations().apps.get_app(app_id))


@router.on(
    "PATCH /v1/apps/<app_id>",
    summary="Change an app",
    access=marketer(Role.ADMIN),
    success={OK: "The app as it is now."},
    refusals=[AppNotFoundError, AppChangedError],
)
def update_app(app_id: AppId, body: Annotated[AppSettingsIn, Body()]) -> AppOut:
    """Change the settings that are sent; the others stay."""
    return AppOut.of(registrations().apps.update_app(app_id, body.settings()))


def _defaults(body: AppIn) -> dict[str, str]:
    return {"default_locale": body.default_locale, "default_timezone": body.default_timezone}

"""The routes of templates."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body

from functions.push_api.schemas import AppId, Cursor, Limit, TemplateId
from functions.push_api.schemas.templates import (
    ListedTemplateOut,
    PreviewIn,
    PreviewOut,
    TemplateChangeIn,
    TemplateIn,
    TemplateOut,
    TemplatesOut,
)
from functions.push_api.wiring import templates
from shared.kernel.paging import cursor_of, place_of
from shared.kernel.principal import Role
from shared.platform.auth.doors import marketer
from shared.platform.auth.errors import ForbiddenError
from shared.platform.http.api import answered
from shared.platform.http.request import attempt, caller
from shared.platform.http.routing import Router
from shared.push.errors import (
    TemplateChangedError,
    TemplateInvalidError,
    TemplateNameTakenError,
    TemplateNotFoundError,
)
from shared.registrations.errors import (
    AppNotFoundError,
    ContactErasedError,
    ContactNotFoundError,
    DeviceNotFoundError,
)

router = Router()
OK, CREATED, NO_CONTENT = HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.NO_CONTENT
TEMPLATES = "/v1/apps/<app_id>/templates"
TEMPLATE = f"{TEMPLATES}/<template_id>"


@router.on(
    f"POST {TEMPLATES}",
    summary="Write a template",
    access=marketer(Role.EDITOR),
    success={CREATED: "The template, version 1."},
    refusals=[
        AppNotFoundError,
        TemplateNotFoundError,
        TemplateInvalidError,
        TemplateNameTakenError,
    ],
)
def create_template(app_id: AppId, body: Annotated[TemplateIn, Body()]) -> Response[TemplateOut]:
    """Store a template; with an `Idempotency-Key`, once.

    Every locale is rendered with the defaults and held against what FCM carries.
    """
    template, replayed = templates().create_template(
        body.draft(), app_id=app_id, by=caller().subject, attempt=attempt()
    )
    return answered(TemplateOut.of(template), CREATED, replayed=replayed)


@router.on(
    f"GET {TEMPLATES}",
    summary="The templates of an app",
    access=marketer(Role.VIEWER),
    success={OK: "A page of templates."},
)
def list_templates(app_id: AppId, limit: Limit = 50, cursor: Cursor = None) -> TemplatesOut:
    """Return which templates there are, in the order of their creation."""
    page = templates().list_templates(app_id, limit=limit, cursor=cursor and place_of(cursor))
    return TemplatesOut(
        items=tuple(ListedTemplateOut.of(template) for template in page.items),
        next_cursor=page.next_cursor and cursor_of(page.next_cursor),
    )


@router.on(
    f"GET {TEMPLATE}",
    summary="A template",
    access=marketer(Role.VIEWER),
    success={OK: "The template."},
    refusals=[TemplateNotFoundError],
)
def get_template(app_id: AppId, template_id: TemplateId) -> TemplateOut:
    """Return a template as it was written."""
    return TemplateOut.of(templates().get_template(template_id, app_id=app_id))


@router.on(
    f"PUT {TEMPLATE}",
    summary="Replace a template",
    access=marketer(Role.EDITOR),
    success={OK: "The template, in its next version."},
    refusals=[
        AppNotFoundError,
        TemplateNotFoundError,
        TemplateChangedError,
        TemplateInvalidError,
        TemplateNameTakenError,
    ],
)
def update_template(
    app_id: AppId, template_id: TemplateId, body: Annotated[TemplateChangeIn, Body()]
) -> TemplateOut:
    """Replace a template as a whole; `version` is the one that was read."""
    template = templates().update_template(
        template_id, body.draft(), app_id=app_id, version=body.version, by=caller().subject
    )
    return TemplateOut.of(template)


@router.on(
    f"DELETE {TEMPLATE}",
    summary="Delete a template",
    access=marketer(Role.EDITOR),
    success={NO_CONTENT: "The template is gone; messages that were made of it stay."},
    refusals=[TemplateNotFoundError, TemplateChangedError],
)
def delete_template(app_id: AppId, template_id: TemplateId) -> Response[None]:
    """Delete a template, and free its name."""
    templates().delete_template(template_id, app_id=app_id, by=caller().subject)
    return Response(status_code=NO_CONTENT)


@router.on(
    f"POST {TEMPLATE}/preview",
    summary="See a template as a recipient would",
    access=marketer(Role.VIEWER),
    success={OK: "What the recipient would get, and its size."},
    refusals=[
        AppNotFoundError,
        TemplateNotFoundError,
        TemplateInvalidError,
        ContactNotFoundError,
        ContactErasedError,
        DeviceNotFoundError,
    ],
)
def preview_template(
    app_id: AppId, template_id: TemplateId, body: Annotated[PreviewIn, Body()]
) -> PreviewOut:
    """Render a template for a contact, a device, or nobody in particular; nothing is sent.

    A viewer, who may not see the values of contacts, names none.
    """
    names_somebody = body.contact_id is not None or body.device_id is not None
    if names_somebody and caller().role_on(app_id) is Role.VIEWER:
        raise ForbiddenError("a viewer may not see the values of contacts")
    rendered = templates().preview(
        template_id,
        app_id=app_id,
        contact_id=body.contact_id,
        device_id=body.device_id,
        variables=body.variables,
        locale=body.locale,
    )
    return PreviewOut.of(rendered)

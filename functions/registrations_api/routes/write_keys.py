"""The routes of write keys, with which Segment's libraries send events."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body

from functions.registrations_api.schemas import AppId
from functions.registrations_api.schemas.write_keys import (
    WriteKeyId,
    WriteKeyIn,
    WriteKeyOut,
    WriteKeysOut,
    WriteKeyWithTextOut,
)
from functions.registrations_api.wiring import registrations
from shared.kernel.principal import Role
from shared.platform.auth.doors import marketer
from shared.platform.http.api import answered
from shared.platform.http.request import attempt, caller
from shared.platform.http.routing import Router
from shared.registrations.errors import (
    AppNotFoundError,
    TooManyWriteKeysError,
    WriteKeyNotFoundError,
    WriteKeyRotatingError,
)

router = Router()
OK, CREATED, NO_CONTENT = HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.NO_CONTENT
KEYS = "/v1/apps/<app_id>/write-keys"


@router.on(
    f"POST {KEYS}",
    summary="Give a source a write key",
    access=marketer(Role.ADMIN),
    success={CREATED: "The write key, which is not shown again."},
    refusals=[
        AppNotFoundError,
        WriteKeyRotatingError,
        TooManyWriteKeysError,
        WriteKeyNotFoundError,
    ],
)
def create_write_key(
    app_id: AppId, body: Annotated[WriteKeyIn, Body()]
) -> Response[WriteKeyWithTextOut]:
    """Make a write key, by which a library of the Segment wire says whose events it sends.

    A name that is known gets a second key. Both hold until they are deleted: copies of an app send
    for years.
    """
    issued = registrations().write_keys.create_key(
        body.name, app_id=app_id, by=caller().subject, attempt=attempt()
    )
    return answered(WriteKeyWithTextOut.issued(issued), CREATED, replayed=issued.replayed)


@router.on(
    f"GET {KEYS}",
    summary="The write keys of an app",
    access=marketer(Role.ADMIN),
    success={OK: "Every write key, oldest first; never more than twenty."},
    refusals=[AppNotFoundError],
)
def list_write_keys(app_id: AppId) -> WriteKeysOut:
    """Return which sources have write keys; not the keys themselves."""
    found = registrations().write_keys.list_keys(app_id)
    return WriteKeysOut(items=tuple(WriteKeyOut.of(key) for key in found))


@router.on(
    f"DELETE {KEYS}/<write_key_id>",
    summary="End a write key",
    access=marketer(Role.ADMIN),
    success={NO_CONTENT: "Nothing that is sent with it is taken any more."},
    refusals=[WriteKeyNotFoundError],
)
def delete_write_key(app_id: AppId, write_key_id: WriteKeyId) -> Response[None]:
    """End a write key at once."""
    registrations().write_keys.delete_key(write_key_id, app_id=app_id, by=caller().subject)
    return Response(status_code=NO_CONTENT)

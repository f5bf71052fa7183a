"""The routes of the push API: parse, call one use case, render."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body

from functions.push_api.schemas import (
    AppId,
    MessageId,
    MessageOut,
    ReceiptsIn,
    ReceiptsOut,
    SendIn,
    SentOut,
)
from functions.push_api.wiring import messages
from shared.kernel.principal import Role
from shared.platform.auth.doors import device, marketer
from shared.platform.http.api import answered
from shared.platform.http.request import attempt, caller
from shared.platform.http.routing import Router
from shared.push.errors import (
    MessageNotFoundError,
    NobodyToTellError,
    PushNotConfiguredError,
    TooManyDevicesError,
)
from shared.registrations.errors import AppNotFoundError

router = Router()


@router.on(
    "POST /v1/apps/<app_id>/messages",
    summary="Send a push now",
    access=marketer(Role.SENDER),
    success={HTTPStatus.ACCEPTED: "The messages are queued: they are stored, and will be sent."},
    refusals=[AppNotFoundError, PushNotConfiguredError, NobodyToTellError, TooManyDevicesError],
)
def send_message(app_id: AppId, body: Annotated[SendIn, Body()]) -> Response[SentOut]:
    """Queue a message for every device of the recipients; with an `Idempotency-Key`, once."""
    accepted = messages().send_now(
        body.addressees(),
        app_id=app_id,
        content=body.content.content(),
        purpose=body.purpose,
        terms=body.terms(),
        send_until=body.send_until,
        attempt=attempt(),
    )
    return answered(SentOut.of(accepted.chunk), HTTPStatus.ACCEPTED, replayed=accepted.replayed)


@router.on(
    "GET /v1/apps/<app_id>/messages/<message_id>",
    summary="Where a message stands",
    access=marketer(Role.VIEWER),
    success={HTTPStatus.OK: "The message."},
    refusals=[AppNotFoundError, MessageNotFoundError],
)
def get_message(app_id: AppId, message_id: MessageId) -> MessageOut:
    """Return a message and its state; every message ends in exactly one."""
    return MessageOut.of(*messages().get_message(message_id, app_id=app_id))


@router.on(
    "POST /v1/apps/<app_id>/receipts",
    summary="Report on messages",
    access=device(),
    success={HTTPStatus.ACCEPTED: "Each receipt counts once, however often it is sent."},
)
def hear_receipts(app_id: AppId, body: Annotated[ReceiptsIn, Body()]) -> Response[ReceiptsOut]:
    """Record that messages were delivered, opened, clicked or led to what they were for."""
    heard = messages().hear(
        [one.receipt() for one in body.receipts], app_id=app_id, device_id=caller().subject
    )
    return answered(ReceiptsOut.of(heard), HTTPStatus.ACCEPTED)

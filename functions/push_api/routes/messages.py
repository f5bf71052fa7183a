"""The routes of messages and receipts."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body

from functions.push_api.schemas import AppId, MessageId
from functions.push_api.schemas.messages import (
    MessageOut,
    ReceiptsIn,
    ReceiptsOut,
    SendIn,
    SentOut,
)
from functions.push_api.wiring import displays, messages, templates
from shared.kernel.events import Purpose
from shared.kernel.idempotency import Attempt
from shared.kernel.principal import Role
from shared.platform.auth.doors import device, marketer
from shared.platform.http.api import answered
from shared.platform.http.request import attempt, caller
from shared.platform.http.routing import Router
from shared.push.errors import (
    MessageNotFoundError,
    NobodyToTellError,
    PushNotConfiguredError,
    TemplateInvalidError,
    TemplateNeedsRecipientError,
    TemplateNotFoundError,
    TooManyDevicesError,
)
from shared.push.service.messages import Accepted, ReceiptsHeard
from shared.registrations.errors import (
    AppNotFoundError,
)

router = Router()


@router.on(
    "POST /v1/apps/<app_id>/messages",
    summary="Send a push now",
    access=marketer(Role.SENDER),
    success={HTTPStatus.ACCEPTED: "The messages are queued: they are stored, and will be sent."},
    refusals=[
        AppNotFoundError,
        PushNotConfiguredError,
        NobodyToTellError,
        TooManyDevicesError,
        TemplateNotFoundError,
        TemplateNeedsRecipientError,
        TemplateInvalidError,
    ],
)
def send_message(app_id: AppId, body: Annotated[SendIn, Body()]) -> Response[SentOut]:
    """Queue a message for every device of the recipients; with an `Idempotency-Key`, once."""
    tried = attempt()
    accepted = messages().recall(tried, app_id=app_id) if tried and body.template_id else None
    accepted = accepted or _send(app_id, body, tried)
    return answered(SentOut.of(accepted.chunk), HTTPStatus.ACCEPTED, replayed=accepted.replayed)


def _send(app_id: str, body: SendIn, tried: Attempt | None) -> Accepted:
    if body.content:
        content, purpose, terms = body.content.content(), Purpose.TRANSACTIONAL, body.terms()
    else:
        template, rendered = templates().render_for_everybody(
            str(body.template_id), app_id=app_id, variables=body.variables
        )
        content, purpose = rendered.content, template.draft.purpose
        terms = body.terms(topic=template.draft.topic)
    return messages().send_now(
        body.addressees(),
        app_id=app_id,
        content=content,
        purpose=body.purpose or purpose,
        terms=terms,
        send_until=body.send_until,
        copy_kept_for=body.inbox.kept_for if body.inbox else None,
        attempt=tried,
    )


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
    """Record what became of pushes, and what was shown in the app."""
    device_id = caller().subject
    pushed = {at: push for at, one in enumerate(body.receipts) if (push := one.receipt)}
    shown = {at: display for at, one in enumerate(body.receipts) if (display := one.in_app_receipt)}
    heard = ReceiptsHeard(accepted=0, duplicates=0, unknown=())
    if pushed:
        found = messages().hear(list(pushed.values()), app_id=app_id, device_id=device_id)
        heard = heard.with_those(found, places=list(pushed))
    if shown:
        found = displays().hear(list(shown.values()), app_id=app_id, device_id=device_id)
        heard = heard.with_those(found, places=list(shown))
    return answered(ReceiptsOut.of(heard), HTTPStatus.ACCEPTED)

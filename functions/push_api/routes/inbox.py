"""The routes of inboxes."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from functions.push_api.schemas import AppId, Cursor, DeviceId, Limit, MessageId
from functions.push_api.schemas.inbox import (
    InboxMessageOut,
    InboxOut,
    InboxPlacedOut,
    MarkIn,
    PlacedOut,
    PlaceIn,
)
from functions.push_api.wiring import inbox, placing
from shared.kernel.paging import place_of
from shared.kernel.principal import Role
from shared.platform.auth.doors import device, marketer
from shared.platform.http.api import answered
from shared.platform.http.request import attempt
from shared.platform.http.routing import Router
from shared.push.errors import InboxStateError, MessageNotFoundError
from shared.registrations.errors import AppNotFoundError, DeviceNotFoundError

router = Router()
INBOX = "/v1/apps/<app_id>/devices/<device_id>/inbox"


@router.on(
    "POST /v1/apps/<app_id>/inbox-messages",
    summary="Put a message into inboxes",
    access=marketer(Role.SENDER),
    success={HTTPStatus.OK: "What became of each contact's message."},
    refusals=[AppNotFoundError],
)
def place_messages(app_id: AppId, body: Annotated[PlaceIn, Body()]) -> Response[InboxPlacedOut]:
    """Put a message into the inboxes of some contacts, without a push.

    The contact policy is asked for each, on the channel `inapp`. With an `Idempotency-Key` it is
    done once.
    """
    placed, replayed = placing().place(
        body.contact_ids,
        app_id=app_id,
        content=body.content.content(),
        purpose=body.purpose,
        terms=body.terms(),
        kept_for=body.kept_for,
        attempt=attempt(),
    )
    answer = InboxPlacedOut(items=tuple(PlacedOut.of(one) for one in placed))
    return answered(answer, HTTPStatus.OK, replayed=replayed)


@router.on(
    f"GET {INBOX}",
    summary="The inbox of whoever uses a device",
    access=device(),
    success={HTTPStatus.OK: "A page of the inbox, and how much of it is unread."},
    refusals=[DeviceNotFoundError],
)
def list_inbox(
    app_id: AppId,
    device_id: DeviceId,
    limit: Limit = 50,
    cursor: Cursor = None,
    archived: Annotated[bool, Query(description="What was archived, instead of the rest.")] = False,
) -> InboxOut:
    """Return what stands in the inbox, the newest first: at most 100 messages in all."""
    listed = inbox().list_messages(
        device_id,
        app_id=app_id,
        limit=limit,
        cursor=cursor and place_of(cursor),
        archived=archived,
    )
    return InboxOut.of(listed)


@router.on(
    f"PATCH {INBOX}/<message_id>",
    summary="Say how far the person got with a message",
    access=device(),
    success={HTTPStatus.OK: "The message as it stands now."},
    refusals=[DeviceNotFoundError, MessageNotFoundError, InboxStateError],
)
def mark_message(
    app_id: AppId, device_id: DeviceId, message_id: MessageId, body: Annotated[MarkIn, Body()]
) -> InboxMessageOut:
    """Move a message on: unseen, seen, read, interacted, archived; never back.

    The state that it has already is no error. Each step is told once, on the person's timeline.
    """
    moved = inbox().mark(message_id, body.state, app_id=app_id, device_id=device_id)
    return InboxMessageOut.of(moved)

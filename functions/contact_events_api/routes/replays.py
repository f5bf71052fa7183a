"""The routes of replays: a subscription is sent once more what was recorded."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from functions.contact_events_api.routes.subscriptions import SUBSCRIPTION, UNKNOWN
from functions.contact_events_api.schemas import AppId
from functions.contact_events_api.schemas.replays import (
    OutlookOut,
    ReplayId,
    ReplayIn,
    ReplayOut,
    ReplaysOut,
)
from functions.contact_events_api.schemas.subscriptions import SubscriptionId
from functions.contact_events_api.wiring import expect_app, replays
from shared.contact_events.errors import (
    ReplayChangedError,
    ReplayDoneError,
    ReplayNotFoundError,
    ReplayRunningError,
)
from shared.kernel.principal import Role
from shared.platform.auth.doors import marketer
from shared.platform.http.api import answered
from shared.platform.http.request import attempt, caller
from shared.platform.http.routing import Router

router = Router()
OK, CREATED = HTTPStatus.OK, HTTPStatus.CREATED
REPLAYS = f"{SUBSCRIPTION}/replays"
REPLAY = f"{REPLAYS}/<replay_id>"


@router.on(
    f"POST {SUBSCRIPTION}/replay",
    summary="Send again what was recorded",
    access=marketer(Role.ADMIN),
    success={CREATED: "The replay.", OK: "What it would send: it was a dry run."},
    refusals=[*UNKNOWN, ReplayRunningError],
)
def begin_replay(
    app_id: AppId, subscription_id: SubscriptionId, body: Annotated[ReplayIn, Body()]
) -> Response[ReplayOut | OutlookOut]:
    """Send the events of a range that pass the filter, oldest first, from the next minute on.

    A receiver knows them again by their `webhook-id` and `id`: see docs/channels.md.
    """
    expect_app(app_id)
    if body.dry_run:
        return answered(OutlookOut.of(replays().look(subscription_id, body.terms(), app_id=app_id)))
    begun = replays().begin(
        subscription_id, body.terms(), app_id=app_id, by=caller().subject, attempt=attempt()
    )
    return answered(ReplayOut.of(begun.replay), CREATED, replayed=begun.replayed)


@router.on(
    f"GET {REPLAYS}",
    summary="The replays of a subscription",
    access=marketer(Role.VIEWER),
    success={OK: "A page of replays, the newest first."},
    refusals=UNKNOWN,
)
def list_replays(
    app_id: AppId,
    subscription_id: SubscriptionId,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=512)] = None,
) -> ReplaysOut:
    """Return what was sent again, and how far that is; each is kept for 90 days after its end."""
    expect_app(app_id)
    page = replays().page(subscription_id, app_id=app_id, cursor=cursor, limit=limit)
    return ReplaysOut(
        items=tuple(ReplayOut.of(one) for one in page.items), next_cursor=page.next_cursor
    )


@router.on(
    f"GET {REPLAY}",
    summary="A replay",
    access=marketer(Role.VIEWER),
    success={OK: "The replay, and how far it is."},
    refusals=[*UNKNOWN, ReplayNotFoundError],
)
def get_replay(app_id: AppId, subscription_id: SubscriptionId, replay_id: ReplayId) -> ReplayOut:
    """Return a replay, and how far it is."""
    expect_app(app_id)
    return ReplayOut.of(replays().get(replay_id, subscription_id=subscription_id, app_id=app_id))


@router.on(
    f"POST {REPLAY}/cancel",
    summary="Cancel a replay",
    access=marketer(Role.ADMIN),
    success={OK: "The replay, cancelled; it was so before where it is asked again."},
    refusals=[*UNKNOWN, ReplayNotFoundError, ReplayDoneError, ReplayChangedError],
)
def cancel_replay(app_id: AppId, subscription_id: SubscriptionId, replay_id: ReplayId) -> ReplayOut:
    """Send nothing more of it within a minute; what was not taken is still tried again."""
    expect_app(app_id)
    return ReplayOut.of(
        replays().cancel(
            replay_id, subscription_id=subscription_id, app_id=app_id, by=caller().subject
        )
    )

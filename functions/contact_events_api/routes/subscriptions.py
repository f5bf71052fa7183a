"""The routes of subscriptions: who is sent the events of an app."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from functions.contact_events_api.schemas import AppId
from functions.contact_events_api.schemas.subscriptions import (
    AttemptedOut,
    DeliveriesOut,
    DeliveryId,
    DeliveryOut,
    SubscriptionChangeIn,
    SubscriptionId,
    SubscriptionIn,
    SubscriptionOut,
    SubscriptionsOut,
    SubscriptionWithSecretOut,
)
from functions.contact_events_api.wiring import deliveries, expect_app, subscriptions
from shared.contact_events.errors import (
    CesqlSyntaxError,
    CesqlTooDeepError,
    CesqlTooLongError,
    DeliveryNotFoundError,
    SubscriptionNotFoundError,
    SubscriptionRotatingError,
    SubscriptionStaleError,
    TooManySubscriptionsError,
)
from shared.contact_events.model.deliveries import DeliveryState
from shared.contact_events.service.subscriptions import Changes, Issued, Terms
from shared.kernel.clock import system_clock
from shared.kernel.principal import Role
from shared.kernel.targets import ForbiddenTargetError
from shared.platform.auth.doors import marketer
from shared.platform.auth.webhooks import secret_text
from shared.platform.http.api import answered
from shared.platform.http.request import attempt, caller
from shared.platform.http.routing import Router
from shared.registrations.errors import AppNotFoundError

router = Router()
OK, CREATED, NO_CONTENT = HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.NO_CONTENT
SUBSCRIPTIONS = "/v1/apps/<app_id>/subscriptions"
SUBSCRIPTION = f"{SUBSCRIPTIONS}/<subscription_id>"
UNKNOWN = (AppNotFoundError, SubscriptionNotFoundError)
UNUSABLE = (ForbiddenTargetError, CesqlSyntaxError, CesqlTooDeepError, CesqlTooLongError)


@router.on(
    f"POST {SUBSCRIPTIONS}",
    summary="Have events sent to another system",
    access=marketer(Role.ADMIN),
    success={CREATED: "The subscription, with its secret, which is not shown again."},
    refusals=[*UNKNOWN, *UNUSABLE, TooManySubscriptionsError],
)
def create_subscription(
    app_id: AppId, body: Annotated[SubscriptionIn, Body()]
) -> Response[SubscriptionWithSecretOut]:
    """Send every event that passes a filter to a URL, from now on, within ten seconds.

    Messages are CloudEvents in JSON, signed as Standard Webhooks has it: see docs/channels.md.
    """
    expect_app(app_id)
    terms = Terms(url=body.url, filter=body.filter, mode=body.mode, description=body.description)
    made = subscriptions().create(terms, app_id=app_id, by=caller().subject, attempt=attempt())
    return answered(_with_secret(made), CREATED, replayed=made.replayed)


@router.on(
    f"GET {SUBSCRIPTIONS}",
    summary="Who is sent events",
    access=marketer(Role.VIEWER),
    success={OK: "Every subscription, the oldest first; never more than twenty."},
    refusals=[AppNotFoundError],
)
def list_subscriptions(app_id: AppId) -> SubscriptionsOut:
    """Return the subscriptions of an app, and how their receivers fare."""
    expect_app(app_id)
    at = system_clock()
    found = subscriptions().subscriptions(app_id)
    return SubscriptionsOut(items=tuple(SubscriptionOut.of(one, at=at) for one in found))


@router.on(
    f"GET {SUBSCRIPTION}",
    summary="A subscription",
    access=marketer(Role.VIEWER),
    success={OK: "The subscription."},
    refusals=UNKNOWN,
)
def get_subscription(app_id: AppId, subscription_id: SubscriptionId) -> SubscriptionOut:
    """Return a subscription, and how its receiver fares."""
    expect_app(app_id)
    found = subscriptions().get(subscription_id, app_id=app_id)
    return SubscriptionOut.of(found, at=system_clock())


@router.on(
    f"PATCH {SUBSCRIPTION}",
    summary="Change a subscription, pause or resume it",
    access=marketer(Role.ADMIN),
    success={OK: "The subscription, as it is now."},
    refusals=[*UNKNOWN, *UNUSABLE, SubscriptionStaleError],
)
def update_subscription(
    app_id: AppId,
    subscription_id: SubscriptionId,
    body: Annotated[SubscriptionChangeIn, Body()],
) -> SubscriptionOut:
    """Change the version that was read; it holds within ten seconds.

    What waited when it was paused goes out when it is active again, for 30 days.
    """
    expect_app(app_id)
    changes = Changes(
        url=body.url,
        filter=body.filter,
        mode=body.mode,
        description=body.description,
        state=body.state,
    )
    after = subscriptions().update(
        subscription_id, changes, version=body.version, app_id=app_id, by=caller().subject
    )
    return SubscriptionOut.of(after, at=system_clock())


@router.on(
    f"DELETE {SUBSCRIPTION}",
    summary="End a subscription",
    access=marketer(Role.ADMIN),
    success={NO_CONTENT: "It is ended."},
    refusals=[*UNKNOWN, SubscriptionStaleError],
)
def delete_subscription(app_id: AppId, subscription_id: SubscriptionId) -> Response[None]:
    """End a subscription; nothing more is sent within ten seconds, also of what waits."""
    expect_app(app_id)
    subscriptions().delete(subscription_id, app_id=app_id, by=caller().subject)
    return Response(status_code=NO_CONTENT)


@router.on(
    f"POST {SUBSCRIPTION}/secrets",
    summary="Give a subscription another secret",
    access=marketer(Role.ADMIN),
    success={CREATED: "The subscription, with its new secret, which is not shown again."},
    refusals=[*UNKNOWN, SubscriptionRotatingError, SubscriptionStaleError],
)
def rotate_subscription_secret(
    app_id: AppId, subscription_id: SubscriptionId
) -> Response[SubscriptionWithSecretOut]:
    """Sign with a new secret; for a day messages have the signatures of both."""
    expect_app(app_id)
    made = subscriptions().rotate(subscription_id, app_id=app_id, by=caller().subject)
    return answered(_with_secret(made), CREATED)


@router.on(
    f"POST {SUBSCRIPTION}/test",
    summary="Try out a subscription",
    access=marketer(Role.EDITOR),
    success={OK: "What its receiver answered."},
    refusals=UNKNOWN,
)
def test_subscription(app_id: AppId, subscription_id: SubscriptionId) -> AttemptedOut:
    """Send a signed `subscription.tested.v1` at once, and say what came of it.

    It passes no filter and is not tried again; a paused subscription is tried out too.
    """
    expect_app(app_id)
    attempted = subscriptions().test(subscription_id, app_id=app_id, by=caller().subject)
    return AttemptedOut.of(attempted)


@router.on(
    f"GET {SUBSCRIPTION}/deliveries",
    summary="What a receiver did not take",
    access=marketer(Role.VIEWER),
    success={OK: "A page of deliveries, in the order of their events."},
    refusals=UNKNOWN,
)
def list_deliveries(
    app_id: AppId,
    subscription_id: SubscriptionId,
    state: DeliveryState = DeliveryState.DEAD,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=512)] = None,
) -> DeliveriesOut:
    """Return what is given up, or waits to be tried again; each is kept for 30 days."""
    expect_app(app_id)
    page = deliveries().page(
        subscription_id, app_id=app_id, state=state, cursor=cursor, limit=limit
    )
    return DeliveriesOut(
        items=tuple(DeliveryOut.of(one) for one in page.items), next_cursor=page.next_cursor
    )


@router.on(
    f"POST {SUBSCRIPTION}/deliveries/<delivery_id>/redeliver",
    summary="Deliver again",
    access=marketer(Role.EDITOR),
    success={OK: "The delivery, as it begins anew."},
    refusals=[*UNKNOWN, DeliveryNotFoundError],
)
def redeliver(
    app_id: AppId, subscription_id: SubscriptionId, delivery_id: DeliveryId
) -> DeliveryOut:
    """Begin a delivery anew, within a minute, under the same `webhook-id`."""
    expect_app(app_id)
    return DeliveryOut.of(
        deliveries().redeliver(delivery_id, subscription_id=subscription_id, app_id=app_id)
    )


def _with_secret(made: Issued) -> SubscriptionWithSecretOut:
    return SubscriptionWithSecretOut.with_secret(
        made.subscription, secret=secret_text(made.key), at=system_clock()
    )

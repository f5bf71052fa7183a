"""The route of decisions: which ads a device shows."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body

from functions.ad_decisions_api.schemas import AppId
from functions.ad_decisions_api.schemas.decisions import AdDecisionIn, AdDecisionOut
from functions.ad_decisions_api.wiring import decisions, events_url
from functions.ad_decisions_api.wiring.door import asking_contact
from functions.ad_decisions_api.wiring.stores import ids
from shared.kernel.clock import system_clock
from shared.placements.errors import (
    AdStateContendedError,
    BudgetContendedError,
    SnapshotMissingError,
)
from shared.platform.auth.doors import device
from shared.platform.http.request import caller
from shared.platform.http.routing import Router
from shared.registrations.errors import ContactErasedError

router = Router()


@router.on(
    "POST /v1/apps/<app_id>/ad-decisions",
    summary="Ask for ads",
    access=device(),
    success={HTTPStatus.OK: "Ads for the placements, or the reasons why there are none."},
    refusals=[
        SnapshotMissingError,
        AdStateContendedError,
        BudgetContendedError,
        ContactErasedError,
    ],
)
def decide_on_ads(app_id: AppId, body: Annotated[AdDecisionIn, Body()]) -> AdDecisionOut:
    """Fill up to 20 placements together; each ad has a token that tells of it.

    What is given and not shown in time comes back, so who lost an answer asks again.
    """
    request = body.request(
        decision_id=ids().new("dec"),
        app_id=app_id,
        device_id=caller().subject,
        contact_id=asking_contact(),
        at=system_clock(),
    )
    return AdDecisionOut.of(decisions().decide(request), events_url=events_url())

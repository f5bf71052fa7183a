"""The routes of events: what became of ads."""

from base64 import b64decode
from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from functions.ad_decisions_api.schemas import AdToken, AppId
from functions.ad_decisions_api.schemas.events import AdEventsIn, AdEventsOut, AdEventType
from functions.ad_decisions_api.wiring import engagements
from shared.placements.errors import AdLinkNotFoundError, AdTokenInvalidError, AdUnusableError
from shared.placements.service.judging import Teller
from shared.platform.auth.doors import anyone, device
from shared.platform.http.api import led_on, pictured
from shared.platform.http.request import caller, header
from shared.platform.http.routing import Router

router = Router()
OK, FOUND = HTTPStatus.OK, HTTPStatus.FOUND
GIF = "image/gif"
PIXEL = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
"""One transparent pixel."""

UNKEPT = {"Cache-Control": "no-store"}
"""What nobody on the way answers in our place is counted."""


@router.on(
    "POST /v1/apps/<app_id>/ad-events",
    summary="Report on ads",
    access=device(),
    success={OK: "Each event counts once, however often it is sent."},
)
def hear_ad_events(app_id: AppId, body: Annotated[AdEventsIn, Body()]) -> AdEventsOut:
    """Record what became of ads that were given to the calling device."""
    teller = Teller(app_id=app_id, device_id=caller().subject, user_agent=header("user-agent"))
    return AdEventsOut.of(engagements().record([one.report() for one in body.events], by=teller))


@router.on(
    "GET /v1/ad-events/<token>",
    summary="Report on an ad by a link",
    access=anyone(),
    success={
        OK: "A transparent pixel, whether it counts or not.",
        FOUND: "A click: to the URL that is stored for the creative, and nowhere else.",
    },
    refusals=[AdLinkNotFoundError],
    gives=GIF,
)
def follow_ad_link(
    token: AdToken, type_: Annotated[AdEventType, Query(alias="type")]
) -> Response[str]:
    """Record what became of an ad, of whoever has its link; a click leads on."""
    teller = Teller(user_agent=header("user-agent"))
    try:
        if type_ is AdEventType.CLICK:
            return led_on(engagements().click(token, by=teller), headers=UNKEPT)
    except (AdTokenInvalidError, AdUnusableError) as error:
        raise AdLinkNotFoundError from error
    answer = engagements().see(token, type_.engagement, by=teller)
    if answer.reason == AdTokenInvalidError.code:
        raise AdLinkNotFoundError
    return pictured(PIXEL, media_type=GIF, headers=UNKEPT)

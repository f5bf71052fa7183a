"""The routes of those who ask why an ad was shown, or would be."""

from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from functions.placements_api.schemas import AppId, DecisionId
from functions.placements_api.schemas.explanations import (
    AdTrialIn,
    AdTrialOut,
    ExplainedDecisionOut,
)
from functions.placements_api.wiring.decisions import (
    check_contact,
    device_of,
    replays,
    trials,
)
from functions.placements_api.wiring.stores import ids
from shared.kernel.clock import system_clock
from shared.kernel.principal import Role
from shared.placements.errors import DecisionNotFoundError, SnapshotMissingError
from shared.placements.model.requests import DecisionRequest
from shared.platform.auth.doors import marketer
from shared.platform.http.routing import Router
from shared.registrations.errors import ContactNotFoundError, DeviceNotFoundError

router = Router()
OK = HTTPStatus.OK
DECISIONS = "/v1/apps/<app_id>/ad-decisions"

OfFlight = Annotated[
    str | None,
    Query(pattern=r"^flt_[0-9A-Z]{26}$", description="Tell of this flight's ads alone."),
]


@router.on(
    f"GET {DECISIONS}/<decision_id>",
    summary="Why a decision came out as it did",
    access=marketer(Role.VIEWER),
    success={OK: "The decision, made again from what was kept of it, and what each ad met."},
    refusals=[DecisionNotFoundError],
)
def get_ad_decision(
    app_id: AppId, decision_id: DecisionId, flight_id: OfFlight = None
) -> ExplainedDecisionOut:
    """Make a past decision again; it is kept within a minute, and for 14 days."""
    replayed = replays().replay(decision_id, app_id=app_id)
    return ExplainedDecisionOut.of(replayed, flight_id=flight_id)


@router.on(
    f"POST {DECISIONS}/explain",
    summary="What would be decided now, and why",
    access=marketer(Role.VIEWER),
    success={OK: "What each ad would meet; nothing was counted."},
    refusals=[ContactNotFoundError, DeviceNotFoundError, SnapshotMissingError],
)
def explain_ads(
    app_id: AppId, body: Annotated[AdTrialIn, Body()], flight_id: OfFlight = None
) -> AdTrialOut:
    """Decide for a device or a contact as if it asked now, and tell what each ad met.

    Pacing says what it would say to a decision. Whether a number of an exact flight is left is not
    asked: asking takes one.
    """
    request = _request_of(body, app_id)
    return AdTrialOut.tried(request, trials().explain(request), flight_id=flight_id)


def _request_of(body: AdTrialIn, app_id: str) -> DecisionRequest:
    contact_id, said = _asker(body, app_id)
    return DecisionRequest(
        decision_id=ids().new("dec"),
        app_id=app_id,
        device_id=body.device_id or "",
        contact_id=contact_id,
        wanted=body.wanted(),
        at=system_clock(),
        consent=body.consent(),
        keywords=frozenset(body.keywords),
        attributes=body.attributes,
        **{**said, **body.said()},
    )


def _asker(body: AdTrialIn, app_id: str) -> tuple[str, dict[str, Any]]:
    """Return whose contact would ask, and what their device says of itself."""
    if body.device_id is not None:
        device = device_of(body.device_id, app_id=app_id)
        state = device.state
        return device.contact_id, {
            "platform": state.platform.value,
            "app_version": state.app_version,
            "os_version": state.os_version,
            "locale": state.locale,
            "timezone": state.timezone,
        }
    contact_id = body.contact_id or ""
    check_contact(contact_id, app_id=app_id)
    return contact_id, {}

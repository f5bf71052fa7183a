"""The routes of triggers: written by one, approved by another, simulated and explained."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from functions.contact_events_api.schemas import AppId
from functions.contact_events_api.schemas.triggers import (
    InstanceExplanationOut,
    InstanceExplanationsOut,
    InstanceOut,
    InstancesOut,
    SimulationIn,
    SimulationOut,
    TriggerApprovalIn,
    TriggerChangeIn,
    TriggerId,
    TriggerIn,
    TriggerOut,
    TriggersOut,
)
from functions.contact_events_api.wiring import (
    expect_app,
    simulations,
    started_by_triggers,
    triggers,
)
from shared.contact_events.errors import (
    OwnTriggerApprovalError,
    SimulationTooLargeError,
    TooManyTriggersError,
    TriggerChangedError,
    TriggerInvalidError,
    TriggerNotFoundError,
    TriggerStateError,
)
from shared.kernel.principal import Role
from shared.platform.auth.doors import marketer
from shared.platform.http.api import answered
from shared.platform.http.request import caller
from shared.platform.http.routing import Router
from shared.registrations.errors import AppNotFoundError

router = Router()
OK, CREATED, NO_CONTENT = HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.NO_CONTENT
TRIGGERS = "/v1/apps/<app_id>/triggers"
TRIGGER = f"{TRIGGERS}/<trigger_id>"
ContactId = Annotated[str, Query(pattern=r"^con_[0-9A-Z]{26}$")]


@router.on(
    f"POST {TRIGGERS}",
    summary="Draft a trigger",
    access=marketer(Role.EDITOR),
    success={CREATED: "The trigger, a draft."},
    refusals=[AppNotFoundError, TriggerInvalidError, TooManyTriggersError],
)
def create_trigger(app_id: AppId, body: Annotated[TriggerIn, Body()]) -> Response[TriggerOut]:
    """Store a draft; nothing starts by it until somebody else approves it."""
    expect_app(app_id)
    trigger = triggers().create_trigger(body.document, app_id=app_id, by=caller().subject)
    return answered(TriggerOut.of(trigger), CREATED)


@router.on(
    f"GET {TRIGGERS}",
    summary="The triggers of an app",
    access=marketer(Role.VIEWER),
    success={OK: "All triggers."},
    refusals=[AppNotFoundError],
)
def list_triggers(app_id: AppId) -> TriggersOut:
    """Return which triggers there are, in the order of their creation."""
    expect_app(app_id)
    return TriggersOut(items=tuple(map(TriggerOut.of, triggers().list_triggers(app_id))))


@router.on(
    f"POST {TRIGGERS}/simulate",
    summary="What a trigger would have done",
    access=marketer(Role.EDITOR),
    success={OK: "Starts by the state they came to, and the first of them."},
    refusals=[AppNotFoundError, TriggerInvalidError, SimulationTooLargeError],
)
def simulate_trigger(app_id: AppId, body: Annotated[SimulationIn, Body()]) -> SimulationOut:
    """Play the ledger of some hours to a document, on a virtual clock; nothing is written.

    It covers 8 days and 20,000 events at most, and does not ask the contact policy.
    """
    expect_app(app_id)
    found = simulations().simulate(body.document, app_id=app_id, since=body.since, until=body.until)
    return SimulationOut.of(found)


@router.on(
    f"GET {TRIGGER}",
    summary="A trigger",
    access=marketer(Role.VIEWER),
    success={OK: "The trigger, in its newest version."},
    refusals=[TriggerNotFoundError],
)
def get_trigger(app_id: AppId, trigger_id: TriggerId) -> TriggerOut:
    """Return a trigger and where it stands."""
    return TriggerOut.of(triggers().get_trigger(trigger_id, app_id=app_id))


@router.on(
    f"PUT {TRIGGER}",
    summary="Draft a trigger's next version",
    access=marketer(Role.EDITOR),
    success={OK: "The trigger; what was in force is so until the next approval."},
    refusals=[TriggerNotFoundError, TriggerInvalidError, TriggerChangedError],
)
def put_trigger(
    app_id: AppId, trigger_id: TriggerId, body: Annotated[TriggerChangeIn, Body()]
) -> TriggerOut:
    """Draft what the trigger is to say; the same document changes nothing."""
    trigger = triggers().put_trigger(
        trigger_id, body.document, app_id=app_id, version=body.version, by=caller().subject
    )
    return TriggerOut.of(trigger)


@router.on(
    f"DELETE {TRIGGER}",
    summary="Delete a trigger",
    access=marketer(Role.EDITOR),
    success={NO_CONTENT: "It is gone; what waits is suppressed when it is due."},
    refusals=[TriggerNotFoundError, TriggerChangedError],
)
def delete_trigger(app_id: AppId, trigger_id: TriggerId) -> Response[None]:
    """Have nothing started and nothing fired by it, for good."""
    triggers().delete_trigger(trigger_id, app_id=app_id, by=caller().subject)
    return Response(status_code=NO_CONTENT)


@router.on(
    f"POST {TRIGGER}/approve",
    summary="Approve a trigger",
    access=marketer(Role.SENDER),
    success={OK: "The trigger, in force within ten seconds."},
    refusals=[
        TriggerNotFoundError,
        TriggerChangedError,
        TriggerStateError,
        OwnTriggerApprovalError,
    ],
)
def approve_trigger(
    app_id: AppId, trigger_id: TriggerId, body: Annotated[TriggerApprovalIn, Body()]
) -> TriggerOut:
    """Say yes to a version that somebody else wrote."""
    trigger = triggers().approve(
        trigger_id, version=body.version, app_id=app_id, by=caller().subject
    )
    return TriggerOut.of(trigger)


@router.on(
    f"POST {TRIGGER}/pause",
    summary="Pause a trigger",
    access=marketer(Role.SENDER),
    success={OK: "The trigger, paused within ten seconds."},
    refusals=[TriggerNotFoundError, TriggerChangedError, TriggerStateError],
)
def pause_trigger(app_id: AppId, trigger_id: TriggerId) -> TriggerOut:
    """Have nothing started and nothing fired; what is due meanwhile is suppressed."""
    return TriggerOut.of(triggers().pause(trigger_id, app_id=app_id, by=caller().subject))


@router.on(
    f"POST {TRIGGER}/resume",
    summary="Resume a trigger",
    access=marketer(Role.SENDER),
    success={OK: "The trigger goes on with what happens from now on."},
    refusals=[TriggerNotFoundError, TriggerChangedError, TriggerStateError],
)
def resume_trigger(app_id: AppId, trigger_id: TriggerId) -> TriggerOut:
    """Have a paused trigger go on."""
    return TriggerOut.of(triggers().resume(trigger_id, app_id=app_id, by=caller().subject))


@router.on(
    f"GET {TRIGGER}/instances",
    summary="What a trigger started for a person",
    access=marketer(Role.VIEWER),
    success={OK: "Each start, the newest first."},
    refusals=[TriggerNotFoundError],
)
def list_instances(app_id: AppId, trigger_id: TriggerId, contact_id: ContactId) -> InstancesOut:
    """Return what waits for a person and what came of the rest, of the last 90 days."""
    triggers().get_trigger(trigger_id, app_id=app_id)
    found = started_by_triggers().list_instances(trigger_id, contact_id=contact_id, app_id=app_id)
    return InstancesOut(items=tuple(map(InstanceOut.of, found)))


@router.on(
    f"GET {TRIGGER}/explain",
    summary="Why a trigger fired for a person, or did not",
    access=marketer(Role.VIEWER),
    success={OK: "The last starts, each with its document and the events that were looked at."},
    refusals=[TriggerNotFoundError],
)
def explain_trigger(
    app_id: AppId, trigger_id: TriggerId, contact_id: ContactId
) -> InstanceExplanationsOut:
    """Explain the last 20 starts for a person, by what is known now."""
    triggers().get_trigger(trigger_id, app_id=app_id)
    found = started_by_triggers().explain(trigger_id, contact_id=contact_id, app_id=app_id)
    return InstanceExplanationsOut(items=tuple(map(InstanceExplanationOut.of, found)))

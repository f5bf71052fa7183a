"""Events of other systems and of devices come in as CloudEvents; each can be read again."""

from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path

from functions.contact_events_api.schemas import AppId
from functions.contact_events_api.schemas.ingest import IngestedOut
from functions.contact_events_api.schemas.timelines import CloudEventOut
from functions.contact_events_api.wiring import (
    contact_of_device,
    events,
    expect_app,
    ingest,
    opened,
    org_of,
)
from shared.contact_events.dialects import cloudevents
from shared.contact_events.errors import EventNotFoundError
from shared.contact_events.model.outgoing import BATCH, STRUCTURED
from shared.contact_events.model.timelines import without_raw
from shared.kernel.clock import system_clock
from shared.kernel.principal import Kind, Principal, Role
from shared.platform.auth.doors import device, marketer
from shared.platform.http.api import answered
from shared.platform.http.bodies import Content
from shared.platform.http.request import caller, content, headers
from shared.platform.http.routing import Router
from shared.registrations.errors import AppNotFoundError

router = Router()

ATTRIBUTES = {
    "specversion": {"const": "1.0"},
    **{name: {"type": "string", "minLength": 1} for name in ("id", "source", "type")},
}
EVENT: dict[str, Any] = {
    "type": "object",
    "required": [*ATTRIBUTES],
    "properties": ATTRIBUTES,
    "description": "An event of CloudEvents 1.0: see docs/wires.md.",
}
CLOUDEVENTS = Content(
    schemas={
        STRUCTURED: EVENT,
        BATCH: {
            "type": "array",
            "items": EVENT,
            "maxItems": cloudevents.MOST_EVENTS,
        },
        "application/json": {"description": "Data in binary mode; attributes are `ce-` headers."},
    }
)


@router.on(
    "POST /v1/apps/<app_id>/events",
    summary="Tell what happened",
    access=device(or_system=True, or_role=Role.EDITOR),
    success={HTTPStatus.ACCEPTED: "What came of each event; those that are not rejected are kept."},
    refusals=[AppNotFoundError],
    takes=CLOUDEVENTS,
)
def post_events(app_id: AppId) -> Response[IngestedOut]:
    """Record CloudEvents in binary, structured or batched mode, each once.

    A device tells of its own contact alone, whom its events need not name; its id is their source.
    Another system tells of the channels that it speaks for.
    """
    expect_app(app_id)
    translation = cloudevents.translate(
        content(),
        headers=headers(),
        app_id=app_id,
        received_at=system_clock(),
        teller=_teller(caller(), app_id),
    )
    ingested = ingest().ingest(translation, app_id=app_id, wire=cloudevents.NAME)
    return answered(IngestedOut.of(ingested), HTTPStatus.ACCEPTED)


@router.on(
    "GET /v1/apps/<app_id>/events/<event_id>",
    summary="An event",
    access=marketer(Role.VIEWER),
    success={HTTPStatus.OK: "The event."},
    refusals=[AppNotFoundError, EventNotFoundError],
)
def get_event(
    app_id: AppId, event_id: Annotated[str, Path(pattern=r"^evt_[0-9A-Z]{26}$")]
) -> CloudEventOut:
    """Return an event, a second after it was recorded at the latest.

    What another system sent, in `data.raw`, is for admins.
    """
    org = org_of(app_id)
    found = events().get_event(event_id, app_id=app_id)
    shown = opened if caller().role_on(app_id) is Role.ADMIN else without_raw
    return CloudEventOut.of(shown(found), org=org)


def _teller(who: Principal, app_id: str) -> cloudevents.Teller | None:
    match who.kind:
        case Kind.DEVICE:
            contact_id = contact_of_device(who.subject, app_id=app_id)
            return cloudevents.DeviceTeller(device_id=who.subject, contact_id=contact_id)
        case Kind.SYSTEM:
            return cloudevents.SystemTeller(channels=who.channels)
        case _:
            return None

"""The routes of what came of flights."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from functions.placements_api.schemas import AppId, FlightId
from functions.placements_api.schemas.results import (
    CountersRebuildIn,
    CountersRebuiltOut,
    FlightAuditOut,
    FlightResultsOut,
)
from functions.placements_api.wiring.results import audits, mending, results
from shared.kernel.principal import Role
from shared.placements.errors import (
    DayNotSettledError,
    FlightNotExactError,
    FlightNotFoundError,
)
from shared.platform.auth.doors import marketer
from shared.platform.http.routing import Router
from shared.registrations.errors import AppNotFoundError

router = Router()
OK = HTTPStatus.OK
FLIGHT = "/v1/apps/<app_id>/flights/<flight_id>"


@router.on(
    f"GET {FLIGHT}/results",
    summary="What came of a flight",
    access=marketer(Role.VIEWER),
    success={OK: "All that counted, and what was rejected."},
    refusals=[FlightNotFoundError],
)
def get_flight_results(app_id: AppId, flight_id: FlightId) -> FlightResultsOut:
    """Return figures as of the last seconds, by day, placement and creative; they add up."""
    return FlightResultsOut.of(results().results(flight_id, app_id=app_id))


@router.on(
    f"GET {FLIGHT}/audit",
    summary="What became of an exact flight's ads",
    access=marketer(Role.VIEWER),
    success={OK: "Its ads, recounted."},
    refusals=[FlightNotFoundError, FlightNotExactError],
)
def audit_flight(app_id: AppId, flight_id: FlightId) -> FlightAuditOut:
    """Recount what was given from what was written for each ad: the proof that none is too many.

    It reads one item for each ad, so a flight of a million takes a while.
    """
    return FlightAuditOut.of(flight_id, audits().audit(flight_id, app_id=app_id))


@router.on(
    "POST /v1/apps/<app_id>/ad-counters/rebuild",
    summary="Set right the counters of a day",
    access=marketer(Role.ADMIN),
    success={OK: "The counters that lacked something the ledger has."},
    refusals=[AppNotFoundError, DayNotSettledError],
)
def rebuild_ad_counters(
    app_id: AppId,
    body: Annotated[CountersRebuildIn, Body()],
    dry_run: Annotated[bool, Query(description="Write nothing, and say what would be.")] = False,
) -> CountersRebuiltOut:
    """Recount a day from the ledger, and add what counters lack; the same again changes nothing.

    It reads each event of the app's ads of that day. What is counted meanwhile counts once.
    """
    mends = mending().mend(app_id, body.day, flight_id=body.flight_id, dry_run=dry_run)
    return CountersRebuiltOut.of(body.day, mends)

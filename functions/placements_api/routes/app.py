"""The routes of what is booked in an app together: its settings, and imports."""

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from functions.placements_api.schemas import AppId
from functions.placements_api.schemas.imports import DemandImportIn, ImportReportOut
from functions.placements_api.schemas.settings import AdSettingsIn, AdSettingsOut
from functions.placements_api.wiring import ad_settings, demand_import
from shared.kernel.clock import system_clock
from shared.kernel.principal import Role
from shared.placements.errors import DemandChangedError
from shared.platform.auth.doors import marketer
from shared.platform.http.request import caller
from shared.platform.http.routing import Router
from shared.registrations.errors import AppNotFoundError

router = Router()
OK = HTTPStatus.OK
SETTINGS = "/v1/apps/<app_id>/ad-settings"

PATIENCE = timedelta(seconds=20)
"""For which an import writes; the gateway waits for 30 seconds."""


@router.on(
    f"GET {SETTINGS}",
    summary="What holds for all ads of an app",
    access=marketer(Role.VIEWER),
    success={OK: "The settings; version 0 before anybody decided."},
)
def get_ad_settings(app_id: AppId) -> AdSettingsOut:
    """Return how tiers choose, caps of all ads together, and how long competitors keep apart."""
    return AdSettingsOut.of(ad_settings().get_settings(app_id))


@router.on(
    f"PUT {SETTINGS}",
    summary="Decide what holds for all ads of an app",
    access=marketer(Role.ADMIN),
    success={OK: "The settings."},
    refusals=[AppNotFoundError, DemandChangedError],
)
def put_ad_settings(app_id: AppId, body: Annotated[AdSettingsIn, Body()]) -> AdSettingsOut:
    """Replace the settings; decisions follow within seconds."""
    settings = ad_settings().replace_settings(
        body.document(), app_id=app_id, version=body.version, by=caller().subject
    )
    return AdSettingsOut.of(settings)


@router.on(
    "POST /v1/apps/<app_id>/ad-demand/import",
    summary="Make and change many booked things at once",
    access=marketer(Role.EDITOR),
    success={OK: "What became of each line; where one is refused, nothing is written."},
    refusals=[AppNotFoundError],
)
def import_demand(
    app_id: AppId,
    body: Annotated[DemandImportIn, Body()],
    dry_run: Annotated[bool, Query(description="Write nothing, and say what would be.")] = False,
) -> ImportReportOut:
    """Bring what is booked to what the document says; the same again changes nothing.

    Lines are known by their keys, so it needs no `Idempotency-Key`.
    """
    report = demand_import().run(
        body.document(),
        app_id=app_id,
        by=caller().subject,
        dry_run=dry_run,
        until=system_clock() + PATIENCE,
    )
    return ImportReportOut.of(report)

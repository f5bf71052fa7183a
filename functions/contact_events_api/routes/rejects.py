"""What was refused of the events that others sent."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Query

from functions.contact_events_api.schemas import AppId
from functions.contact_events_api.schemas.ingest import IngestRejectOut, IngestRejectsOut
from functions.contact_events_api.wiring import expect_app, ingest
from shared.kernel.principal import Role
from shared.platform.auth.doors import marketer
from shared.platform.http.routing import Router
from shared.registrations.errors import AppNotFoundError

router = Router()


@router.on(
    "GET /v1/apps/<app_id>/ingest-rejects",
    summary="Events that were refused",
    access=marketer(Role.VIEWER),
    success={HTTPStatus.OK: "A page of rejects, the newest first."},
    refusals=[AppNotFoundError],
)
def list_rejects(
    app_id: AppId,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=512)] = None,
) -> IngestRejectsOut:
    """Return what was refused in the last 30 days, on every wire, and why; not what it said."""
    expect_app(app_id)
    page = ingest().rejects(app_id, cursor=cursor, limit=limit)
    return IngestRejectsOut(
        items=tuple(IngestRejectOut.kept(refused) for refused in page.items),
        next_cursor=page.next_cursor,
    )

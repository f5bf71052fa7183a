"""The routes of the audit log."""

from datetime import datetime
from http import HTTPStatus

from functions.registrations_api.schemas import AppId, Cursor, Limit
from functions.registrations_api.schemas.audit_log import AuditLogOut, CallerName, Since, Until
from functions.registrations_api.wiring import audit_log
from shared.kernel.paging import ulid_in
from shared.kernel.principal import Role
from shared.platform.auth.doors import marketer, operator
from shared.platform.http.routing import Router

router = Router()
OK = HTTPStatus.OK


@router.on(
    "GET /v1/apps/<app_id>/audit-log",
    summary="Who did what on an app",
    access=marketer(Role.ADMIN),
    success={OK: "A page of entries, the newest first."},
)
def list_audit_log(
    app_id: AppId,
    since: Since = None,
    until: Until = None,
    by: CallerName | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> AuditLogOut:
    """Return what marketers did on an app, and what their role refused them, for 400 days.

    `from` is inclusive, `to` exclusive. Calls that changed nothing because they were invalid are
    not in it. A page `by` somebody rare may come short: follow `next_cursor` until it is null.
    """
    return _audit_page(app_id, since, until, by, limit, cursor)


@router.on(
    "GET /v1/audit-log",
    summary="Who did what above apps",
    access=operator(),
    success={OK: "A page of entries, the newest first."},
)
def list_operators_audit_log(
    since: Since = None,
    until: Until = None,
    by: CallerName | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> AuditLogOut:
    """Return who gave and took roles and created apps, read as an app's audit log."""
    return _audit_page(None, since, until, by, limit, cursor)


def _audit_page(
    app_id: str | None,
    since: datetime | None,
    until: datetime | None,
    by: str | None,
    limit: int,
    cursor: str | None,
) -> AuditLogOut:
    page = audit_log().list_entries(
        app_id, since=since, until=until, by=by, limit=limit, cursor=cursor and ulid_in(cursor)
    )
    return AuditLogOut.of(page)

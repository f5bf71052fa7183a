"""The routes of imports: large files go to the bucket by a presigned URL, never through the API."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body

from functions.registrations_api.schemas import AppId, Cursor, Limit
from functions.registrations_api.schemas.imports import (
    AnnouncedImportOut,
    ImportId,
    ImportIn,
    ImportOut,
    ImportsOut,
    ImportWithRejectsOut,
)
from functions.registrations_api.wiring import imports
from shared.kernel.paging import cursor_of, place_of
from shared.kernel.principal import Role
from shared.platform.auth.doors import marketer
from shared.platform.http.api import answered
from shared.platform.http.request import attempt, caller
from shared.platform.http.routing import Router
from shared.registrations.errors import (
    AppNotFoundError,
    ImportNotFoundError,
    UploadMissingError,
)

router = Router()
IMPORTS = "/v1/apps/<app_id>/imports"
OK, CREATED, ACCEPTED = HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.ACCEPTED


@router.on(
    f"POST {IMPORTS}",
    summary="Announce a file to import",
    access=marketer(Role.EDITOR),
    success={CREATED: "The import, and where its file is sent."},
    refusals=[AppNotFoundError],
)
def create_import(app_id: AppId, body: Annotated[ImportIn, Body()]) -> Response[AnnouncedImportOut]:
    """Announce a file of devices, contacts, members or touches; then upload it, then start.

    With an `Idempotency-Key`, once; again, it answers where the same file is sent.
    """
    made = imports().create_import(
        body.settings(), app_id=app_id, by=caller().subject, attempt=attempt()
    )
    shown = AnnouncedImportOut.with_upload(made.job, made.upload)
    return answered(shown, CREATED, replayed=made.replayed)


@router.on(
    f"GET {IMPORTS}",
    summary="The imports of an app",
    access=marketer(Role.VIEWER),
    success={OK: "A page of imports, the newest first."},
    refusals=[AppNotFoundError],
)
def list_imports(app_id: AppId, limit: Limit = 50, cursor: Cursor = None) -> ImportsOut:
    """Return the imports of an app, and how far each is."""
    page = imports().list_imports(app_id, limit=limit, cursor=cursor and place_of(cursor))
    return ImportsOut(
        items=tuple(ImportOut.of(job) for job in page.items),
        next_cursor=page.next_cursor and cursor_of(page.next_cursor),
    )


@router.on(
    f"GET {IMPORTS}/<import_id>",
    summary="How far an import is",
    access=marketer(Role.VIEWER),
    success={OK: "The import."},
    refusals=[ImportNotFoundError],
)
def get_import(app_id: AppId, import_id: ImportId) -> ImportWithRejectsOut:
    """Return how far an import is; at its end, where its rejected rows can be fetched."""
    job = imports().get_import(import_id, app_id=app_id)
    return ImportWithRejectsOut.with_rejects(job, rejects_url=imports().rejects_url(job))


@router.on(
    f"POST {IMPORTS}/<import_id>/start",
    summary="Start an import",
    access=marketer(Role.EDITOR),
    success={ACCEPTED: "The file is being imported."},
    refusals=[ImportNotFoundError, UploadMissingError],
)
def start_import(app_id: AppId, import_id: ImportId) -> Response[ImportOut]:
    """Begin with what was uploaded; again, it answers how far that is."""
    job = imports().start_import(import_id, app_id=app_id, by=caller().subject)
    return answered(ImportOut.of(job), ACCEPTED)

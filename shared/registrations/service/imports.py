"""Use cases of imports: announce a file, start it, look how far it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.kernel.clock import Clock
from shared.kernel.envelope import Envelope, seal
from shared.kernel.events import DomainEvent
from shared.kernel.idempotency import Attempt
from shared.kernel.ids import Ids
from shared.kernel.paging import Page
from shared.registrations.errors import StaleError, UploadMissingError
from shared.registrations.events import ImportCreated, ImportStarted
from shared.registrations.model.imports import Import, ImportState
from shared.registrations.ports import AppStore, ImportFiles, ImportStore, Upload
from shared.registrations.service.devices import until_settled


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """A new import and where its file is sent; ``replayed``: this attempt had made it."""

    job: Import
    upload: Upload
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportService:
    """Keeps imports; a worker does what they say."""

    apps: AppStore
    imports: ImportStore
    files: ImportFiles
    clock: Clock
    ids: Ids

    def create_import(
        self,
        settings: Mapping[str, Any],
        *,
        app_id: str,
        by: str,
        attempt: Attempt | None,
    ) -> Announced:
        """Announce a file; ``settings`` are fields of ``Import``: its kind, format, size and more.

        Raises:
            AppNotFoundError: there is no such app.
            InvalidFieldsError: the file is too large, or the list is missing or not wanted.
            IdempotencyKeyReusedError: the attempt's key belongs to another request.
        """
        self.apps.get_app(app_id)
        if attempt and (before := self._recall(attempt, app_id=app_id)):
            return before
        at = self.clock()
        job = Import(
            app_id=app_id,
            import_id=self.ids.new("imp"),
            by=by,
            created_at=at,
            **settings,
        )
        event = ImportCreated(
            app_id=app_id,
            occurred_at=at,
            import_id=job.import_id,
            kind=job.kind,
            list_name=job.list_name,
            dry_run=job.dry_run,
            by=by,
        )
        try:
            self.imports.add_import(job, self._seal(event), attempt=attempt)
        except StaleError:
            if attempt and (first := self._recall(attempt, app_id=app_id)):
                return first
            raise
        return Announced(job=job, upload=self.files.upload_for(job, at=at))

    def start_import(self, import_id: str, *, app_id: str, by: str) -> Import:
        """Begin to work on what was uploaded; again changes nothing.

        Raises:
            ImportNotFoundError: there is no such import.
            UploadMissingError: no file of the announced size was uploaded.
        """

        def try_once() -> Import:
            before = self.imports.get_import(import_id, app_id=app_id)
            if before.state is not ImportState.CREATED:
                return before
            tag = self.files.upload_tag(before)
            if tag is None:
                raise UploadMissingError(f"upload {before.size} bytes first")
            at = self.clock()
            after = before.started(upload_tag=tag, at=at)
            event = ImportStarted(app_id=app_id, occurred_at=at, import_id=import_id, by=by)
            self.imports.save_import(after, event=self._seal(event))
            return after

        return until_settled(try_once)

    def get_import(self, import_id: str, *, app_id: str) -> Import:
        """Return how far an import is.

        Raises:
            ImportNotFoundError: there is no such import.
        """
        return self.imports.get_import(import_id, app_id=app_id)

    def list_imports(self, app_id: str, *, limit: int, cursor: str | None) -> Page[Import]:
        """Return an app's imports, the newest first.

        Raises:
            AppNotFoundError: there is no such app.
        """
        self.apps.get_app(app_id)
        return self.imports.list_imports(app_id, limit=limit, cursor=cursor)

    def rejects_url(self, job: Import) -> str | None:
        """Return where the rejects of an import that is over can be fetched, if there are any."""
        return self.files.rejects_url(job) if job.is_over and job.tally.rejected else None

    def _recall(self, attempt: Attempt, *, app_id: str) -> Announced | None:
        before = self.imports.recall(attempt)
        if before is None:
            return None
        attempt.check(before.fingerprint)
        job = self.imports.get_import(before.result, app_id=app_id)
        return Announced(job=job, upload=self.files.upload_for(job, at=self.clock()), replayed=True)

    def _seal(self, event: DomainEvent) -> Envelope:
        return seal(event, sequence=self.ids.sequence())

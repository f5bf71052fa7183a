"""Use cases of apps and of the grants on them."""

from dataclasses import dataclass
from typing import Any

from shared.kernel.clock import Clock
from shared.kernel.envelope import seal
from shared.kernel.idempotency import Attempt
from shared.kernel.ids import Ids
from shared.kernel.paging import Page
from shared.kernel.principal import EVERY_APP, Principal, Role
from shared.registrations.errors import AppNotFoundError, StaleError
from shared.registrations.events import AppCreated, AppUpdated
from shared.registrations.model.apps import App
from shared.registrations.ports import AppStore


@dataclass(frozen=True, slots=True, kw_only=True)
class AppService:
    """Creates and changes apps, and says who may do what on them."""

    store: AppStore
    clock: Clock
    ids: Ids

    def create_app(self, settings: dict[str, Any], *, attempt: Attempt | None) -> tuple[App, bool]:
        """Create an app; the second part says that this attempt had created it before.

        Raises:
            InvalidFieldsError: a setting breaks a rule.
            IdempotencyKeyReusedError: the attempt's key belongs to another request.
        """
        if attempt and (before := self._recall(attempt)):
            return before, True
        at = self.clock()
        app = App(app_id=self.ids.new("app"), created_at=at, **settings)
        event = AppCreated(app_id=app.app_id, occurred_at=at, name=app.name)
        try:
            self.store.add_app(app, seal(event, sequence=self.ids.sequence()), attempt=attempt)
        except StaleError:
            if attempt and (first := self._recall(attempt)):
                return first, True
            raise
        return app, False

    def get_app(self, app_id: str) -> App:
        """Return an app.

        Raises:
            AppNotFoundError: there is none.
        """
        return self.store.get_app(app_id)

    def list_apps(self, caller: Principal, *, limit: int, cursor: str | None) -> Page[App]:
        """Return the apps on which the caller has a role: an operator sees all."""
        if EVERY_APP in caller.grants:
            return self.store.list_apps(limit=limit, cursor=cursor)
        granted = sorted(app_id for app_id in caller.grants if cursor is None or app_id > cursor)
        page = granted[:limit]
        apps = [app for app in map(self._find, page) if app is not None]
        return Page(items=apps, next_cursor=page[-1] if len(granted) > limit else None)

    def update_app(self, app_id: str, changes: dict[str, Any]) -> App:
        """Change settings of an app.

        Raises:
            AppNotFoundError: there is none.
            AppChangedError: another change came in between.
            InvalidFieldsError: the result breaks a rule.
        """
        app, changed = self.store.get_app(app_id).changed_by(changes)
        if changed:
            event = AppUpdated(app_id=app_id, occurred_at=self.clock(), changed=changed)
            self.store.replace_app(app, seal(event, sequence=self.ids.sequence()))
        return app

    def grant(self, principal: str, *, app_id: str, role: Role) -> None:
        """Give a principal a role on an app, or on every app.

        Raises:
            AppNotFoundError: there is no such app.
        """
        if app_id != EVERY_APP:
            self.store.get_app(app_id)
        self.store.grant(principal, app_id=app_id, role=role)

    def revoke(self, principal: str, *, app_id: str) -> None:
        """Take a principal's role on an app away."""
        self.store.revoke(principal, app_id=app_id)

    def list_grants(self, *, limit: int, cursor: str | None) -> Page[tuple[str, str, Role]]:
        """Return who may do what, on which app."""
        return self.store.list_grants(limit=limit, cursor=cursor)

    def _find(self, app_id: str) -> App | None:
        try:
            return self.store.get_app(app_id)
        except AppNotFoundError:
            return None

    def _recall(self, attempt: Attempt) -> App | None:
        before = self.store.recall(attempt)
        if before is None:
            return None
        attempt.check(before.fingerprint)
        return self.store.get_app(before.result)

"""Apps and grants in DynamoDB."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from typing_extensions import override

from shared.kernel.clock import from_rfc3339, rfc3339
from shared.kernel.envelope import Envelope
from shared.kernel.idempotency import Attempt, Remembered
from shared.kernel.paging import Page
from shared.kernel.principal import Issuer, Role
from shared.platform.attempts import Attempts
from shared.platform.dynamodb import Delete, Put, Row, Write, WriteRefusedError, bind, commit
from shared.platform.ledger import Ledger
from shared.registrations.errors import AppChangedError, AppNotFoundError, StaleError
from shared.registrations.model.apps import (
    App,
    AppCheck,
    AppCheckMode,
    CampaignLimits,
    Fcm,
    Platform,
)
from shared.registrations.ports import AppStore

_ALL_GRANTS = "GRANT#"


class _AppRow(Row):
    """An app; its settings are one JSON text: they are read and written together."""

    settings = UnicodeAttribute()
    version = NumberAttribute()


class _ListedRow(Row):
    """The fact that an app exists, in the list of apps."""


class _GrantRow(Row):
    """A principal's role on an app."""

    role = UnicodeAttribute()


class DynamoAppStore(AppStore):
    """Apps and grants, in the registrations table."""

    def __init__(self, *, table: str, ledger: Ledger) -> None:
        self._app = bind(_AppRow, table=table)
        self._listed = bind(_ListedRow, table=table)
        self._grant = bind(_GrantRow, table=table)
        self._attempts = Attempts(table=table)
        self._ledger = ledger

    @override
    def get_app(self, app_id: str) -> App:
        try:
            row = self._app.get(f"APP#{app_id}#APP", "APP")
        except DoesNotExist as error:
            raise AppNotFoundError(app_id) from error
        return _app_of(json.loads(row.settings), app_id=app_id, version=int(row.version))

    @override
    def list_apps(self, *, limit: int, cursor: str | None) -> Page[App]:
        after = self._listed.sk > cursor if cursor else None
        listed = [row.sk for row in self._listed.query("APPS", after, limit=limit + 1)]
        page = listed[:limit]
        return Page(
            items=[self.get_app(app_id) for app_id in page],
            next_cursor=page[-1] if len(listed) > limit else None,
        )

    @override
    def app_ids(self) -> Iterator[str]:
        return (row.sk for row in self._listed.query("APPS"))

    @override
    def add_app(self, app: App, event: Envelope, *, attempt: Attempt | None) -> None:
        fresh = self._app.pk.does_not_exist()
        writes: dict[str, Write] = {
            "app": Put(row=self._row(app), condition=fresh),
            "listed": Put(row=self._listed("APPS", app.app_id)),
            "event": self._ledger.record(event),
        }
        if attempt:
            writes["attempt"] = self._attempts.remember(
                attempt, result=app.app_id, at=app.created_at
            )
        try:
            commit(writes)
        except WriteRefusedError as error:
            raise StaleError(app.app_id) from error

    @override
    def replace_app(self, app: App, event: Envelope) -> None:
        unchanged = self._app.version == app.version - 1
        try:
            commit(
                {
                    "app": Put(row=self._row(app), condition=unchanged),
                    "event": self._ledger.record(event),
                }
            )
        except WriteRefusedError as error:
            raise AppChangedError(app.app_id) from error

    @override
    def recall(self, attempt: Attempt) -> Remembered | None:
        return self._attempts.recall(attempt)

    @override
    def grant(self, principal: str, *, app_id: str, role: Role) -> None:
        name = role.name.lower()
        commit(
            {
                "grant": Put(row=self._grant(f"GRANT#{principal}", f"APP#{app_id}", role=name)),
                "listed": Put(row=self._grant(_ALL_GRANTS, f"{principal} {app_id}", role=name)),
            }
        )

    @override
    def revoke(self, principal: str, *, app_id: str) -> None:
        commit(
            {
                "grant": Delete(row=self._grant(f"GRANT#{principal}", f"APP#{app_id}")),
                "listed": Delete(row=self._grant(_ALL_GRANTS, f"{principal} {app_id}")),
            }
        )

    @override
    def grants_of(self, principals: Sequence[str]) -> Mapping[str, Role]:
        strongest: dict[str, Role] = {}
        for principal in principals:
            for row in self._grant.query(
                f"GRANT#{principal}", self._grant.sk.startswith("APP#"), consistent_read=True
            ):
                app_id, role = row.sk.removeprefix("APP#"), Role[row.role.upper()]
                strongest[app_id] = max(role, strongest.get(app_id, role))
        return strongest

    @override
    def list_grants(self, *, limit: int, cursor: str | None) -> Page[tuple[str, str, Role]]:
        after = self._grant.sk > cursor if cursor else None
        rows = list(self._grant.query(_ALL_GRANTS, after, limit=limit + 1))
        page = rows[:limit]
        items = [(*_pair(row.sk), Role[row.role.upper()]) for row in page]
        return Page(items=items, next_cursor=page[-1].sk if len(rows) > limit else None)

    def _row(self, app: App) -> _AppRow:
        settings = {**asdict(app), "created_at": rfc3339(app.created_at)}
        return self._app(
            f"APP#{app.app_id}#APP",
            "APP",
            settings=json.dumps(
                {k: v for k, v in settings.items() if k not in {"app_id", "version"}}
            ),
            version=app.version,
        )


def _pair(listed: str) -> tuple[str, str]:
    principal, _, app_id = listed.rpartition(" ")
    return principal, app_id


def _app_of(settings: Mapping[str, Any], *, app_id: str, version: int) -> App:
    check = settings["app_check"]
    return App(
        app_id=app_id,
        name=settings["name"],
        org=settings["org"],
        platforms=tuple(Platform(platform) for platform in settings["platforms"]),
        default_locale=settings["default_locale"],
        default_timezone=settings["default_timezone"],
        fcm=Fcm(**settings["fcm"]) if settings["fcm"] else None,
        issuers=tuple(
            Issuer(issuer=found["issuer"], audiences=tuple(found["audiences"]))
            for found in settings["issuers"]
        ),
        app_check=AppCheck(
            mode=AppCheckMode(check["mode"]),
            project_number=check["project_number"],
            firebase_app_ids=tuple(check["firebase_app_ids"]),
        ),
        policy=settings["policy"],
        kept_identifiers=tuple(settings.get("kept_identifiers", ())),
        campaign_limits=CampaignLimits(**settings.get("campaign_limits", {})),
        created_at=from_rfc3339(settings["created_at"]),
        version=version,
    )

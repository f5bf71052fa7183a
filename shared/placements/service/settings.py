"""Use cases of those who decide for all ads of an app."""

from dataclasses import dataclass
from typing import Any

from shared.kernel.clock import Clock
from shared.kernel.envelope import seal
from shared.kernel.ids import Ids
from shared.placements.errors import DemandChangedError
from shared.placements.events import AdSettingsUpdated
from shared.placements.model.demand import AdSettings
from shared.placements.model.documents import settings_of
from shared.placements.ports.demand import Apps, DemandStore


@dataclass(frozen=True, slots=True, kw_only=True)
class AdSettingsService:
    """Keeps what an app decided for all its ads."""

    apps: Apps
    demand: DemandStore
    clock: Clock
    ids: Ids

    def get_settings(self, app_id: str) -> AdSettings:
        """Return what an app decided; the defaults before that."""
        return self.demand.get_settings(app_id)

    def replace_settings(self, document: Any, *, app_id: str, version: int, by: str) -> AdSettings:
        """Put an app's settings in the place of those of ``version`` (0: the defaults).

        Raises what ``apps`` raises where there is no such app.

        Raises:
            DemandChangedError: another version stands by now.
            InvalidFieldsError: the document has problems.
        """
        self.apps.check(app_id)
        before = self.demand.get_settings(app_id)
        if before.version != version:
            raise DemandChangedError(f"version {before.version} stands")
        after = settings_of(document, app_id=app_id, version=version + 1)
        event = AdSettingsUpdated(
            app_id=app_id, occurred_at=self.clock(), version=after.version, by=by
        )
        self.demand.replace_settings(
            after, seal(event, sequence=self.ids.sequence()), before=before
        )
        return after

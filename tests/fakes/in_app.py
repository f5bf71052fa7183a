"""In-app messages in memory, held to the contract of the real ones; and who is asked about them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from typing_extensions import override

from shared.kernel.envelope import Envelope
from shared.kernel.events import Purpose
from shared.kernel.idempotency import Attempt, Remembered
from shared.kernel.paging import Page
from shared.push.errors import InAppChangedError, InAppNotFoundError
from shared.push.model.in_app import InAppMessage, InAppState
from shared.push.ports import InAppAudience, InAppStore, Touches


class InMemoryInAppStore(InAppStore):
    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], InAppMessage] = {}
        self.attempts: dict[tuple[str, str], Remembered] = {}
        self.events: list[Envelope] = []

    @override
    def add_message(
        self, message: InAppMessage, event: Envelope, *, attempt: Attempt | None
    ) -> bool:
        if attempt and (message.app_id, attempt.id) in self.attempts:
            return False
        self.kept[message.app_id, message.in_app_id] = message
        self.events.append(event)
        if attempt:
            self.attempts[message.app_id, attempt.id] = Remembered(
                fingerprint=attempt.fingerprint, result=message.in_app_id
            )
        return True

    @override
    def recall(self, attempt: Attempt, *, app_id: str) -> Remembered | None:
        return self.attempts.get((app_id, attempt.id))

    @override
    def get_message(self, in_app_id: str, *, app_id: str) -> InAppMessage:
        try:
            return self.kept[app_id, in_app_id]
        except KeyError:
            raise InAppNotFoundError(in_app_id) from None

    @override
    def list_messages(self, app_id: str, *, limit: int, cursor: str | None) -> Page[InAppMessage]:
        found = [one for one in self._all(app_id) if one.in_app_id > (cursor or "")]
        more = found[limit - 1].in_app_id if len(found) > limit else None
        return Page(items=found[:limit], next_cursor=more)

    @override
    def active_messages(self, app_id: str) -> Sequence[InAppMessage]:
        return [one for one in self._all(app_id) if one.state is InAppState.ACTIVE]

    @override
    def replace_message(
        self, message: InAppMessage, event: Envelope, *, before: InAppMessage
    ) -> None:
        if self.kept[message.app_id, message.in_app_id].version != before.version:
            raise InAppChangedError(message.in_app_id)
        self.kept[message.app_id, message.in_app_id] = message
        self.events.append(event)

    def _all(self, app_id: str) -> list[InAppMessage]:
        found = [one for (app, _), one in self.kept.items() if app == app_id]
        return sorted(found, key=lambda one: one.in_app_id)


@dataclass
class SettableSegments(InAppAudience):
    """Every device is in the segments that a test says."""

    fits: set[str] = field(default_factory=set)

    @override
    def check(self, segment_id: str, *, app_id: str) -> None:
        return

    @override
    def fitting(
        self, segment_ids: Collection[str], *, app_id: str, device_id: str
    ) -> Collection[str]:
        return self.fits & set(segment_ids)


@dataclass
class NotedTouches(Touches):
    """Remembers what was noted, once a key."""

    noted: dict[str, tuple[str, Purpose, datetime]] = field(default_factory=dict)

    @override
    def note(
        self, contact_id: str, *, app_id: str, purpose: Purpose, key: str, at: datetime
    ) -> None:
        self.noted.setdefault(key, (contact_id, purpose, at))

"""Inboxes in memory, held to the contract of the real ones; and people who are who they are."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from typing_extensions import override

from shared.kernel.envelope import Envelope
from shared.kernel.idempotency import Attempt, Remembered
from shared.kernel.paging import Page
from shared.push.model.inbox import MOST_KEPT, InboxMessage, InboxState
from shared.push.ports import InboxPeople, InboxStore


class InMemoryInboxStore(InboxStore):
    def __init__(self) -> None:
        self.kept: dict[tuple[str, str, datetime, str], InboxMessage] = {}
        self.events: list[Envelope] = []
        self.begun: dict[tuple[str, str], Remembered] = {}
        self.finished: dict[tuple[str, str], Remembered] = {}

    @override
    def keep_each(self, messages: Sequence[InboxMessage]) -> Sequence[bool]:
        return [self._keep(one) for one in messages]

    @override
    def place(self, message: InboxMessage, event: Envelope) -> bool:
        is_new = self._keep(message)
        if is_new:
            self.record([event])
        return is_new

    @override
    def newest(self, contact_id: str, *, app_id: str) -> Sequence[InboxMessage]:
        return self._all(contact_id, app_id)[::-1][:MOST_KEPT]

    @override
    def move(self, message: InboxMessage, state: InboxState, event: Envelope | None) -> bool:
        found = self.kept.get(_key(message))
        if found is None or found.state not in state.before:
            return False
        self.kept[_key(message)] = replace(found, state=state)
        self.record([event] if event else [])
        return True

    @override
    def record(self, events: Sequence[Envelope]) -> None:
        known = {one.key for one in self.events if one.key}
        self.events += [one for one in events if one.key not in known]

    @override
    def messages_of(
        self, contact_id: str, *, app_id: str, after: str | None, limit: int
    ) -> Page[InboxMessage]:
        start = int(after or 0)
        found = self._all(contact_id, app_id)
        is_more = len(found) > start + limit
        return Page(
            items=found[start : start + limit],
            next_cursor=str(start + limit) if is_more else None,
        )

    @override
    def remove(self, messages: Sequence[InboxMessage]) -> None:
        for one in messages:
            self.kept.pop(_key(one), None)

    @override
    def begin(self, attempt: Attempt, *, app_id: str, batch_id: str, at: datetime) -> str:
        new = Remembered(fingerprint=attempt.fingerprint, result=batch_id)
        stands = self.begun.setdefault((app_id, attempt.id), new)
        attempt.check(stands.fingerprint)
        return stands.result

    @override
    def finish(self, attempt: Attempt, *, app_id: str, answers: str, at: datetime) -> None:
        done = Remembered(fingerprint=attempt.fingerprint, result=answers)
        self.finished.setdefault((app_id, attempt.id), done)

    @override
    def recall(self, attempt: Attempt, *, app_id: str) -> Remembered | None:
        return self.finished.get((app_id, attempt.id))

    def _keep(self, message: InboxMessage) -> bool:
        return self.kept.setdefault(_key(message), message) is message

    def _all(self, contact_id: str, app_id: str) -> list[InboxMessage]:
        found = [
            one
            for one in self.kept.values()
            if (one.app_id, one.contact_id) == (app_id, contact_id)
        ]
        return sorted(found, key=lambda one: one.place)


def _key(message: InboxMessage) -> tuple[str, str, datetime, str]:
    return message.app_id, message.contact_id, *message.place


@dataclass
class SettablePeople(InboxPeople):
    """Who is on which device, and whoever was joined."""

    on: dict[str, list[str]] = field(default_factory=dict)

    @override
    def contacts_on(self, device_id: str, *, app_id: str) -> Sequence[str]:
        return self.on[device_id]

    @override
    def is_known(self, contact_id: str, *, app_id: str) -> bool:
        return any(contact_id in joined for joined in self.on.values())

"""The governor: lets senders send no faster than FCM takes it, all of a project's together."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.kernel.clock import Clock
from shared.push.model.quota import BLOCK, KEPT, Lane, blocked, full, leased
from shared.push.ports import Projects, QuotaStore

ATTEMPTS = 8
"""Races for a project's bucket that a sender loses before it comes again later."""

BUSY = timedelta(seconds=1)


@dataclass(slots=True)
class _Block:
    """What this process may send until an instant."""

    left: int
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Governor:
    """The quota as one process uses it: it leases blocks, so that not every message is a write."""

    store: QuotaStore
    projects: Projects
    clock: Clock
    _blocks: dict[tuple[str, Lane], _Block] = field(default_factory=dict)

    def take(self, messages: int, *, app_id: str, lane: Lane) -> timedelta | None:
        """Take leave to send at most 500 messages now; if not now, return when to ask again.

        Raises:
            CredentialsError: the app names no project.
        """
        project_id, at = self.projects.project_of(app_id), self.clock()
        block = self._blocks.get((project_id, lane))
        left = block.left if block and block.until > at else 0
        if block is None or left < messages:
            wait = self._lease(project_id, lane, at)
            if wait is not None:
                return wait
            # The rest of the block before is used first: what remains is of the new one.
            block = _Block(left=left + BLOCK, until=at + KEPT)
            self._blocks[project_id, lane] = block
        block.left -= messages
        return None

    def return_unused(self, messages: int, *, app_id: str, lane: Lane) -> None:
        """Keep for later what was taken just now and is not used."""
        block = self._blocks.get((self.projects.project_of(app_id), lane))
        if block:
            block.left = min(block.left + messages, BLOCK)

    def turned_away(self, *, app_id: str, until: datetime) -> None:
        """Have nobody send through the project until an instant: FCM takes nothing."""
        project_id, at = self.projects.project_of(app_id), self.clock()
        for lane in Lane:
            self._blocks.pop((project_id, lane), None)
        for _ in range(ATTEMPTS):
            before = self.store.bucket_of(project_id)
            after = blocked(before or full(at), at=at, until=until)
            if self.store.replace_bucket(project_id, after, before=before):
                return

    def _lease(self, project_id: str, lane: Lane, at: datetime) -> timedelta | None:
        for _ in range(ATTEMPTS):
            before = self.store.bucket_of(project_id)
            after = leased(before or full(at), lane=lane, at=at)
            if isinstance(after, timedelta):
                return after
            if self.store.replace_bucket(project_id, after, before=before):
                return None
        return BUSY

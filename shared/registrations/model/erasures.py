"""The erasure of a person: what is to go, and how far it got."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

SETTLING = timedelta(hours=1)
"""What was under way when a person was erased has landed by then, and is erased in a second round.

An HTTP request takes seconds, a push is tried for an hour unless its sender said otherwise.
"""

TOMBSTONE_KEPT = timedelta(days=800)
"""How long an erased identifier turns late and replayed events away: longer than the ledger is."""


class ErasureState(StrEnum):
    """How far an erasure got."""

    REQUESTED = "requested"
    """The person is marked: nothing more is recorded."""
    SETTLING = "settling"
    """All that was known is gone; what was under way meanwhile goes after an hour."""
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """One request to erase a person: all contacts and devices that were theirs then."""

    app_id: str
    erasure_id: str
    contact_id: str
    contact_ids: tuple[str, ...]
    device_ids: tuple[str, ...]
    by: str
    requested_at: datetime
    state: ErasureState = ErasureState.REQUESTED
    settling_since: datetime | None = None
    done_at: datetime | None = None
    version: int = 1

    def settling(self, *, at: datetime) -> "Erasure":
        """Return the erasure after its first round."""
        return replace(
            self, state=ErasureState.SETTLING, settling_since=at, version=self.version + 1
        )

    def done(self, *, at: datetime) -> "Erasure":
        """Return the erasure after its second round."""
        return replace(self, state=ErasureState.DONE, done_at=at, version=self.version + 1)

    def is_due(self, *, at: datetime) -> bool:
        """Say whether a round may begin: the first at once, the second after an hour."""
        if self.state is ErasureState.DONE:
            return False
        return self.settling_since is None or at >= self.settling_since + SETTLING

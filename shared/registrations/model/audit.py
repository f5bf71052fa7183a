"""The audit log: what marketers did on an app, and what a role refused them."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.kernel.audit import AuditedCall
from shared.kernel.ids import made_at

AUDIT_KEPT = timedelta(days=400)
"""How long an entry is kept: a year, and time enough to look back at it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One call; ``entry_id`` is a ULID, made when it was answered."""

    entry_id: str
    call: AuditedCall

    @property
    def at(self) -> datetime:
        """Return when the call was answered."""
        return made_at(self.entry_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRange:
    """Which entries are wanted: from ``since`` on, before ``until``, before the entry ``before``.

    ``before`` is where the last page ended; the newest come first.
    """

    since: datetime
    until: datetime
    before: str | None = None

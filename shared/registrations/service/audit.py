"""Keeps what marketers did, and shows it to those who administer."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from shared.kernel.audit import AuditedCall
from shared.kernel.clock import Clock
from shared.kernel.ids import Ids
from shared.kernel.paging import Page
from shared.registrations.model.audit import AUDIT_KEPT, AuditEntry, AuditRange
from shared.registrations.ports import AuditStore

_A_MOMENT = timedelta(minutes=1)
"""The clocks of processes differ by less: what was just noted by another one is shown."""

MOST_SCANNED = 1_000
"""A page looks at so many entries at most; of somebody who did little it may come short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditService:
    """The audit logs: one for each app, and one for what operators do above apps."""

    entries: AuditStore
    clock: Clock
    ids: Ids

    def note(self, call: AuditedCall) -> None:
        """Keep what a marketer did, or was refused: one write."""
        self.entries.add_entry(AuditEntry(entry_id=self.ids.sequence(), call=call))

    def list_entries(
        self,
        app_id: str | None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        by: str | None = None,
        limit: int,
        cursor: str | None = None,
    ) -> Page[AuditEntry]:
        """Return a page of an app's log, or of the operators' (``None``); the newest come first.

        ``since`` is inclusive, ``until`` exclusive; without them it is all that is kept. ``by``
        wants one principal's entries alone: then a page may come short, with a cursor.
        """
        now = self.clock()
        wanted = AuditRange(
            since=max(since or now - AUDIT_KEPT, now - AUDIT_KEPT),
            until=min(until or now + _A_MOMENT, now + _A_MOMENT),
            before=cursor,
        )
        page: list[AuditEntry] = []
        last: AuditEntry | None = None
        scanned = 0
        for entry in islice(self.entries.entries(app_id, wanted), MOST_SCANNED):
            if len(page) == limit:
                return Page(items=page, next_cursor=last.entry_id if last else None)
            scanned, last = scanned + 1, entry
            if by in {None, entry.call.by}:
                page.append(entry)
        more = scanned == MOST_SCANNED and last is not None
        return Page(items=page, next_cursor=last.entry_id if more and last else None)

"""What can be done with the ledger: relay it, audit the relay, read a timeline."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from heapq import merge
from itertools import islice

from shared.contact_events.errors import TimelineNotFoundError
from shared.contact_events.model import HOUR, Placed, TimelineQuery, hour_of, hours, last_settled
from shared.contact_events.ports import Apps, Bus, Contacts, EventStore, ReceiptStore
from shared.kernel.clock import Clock
from shared.kernel.envelope import Envelope
from shared.kernel.ids import Ids, made_at
from shared.kernel.paging import Page

MOST_SCANNED = 1_000
"""A page looks at so many events at most; behind a rare filter it may come short, with a cursor."""

AUDIT_BATCH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayService:
    """Publishes what the ledger records, at least once, and notes what it published."""

    bus: Bus
    receipts: ReceiptStore
    apps: Apps
    ids: Ids

    def relay(self, events: Sequence[Envelope]) -> frozenset[str]:
        """Publish events; return the sequences of those the bus did not take."""
        addressed = [(event, self.apps.org_of(event.app_id)) for event in events]
        failed = self.bus.publish(addressed) if addressed else frozenset()
        published: dict[datetime, list[str]] = defaultdict(list)
        for event in events:
            if event.sequence not in failed:
                published[hour_of(made_at(event.sequence))].append(event.sequence)
        for hour, sequences in published.items():
            self.receipts.add_receipt(hour, batch=self.ids.sequence(), sequences=sequences)
        return failed


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """What an audit looked at and mended; ``failed`` events stay for the next one."""

    first_hour: datetime
    until: datetime
    recorded: int = 0
    republished: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditService:
    """Republishes what the stream forgot: the ids of an hour, less the receipts of that hour."""

    events: EventStore
    receipts: ReceiptStore
    relay: RelayService
    apps: Apps
    clock: Clock

    def audit_due(self) -> AuditReport:
        """Audit the hours that closed since the last audit; one that failed is tried again."""
        until = last_settled(self.clock()) + HOUR
        first = self.receipts.audited_until() or until - HOUR
        report = self.audit(first, until)
        if first < until:
            self.receipts.set_audited_until(first if report.failed else until)
        return report

    def audit(self, first: datetime, until: datetime) -> AuditReport:
        """Audit the hours from that of ``first`` to before ``until``."""
        report = AuditReport(first_hour=hour_of(first), until=until)
        for hour in hours(first, until):
            published = self.receipts.published_in(hour)
            for app_id in self.apps.app_ids():
                report = self._mend(report, hour, app_id=app_id, published=published)
        return report

    def _mend(
        self, report: AuditReport, hour: datetime, *, app_id: str, published: frozenset[str]
    ) -> AuditReport:
        recorded = self.events.sequences_of(hour, app_id=app_id)
        missing = sorted(set(recorded) - published)
        failed = 0
        for start in range(0, len(missing), AUDIT_BATCH):
            batch = missing[start : start + AUDIT_BATCH]
            failed += len(self.relay.relay(self.events.events_of(batch, app_id=app_id)))
        return replace(
            report,
            recorded=report.recorded + len(recorded),
            republished=report.republished + len(missing) - failed,
            failed=report.failed + failed,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineService:
    """Reads a contact's events over everything that was joined to the contact."""

    events: EventStore
    contacts: Contacts

    def timeline(
        self, contact_id: str, *, app_id: str, query: TimelineQuery, limit: int
    ) -> Page[Envelope]:
        """Return a page of a contact's timeline.

        Raises:
            TimelineNotFoundError: nothing is known under this id.
        """
        origins = self.contacts.origins_of(contact_id, app_id=app_id, as_of=query.as_of)
        page: list[Envelope] = []
        last: Placed | None = None
        scanned = 0
        for placed in islice(self._merged(origins, app_id, query), MOST_SCANNED):
            if len(page) == limit:
                return Page(items=page, next_cursor=last.place.cursor if last else None)
            scanned, last = scanned + 1, placed
            if query.covers(placed.event) and _was_recorded(placed, query.as_of):
                page.append(placed.event)
        # Who has events is known: so only an empty timeline asks whether it is anybody's.
        if last is None and not self.contacts.is_known(contact_id, app_id=app_id):
            raise TimelineNotFoundError(contact_id)
        more = scanned == MOST_SCANNED and last is not None
        return Page(items=page, next_cursor=last.place.cursor if more and last else None)

    def _merged(
        self, origins: Sequence[str], app_id: str, query: TimelineQuery
    ) -> Iterator[Placed]:
        timelines = (self.events.timeline(origin, app_id=app_id, query=query) for origin in origins)
        return merge(*timelines, key=lambda found: found.place, reverse=query.newest_first)


def _was_recorded(placed: Placed, as_of: datetime | None) -> bool:
    return as_of is None or made_at(placed.event.sequence) <= as_of

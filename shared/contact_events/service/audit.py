"""Finds what the relay forgot, hour by hour."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.contact_events.model.hours import HOUR, hour_of, hours, last_settled
from shared.contact_events.ports import Apps, EventStore, ReceiptStore
from shared.contact_events.service.relay import RelayService
from shared.kernel.clock import Clock
from shared.kernel.ids import made_at

AUDIT_BATCH = 100

ON_THEIR_WAY = timedelta(minutes=2)
"""Events that are younger may still be on their way from the stream to the bus."""


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

    def unpublished(self, first: datetime, until: datetime) -> int:
        """Count what an audit of these hours would publish; nothing is changed.

        What is younger than two minutes is not counted.
        """
        latest = self.clock() - ON_THEIR_WAY
        return sum(
            made_at(sequence) < latest
            for hour in hours(first, until)
            for published in [self.receipts.published_in(hour)]
            for app_id in self.apps.app_ids()
            for sequence in set(self.events.sequences_of(hour, app_id=app_id)) - published
        )

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

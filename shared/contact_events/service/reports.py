"""Counts the ledger by the hour, and reports on what was counted."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from shared.contact_events.model import reports
from shared.contact_events.model.counts import Cell, Figures, Progress, Sample, counts_of
from shared.contact_events.model.hours import HOUR, hour_of, hours, last_settled
from shared.contact_events.ports import CountStore, EventStore
from shared.kernel.clock import Clock

LOOKED_BACK = timedelta(days=400)
"""How long after its last event it is still known when a channel spoke last."""

AHEAD = timedelta(days=1)
"""Events are recorded after they happened, or by so much before it: clocks of senders differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountReport:
    """What was counted: the hours of all apps together."""

    first_hour: datetime
    until: datetime
    hours: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CountService:
    """Counts what was recorded in an hour, from the ledger itself.

    An hour that is counted again is written anew: nothing is ever added to what was counted, so
    nothing counts twice, and what a crash left out the next call counts.
    """

    events: EventStore
    counts: CountStore
    all_apps: Callable[[], Iterable[str]]
    clock: Clock

    def count_due(self) -> CountReport:
        """Count each hour that is not final yet, the one that has begun among them."""
        at = self.clock()
        settled = last_settled(at) + HOUR
        progress = self.counts.progress()
        first = progress.until if progress else settled - HOUR
        counted = 0
        for hour in hours(first, hour_of(at) + HOUR):
            counted += self._count(hour, app_ids=self.all_apps())
            self.counts.set_progress(Progress(until=min(hour + HOUR, settled), at=at))
        return CountReport(first_hour=first, until=settled, hours=counted)

    def count(
        self, first: datetime, until: datetime, *, app_ids: Iterable[str] | None = None
    ) -> CountReport:
        """Count the hours from that of ``first`` to before ``until`` again, of some apps or all."""
        whose = tuple(self.all_apps() if app_ids is None else app_ids)
        counted = sum(self._count(hour, app_ids=whose) for hour in hours(first, until))
        return CountReport(first_hour=first, until=until, hours=counted)

    def _count(self, hour: datetime, *, app_ids: Iterable[str]) -> int:
        counted = 0
        for app_id in app_ids:
            # Before the events are read: who reads later knows more, and must win.
            at = self.clock()
            found = counts_of(self.events.events_in(hour, app_id=app_id))
            self.counts.put_counts(hour, found, app_id=app_id, at=at)
            counted += 1
        return counted


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportService:
    """Reports on the channels of an app, from what was counted."""

    counts: CountStore
    clock: Clock

    def counted_at(self) -> datetime | None:
        """Return as of when the reports are; ``None``: nothing was counted yet."""
        progress = self.counts.progress()
        return progress.at if progress else None

    def today(self) -> date:
        """Return the day of now in UTC."""
        return self.clock().date()

    def coverage(self, app_id: str, *, days: int) -> Sequence[reports.Coverage]:
        """Return what each of the twelve channels told in the last ``days``."""
        cells = self._cells(app_id, since=self.clock() - LOOKED_BACK)
        return reports.coverage(cells, today=self.today(), days=days)

    def channel_mix(self, app_id: str, *, first: date, last: date) -> Sequence[reports.MonthMix]:
        """Return the mix of channels in each month from that of ``first`` to that of ``last``."""
        cells = self._cells(app_id, since=_start_of(first))
        return reports.channel_mix(cells, first=first, last=last)

    def costs(self, app_id: str, *, first: date, last: date) -> Sequence[reports.ChannelCost]:
        """Return what each channel cost in the months from ``first`` to ``last``."""
        cells = self._cells(app_id, since=_start_of(first))
        return reports.costs(cells, first=first, last=last)

    def pressure(self, app_id: str, *, limit: int) -> Sequence[reports.Pressure]:
        """Return how often people were touched in the last 7 and 30 days, and who over a limit."""
        now = self.clock()
        since = now - timedelta(days=max(reports.WINDOWS)) - AHEAD
        sample = Sample.union(self.counts.samples(app_id, since=since, until=now))
        return [
            reports.pressure(sample, today=self.today(), days=days, limit=limit)
            for days in reports.WINDOWS
        ]

    def _cells(self, app_id: str, *, since: datetime) -> Mapping[Cell, Figures]:
        return reports.total(self.counts.cells(app_id, since=since - AHEAD, until=self.clock()))


def _start_of(month: date) -> datetime:
    return datetime.combine(month.replace(day=1), time(), tzinfo=UTC)

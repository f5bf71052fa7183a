"""In which window a use is counted: its name, and from when to when it lasts.

A calendar window is one of the zone's wall clock: a day is 23, 24 or 25 hours long. Where a clock
skips midnight, the day begins when the clock shows its first minute; where midnight comes twice, at
the first.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from shared.coupons.model.limits import Limit, Period

_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A time in which uses are counted together, from ``start`` up to ``end``; ``None``: no end.

    ``label`` names it: ``ever``, ``rolling``, ``2026-11-23``, ``2026-W48``, ``2026-11``.
    """

    label: str
    start: datetime | None = None
    end: datetime | None = None

    def covers(self, at: datetime) -> bool:
        """Say whether a use of an instant counts."""
        return not (self.start and at < self.start) and not (self.end and at >= self.end)

    def is_over(self, at: datetime) -> bool:
        """Say whether nothing of after ``at`` counts any more."""
        return self.end is not None and self.end <= at


def window_of(limit: Limit, at: datetime, *, zone: str) -> Window:
    """Return the window of a limit in which an instant lies; instants are in UTC.

    The rolling window of ``hours`` lets go of a use once it is so old, to the millisecond. It has
    no end: what the faster clock of another process dates after ``at`` counts too.
    """
    if limit.period is Period.EVER:
        return Window(label=Period.EVER.value)
    if limit.period is Period.ROLLING:
        start = at - timedelta(hours=limit.hours or 0) + _MILLISECOND
        return Window(label=Period.ROLLING.value, start=start)
    local = ZoneInfo(zone)
    label, first, after = _days_of(limit.period, at.astimezone(local).date())
    return Window(label=label, start=_begin_of(first, local), end=_begin_of(after, local))


def _days_of(period: Period, day: date) -> tuple[str, date, date]:
    """Return the label of a day's window, its first day, and the first day after it."""
    if period is Period.DAY:
        return day.isoformat(), day, day + timedelta(days=1)
    if period is Period.WEEK:
        year, week, weekday = day.isocalendar()
        first = day - timedelta(days=weekday - 1)
        return f"{year}-W{week:02}", first, first + timedelta(days=7)
    first = day.replace(day=1)
    return f"{day:%Y-%m}", first, (first + timedelta(days=31)).replace(day=1)


def _begin_of(day: date, zone: ZoneInfo) -> datetime:
    """Return the first instant of a local day.

    A midnight that the clock skips is read by the offset from before the change, which is the
    instant of the change; of a midnight that comes twice, ``fold=0`` is the first.
    """
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)

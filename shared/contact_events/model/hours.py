"""The instants that a timeline shows, and the hours by which the ledger is audited."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

HOUR = timedelta(hours=1)

SETTLED = timedelta(minutes=5)
"""An hour is audited this long after it closed: its events are written, its index is consistent."""

LATEST = datetime(9000, 1, 1, tzinfo=UTC)
"""No event lies beyond; a page may read past its cursor without leaving the calendar."""


def hour_of(at: datetime) -> datetime:
    """Return the start of the hour of ``at``."""
    return at.replace(minute=0, second=0, microsecond=0)


def hours(first: datetime, until: datetime) -> Iterator[datetime]:
    """Yield the starts of the hours from that of ``first`` to before ``until``."""
    hour = hour_of(first)
    while hour < until:
        yield hour
        hour += HOUR


def last_settled(at: datetime) -> datetime:
    """Return the start of the newest hour that may be audited at ``at``."""
    return hour_of(at - SETTLED) - HOUR

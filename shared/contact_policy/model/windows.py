"""Which part of the past a cap looks at, and when it lets go of a touch.

Instants are milliseconds from 1970. Windows only ever move forward: what a cap does not count at
one instant it never counts later.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from shared.contact_policy.model.policy import Calendar, CapRule, Period
from shared.contact_policy.model.pressure import Counted, Counts, freed_at
from shared.kernel.clock import milliseconds

_HOUR = 3_600_000
_QUARTER = 900_000


def used(rule: CapRule, counts: Counts, *, zones: Sequence[str], now: int) -> int:
    """Return what counts of a cap's kinds in its window, in hundredths: the most of all zones."""
    window = rule.window
    if isinstance(window, Calendar):
        since = min([_since(rule, zone, now) for zone in zones])
    else:
        since = now - window.hours * _HOUR
    return counts.weight(rule.scope.kinds, since=since)


def free_at(
    rule: CapRule, counts: Counts, *, zones: Sequence[str], now: int, weight: int, limit: int
) -> int:
    """Return when a weight fits under a limit of a cap, in every possible zone.

    The weight is not more than the limit, and does not fit now.
    """
    found = []
    for zone in zones:
        since = _since(rule, zone, now)
        excess = counts.weight(rule.scope.kinds, since=since) + weight - limit
        if excess > 0:
            touches = counts.of(rule.scope.kinds, since=since)
            found.append(freed_at(_ending(rule, zone, touches), excess=excess))
    return max(found)


def _since(rule: CapRule, zone: str, now: int) -> int:
    """Return the instant after which touches count."""
    if isinstance(rule.window, Calendar):
        return _period(rule.window.period, zone, now // _QUARTER)[0] - 1
    return now - rule.window.hours * _HOUR


def _ending(rule: CapRule, zone: str, touches: Iterable[Counted]) -> Iterable[tuple[int, Counted]]:
    """Yield touches with the instant from which the window does not see them any more."""
    for touch in touches:
        if isinstance(rule.window, Calendar):
            end = _period(rule.window.period, zone, touch.at // _QUARTER)[1]
        else:
            end = touch.at + rule.window.hours * _HOUR
        yield end, touch


@lru_cache(maxsize=1_024)
def _period(period: Period, zone: str, quarter: int) -> tuple[int, int]:
    """Return the first instants of the local day, ISO week or month, and of the next one.

    ``quarter`` counts the quarters of an hour from 1970: every zone's midnights lie on them.
    """
    local = datetime.fromtimestamp(quarter * _QUARTER // 1000, ZoneInfo(zone))
    # A midnight that a clock skips is read with the offset before: it is the skip's own instant.
    # One that comes twice is the first.
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if period is Period.DAY:
        start, end = midnight, midnight + timedelta(days=1)
    elif period is Period.WEEK:
        start = midnight - timedelta(days=midnight.weekday())
        end = start + timedelta(days=7)
    else:
        start = midnight.replace(day=1)
        end = (start + timedelta(days=31)).replace(day=1)
    return milliseconds(start.astimezone(UTC)), milliseconds(end.astimezone(UTC))

"""When a coupon is valid, exact over changes of the clock.

Days and hours are what a clock on the wall shows in the coupon's zone. Hours that open within an
hour which the clock skips open when it has skipped; an hour that comes twice counts twice.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from shared.coupons.model.rules import Reason

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_MIDNIGHT = time()
_DAYS_AHEAD = 15
"""How far an opening is looked for: a week, and one more where the clock skips the first's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """A part of a day on the wall's clock, from ``start`` up to ``end``; it may pass midnight.

    What passes midnight belongs to the day on which it starts.
    """

    start: time
    end: time

    @property
    def passes_midnight(self) -> bool:
        """Say whether the end is on the day after the start."""
        return self.end <= self.start


@dataclass(frozen=True, slots=True, kw_only=True)
class Validity:
    """From when to when, on which days and hours, in ``zone`` (IANA).

    A ``date`` alone means the whole local day: ``end`` is over when that day is. Instants are half
    open: valid at ``start``, not at ``end``. ``weekdays`` are 1 (Monday) to 7. ``after_claim`` is
    how long a claimed coupon is its holder's, where that ends before ``end``.
    """

    zone: str = "UTC"
    start: datetime | date | None = None
    end: datetime | date | None = None
    weekdays: frozenset[int] = frozenset()
    hours: tuple[Hours, ...] = ()
    after_claim: timedelta | None = None

    @property
    def starts_at(self) -> datetime | None:
        """Return the first instant, in UTC; ``None``: it has always been valid."""
        if self.start is None or isinstance(self.start, datetime):
            return self.start
        return start_of(self.start, zone=self.zone)

    @property
    def ends_at(self) -> datetime | None:
        """Return the instant from which on it is over, in UTC; ``None``: it never is."""
        if self.end is None or isinstance(self.end, datetime):
            return self.end
        return start_of(self.end + _DAY, zone=self.zone)

    def ends_for(self, claimed_at: datetime | None) -> datetime | None:
        """Return when it is over for who claimed it at an instant, or did not (``None``)."""
        ends_at = self.ends_at
        if claimed_at is None or self.after_claim is None:
            return ends_at
        until = claimed_at + self.after_claim
        return until if ends_at is None else min(until, ends_at)

    def refusal(self, at: datetime, *, claimed_at: datetime | None = None) -> Reason | None:
        """Return why it is not valid at an instant; ``None``: it is."""
        starts_at, ends_at = self.starts_at, self.ends_for(claimed_at)
        if ends_at is not None and at >= ends_at:
            return Reason.EXPIRED
        if starts_at is not None and at < starts_at:
            return Reason.NOT_YET_ACTIVE
        return None if self._is_open(at) else Reason.NOT_ACTIVE_NOW

    def next_valid(self, at: datetime, *, claimed_at: datetime | None = None) -> datetime | None:
        """Return the first instant from ``at`` on when it is valid; ``None``: there is none."""
        first = max(at, self.starts_at or at)
        ends_at = self.ends_for(claimed_at)
        found = first if self._is_open(first) else self._opening_after(first)
        if found is None or (ends_at is not None and found >= ends_at):
            return None
        return found

    def _is_open(self, at: datetime) -> bool:
        local = at.astimezone(ZoneInfo(self.zone))
        today, now = local.isoweekday(), local.time()
        if not self.hours:
            return self._covers(today)
        yesterday = (today - 2) % 7 + 1
        return any(
            (self._covers(today) and one.start <= now and (one.passes_midnight or now < one.end))
            or (self._covers(yesterday) and one.passes_midnight and now < one.end)
            for one in self.hours
        )

    def _covers(self, weekday: int) -> bool:
        return not self.weekdays or weekday in self.weekdays

    def _opening_after(self, at: datetime) -> datetime | None:
        """Return the first open instant after a closed one.

        It opens only where hours or a day begin on the wall, or where the clock is changed.
        """
        zone = ZoneInfo(self.zone)
        today = at.astimezone(zone).date()
        # Midnight matters alone: hours may pass it from a day that is covered.
        begins = {_MIDNIGHT, *(one.start for one in self.hours)}
        for ahead in range(_DAYS_AHEAD):
            day = today + ahead * _DAY
            walls = (datetime.combine(day, begin, tzinfo=zone) for begin in begins)
            instants = {
                wall.replace(fold=fold).astimezone(UTC) for wall in walls for fold in (0, 1)
            }
            changes = _changes_of_clock(day, zone=zone)
            openings = [one for one in {*instants, *changes} if one > at and self._is_open(one)]
            if openings:
                return min(openings)
        return None


def start_of(day: date, *, zone: str) -> datetime:
    """Return the instant, in UTC, at which a local day begins.

    Of a midnight that comes twice it is the first; where the clock skips midnight, or the whole
    day, it is the instant of the change (PEP 495).
    """
    return datetime.combine(day, _MIDNIGHT, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def _changes_of_clock(day: date, *, zone: ZoneInfo) -> Iterator[datetime]:
    """Yield the instant of a local day at which its clock is changed, to the second."""
    low = datetime.combine(day, _MIDNIGHT, tzinfo=zone).astimezone(UTC)
    high = datetime.combine(day + _DAY, _MIDNIGHT, tzinfo=zone).astimezone(UTC)
    before = _offset(low, zone)
    if before == _offset(high, zone):
        return
    while high - low > _SECOND:
        middle = low + (high - low) // 2
        low, high = (middle, high) if _offset(middle, zone) == before else (low, middle)
    # Clocks change at whole seconds, and halving leaves the first one after the change, or less.
    yield high.replace(microsecond=0)


def _offset(at: datetime, zone: ZoneInfo) -> timedelta | None:
    return at.astimezone(zone).utcoffset()

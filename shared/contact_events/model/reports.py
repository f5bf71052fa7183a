"""Reports over what was counted: which channels tell, their mix, how often people are touched."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import sqrt

from shared.contact_events.model.counts import RANKS, Cell, Figures, Sample
from shared.kernel.events import Channel, Direction

DIGITAL = frozenset(Channel) - {Channel.PHONE, Channel.POST, Channel.F2F}

WINDOWS = (7, 30)
"""Days, today's among them, for which it is told how often people were touched."""

MANY = 20
"""The last step of a histogram is so often or more."""

MOST_NAMED = 100
"""People who were touched most often are named, so many at most."""

_Z = 1.959964
"""Standard deviations on either side that hold 95 % of a normal distribution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What a channel told in the last days: its events, and the last day on which there was one.

    ``last_day`` may lie before those days; ``None``: nothing was ever told, as far as is kept.
    """

    channel: Channel
    events: int
    last_day: date | None

    def silent_days(self, today: date) -> int | None:
        """Return for how many whole days the channel has told nothing."""
        return None if self.last_day is None else max((today - self.last_day).days, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelShare:
    """A channel's contacts of a month; ``share`` is its part of all of that month."""

    channel: Channel
    inbound: int
    outbound: int
    share: float

    @property
    def contacts(self) -> int:
        """Return all contacts of the channel."""
        return self.inbound + self.outbound


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthMix:
    """The contacts of a month, by channel; ``month`` is its first day."""

    month: date
    channels: Sequence[ChannelShare]

    @property
    def contacts(self) -> int:
        """Return all contacts of the month."""
        return sum(one.contacts for one in self.channels)

    @property
    def digital_share(self) -> float:
        """Return the part of all contacts that is neither by post or telephone nor face to face."""
        digital = sum(one.contacts for one in self.channels if one.channel in DIGITAL)
        return digital / self.contacts if self.contacts else 0.0

    def of(self, channel: Channel) -> int:
        """Return the contacts by a channel."""
        return sum(one.contacts for one in self.channels if one.channel is channel)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelCost:
    """What a channel cost in a currency: millionths of the unit, beside all contacts by it."""

    channel: Channel
    currency: str
    amount: int
    contacts: int

    @property
    def per_contact(self) -> int | None:
        """Return the cost of one contact, rounded; ``None`` where there was none."""
        return round(self.amount / self.contacts) if self.contacts else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A part of some people, and where it lies for all people, 19 times of 20."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressure:
    """How often people were touched in a window of days, those who were touched at all.

    ``sampled`` people were looked at, of about ``people``: the same number where nobody was left
    out. ``histogram`` says of how many of them were touched so often; ``over`` counts those above
    the limit.
    """

    days: int
    people: int
    sampled: int
    histogram: Mapping[int, int]
    over: int
    over_share: Share
    most_touched: Sequence[tuple[str, int]]


def total(hours: Iterable[Mapping[Cell, Figures]]) -> Mapping[Cell, Figures]:
    """Add up the cells of many hours."""
    cells: defaultdict[Cell, Figures] = defaultdict(Figures)
    for hour in hours:
        for cell, figures in hour.items():
            cells[cell] += figures
    return dict(cells)


def coverage(cells: Mapping[Cell, Figures], *, today: date, days: int) -> Sequence[Coverage]:
    """Return what each of the twelve channels told in the last ``days``, today's among them.

    What is dated after today is told today.
    """
    since = today - timedelta(days=days - 1)
    events: Counter[Channel] = Counter()
    last: dict[Channel, date] = {}
    for cell, figures in cells.items():
        day = min(cell.day, today)
        last[cell.channel] = max(last.get(cell.channel, day), day)
        if day >= since:
            events[cell.channel] += figures.events
    return [
        Coverage(channel=channel, events=events[channel], last_day=last.get(channel))
        for channel in Channel
    ]


def channel_mix(cells: Mapping[Cell, Figures], *, first: date, last: date) -> Sequence[MonthMix]:
    """Return the mix of each month from that of ``first`` to that of ``last``."""
    counted: defaultdict[date, Counter[tuple[Channel, Direction | None]]] = defaultdict(Counter)
    for cell, figures in cells.items():
        counted[month_of(cell.day)][cell.channel, cell.direction] += figures.contacts
    return [_mix(month, counted[month]) for month in months(first, last)]


def changes(mixes: Sequence[MonthMix]) -> Mapping[Channel, float | None]:
    """Return how each channel's contacts changed from the first month to the last, as a part.

    ``None`` where there were none at first.
    """
    found: dict[Channel, float | None] = {}
    for channel in Channel:
        before, after = mixes[0].of(channel), mixes[-1].of(channel)
        found[channel] = (after - before) / before if before else None
    return found


def costs(cells: Mapping[Cell, Figures], *, first: date, last: date) -> Sequence[ChannelCost]:
    """Return what each channel cost in the months from that of ``first`` to that of ``last``."""
    amounts: Counter[tuple[Channel, str]] = Counter()
    contacts: Counter[Channel] = Counter()
    for cell, figures in cells.items():
        if month_of(first) <= month_of(cell.day) <= month_of(last):
            contacts[cell.channel] += figures.contacts
            for currency, amount in figures.costs.items():
                amounts[cell.channel, currency] += amount
    return [
        ChannelCost(channel=channel, currency=currency, amount=amount, contacts=contacts[channel])
        for (channel, currency), amount in sorted(amounts.items())
    ]


def pressure(sample: Sample, *, today: date, days: int, limit: int) -> Pressure:
    """Return how often people were touched in the last ``days``, and who more than ``limit``."""
    since = today - timedelta(days=days - 1)
    touches: Counter[str] = Counter()
    for (contact_id, day), count in sample.touches.items():
        if since <= day <= today:
            touches[contact_id] += count
    sampled = len(touches)
    over = sorted(
        ((one, count) for one, count in touches.items() if count > limit),
        key=lambda named: (-named[1], named[0]),
    )
    return Pressure(
        days=days,
        people=sampled * RANKS // sample.below if sampled else 0,
        sampled=sampled,
        histogram=dict(sorted(Counter(min(count, MANY) for count in touches.values()).items())),
        over=len(over),
        over_share=_share(len(over), sampled, is_whole=sample.below == RANKS),
        most_touched=over[:MOST_NAMED],
    )


def month_of(day: date) -> date:
    """Return the first day of a day's month."""
    return day.replace(day=1)


def months(first: date, last: date) -> Sequence[date]:
    """Return the months from that of ``first`` to that of ``last``, each by its first day."""
    since, until = first.year * 12 + first.month - 1, last.year * 12 + last.month
    return [date(number // 12, number % 12 + 1, 1) for number in range(since, until)]


def _mix(month: date, counted: Counter[tuple[Channel, Direction | None]]) -> MonthMix:
    whole = counted.total()
    shares = []
    for channel in Channel:
        inbound, outbound = counted[channel, Direction.IN], counted[channel, Direction.OUT]
        share = (inbound + outbound) / whole if whole else 0.0
        shares.append(
            ChannelShare(channel=channel, inbound=inbound, outbound=outbound, share=share)
        )
    return MonthMix(month=month, channels=shares)


def _share(some: int, of: int, *, is_whole: bool) -> Share:
    """Return a part and its interval (E. B. Wilson, 1927); of all people it is what it is."""
    value = some / of if of else 0.0
    if is_whole:
        return Share(value=value, low=value, high=value)
    if not of:
        return Share(value=0.0, low=0.0, high=1.0)
    middle = value + _Z**2 / (2 * of)
    spread = _Z * sqrt(value * (1 - value) / of + _Z**2 / (4 * of**2))
    whole = 1 + _Z**2 / of
    return Share(
        value=value,
        low=max((middle - spread) / whole, 0.0),
        high=min((middle + spread) / whole, 1.0),
    )

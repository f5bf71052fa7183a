"""When contact is allowed in a person's local time, exact over changes of the clock.

An instant is allowed when the local time that a clock on the wall shows at it lies in a window. So
a window that opens in the hour which a clock skips opens when the clock has skipped; of an hour
that comes twice, both passes are judged by what the clock shows.

Instants here are whole seconds from 1970, spans are half-open.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from typing import NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

from shared.contact_policy.model.policy import MINUTES_OF_DAY, Hours, Weekday

HORIZON_DAYS = 7
"""How far ahead an allowed instant is looked for."""

_DAY = 86_400
_WEEKDAYS = tuple(Weekday)

Span: TypeAlias = tuple[int, int]


class LocalHours(NamedTuple):
    """Hours in one zone, with the countries whose public holidays are closed."""

    hours: Hours
    zone: str
    countries: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """The next allowed instant.

    ``is_ambiguous``: the possible zones share none, so the app's default zone alone was asked.
    """

    at: int
    is_ambiguous: bool = False


def next_opening(
    hours: Sequence[tuple[Hours, frozenset[str]]],
    *,
    zones: Sequence[str],
    app_zone: str,
    now: int,
) -> Opening | None:
    """Return the first instant from ``now`` that all hours allow in every possible zone.

    ``hours`` come with the countries whose public holidays are closed. Where the zones share no
    instant within seven days, the app's default zone stands for them. ``None``: even there nothing
    is allowed within seven days.
    """
    shared = _first_shared(hours, zones=zones, now=now)
    if shared is not None or len(zones) == 1:
        return None if shared is None else Opening(at=shared)
    alone = _first_shared(hours, zones=(app_zone,), now=now)
    if alone is None:
        return None
    # By then the zones may share an instant again, since a clock changed or a holiday passed: that
    # one is asked then, so it is the answer now.
    shared = _first_shared(hours, zones=zones, now=alone)
    if shared is None:
        return Opening(at=alone, is_ambiguous=True)
    return Opening(at=shared) if shared <= now + HORIZON_DAYS * _DAY else None


def is_open(hours: Hours, countries: frozenset[str], *, zones: Sequence[str], now: int) -> bool:
    """Say whether hours allow an instant in every one of some zones."""
    everywhere = (LocalHours(hours=hours, zone=zone, countries=countries) for zone in zones)
    return all(
        any(begin <= now < end for begin, end in spans_of_day(local, now // _DAY))
        for local in everywhere
    )


def _first_shared(
    hours: Sequence[tuple[Hours, frozenset[str]]], *, zones: Sequence[str], now: int
) -> int | None:
    """Return the first instant from ``now``, within seven days, that all allow in all zones."""
    everywhere = [
        LocalHours(hours=asked, zone=zone, countries=countries)
        for asked, countries in hours
        for zone in zones
    ]
    last = now + HORIZON_DAYS * _DAY
    for day in range(now // _DAY, last // _DAY + 1):
        open_spans: Sequence[Span] = ((max(now, day * _DAY), (day + 1) * _DAY),)
        for local in everywhere:
            open_spans = _shared(open_spans, spans_of_day(local, day))
        if open_spans:
            return open_spans[0][0] if open_spans[0][0] <= last else None
    return None


@lru_cache(maxsize=4_096)
def spans_of_day(local: LocalHours, day: int) -> tuple[Span, ...]:
    """Return the allowed spans within one day of UTC: ``day`` counts from 1970."""
    start = day * _DAY
    spans: list[Span] = []
    for begin, end, offset in _offsets(local.zone, day):
        first = (begin + offset) // _DAY
        for local_day in range(first, (end - 1 + offset) // _DAY + 1):
            midnight = local_day * _DAY - offset
            for opens, closes in _open_minutes(local, date.fromordinal(_ordinal(local_day))):
                span = max(begin, midnight + opens * 60), min(end, midnight + closes * 60)
                if span[0] < span[1]:
                    spans.append(span)
    return _shared(_merged(spans), ((start, start + _DAY),))


def _open_minutes(local: LocalHours, day: date) -> Iterator[Span]:
    """Yield the minutes of a local day that are open: of its own windows, and of the day before."""
    if local.hours.holidays and any(
        day in public_holidays(country, day.year) for country in local.countries
    ):
        return
    today, yesterday = _WEEKDAYS[day.weekday()], _WEEKDAYS[day.weekday() - 1]
    for window in local.hours.windows:
        crosses = window.closes <= window.opens
        if today in window.days:
            yield window.opens, MINUTES_OF_DAY if crosses else window.closes
        if crosses and yesterday in window.days:
            yield 0, window.closes


@lru_cache(maxsize=4_096)
def _offsets(zone: str, day: int) -> tuple[tuple[int, int, int], ...]:
    """Return the stretches of a UTC day with the zone's offset from UTC in seconds.

    There are two at a change of the clock; no zone changes twice within 24 hours.
    """
    begin, end = day * _DAY, (day + 1) * _DAY
    before, after = _offset(zone, begin), _offset(zone, end - 1)
    if before == after:
        return ((begin, end, before),)
    low, high = begin, end - 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(zone, middle) == before else (low, middle)
    return (begin, high, before), (high, end, after)


def _offset(zone: str, at: int) -> int:
    offset = datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(zone)).utcoffset()
    return (offset or timedelta()) // timedelta(seconds=1)


def _ordinal(day: int) -> int:
    return _EPOCH_ORDINAL + day


_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


@cache
def public_holidays(country: str, year: int) -> frozenset[date]:
    """Return the public holidays of a country, or of its subdivision such as ``US-CA``.

    They are those of the library ``holidays``; a country that it does not know has none, and an
    unknown subdivision those of its country.
    """
    import holidays  # noqa: PLC0415 - needed only where a rule closes on holidays

    code, _, subdivision = country.partition("-")
    for asked in (subdivision or None, None):
        try:
            return frozenset(holidays.country_holidays(code, subdiv=asked, years=year))
        except NotImplementedError:
            continue
    return frozenset()


def _merged(spans: list[Span]) -> tuple[Span, ...]:
    """Return spans in order, with those that touch or overlap made one."""
    merged: list[Span] = []
    for begin, end in sorted(spans):
        if merged and begin <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((begin, end))
    return tuple(merged)


def _shared(one: Sequence[Span], other: Sequence[Span]) -> tuple[Span, ...]:
    """Return what two ordered lists of spans share."""
    found = ((max(begin, opens), min(end, closes)) for begin, end in one for opens, closes in other)
    return tuple(span for span in found if span[0] < span[1])

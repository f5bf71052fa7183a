"""Validity as a JSON document.

``start`` and ``end`` are a date (``2026-11-23``: the whole local day) or an instant with its zone
(``2026-11-23T09:00:00Z``); hours are ``{"start": "18:00", "end": "02:00"}``.
"""

from datetime import date, datetime, time, timedelta
from typing import Any

from shared.coupons.model.validity import Hours, Validity
from shared.kernel.clock import from_rfc3339, rfc3339, whole_milliseconds
from shared.kernel.documents import Reader
from shared.kernel.zones import is_zone

MOST_HOURS = 10
MOST_MINUTES = 2 * 366 * 24 * 60
"""Of a claim: two years."""

_FIRST_YEAR, _LAST_YEAR = 2000, 2200
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_LONGEST_ZONE = 64
_MINUTE = timedelta(minutes=1)


def validity_of(reader: Reader) -> Validity:
    """Return the validity that a document describes."""
    fields = reader.fields("zone", "start", "end", "weekdays", "hours", "after_claim_minutes")
    return Validity(
        zone=fields.read("zone", zone_of, otherwise="UTC"),
        start=fields.read("start", _moment, otherwise=None),
        end=fields.read("end", _moment, otherwise=None),
        weekdays=fields.read("weekdays", _weekdays, otherwise=frozenset[int]()),
        hours=fields.read("hours", _hours, otherwise=()),
        after_claim=fields.read("after_claim_minutes", _minutes, otherwise=None),
    )


def document_of_validity(validity: Validity) -> dict[str, Any]:
    """Return the document of a validity; ``validity_of`` reads it back."""
    after_claim = validity.after_claim
    return {
        "zone": validity.zone,
        "start": _written(validity.start),
        "end": _written(validity.end),
        "weekdays": sorted(validity.weekdays),
        "hours": [
            {"start": f"{one.start:%H:%M}", "end": f"{one.end:%H:%M}"} for one in validity.hours
        ],
        "after_claim_minutes": None if after_claim is None else after_claim // _MINUTE,
    }


def zone_of(reader: Reader) -> str:
    """Return the name of a zone."""
    name = reader.text(most=_LONGEST_ZONE)
    if name and not is_zone(name):
        reader.refuse("timezone", "not an IANA time zone")
        return "UTC"
    return name or "UTC"


def _written(moment: datetime | date | None) -> str | None:
    if moment is None:
        return None
    return rfc3339(moment) if isinstance(moment, datetime) else moment.isoformat()


def _moment(reader: Reader) -> datetime | date | None:
    text = reader.text(most=_LONGEST_ZONE)
    try:
        read = _read(text)
    except (ValueError, OverflowError):
        reader.refuse("moment", "a date, or an instant with its zone, is needed")
        return None
    if not _FIRST_YEAR <= read.year < _LAST_YEAR:
        reader.refuse("range", f"from {_FIRST_YEAR} to {_LAST_YEAR}")
        return None
    return read


def _read(text: str) -> datetime | date:
    if len(text) == len("2026-11-23"):
        return date.fromisoformat(text)
    return whole_milliseconds(from_rfc3339(text))


def _weekdays(reader: Reader) -> frozenset[int]:
    days = range(1, 8)
    return frozenset(
        one.whole(least=days[0], most=days[-1]) for one in reader.items(most=len(days))
    )


def _hours(reader: Reader) -> tuple[Hours, ...]:
    return tuple(_part(one) for one in reader.items(most=MOST_HOURS))


def _part(reader: Reader) -> Hours:
    fields = reader.fields("start", "end", required=("start", "end"))
    start = fields.read("start", _clock, otherwise=time())
    end = fields.read("end", _clock, otherwise=time())
    if start == end and len(fields.found) > 1:
        reader.refuse("empty", "hours end at another time than they start")
    return Hours(start=start, end=end)


def _clock(reader: Reader) -> time:
    text = reader.matched(_TIME, "a time of day such as 08:00; midnight is 00:00")
    return time.fromisoformat(text) if text else time()


def _minutes(reader: Reader) -> timedelta:
    return reader.whole(least=1, most=MOST_MINUTES) * _MINUTE

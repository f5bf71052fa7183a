"""The parts of booked things as JSON documents: sizes, caps, dayparts, targets, rates.

A part is an object of its dataclass's fields. Instants are RFC 3339, times of day ``18:30``, a size
is ``320x50`` or ``{"width": 320, "height": 50}``.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime, time
from enum import Enum
from math import isfinite
from typing import Any, TypeAlias

from shared.kernel.clock import from_rfc3339, rfc3339, whole_milliseconds
from shared.kernel.documents import Reader
from shared.kernel.money import CURRENCY
from shared.placements.model.demand import (
    CapMode,
    Daypart,
    FrequencyCap,
    Goal,
    Pacing,
    Pricing,
    Rate,
    Size,
    Target,
)

Reading: TypeAlias = Callable[[Reader], Any]

LONGEST_NAME = 128
LONGEST_ID = 64
TOPIC_PATTERN = r"[A-Za-z0-9_.:-]{1,64}"
"""The contact policy's."""
LONGEST_LABEL = 127
"""As in Google Ad Manager."""

MOST_LABELS = 20
MOST_KEYWORDS = 100
MOST_CAPS = 10
"""Of one thing; as many as a line item of Google Ad Manager has."""

MOST_SIZES = 20
MOST_TEMPLATES = 20
MOST_PLACEMENTS = 200
MOST_DAYPARTS = 20
LARGEST_SIDE = 10_000
MOST_TIMES = 10_000
SHORTEST_WINDOW = 60
LONGEST_WINDOW = 180 * 24 * 3_600
"""Seconds of a frequency cap: 180 days, as at Kevel."""

MOST_GOAL = 10**9
MOST_AMOUNT = 10**12
"""Minor units."""

LARGEST_PLAIN = 2_000
"""Bytes of compact JSON of a part that we only pass on."""

_FIRST_YEAR, _LAST_YEAR = 2000, 2200
_LONGEST_INSTANT = 40
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_SIZE = r"([1-9][0-9]{0,3}|10000)x([1-9][0-9]{0,3}|10000)"
_DAYS = 7


def compact(document: Any) -> str:
    """Return a document as JSON, in as few bytes as there are."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def bytes_of(document: Any) -> int:
    """Return how many bytes a document takes as compact JSON."""
    return len(compact(document).encode(errors="replace"))


def written(value: Any) -> Any:
    """Return a value of a thing as JSON has it; sets are sorted."""
    if isinstance(value, tuple):
        return [written(one) for one in value]
    if isinstance(value, Size):
        return f"{value.width}x{value.height}"
    if is_dataclass(value):
        return {one.name: written(getattr(value, one.name)) for one in fields(value)}
    return _written_plain(value)


def _written_plain(value: Any) -> Any:
    match value:
        case datetime():
            return rfc3339(value)
        case time():
            return f"{value:%H:%M}"
        case Enum():
            return value.value
        case frozenset():
            return sorted(value)
        case Mapping():
            return dict(value)
    return value


def read_object(
    reader: Reader, readings: Mapping[str, Reading], *, required: tuple[str, ...] = ()
) -> dict[str, Any] | None:
    """Return the fields of an object that are there; ``None`` where it has problems."""
    before = len(reader.problems)
    there = reader.fields(*readings, required=required).found
    found = {name: readings[name](place) for name, place in there.items()}
    return found if len(reader.problems) == before else None


def name_of(reader: Reader) -> str:
    """Return a name for people."""
    return reader.text(most=LONGEST_NAME)


def topic_of(reader: Reader) -> str:
    """Return a topic of the contact policy."""
    return reader.matched(TOPIC_PATTERN, "letters, digits and _.:- alone are needed, at most 64")


def id_in(reader: Reader) -> str:
    """Return the id of something."""
    return reader.text(most=LONGEST_ID)


def instant_of(reader: Reader) -> datetime | None:
    """Return an instant, without what is finer than a millisecond."""
    text = reader.text(most=_LONGEST_INSTANT)
    try:
        at = whole_milliseconds(from_rfc3339(text))
    except (ValueError, OverflowError):
        reader.refuse("instant", "an instant with its zone is needed: 2026-11-23T09:00:00Z")
        return None
    if not _FIRST_YEAR <= at.year < _LAST_YEAR:
        reader.refuse("range", f"from {_FIRST_YEAR} to {_LAST_YEAR}")
        return None
    return at


def labels_of(reader: Reader) -> frozenset[str]:
    """Return labels that keep competitors apart."""
    return reader.texts(most=MOST_LABELS, longest=LONGEST_LABEL)


def keywords_of(reader: Reader) -> frozenset[str]:
    """Return keywords."""
    return reader.texts(most=MOST_KEYWORDS, longest=LONGEST_ID)


def templates_of(reader: Reader) -> tuple[str, ...]:
    """Return the ids of templates, each once, in their order."""
    return _ids(reader, most=MOST_TEMPLATES)


def placements_of(reader: Reader) -> tuple[str, ...]:
    """Return the ids of placements, each once, in their order."""
    return _ids(reader, most=MOST_PLACEMENTS)


def size_of(reader: Reader) -> Size | None:
    """Return a size, from its text or its two sides."""
    if isinstance(reader.value, str):
        text = reader.matched(_SIZE, "a size such as 320x50 is needed")
        if not text:
            return None
        width, _, height = text.partition("x")
        return Size(width=int(width), height=int(height))
    sides = {"width": _side, "height": _side}
    found = read_object(reader, sides, required=("width", "height"))
    return Size(**found) if found else None


def sizes_of(reader: Reader) -> tuple[Size | None, ...]:
    """Return sizes, each once, in their order."""
    return tuple(dict.fromkeys(size_of(one) for one in reader.items(most=MOST_SIZES)))


def caps_of(reader: Reader) -> tuple[FrequencyCap | None, ...]:
    """Return frequency caps."""
    return tuple(_cap(one) for one in reader.items(most=MOST_CAPS))


def dayparts_of(reader: Reader) -> tuple[Daypart | None, ...]:
    """Return hours of weekdays."""
    return tuple(_daypart(one) for one in reader.items(most=MOST_DAYPARTS))


def target_of(reader: Reader) -> Target | None:
    """Return what is to be brought."""
    readings: dict[str, Reading] = {
        "goal": lambda one: one.word(Goal),
        "lifetime": lambda one: one.whole(least=1, most=MOST_GOAL),
        "daily": lambda one: one.whole(least=1, most=MOST_GOAL),
        "exact": Reader.flag,
        "pacing": lambda one: one.word(Pacing),
    }
    found = read_object(reader, readings)
    return None if found is None else Target(**found)


def rate_of(reader: Reader) -> Rate | None:
    """Return what is paid."""
    readings: dict[str, Reading] = {
        "pricing": lambda one: one.word(Pricing),
        "amount": lambda one: one.whole(least=0, most=MOST_AMOUNT),
        "currency": lambda one: one.matched(
            CURRENCY, "three capital letters, as ISO 4217 has them"
        ),
    }
    found = read_object(reader, readings, required=tuple(readings))
    return Rate(**found) if found else None


def percent_of(reader: Reader) -> float:
    """Return a number from 0 to 100 with at most two decimals."""
    if isinstance(reader.value, bool) or reader.value != 0:
        return reader.hundredths(most=100) / 100
    return 0


def plain_of(reader: Reader) -> Mapping[str, object]:
    """Return an object of any JSON that we only pass on."""
    if not isinstance(reader.value, Mapping):
        reader.refuse("type", "an object is needed")
        return {}
    if not _is_finite(reader.value):
        reader.refuse("number", "JSON has no such number")
        return {}
    if bytes_of(reader.value) > LARGEST_PLAIN:
        reader.refuse("length", f"at most {LARGEST_PLAIN} bytes of JSON")
        return {}
    return dict(reader.value)


def _is_finite(value: Any) -> bool:
    match value:
        case Mapping():
            return all(_is_finite(one) for one in value.values())
        case list():
            return all(_is_finite(one) for one in value)
        case float():
            return isfinite(value)
    return True


def _ids(reader: Reader, *, most: int) -> tuple[str, ...]:
    return tuple(dict.fromkeys(id_in(one) for one in reader.items(most=most)))


def _side(reader: Reader) -> int:
    return reader.whole(least=1, most=LARGEST_SIDE)


def _cap(reader: Reader) -> FrequencyCap | None:
    readings: dict[str, Reading] = {
        "times": lambda one: one.whole(least=1, most=MOST_TIMES),
        "window_seconds": lambda one: one.whole(least=SHORTEST_WINDOW, most=LONGEST_WINDOW),
        "mode": lambda one: one.word(CapMode),
    }
    found = read_object(reader, readings, required=("times", "window_seconds"))
    return FrequencyCap(**found) if found else None


def _daypart(reader: Reader) -> Daypart | None:
    readings: dict[str, Reading] = {"weekdays": _weekdays, "start": _clock, "until": _clock}
    found = read_object(reader, readings, required=tuple(readings))
    if found is None:
        return None
    part = Daypart(**found)
    if time() < part.until <= part.start:
        reader.refuse("order", "until is after the start, or 00:00 for midnight")
    return part


def _weekdays(reader: Reader) -> frozenset[int]:
    places = reader.items(least=1, most=_DAYS)
    return frozenset(one.whole(least=0, most=_DAYS - 1) for one in places)


def _clock(reader: Reader) -> time:
    text = reader.matched(_TIME, "a time of day such as 08:00; midnight is 00:00")
    return time.fromisoformat(text) if text else time()

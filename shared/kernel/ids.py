"""Ids that sort by the time they were made: ULIDs, with a prefix that says of what.

A ULID (https://github.com/ulid/spec) is 26 letters of Crockford's base 32: 48 bits of milliseconds,
then 80 of chance.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from secrets import randbits
from threading import Lock

from shared.kernel.clock import Clock, from_milliseconds, milliseconds

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O, U."""

ULID_LENGTH = 26
CHANCE_BITS = 80
"""Of a ULID: what follows its 48 bits of time."""

_PACKED = 16
_LAST = "76EZ91ZPZZ" + "Z" * 16
"""The last millisecond of the year 9999, and all of chance."""

_VALUES = {letter: value for value, letter in enumerate(ALPHABET)}


@dataclass(slots=True, kw_only=True)
class Ids:
    """Makes ids: each greater than the one before it in this process, also within a millisecond."""

    clock: Clock
    chance: Callable[[int], int] = randbits
    _last: int = 0
    _lock: Lock = field(default_factory=Lock)

    def new(self, prefix: str) -> str:
        """Return a new id such as ``dev_01JD8Z...``."""
        return f"{prefix}_{self.sequence()}"

    def sequence(self, *, after: str | None = None) -> str:
        """Return a bare ULID, greater than ``after``: the sequence of this event's cause."""
        with self._lock:
            floor = self._last if after is None else max(self._last, _decode(after))
            fresh = (milliseconds(self.clock()) << CHANCE_BITS) | self.chance(CHANCE_BITS)
            self._last = fresh if fresh > floor else floor + 1
            return _encode(self._last)


def ulid_of(at: datetime, *, chance: int) -> str:
    """Return the ULID of an instant whose 80 bits of chance are given."""
    return _encode((milliseconds(at) << CHANCE_BITS) | chance)


def made_at(ulid: str) -> datetime:
    """Return the millisecond in which a ULID was made; a prefix before it is passed over."""
    return from_milliseconds(_decode(ulid[-ULID_LENGTH:]) >> CHANCE_BITS)


def is_ulid(text: str) -> bool:
    """Say whether ``text`` is a ULID as ``Ids`` writes them, of an instant that calendars have."""
    is_one = len(text) == ULID_LENGTH and all(letter in _VALUES for letter in text)
    return is_one and text <= _LAST


def packed(ulid: str) -> bytes:
    """Return a ULID as 16 bytes."""
    return _decode(ulid).to_bytes(_PACKED)


def unpacked(many: bytes) -> list[str]:
    """Return the ULIDs that lie packed one after the other."""
    starts = range(0, len(many), _PACKED)
    return [_encode(int.from_bytes(many[start : start + _PACKED])) for start in starts]


def _encode(number: int) -> str:
    return "".join(ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))


def _decode(ulid: str) -> int:
    number = 0
    for letter in ulid:
        number = number << 5 | _VALUES[letter]
    return number

"""What reached a person: a set of touches, packed to 40 bytes each, never a counter.

A set can be united when two contacts turn out to be one person, and split again by the origin that
every touch keeps. A touch's id is a ULID, so ids sort by the instant of the touch.

A packed touch is its id (16 bytes), its origin (16) and eight bytes, from the highest bit: channel
(4 bits), purpose (2), weight in hundredths (16), steps of 8 seconds for which it is held (10; 0 is
firm) and the hash of its offer (32; 0 is none).
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from itertools import accumulate, compress
from sys import byteorder
from typing import Literal, NamedTuple

from shared.contact_policy.errors import ReservationNotFoundError
from shared.kernel.clock import from_milliseconds, milliseconds
from shared.kernel.events import Channel, Purpose
from shared.kernel.ids import made_at, packed, unpacked

TOUCH_BYTES = 40

MOST_TOUCHES = 10_000
"""Touches of one person that are kept: 400,000 bytes, where DynamoDB ends an item at 409,600.
Beyond it the oldest are let go."""

FULL = 9_000
"""Touches at which no marketing is allowed any more (gate ``pressure_full``). What bypasses that
gate has the thousand above it, so no touch that a marketing cap counts is ever let go."""

LONGEST_HOLD = timedelta(hours=2)
"""How long a reservation may be held."""

HEAVIEST = 65_535
"""The largest weight of a touch, in hundredths."""

_HELD_STEP = 8_000
_HELD_STEPS = 1_023
_KIND_AT = 32
"""Of a packed touch: the byte with its kind, above the two highest bits of its weight."""

_CHANNELS = (
    Channel.PUSH,
    Channel.INAPP,
    Channel.EMAIL,
    Channel.SMS,
    Channel.WEB,
    Channel.MOBILEWEB,
    Channel.SOCIAL,
    Channel.PHONE,
    Channel.POST,
    Channel.F2F,
    Channel.AD,
    Channel.CHAT,
)
_PURPOSES = (Purpose.TRANSACTIONAL, Purpose.SERVICE, Purpose.MARKETING)
"""Places in these two are stored: only ever append."""

_KINDS = {
    (channel, purpose): place << 2 | number
    for place, channel in enumerate(_CHANNELS)
    for number, purpose in enumerate(_PURPOSES)
}
_NEVER = 1 << 62


def kind_of(channel: Channel, purpose: Purpose) -> int:
    """Return the number of a kind of touch, below 64."""
    return _KINDS[channel, purpose]


def kinds_of(channels: Iterable[Channel], purposes: Iterable[Purpose]) -> int:
    """Return a set of kinds as bits: bit ``kind_of(...)`` is set for every member."""
    chosen = tuple(purposes)
    return sum(1 << _KINDS[channel, purpose] for channel in set(channels) for purpose in chosen)


def offer_hash(offer_key: str | None) -> int:
    """Return what is kept of an offer key: 32 bits, and 0 for none.

    Two offers share a hash once in four thousand million: then one is taken for the other.
    """
    if offer_key is None:
        return 0
    return int.from_bytes(sha256(offer_key.encode()).digest()[:4]) or 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """One touch of a person.

    ``touch_id`` is a ULID: its time is the instant of the touch. ``origin`` is the contact id
    (``con_`` and a ULID) under which it happened. ``weight`` is in hundredths, 1 to 65,535.
    ``offer`` is the ``offer_hash`` of what was told. ``held_until`` is when it stops counting
    unless it is committed, at most two hours after its instant; ``None`` says that it is firm.
    """

    touch_id: str
    origin: str
    channel: Channel
    purpose: Purpose
    weight: int
    offer: int = 0
    held_until: datetime | None = None


class Counted(NamedTuple):
    """A touch as rules see it; instants are milliseconds from 1970.

    ``gone_at`` is when it stops counting by itself: for a held one its expiry, else never.
    """

    at: int
    weight: int
    offer: int
    gone_at: int


class Counts:
    """What counts of a person's touches at one instant, ready to be summed by kind and time.

    A touch that the faster clock of another sender dates after now counts too. The columns are
    flat lists, and what is summed for one set of kinds is kept: rules tend to ask for the same.
    """

    __slots__ = ("_heads", "_kinds", "_metas", "_offers", "_sums", "_weights")

    def __init__(self, many: bytes, *, moment: int) -> None:
        longs, words = _big_endian("Q", many), _big_endian("I", many)
        heads, metas, offers = longs[::5].tolist(), words[8::10].tolist(), words[9::10].tolist()
        kinds = many[_KIND_AT::TOUCH_BYTES]
        if any([meta & _HELD_STEPS for meta in metas]):  # noqa: C419 - quicker by half
            ends = map(_end, (head >> 16 for head in heads), (meta & _HELD_STEPS for meta in metas))
            live = [end > moment for end in ends]
            heads, metas, offers = (
                list(compress(column, live)) for column in (heads, metas, offers)
            )
            kinds = bytes(compress(kinds, live))
        # Instants stay with the chance that follows them: they sort alike, and none is taken apart.
        self._heads, self._metas, self._offers, self._kinds = heads, metas, offers, kinds
        self._weights = [meta >> 10 & HEAVIEST for meta in metas]
        self._sums: dict[int, tuple[list[int], list[int]]] = {}

    def weight(self, kinds: int, *, since: int) -> int:
        """Return the summed weight, in hundredths, of the touches of some kinds after ``since``."""
        heads, sums = self._summed(kinds)
        return sums[-1] - sums[bisect_right(heads, _last_head(since))]

    def latest(self, kinds: int) -> int | None:
        """Return the instant of the latest touch of some kinds."""
        heads, _ = self._summed(kinds)
        return heads[-1] >> 16 if heads else None

    def told(self, offer: int) -> bool:
        """Say whether an offer was told at all, whenever and by whatever kind of touch."""
        return offer in self._offers

    def of(self, kinds: int, *, since: int) -> Iterator[Counted]:
        """Yield the touches of some kinds after ``since``, oldest first."""
        chosen = self._kinds.translate(_membership(kinds))
        for place in range(bisect_right(self._heads, _last_head(since)), len(self._heads)):
            if chosen[place]:
                at = self._heads[place] >> 16
                yield Counted(
                    at=at,
                    weight=self._weights[place],
                    offer=self._offers[place],
                    gone_at=_end(at, self._metas[place] & _HELD_STEPS),
                )

    def _summed(self, kinds: int) -> tuple[list[int], list[int]]:
        """Return the heads of the touches of some kinds, and the sums of what came before."""
        found = self._sums.get(kinds)
        if found is None:
            chosen = self._kinds.translate(_membership(kinds))
            weights = accumulate(compress(self._weights, chosen), initial=0)
            found = self._sums[kinds] = (list(compress(self._heads, chosen)), list(weights))
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressure:
    """The touches of one person, by id. ``version`` counts writes; 0 is nothing stored.

    ``packed`` is all of it, as it is stored: packed touches, sorted by id. Methods that change the
    set keep the version: who writes counts it.
    """

    version: int = 0
    packed: bytes = field(default=b"", repr=False)

    @classmethod
    def of(cls, touches: Iterable[Touch], *, version: int = 0) -> "Pressure":
        """Return the pressure that some touches make."""
        rows = {row[:16]: row for row in map(_pack, touches)}
        return cls(version=version, packed=_joined(rows))

    @property
    def touches(self) -> tuple[Touch, ...]:
        """Return the touches, oldest first."""
        return tuple(_unpack(row) for row in _rows(self.packed).values())

    def __len__(self) -> int:
        return len(self.packed) // TOUCH_BYTES

    def touch(self, touch_id: str) -> Touch | None:
        """Return a touch by its id."""
        row = _rows(self.packed).get(packed(touch_id))
        return None if row is None else _unpack(row)

    def touch_by_chance(self, chance: int) -> Touch | None:
        """Return the latest touch whose id has these 80 bits of chance, whenever it was made."""
        wanted = chance.to_bytes(10)
        found = [row for key, row in _rows(self.packed).items() if key[6:] == wanted]
        return _unpack(found[-1]) if found else None

    def with_touch(self, touch: Touch) -> "Pressure":
        """Return the pressure with one touch more; a touch of the same id is replaced."""
        row = _pack(touch)
        return self._of({**_rows(self.packed), row[:16]: row})

    def earliest(self, count: int) -> "Pressure":
        """Return the pressure with so many of its oldest touches alone."""
        return replace(self, packed=self.packed[: count * TOUCH_BYTES])

    def without(self, touch_id: str) -> "Pressure":
        """Return the pressure without a touch, if it is there."""
        rows = _rows(self.packed)
        rows.pop(packed(touch_id), None)
        return self._of(rows)

    def pruned(self, before: datetime, *, now: datetime) -> "Pressure":
        """Return the pressure without what happened before an instant, or was held and expired."""
        oldest, moment = milliseconds(before), milliseconds(now)
        rows = {
            key: row
            for key, row in _rows(self.packed).items()
            if int.from_bytes(key[:6]) >= oldest and _gone_at(row) > moment
        }
        return self if len(rows) == len(self) else self._of(rows)

    def firm(self, touch_id: str) -> "Pressure":
        """Return the pressure with a held touch committed: it does not expire any more.

        One that expired and was not pruned yet counts again: the touch has happened.

        Raises:
            ReservationNotFoundError: there is no such touch.
        """
        rows = _rows(self.packed)
        key = packed(touch_id)
        if key not in rows:
            raise ReservationNotFoundError(touch_id)
        return self._of({**rows, key: _firm(rows[key])})

    def united(self, other: "Pressure") -> "Pressure":
        """Return the touches of both, each once; one that is firm in either is firm."""
        mine, theirs = _rows(self.packed), _rows(other.packed)
        agreed = {key: _firmer(mine[key], theirs[key]) for key in mine.keys() & theirs.keys()}
        return self._of({**mine, **theirs, **agreed})

    def split(self, origins: Iterable[str]) -> tuple["Pressure", "Pressure"]:
        """Return what stays, and what leaves because it happened under one of ``origins``.

        What leaves has version 0: it is nobody's item yet.
        """
        leaving = {packed(_ulid(origin)) for origin in origins}
        rows = _rows(self.packed)
        stays = {key: row for key, row in rows.items() if row[16:32] not in leaving}
        leaves = {key: row for key, row in rows.items() if row[16:32] in leaving}
        return self._of(stays), Pressure(packed=_joined(leaves))

    def counts(self, now: datetime) -> Counts:
        """Return what counts at an instant: all but what was held and has expired."""
        return Counts(self.packed, moment=milliseconds(now))

    def _of(self, rows: dict[bytes, bytes]) -> "Pressure":
        return replace(self, packed=_joined(rows))


def freed_at(touches: Iterable[tuple[int, Counted]], *, excess: int) -> int:
    """Return when touches weighing ``excess`` hundredths have stopped counting.

    Each touch comes with the instant at which the asking window lets go of it; a held one may
    expire before. All touches together weigh at least ``excess``, which is more than nothing.
    """
    ends = sorted((min(end, touch.gone_at), touch.weight) for end, touch in touches)
    freed = list(accumulate(weight for _, weight in ends))
    return ends[bisect_left(freed, excess)][0]


@lru_cache(maxsize=1_024)
def _membership(kinds: int) -> bytes:
    """Return a table for ``bytes.translate``: of the byte with a kind, 1 for a member, else 0."""
    return bytes(kinds >> (byte >> 2) & 1 for byte in range(256))


def _big_endian(code: Literal["I", "Q"], many: bytes) -> "array[int]":
    """Return packed touches as whole numbers of 4 bytes (``I``) or 8 (``Q``)."""
    numbers = array(code, many)
    if byteorder == "little":
        numbers.byteswap()
    return numbers


def _last_head(instant: int) -> int:
    """Return the highest head that a touch of an instant can have."""
    return instant << 16 | 0xFFFF


def _ulid(contact_id: str) -> str:
    return contact_id.partition("_")[2]


def _rows(many: bytes) -> dict[bytes, bytes]:
    starts = range(0, len(many), TOUCH_BYTES)
    return {many[start : start + 16]: many[start : start + TOUCH_BYTES] for start in starts}


def _joined(rows: dict[bytes, bytes]) -> bytes:
    return b"".join(rows[key] for key in sorted(rows)[-MOST_TOUCHES:])


def _pack(touch: Touch) -> bytes:
    steps = 0
    if touch.held_until is not None:
        held = milliseconds(touch.held_until) - milliseconds(made_at(touch.touch_id))
        # Rounded up: a reservation counts a little longer rather than a little shorter.
        steps = min(max(-(-held // _HELD_STEP), 1), _HELD_STEPS)
    rest = kind_of(touch.channel, touch.purpose) << 58 | touch.weight << 42
    rest |= steps << 32 | touch.offer
    return packed(touch.touch_id) + packed(_ulid(touch.origin)) + rest.to_bytes(8)


def _unpack(row: bytes) -> Touch:
    touch_id, origin = unpacked(row[:32])
    rest = int.from_bytes(row[32:])
    steps = rest >> 32 & _HELD_STEPS
    return Touch(
        touch_id=touch_id,
        origin=f"con_{origin}",
        channel=_CHANNELS[rest >> 60],
        purpose=_PURPOSES[rest >> 58 & 3],
        weight=rest >> 42 & HEAVIEST,
        offer=rest & 0xFFFFFFFF,
        held_until=from_milliseconds(_gone_at(row)) if steps else None,
    )


def _gone_at(row: bytes) -> int:
    return _end(int.from_bytes(row[:6]), int.from_bytes(row[34:36]) & _HELD_STEPS)


def _end(at: int, steps: int) -> int:
    return at + steps * _HELD_STEP if steps else _NEVER


def _firm(row: bytes) -> bytes:
    rest = int.from_bytes(row[32:]) & ~(_HELD_STEPS << 32)
    return row[:32] + rest.to_bytes(8)


def _firmer(one: bytes, other: bytes) -> bytes:
    return max(one, other, key=lambda row: (_gone_at(row), row))

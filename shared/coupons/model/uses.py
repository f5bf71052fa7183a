"""The uses of one subject under one limit, noted in one small item: a set, never a counter.

Every use has the id of its redemption, so noting it twice is noting it once, and the contact under
whom it happened, so two people who turn out to be one can be united, and parted again.

A packed use is 30 bytes: the redemption's id (16), its instant in milliseconds (6), the attempt
(2), the place of its origin in the list before the uses (1; 255 is none) and the amount (5). The
list is its length (1), then 16 bytes for each origin. 30 uses of one person fit into a write unit.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.coupons.model.limits import Limit
from shared.coupons.model.windows import Window
from shared.kernel.clock import from_milliseconds, milliseconds
from shared.kernel.ids import packed, unpacked

CLOCKS_APART = timedelta(hours=1)
"""Uses are kept for so long after their window: the clock of who counts next may be behind."""

_REDEMPTION, _CONTACT = "red_", "con_"
_ID_BYTES = 16
_USE_BYTES = 30
_NO_ORIGIN = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One use: of which redemption and try of it, when, of how much, and under which contact.

    ``amount`` is in minor units, below 2^40. ``attempt`` is below 65,536. ``redemption_id`` and
    ``origin`` are a prefix and a ULID.
    """

    redemption_id: str
    at: datetime
    amount: int = 0
    attempt: int = 0
    origin: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Uses:
    """The uses of a subject, oldest first. ``version`` counts writes; 0 is nothing stored.

    Methods that change the set keep the version: who writes counts it.
    """

    entries: tuple[Use, ...] = ()
    version: int = 0

    def of(self, redemption_id: str) -> Use | None:
        """Return the use of a redemption, if it is noted."""
        return next((use for use in self.entries if use.redemption_id == redemption_id), None)

    def with_use(self, use: Use) -> "Uses":
        """Return the uses with one more; that of the same redemption is replaced."""
        others = (one for one in self.entries if one.redemption_id != use.redemption_id)
        return self._of((*others, use))

    def without(self, redemption_id: str, *, attempt: int) -> "Uses":
        """Return the uses without that of a redemption, if that very try noted it."""
        found = self.of(redemption_id)
        if found is None or found.attempt != attempt:
            return self
        return self._of(use for use in self.entries if use is not found)

    def lessened(self, redemption_id: str, *, to: int) -> "Uses":
        """Return the uses with a redemption's amount at most ``to``."""
        found = self.of(redemption_id)
        if found is None or found.amount <= to:
            return self
        return self.with_use(replace(found, amount=to))

    def pruned(self, window: Window) -> "Uses":
        """Return the uses without those that are so old that no clock counts them any more."""
        if window.start is None:
            return self
        oldest = window.start - CLOCKS_APART
        return self._of(use for use in self.entries if use.at >= oldest)

    def within(self, window: Window) -> Iterator[Use]:
        """Yield the uses that count in a window."""
        return (use for use in self.entries if window.covers(use.at))

    def allow(self, use: Use, *, limit: Limit, window: Window) -> bool:
        """Say whether a limit allows one use more; the redemption's own is not counted twice.

        If every clock were right, those in the window would be those of before. A use that comes
        late is held against all that are within a window of its own, so no window ever has more.
        """
        others = [one for one in self.within(window) if one.redemption_id != use.redemption_id]
        if limit.amount is not None:
            return sum(one.amount for one in others) + use.amount <= limit.amount
        return len(others) < limit.capacity

    def united(self, other: "Uses") -> "Uses":
        """Return the uses of both, each redemption once: the later try, and its lesser amount."""
        entries = {use.redemption_id: use for use in self.entries}
        for use in other.entries:
            mine = entries.get(use.redemption_id, use)
            entries[use.redemption_id] = max(mine, use, key=lambda one: (one.attempt, -one.amount))
        return self._of(entries.values())

    def split(self, origins: Collection[str]) -> tuple["Uses", "Uses"]:
        """Return what stays, and what leaves because it happened under one of ``origins``.

        What leaves has version 0: it is nobody's item yet.
        """
        stays = (use for use in self.entries if use.origin not in origins)
        leaves = (use for use in self.entries if use.origin in origins)
        return self._of(stays), Uses(entries=tuple(leaves))

    def _of(self, entries: "Iterator[Use] | Collection[Use]") -> "Uses":
        ordered = sorted(entries, key=lambda use: (use.at, use.redemption_id))
        return replace(self, entries=tuple(ordered))


def packed_uses(uses: Uses) -> bytes:
    """Return uses as they are stored."""
    origins = list(dict.fromkeys(use.origin for use in uses.entries if use.origin))
    head = len(origins).to_bytes(1) + b"".join(packed(_ulid(origin)) for origin in origins)
    return head + b"".join(_packed(use, origins) for use in uses.entries)


def uses_of(stored: bytes, *, version: int) -> Uses:
    """Return the uses that ``packed_uses`` packed."""
    first = 1 + stored[0] * _ID_BYTES
    origins = [f"{_CONTACT}{ulid}" for ulid in unpacked(stored[1:first])]
    starts = range(first, len(stored), _USE_BYTES)
    entries = (_use_of(stored[start : start + _USE_BYTES], origins) for start in starts)
    return Uses(entries=tuple(entries), version=version)


def _packed(use: Use, origins: list[str]) -> bytes:
    origin = origins.index(use.origin) if use.origin else _NO_ORIGIN
    return (
        packed(_ulid(use.redemption_id))
        + milliseconds(use.at).to_bytes(6)
        + use.attempt.to_bytes(2)
        + origin.to_bytes(1)
        + use.amount.to_bytes(5)
    )


def _use_of(row: bytes, origins: list[str]) -> Use:
    (redemption,) = unpacked(row[:16])
    origin = row[24]
    return Use(
        redemption_id=f"{_REDEMPTION}{redemption}",
        at=from_milliseconds(int.from_bytes(row[16:22])),
        attempt=int.from_bytes(row[22:24]),
        origin=None if origin == _NO_ORIGIN else origins[origin],
        amount=int.from_bytes(row[25:]),
    )


def _ulid(text: str) -> str:
    return text.partition("_")[2]

"""Wrong guesses: how many are let through from where, and for how long nobody is heard after that.

A bucket is one instant: when all its misses will be forgotten. A miss moves it on by the time that
one miss weighs, from now if it is past; who is too far ahead of now must wait. That is the virtual
scheduling algorithm of ITU-T I.371 (GCRA): a token bucket in one number, to which any number of
processes may add at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv6Address, ip_address, ip_network

DAY = timedelta(days=1)

IDENTITIES = 1_000
"""Devices, contacts and addresses that an attack is reckoned with: a small botnet."""

PREFIX_LETTERS = 4
"""So many first letters of a code have a bucket: those of a campaign mostly begin alike."""

_IPV4_PREFIX, _IPV6_PREFIX = 24, 56
"""What one customer of a provider has at most (RFC 6177: a /56 for a home)."""


class Origin(StrEnum):
    """Where a guess comes from, or where it goes."""

    DEVICE = "device"
    CONTACT = "contact"
    ADDRESS = "address"
    CODE_PREFIX = "code_prefix"


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """How many misses are let through at once, and one more ``every``; then nothing for a while."""

    burst: int
    every: timedelta
    lock_out: timedelta = timedelta()

    @property
    def a_day(self) -> float:
        """Return how many misses a day are let through, to one who never stops."""
        return self.burst + DAY / (self.every + self.lock_out)

    def wait(self, busy_until: datetime | None, *, at: datetime) -> timedelta:
        """Return how long one must wait before the next guess; zero: not at all."""
        if busy_until is None:
            return timedelta()
        return max(busy_until - self.every * (self.burst - 1) - at, timedelta())

    def weight(self, busy_until: datetime | None, *, at: datetime) -> timedelta:
        """Return by how much a miss moves the bucket on; the last of a burst locks it."""
        after = max(busy_until or at, at) + self.every
        return self.every + self.lock_out if self.wait(after, at=at) else self.every


ALLOWANCES: Mapping[Origin, Allowance] = {
    Origin.DEVICE: Allowance(burst=10, every=timedelta(minutes=1), lock_out=timedelta(minutes=15)),
    Origin.CONTACT: Allowance(burst=10, every=timedelta(minutes=1), lock_out=timedelta(minutes=15)),
    # A whole office, or the phones of a mobile network, may share one.
    Origin.ADDRESS: Allowance(burst=100, every=timedelta(seconds=6), lock_out=timedelta(minutes=5)),
    Origin.CODE_PREFIX: Allowance(burst=1_000, every=timedelta(milliseconds=600)),
}
"""Ten typing errors at once are plenty for a person; who has nothing but errors waits."""

GUESSES_A_DAY = IDENTITIES * ALLOWANCES[Origin.DEVICE].a_day
"""What an attack from so many devices has a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """Where the misses of one origin are counted; ``subject`` is no plain address."""

    app_id: str
    origin: Origin
    subject: str

    @property
    def is_own(self) -> bool:
        """Say whether it is the guesser's, and not one of what is guessed."""
        return self.origin is not Origin.CODE_PREFIX


@dataclass(frozen=True, slots=True, kw_only=True)
class Guesser:
    """Who tries a code, as far as it is known; ``address`` is an IP address."""

    app_id: str
    device_id: str | None = None
    contact_id: str | None = None
    address: str | None = None


def longest_wait(busy_until: Mapping[Bucket, datetime], *, at: datetime) -> timedelta:
    """Return how long somebody must wait before the next guess, by all buckets.

    A code prefix makes only those wait who missed themselves of late: otherwise a stranger could
    keep everybody from a campaign's codes.
    """
    has_missed = any(until > at for bucket, until in busy_until.items() if bucket.is_own)
    waits = (
        ALLOWANCES[bucket.origin].wait(until, at=at)
        for bucket, until in busy_until.items()
        if bucket.is_own or has_missed
    )
    return max(waits, default=timedelta())


def network_of(address: str) -> str | None:
    """Return the network that stands for an address; ``None`` where it is no address."""
    try:
        known = ip_address(address)
    except ValueError:
        return None
    if isinstance(known, IPv6Address) and known.ipv4_mapped is not None:
        known = known.ipv4_mapped
    length = _IPV6_PREFIX if isinstance(known, IPv6Address) else _IPV4_PREFIX
    return str(ip_network((known, length), strict=False))

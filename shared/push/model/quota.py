"""How fast a Firebase project may send: a token bucket that all senders share.

FCM takes 600,000 messages a minute of a project, in minutes that begin at any instant, and wants to
see a burst grow over a minute (https://firebase.google.com/docs/cloud-messaging/throttling-and-quotas).
Senders lease blocks of messages and use a block up within seconds. So at most ``BURST`` and what
``RATE`` let into the bucket while a minute's blocks were leased is sent in any minute.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from math import sqrt

QUOTA = 600_000
"""Messages that FCM takes of a project in any minute."""

WINDOW = timedelta(seconds=60)

BLOCK = 500
"""Messages that a sender leases at once: one write for as many messages."""

KEPT = timedelta(seconds=5)
"""How long a sender may use a block: what is leased now may be sent so much later."""

BURST = 10_000
"""Messages that may be leased at one instant, after a rest."""

RESERVE = BURST // 2
"""Of these, what campaigns leave to messages that somebody waits for."""

RATE = (QUOTA - BURST) / (WINDOW + KEPT).total_seconds()
"""Messages a second that come into the bucket: about 9,077."""

RAMP = timedelta(seconds=60)
"""How long campaigns take from a rest to the full rate; a rest is as long."""

LONGEST_BLOCKED = timedelta(minutes=5)
"""No answer of FCM stops a project for longer: then it is asked again."""


class Lane(StrEnum):
    """Who sends: what somebody waits for goes first."""

    TRANSACTIONAL = "transactional"
    CAMPAIGN = "campaign"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ramp:
    """How campaigns speed up: since ``since``, and ``left`` messages of theirs at ``at``."""

    since: datetime
    left: float
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """What is left of a project's quota: ``left`` messages at ``at``.

    None are before ``blocked_until``. ``version`` counts the writes, for compare and swap.
    """

    left: float
    at: datetime
    ramp: Ramp | None = None
    blocked_until: datetime | None = None
    version: int = 0


def full(at: datetime) -> Bucket:
    """Return the bucket of a project that has not sent for a while."""
    return Bucket(left=BURST, at=at)


def leased(bucket: Bucket, *, lane: Lane, at: datetime) -> Bucket | timedelta:
    """Return the bucket without a block, or how long to wait until it may have one."""
    if bucket.blocked_until and bucket.blocked_until > at:
        return bucket.blocked_until - at
    # Another sender's clock may be ahead: time does not go back.
    now = max(at, bucket.at)
    left = min(BURST, bucket.left + RATE * (now - bucket.at).total_seconds())
    needed = BLOCK if lane is Lane.TRANSACTIONAL else BLOCK + RESERVE
    wait = _in(0.0 if left >= needed else (needed - left) / RATE)
    ramp = bucket.ramp
    if lane is Lane.CAMPAIGN:
        ramp = _ramped(bucket.ramp, now)
        wait = max(wait, _wait_of(ramp))
        ramp = replace(ramp, left=ramp.left - BLOCK)
    if wait:
        return wait
    return Bucket(left=left - BLOCK, at=now, ramp=ramp, version=bucket.version + 1)


def blocked(bucket: Bucket, *, at: datetime, until: datetime) -> Bucket:
    """Return the bucket after FCM took nothing any more: empty until then, and slow after it."""
    end = min(until, at + LONGEST_BLOCKED)
    if bucket.blocked_until:
        end = max(end, bucket.blocked_until)
    return Bucket(
        left=0, at=max(end, bucket.at), ramp=None, blocked_until=end, version=bucket.version + 1
    )


def _ramped(ramp: Ramp | None, now: datetime) -> Ramp:
    """Return the ramp as it is now; after a rest it begins anew, with one block."""
    if ramp is None or now - ramp.at >= RAMP:
        return Ramp(since=now, left=BLOCK, at=now)
    grown = _let(now - ramp.since) - _let(ramp.at - ramp.since)
    return Ramp(since=ramp.since, left=min(BURST, ramp.left + grown), at=now)


def _let(passed: timedelta) -> float:
    """Return how many messages a ramp lets go in its first seconds."""
    seconds, ramp = passed.total_seconds(), RAMP.total_seconds()
    if seconds < ramp:
        return RATE * seconds * seconds / (2 * ramp)
    return RATE * (seconds - ramp / 2)


def _wait_of(ramp: Ramp) -> timedelta:
    """Return how long it takes until a ramp has a block."""
    if ramp.left >= BLOCK:
        return timedelta(0)
    passed, seconds = ramp.at - ramp.since, RAMP.total_seconds()
    wanted = _let(passed) + BLOCK - ramp.left
    if wanted < RATE * seconds / 2:
        reached = sqrt(2 * seconds * wanted / RATE)
    else:
        reached = wanted / RATE + seconds / 2
    return _in(reached - passed.total_seconds())


def _in(seconds: float) -> timedelta:
    """Return so many seconds, a microsecond more: what is rounded down would be too early."""
    return timedelta(seconds=seconds, microseconds=1) if seconds > 0 else timedelta(0)

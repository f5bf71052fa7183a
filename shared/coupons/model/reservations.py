"""For how long a use may be held, and where it is noted when it ends."""

from datetime import datetime, timedelta
from zlib import crc32

from shared.coupons.model.redemptions import Redemption

LONGEST_HOLD = timedelta(days=7)
"""Of one reservation, with all its renewals; as long as Voucherify's default."""

DUE_SHARDS = 16
"""Reservations of one minute lie in so many partitions."""

SETTLED = timedelta(minutes=2)
"""So long after a minute nobody notes a reservation in it any more, by any clock."""


def minute_of(at: datetime) -> datetime:
    """Return the minute in which an instant lies."""
    return at.replace(second=0, microsecond=0)


def due_shard(redemption_id: str) -> int:
    """Return the shard in which the end of a reservation is noted."""
    return crc32(redemption_id.encode()) % DUE_SHARDS


def renewed_until(redemption: Redemption, *, now: datetime, hold: timedelta) -> datetime:
    """Return until when a reservation is held if it is renewed now: never shorter than it was."""
    longest = redemption.made_at + LONGEST_HOLD
    return max(min(now + hold, longest), redemption.reserved_until or now)

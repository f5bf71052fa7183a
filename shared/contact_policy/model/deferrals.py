"""What is put off: stored, spread, asked again, and never sent too late."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zlib import crc32

from shared.contact_policy.errors import DeferralInvalidError
from shared.kernel.clock import whole_milliseconds
from shared.kernel.decisions import Candidate

SPREAD = timedelta(minutes=15)
"""Releases are spread over so long: all quiet hours end at eight in the morning."""

SETTLED = timedelta(minutes=1)
"""A minute is worked on only so long after its end, and nothing is put off to a nearer instant
than this from now: so no minute gains a deferral after it was worked on. It is much longer than
the three attempts of three seconds that a write has."""

SHARDS = 16
"""Of each minute: an app may have so many times 1,000 deferrals written or removed a second."""

LONGEST_WAIT = timedelta(days=8)
"""A day more than the longest deferral of a decision."""

MOST_BYTES = 4_096
"""Of a payload, names and values together: what is needed to ask again, not the message itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deferral:
    """Something that may be told later. ``kind`` and ``payload`` are for whoever put it off.

    ``until`` is when the decision lets it be asked again, ``due_at`` when it is: planned once.
    """

    app_id: str
    deferral_id: str
    kind: str
    payload: Mapping[str, str]
    candidate: Candidate
    until: datetime
    due_at: datetime | None = None

    @property
    def shard(self) -> int:
        """Return the shard of its minute."""
        return crc32(self.deferral_id.encode()) % SHARDS

    def check(self, *, at: datetime) -> None:
        """Hold the deferral against its limits.

        Raises:
            DeferralInvalidError: it is too large, or waits for too long.
        """
        size = sum(len(f"{name}{value}".encode()) for name, value in self.payload.items())
        if size > MOST_BYTES:
            raise DeferralInvalidError(f"the payload has {size} bytes; at most {MOST_BYTES}")
        if self.until - at > LONGEST_WAIT:
            raise DeferralInvalidError(f"it waits for more than {LONGEST_WAIT.days} days")

    def planned(self, *, at: datetime) -> "Deferral":
        """Return the deferral with when it is asked again: spread by its id, before it expires."""
        earliest = max(self.until, at + SETTLED)
        spread = SPREAD
        if self.candidate.expires_at is not None:
            spread = max(min(SPREAD, self.candidate.expires_at - earliest), timedelta(0))
        # Not the bits of the shard: the deferrals of a minute lie in all of its shards.
        share = (crc32(self.deferral_id.encode()) >> 4) / (1 << 28)
        return replace(self, due_at=whole_milliseconds(earliest + spread * share))

    @property
    def minute(self) -> datetime:
        """Return the minute in which it is due."""
        return minute_of(self.until if self.due_at is None else self.due_at)


def minute_of(at: datetime) -> datetime:
    """Return the beginning of an instant's minute."""
    return at.replace(second=0, microsecond=0)

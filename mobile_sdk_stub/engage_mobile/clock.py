"""The server's time, reckoned from its answers: a phone's own clock may be wrong by years."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final, Self

from engage_mobile.operations import SECOND, Instant

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


def instant_of_date(date: str | None) -> Instant | None:
    """Return the instant of an HTTP date (RFC 9110, section 5.6.7), if it is one."""
    if date is None:
        return None
    try:
        at = parsedate_to_datetime(date)
    except ValueError:
        return None
    return (at.replace(tzinfo=at.tzinfo or UTC) - EPOCH) // _MILLISECOND


def instant_of_text(text: str) -> Instant:
    """Return the instant of an RFC 3339 text.

    Raises:
        ValueError: the text is no instant with a zone.
    """
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("an instant needs a zone")
    return (at - EPOCH) // _MILLISECOND


def text_of(at: Instant) -> str:
    """Return an instant as ``2026-11-23T09:01:02.345Z`` (RFC 3339)."""
    return (EPOCH + at * _MILLISECOND).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerClock:
    """How far the server's clock is ahead of the device's, in milliseconds."""

    offset: int = 0

    def at(self, now: Instant) -> Instant:
        """Return the server's time, when the device's clock says ``now``."""
        return now + self.offset

    def heard(self, date: str | None, *, asked_at: Instant, answered_at: Instant) -> Self:
        """Return the clock after an answer's header ``Date``.

        The server wrote it between the question and the answer, and cut it to the second: so the
        offset lies between ``date - answered_at`` and ``date + 1 s - asked_at``. While the present
        one does, it stays: answers would else move it to and fro. (NTP's way of thinking, RFC 5905,
        with a clock that ticks once a second.)
        """
        at = instant_of_date(date)
        if at is None or answered_at < asked_at:
            return self
        low, high = at - answered_at, at + SECOND - asked_at
        if low <= self.offset <= high:
            return self
        return replace(self, offset=(low + high) // 2)

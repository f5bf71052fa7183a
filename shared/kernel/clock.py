"""Time is an argument: domains receive it, only the edge asks for it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

Clock: TypeAlias = Callable[[], datetime]
"""Returns the current instant, always aware and in UTC."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def system_clock() -> datetime:
    """Return the current instant; the one place that asks the machine."""
    return whole_milliseconds(datetime.now(UTC))  # noqa: TID251 - the one allowed caller


def whole_milliseconds(at: datetime) -> datetime:
    """Return ``at`` in UTC, without what is finer than a millisecond: all that is ever stored."""
    return at.astimezone(UTC).replace(microsecond=at.microsecond // 1000 * 1000)


def milliseconds(at: datetime) -> int:
    """Return the whole milliseconds from 1970 to ``at``."""
    return (at - EPOCH) // _MILLISECOND


def from_milliseconds(count: int) -> datetime:
    """Return the instant ``count`` milliseconds after 1970."""
    return EPOCH + count * _MILLISECOND


def rfc3339(at: datetime) -> str:
    """Return ``at`` in UTC as ``2026-11-22T09:01:02.345Z``; such texts sort as the instants do."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def from_rfc3339(text: str) -> datetime:
    """Return the instant that ``rfc3339`` wrote.

    Raises:
        ValueError: the text is no instant with a zone.
    """
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        message = "an instant needs a zone"
        raise ValueError(message)
    return at.astimezone(UTC)

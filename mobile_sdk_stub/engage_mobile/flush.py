"""When telemetry that waits is sent: alone it is not worth waking a phone's radio."""

from dataclasses import dataclass
from typing import Final, Protocol

from engage_mobile.operations import SECOND, Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Telemetry that waits: how many operations, since when, and whether the app is leaving."""

    count: int
    oldest_at: Instant
    in_background: bool = False


class FlushPolicy(Protocol):
    """Says from when on telemetry is sent."""

    def flush_at(self, waiting: Waiting) -> Instant | None:
        """Return from when on what waits is to be sent, as far as this policy cares."""
        ...


@dataclass(frozen=True, slots=True)
class ByCount:
    """Send as soon as so many wait."""

    count: int

    def flush_at(self, waiting: Waiting) -> Instant | None:
        """Return the oldest one's instant, if there are enough."""
        return waiting.oldest_at if waiting.count >= self.count else None


@dataclass(frozen=True, slots=True)
class ByAge:
    """Send when the oldest has waited so many milliseconds."""

    age: int

    def flush_at(self, waiting: Waiting) -> Instant | None:
        """Return when the oldest is old enough."""
        return waiting.oldest_at + self.age


@dataclass(frozen=True, slots=True)
class OnBackground:
    """Send when the app leaves the screen: it may not be let run again."""

    def flush_at(self, waiting: Waiting) -> Instant | None:
        """Return the oldest one's instant, if the app is leaving."""
        return waiting.oldest_at if waiting.in_background else None


POLICIES: Final[tuple[FlushPolicy, ...]] = (ByCount(20), ByAge(10 * SECOND), OnBackground())
"""Impressions of ads count within five minutes, so nothing waits for long."""

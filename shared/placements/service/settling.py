"""Compare-and-swap: read, decide, write, and begin again where somebody else wrote first."""

from collections.abc import Callable
from typing import TypeVar

from shared.placements.errors import AdStateContendedError, StaleError
from shared.placements.ports.decisions import Pause

ATTEMPTS = 16
"""Each round of a race has a winner, and pauses tell the others apart: far more than are needed."""

T = TypeVar("T")


def until_settled(try_once: Callable[[], T], *, pause: Pause) -> T:
    """Return what ``try_once`` returns, reading and deciding again while others win the race.

    Raises:
        AdStateContendedError: others won every time.
    """
    for attempt in range(ATTEMPTS):
        try:
            return try_once()
        except StaleError:
            pause(attempt)
    raise AdStateContendedError(f"others won {ATTEMPTS} times")

"""A campaign's throttle: so many messages a minute, whatever was late."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

_MINUTE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What a throttle lets go: ``left`` messages at the instant ``at``."""

    left: float
    at: datetime


def allowed(
    sizes: Sequence[int], *, throttle: int, before: Allowance | None, at: datetime
) -> tuple[int, Allowance]:
    """Return how many of the chunks may go, in their order, and what is left then.

    A bucket of one minute's messages, full at first, that fills at the throttle's rate. No chunk is
    larger than it.
    """
    left = float(throttle)
    if before is not None:
        passed = max((at - before.at).total_seconds(), 0.0)
        left = min(left, before.left + passed * throttle / _MINUTE)
    count = 0
    for size in sizes:
        if size > left:
            break
        left -= size
        count += 1
    return count, Allowance(left=left, at=at)

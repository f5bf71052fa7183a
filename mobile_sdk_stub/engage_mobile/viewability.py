"""Whether an ad was seen: half of it, or all of it, in view for a second without a break.

What counts as seen is the Media Rating Council's word for display ads (Viewable Ad Impression
Measurement Guidelines, version 2.0): half of the pixels, for one second.
"""

from dataclasses import dataclass, replace
from typing import Final, Self

from engage_mobile.operations import SECOND, Instant

LONG_ENOUGH: Final = SECOND
_SHARES: Final = {"viewable50": 0.5, "viewable100": 1.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewability:
    """How much of one ad has been in view, since when, and what was told of it.

    ``since`` has, of each event that is still to come, when the ad came into view far enough for
    it; an event that was told is in ``told``.
    """

    share: float = 0.0
    since: tuple[tuple[str, Instant], ...] = ()
    told: frozenset[str] = frozenset()

    def seen(self, share: float, *, at: Instant) -> tuple[Self, tuple[tuple[str, Instant], ...]]:
        """Return the next state, and the events that have come to pass, each with its instant.

        ``share``, from 0 to 1, is in view from ``at`` on; until then it was what was said before.
        The same share again asks only whether time has passed. An ad of which anything is in view
        was rendered: that is its ``impression``.
        """
        came = [
            (event, began + LONG_ENOUGH) for event, began in self.since if began + LONG_ENOUGH <= at
        ]
        if share > 0 and "impression" not in self.told:
            came.insert(0, ("impression", at))
        told = self.told | {event for event, _ in came}
        began = dict(self.since)
        since = tuple(
            (event, began.get(event, at))
            for event, least in _SHARES.items()
            if event not in told and share >= least
        )
        return replace(self, share=share, since=since, told=told), tuple(came)

    @property
    def due_at(self) -> Instant | None:
        """Return when to ask again although nothing moves; ``None``: nothing will come of time."""
        return min((began + LONG_ENOUGH for _, began in self.since), default=None)

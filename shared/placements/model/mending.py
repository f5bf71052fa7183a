"""What a counter should say, beside what it says: how one that lacks something is set right.

The ledger says what came, and counters may lack some of it: a batch of the stream that could not be
counted for an hour is given up. The ledger may lack something as well, since who is erased is not
in it any more, though what they brought was paid for. So a figure is raised, and never lowered.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from shared.placements.model.folding import NAMES, CounterKey, Figures

SETTLED = timedelta(days=1)
"""After its end a day is not counted in any more: a stream keeps its records for so long."""

SHARDS_REMEMBERED = timedelta(days=2)
"""A stream keeps its records for one day: nothing older is ever folded again."""


class Place(NamedTuple):
    """How far a counter has come in a shard, in the order of positions, and when that was."""

    position: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What a counter says, and how far it has come in each shard of the stream."""

    figures: Figures = field(default_factory=Figures)
    seen: Mapping[str, Place] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mend:
    """A counter that lacks something; ``is_done``: it has it now, or would in earnest."""

    key: CounterKey
    before: Figures
    after: Figures
    is_done: bool

    @property
    def added(self) -> Mapping[str, int]:
        """Return what it lacked, by the names of figures."""
        return {
            name: more
            for name in NAMES
            if (more := getattr(self.after, name) - getattr(self.before, name))
        }


def raised(figures: Figures, to: Figures) -> Figures:
    """Return figures of which none is below those of ``to``."""
    return Figures(**{name: max(getattr(figures, name), getattr(to, name)) for name in NAMES})


def in_step(life: Counted, days: Iterable[Counted], *, at: datetime) -> bool:
    """Say whether the counter of a flight's life has come as far as those of its days together.

    An event is counted in both, each by a write of its own: between the two they differ. What was
    counted of a shard long ago one of them may have forgotten.
    """
    latest: dict[str, Place] = {}
    for day in days:
        for shard, place in day.seen.items():
            latest[shard] = max(latest.get(shard, place), place)
    recent = {
        shard: place.position
        for shard, place in latest.items()
        if place.at >= at - SHARDS_REMEMBERED or shard in life.seen
    }
    return recent == {
        shard: place.position
        for shard, place in life.seen.items()
        if place.at >= at - SHARDS_REMEMBERED or shard in latest
    }

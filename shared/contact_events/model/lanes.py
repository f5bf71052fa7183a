"""In which order events may be recorded at the same time."""

from collections.abc import Sequence
from typing import TypeVar

from shared.contact_events.model.events import ForeignEvent

T = TypeVar("T")


def lanes(
    numbered: Sequence[tuple[T, ForeignEvent]],
) -> tuple[list[list[tuple[T, ForeignEvent]]], list[tuple[T, ForeignEvent]]]:
    """Return events in lanes, and the others: first all lanes at once, then all others at once.

    A lane has, in their order, the first events that name their people as they do, and shares no
    identifier with another lane: who is made or joined by one event is known to the next. The
    others name people as an event of a lane does, so that they make and join nobody.
    """
    lane_of: dict[tuple[str, str], list[int]] = {}
    seen: set[frozenset[tuple[str, str]]] = set()
    alone: list[list[int]] = []
    others: list[tuple[T, ForeignEvent]] = []
    for place, (_, event) in enumerate(numbered):
        names = frozenset(event.identifiers)
        if names and names in seen:
            others.append(numbered[place])
        elif names:
            seen.add(names)
            _join(lane_of, names, numbered=numbered, place=place)
        else:
            alone.append([place])
    joined = {id(lane): lane for lane in lane_of.values()}.values()
    return [[numbered[place] for place in lane] for lane in (*joined, *alone)], others


def _join(
    lane_of: dict[tuple[str, str], list[int]],
    names: frozenset[tuple[str, str]],
    *,
    numbered: Sequence[tuple[T, ForeignEvent]],
    place: int,
) -> None:
    """Put an event into one lane with all that share a name with it."""
    met = {id(lane_of[name]): lane_of[name] for name in names if name in lane_of}
    lane = sorted([place, *(one for each in met.values() for one in each)])
    for one in lane:
        for name in numbered[one][1].identifiers:
            lane_of[name] = lane

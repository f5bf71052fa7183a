"""What is counted of the ledger by the hour: contacts by channel, costs, and whom we touched.

The counts of an hour follow from the events that were recorded in it and from nothing else: counted
again they are the same, in whatever order hours are counted.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import sha256
from heapq import nsmallest
from typing import NamedTuple

from shared.contact_events.model.hours import hour_of
from shared.kernel.envelope import Envelope
from shared.kernel.events import Channel, Direction
from shared.kernel.money import is_currency

EACH: Mapping[str, Direction | None] = {
    "message.sent.v1": Direction.OUT,
    "message.received.v1": Direction.IN,
    "call.ended.v1": None,
}
"""Types of which each event is a contact, with the direction that goes without saying."""

FOLLOWING = frozenset({"ad", "call", "consent", "contact", "message", "preferences"})
"""Nouns whose other events follow on a contact, such as an opening, and are none themselves."""

ONCE_AN_HOUR = frozenset({"ad.shown.v1"})
"""Of those nouns: contacts all the same, of which a person has one an hour."""

MOST_SAMPLED = 1_000
"""People of an hour of whom touches are kept. Where there are no more, nobody is left out; else a
share among them is known to about 3 percentage points, 19 times of 20."""

RANKS = 1 << 64
"""Ranks are below."""


class Cell(NamedTuple):
    """Where an event counts: the day of its time in UTC, its channel, and who began."""

    day: date
    channel: Channel
    direction: Direction | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a cell comes to; ``costs`` are millionths of the unit, by currency."""

    events: int = 0
    contacts: int = 0
    costs: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, other: "Figures") -> "Figures":
        costs = self.costs
        if other.costs:
            costs = {
                currency: self.costs.get(currency, 0) + other.costs.get(currency, 0)
                for currency in self.costs.keys() | other.costs.keys()
            }
        return Figures(
            events=self.events + other.events,
            contacts=self.contacts + other.contacts,
            costs=costs,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """How often some people were touched a day: all of those whose rank is ``below`` a number.

    A rank is a hash, the same in every hour: so whoever is in the samples of two hours is in them
    with all touches, and samples can be united (E. Cohen, H. Kaplan, "Summarizing data using
    bottom-k sketches", 2007).
    """

    below: int = RANKS
    touches: Mapping[tuple[str, date], int] = field(default_factory=dict)

    @classmethod
    def of(cls, touches: Mapping[tuple[str, date], int], *, most: int = MOST_SAMPLED) -> "Sample":
        """Return a sample of so many people at most, those of the lowest ranks."""
        people = {contact_id for contact_id, _ in touches}
        lowest = nsmallest(most + 1, map(rank, people))
        return cls(touches=touches).cut(lowest[most] if len(lowest) > most else RANKS)

    @classmethod
    def union(cls, samples: Iterable["Sample"]) -> "Sample":
        """Return the touches in all of some samples, of those people whom none leaves out."""
        below, touches = RANKS, Counter[tuple[str, date]]()
        for sample in samples:
            below = min(below, sample.below)
            touches.update(dict(sample.touches))
        return cls(touches=touches).cut(below)

    def cut(self, below: int) -> "Sample":
        """Return the sample of those alone whose rank is below a number."""
        kept = {key: count for key, count in self.touches.items() if rank(key[0]) < below}
        return Sample(below=below, touches=kept)


def rank(contact_id: str) -> int:
    """Return a contact's place among all, by chance: 64 bits of a hash."""
    return int.from_bytes(sha256(contact_id.encode()).digest()[:8])


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What the events come to that were recorded in one hour."""

    cells: Mapping[Cell, Figures] = field(default_factory=dict)
    sample: Sample = field(default_factory=Sample)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far counting is: hours before ``until`` are final, the others as they were at ``at``."""

    until: datetime
    at: datetime


def counts_of(events: Iterable[Envelope]) -> Counts:
    """Count the events of one recorded hour, in any order."""
    told: defaultdict[Cell, Figures] = defaultdict(Figures)
    touches: Counter[tuple[str, date]] = Counter()
    visits: set[tuple[str, Cell, datetime]] = set()
    for event in events:
        cell = cell_of(event)
        if cell is None:
            continue
        counts = _counts(event, cell)
        if counts and event.type not in EACH:
            visit = (event.subject.id, cell, hour_of(event.time))
            counts = visit not in visits
            visits.add(visit)
        told[cell] += Figures(events=1, contacts=int(counts), costs=_cost(event))
        if counts and cell.direction is Direction.OUT and cell.channel is not Channel.AD:
            touches[event.subject.id, cell.day] += 1
    return Counts(cells=dict(told), sample=Sample.of(touches))


def cell_of(event: Envelope) -> Cell | None:
    """Return where an event counts; ``None`` for one of no contact, or by no channel."""
    if event.channel is None or event.subject.kind != "contact":
        return None
    direction = event.direction or EACH.get(event.type)
    return Cell(
        day=event.time.date(),
        channel=Channel(event.channel),
        direction=Direction(direction) if direction else None,
    )


def _counts(event: Envelope, cell: Cell) -> bool:
    """Say whether an event is a contact, or one of those of which an hour's are one."""
    if cell.direction is None:
        return False
    if event.type in EACH or event.type in ONCE_AN_HOUR:
        return True
    return event.type.partition(".")[0] not in FOLLOWING


def _cost(event: Envelope) -> Mapping[str, int]:
    """Return what an event cost; what is no cost as we write them counts as none."""
    cost = event.data.get("cost")
    if not isinstance(cost, Mapping):
        return {}
    amount, currency = cost.get("amount"), cost.get("currency")
    if isinstance(amount, bool) or not isinstance(amount, int) or amount <= 0:
        return {}
    return {str(currency): amount} if is_currency(currency) else {}

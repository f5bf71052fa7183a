"""What counting the events of ads needs from outside."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.kernel.envelope import Envelope
from shared.kernel.events import Purpose
from shared.placements.model.folding import Change, CounterKey, Figures
from shared.placements.model.mending import Counted


class CounterStore(Protocol):
    """Counters of flights, each with the positions up to which it has counted shards."""

    def fold(self, changes: Sequence[Change], *, shard: str, at: datetime) -> Sequence[bool]:
        """Add to each counter what it has not counted of a shard; say which are done.

        ``False``: the counter was busy, and is as it was. ``at`` is now: what was folded of shards
        two days before it is forgotten, since a stream keeps its records for one.
        """
        ...

    def get(self, key: CounterKey) -> Figures:
        """Return what a counter has counted up to now."""
        ...

    def get_all(self, keys: Sequence[CounterKey]) -> Mapping[CounterKey, Figures]:
        """Return what each of some counters has counted up to now."""
        ...

    def counters_of(self, flight_id: str, *, app_id: str) -> Mapping[CounterKey, Figures]:
        """Return all counters of a flight."""
        ...

    def counted_of(self, flight_id: str, *, app_id: str) -> Mapping[CounterKey, Counted]:
        """Return all counters of a flight, with how far they have come; that of its life last."""
        ...

    def set_right(self, key: CounterKey, figures: Figures, *, before: Counted) -> bool:
        """Have a counter say these figures, if it has not gone on since; say whether."""
        ...


class AppZones(Protocol):
    """Where apps are."""

    def zone_of(self, app_id: str) -> str:
        """Return the app's IANA zone."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """An ad that a person saw."""

    ad_id: str
    flight_id: str
    placement_id: str
    token_id: str
    at: datetime


class SeenAds(Protocol):
    """What lazy caps count."""

    def note(self, contact_id: str, seen: Sequence[Sighting], *, app_id: str) -> bool:
        """Add to a person's state what it does not have; ``False``: it was busy.

        A sighting of a token that is there already changes nothing.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HourOfAds:
    """All the ads of one purpose that a contact was shown of those given in one hour (UTC).

    ``latest`` is when the last of them was shown.
    """

    app_id: str
    contact_id: str
    hour: datetime
    purpose: Purpose
    impressions: int
    latest: datetime


class Pressure(Protocol):
    """The contact policy, as far as ads go that were shown."""

    def note(self, hour: HourOfAds) -> bool:
        """Count an hour of ads as one touch, as heavy as all of them; ``False``: it was busy.

        The same hour again takes the place of what was counted, if it is heavier.
        """
        ...


class AdLedger(Protocol):
    """The ledger, by the hour."""

    def recorded_in(self, hour: datetime, *, app_id: str) -> Iterable[Envelope]:
        """Yield the events of ads that were recorded in an hour, with the sequences they had."""
        ...

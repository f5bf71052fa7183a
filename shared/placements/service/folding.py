"""Use cases that count the events of ads: from the stream as they come, from the ledger again."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol, TypeVar

from shared.kernel.clock import Clock
from shared.kernel.events import Purpose
from shared.kernel.ids import made_at
from shared.placements.events import SOURCE, AdShown
from shared.placements.model.folding import (
    CounterKey,
    Figures,
    Recorded,
    changes_of,
    figures_of,
    keys_of,
)
from shared.placements.ports.engagements import EngagementStore
from shared.placements.ports.folding import (
    AdLedger,
    AppZones,
    CounterStore,
    HourOfAds,
    Pressure,
    SeenAds,
    Sighting,
)

_HOUR = timedelta(hours=1)
_SKEW = timedelta(minutes=5)
"""Between an id's instant and that of the token which was issued with it, at most."""

T = TypeVar("T")
S = TypeVar("S")


class Each(Protocol):
    """Calls for each of some arguments: ``map``, or that of threads."""

    def __call__(self, call: Callable[[T], S], arguments: Iterable[T], /) -> Iterable[S]:
        """Return what the calls return, in order."""
        ...


class _Viewer(NamedTuple):
    """A contact who was shown ads."""

    app_id: str
    contact_id: str


@dataclass(frozen=True, kw_only=True)
class FoldService:
    """Takes batches of the ledger's stream. The same batch, or a part of it, changes nothing."""

    counters: CounterStore
    zones: AppZones
    store: EngagementStore
    seen: SeenAds
    pressure: Pressure
    clock: Clock
    each: Each = map

    def fold(self, records: Sequence[Recorded], *, shard: str) -> AbstractSet[str]:
        """Count a batch of one shard; return the positions of records that must come again."""
        changes = changes_of(records, zone_of=self.zones.zone_of)
        done = self.counters.fold(changes, shard=shard, at=self.clock())
        open_ = [change for change, is_done in zip(changes, done, strict=True) if not is_done]
        again = {part.position for change in open_ for part in change.parts}
        viewers = _viewers(records)
        noted = self.each(self._note, viewers.items())
        for some, is_noted in zip(viewers.values(), noted, strict=True):
            if not is_noted:
                again |= {record.position for record in some}
        return again

    def _note(self, viewed: tuple[_Viewer, Sequence[Recorded]]) -> bool:
        viewer, records = viewed
        sightings = [
            Sighting(
                ad_id=event.data["ad_id"],
                flight_id=event.data["flight_id"],
                placement_id=event.data["placement_id"],
                token_id=event.data["token_id"],
                at=event.time,
            )
            for event in (record.event for record in records)
        ]
        is_noted = self.seen.note(viewer.contact_id, sightings, app_id=viewer.app_id)
        hours = {_hour_of(one.token_id) for one in sightings}
        for hour in sorted(hours):
            for touch in self._touches(viewer, hour):
                is_noted &= self.pressure.note(touch)
        return is_noted

    def _touches(self, viewer: _Viewer, hour: datetime) -> Iterator[HourOfAds]:
        """Yield what the ledger has of an hour: whatever was folded before, it is the whole."""
        told = self.store.told(
            [viewer.contact_id],
            app_id=viewer.app_id,
            since=hour - _SKEW,
            until=hour + _HOUR + _SKEW,
        )
        shown: dict[str, list[datetime]] = {}
        for one in told:
            event = one.event
            if event.type == AdShown.type and _hour_of(event.data["token_id"]) == hour:
                shown.setdefault(event.purpose or Purpose.MARKETING, []).append(event.time)
        for purpose, instants in sorted(shown.items()):
            yield HourOfAds(
                app_id=viewer.app_id,
                contact_id=viewer.contact_id,
                hour=hour,
                purpose=Purpose(purpose),
                impressions=len(instants),
                latest=max(instants),
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildService:
    """Builds counters again from the ledger: what the stream should have made of it."""

    ledger: AdLedger
    zones: AppZones

    def rebuild(
        self, app_id: str, *, since: datetime, until: datetime
    ) -> Mapping[CounterKey, Figures]:
        """Return what the events of whole hours add to each counter.

        The hours are those that begin at or after ``since`` and before ``until``.
        """
        zone = self.zones.zone_of(app_id)
        counted: dict[CounterKey, Figures] = {}
        for hour in _hours(since, until):
            for event in self.ledger.recorded_in(hour, app_id=app_id):
                figures = figures_of(event)
                if figures is not None:
                    for key in keys_of(event, zone=zone):
                        counted[key] = counted.get(key, Figures()) + figures
        return counted


def _viewers(records: Iterable[Recorded]) -> dict[_Viewer, list[Recorded]]:
    """Return the impressions of each contact."""
    viewers: dict[_Viewer, list[Recorded]] = {}
    for record in records:
        event = record.event
        if event.source == SOURCE and event.type == AdShown.type:
            viewers.setdefault(_Viewer(event.app_id, event.subject.id), []).append(record)
    return viewers


def _hour_of(token_id: str) -> datetime:
    """Return the hour in which an ad was given: a token's id begins with that of the decision."""
    return _whole_hour(made_at(token_id.partition("-")[0]))


def _whole_hour(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _hours(since: datetime, until: datetime) -> Iterator[datetime]:
    hour = _whole_hour(since)
    if hour < since:
        hour += _HOUR
    while hour < until:
        yield hour
        hour += _HOUR

"""Counters of flights out of their events: what a batch of a stream's shard adds to each, once.

The positions of a shard's records grow (DynamoDB: their sequence numbers), so a counter that knows
up to which position it has seen a shard knows what of a batch it has. A day is one of the app's
zone, and an event is of the day and the hour in which it was recorded: both never change, so the
same can be built again from the ledger.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta
from typing import TypeAlias
from zoneinfo import ZoneInfo

from shared.kernel.envelope import Envelope
from shared.kernel.ids import made_at
from shared.placements.events import SOURCE, AdEventRejected
from shared.placements.model.accounting import engagement_of
from shared.placements.model.engagements import Engagement, Rejection

HOURS_KEPT = timedelta(days=35)
"""How long counters of hours are kept: more than forecasts look back."""

_POSITION_DIGITS = 40
"""DynamoDB: a sequence number has 21 to 40 digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How many events of each kind; ``revenue`` is in millionths of a minor unit."""

    loaded: int = 0
    shown: int = 0
    viewable50: int = 0
    viewable100: int = 0
    clicks: int = 0
    conversions: int = 0
    claims: int = 0
    revenue: int = 0
    late: int = 0
    over_cap: int = 0
    invalid_traffic: int = 0
    revoked: int = 0
    test: int = 0

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(**{name: getattr(self, name) + getattr(other, name) for name in NAMES})

    @property
    def rejected(self) -> int:
        """Return how many events were rejected, for whatever reason."""
        return sum(getattr(self, reason.value) for reason in Rejection)


NAMES = tuple(one.name for one in fields(Figures))

_NAME_OF = {
    Engagement.LOADED: "loaded",
    Engagement.IMPRESSION: "shown",
    Engagement.VIEWABLE50: "viewable50",
    Engagement.VIEWABLE100: "viewable100",
    Engagement.CLICK: "clicks",
    Engagement.CONVERSION: "conversions",
    Engagement.CLAIM: "claims",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterKey:
    """What a counter of a flight counts: all of it, or what the other fields narrow it to.

    There is one of its whole life, one of each ``day``, one of each ``hour`` (UTC), and one of each
    day, placement and creative: results are sums of the last kind, and so add up.
    """

    app_id: str
    flight_id: str
    day: date | None = None
    hour: datetime | None = None
    placement_id: str | None = None
    creative_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """An event as a shard of a stream brought it; ``position`` is its place there, in digits."""

    position: str
    event: Envelope


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one event adds to a counter, and where in its shard it stands."""

    position: str
    figures: Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a batch adds to a counter: at least one part, in the order of positions."""

    key: CounterKey
    parts: tuple[Part, ...]

    @property
    def first(self) -> str:
        """Return the position of the first part, as it compares."""
        return _comparable(self.parts[0].position)

    @property
    def last(self) -> str:
        """Return the position of the last part, as it compares."""
        return _comparable(self.parts[-1].position)

    @property
    def figures(self) -> Figures:
        """Return the sum of the parts."""
        return summed(part.figures for part in self.parts)

    def after(self, position: str) -> "Change | None":
        """Return what is left where all up to a position was counted; ``None``: nothing."""
        left = tuple(part for part in self.parts if _comparable(part.position) > position)
        return replace(self, parts=left) if left else None


ZoneOf: TypeAlias = Callable[[str], str]
"""Returns the IANA zone of an app."""


def summed(many: Iterable[Figures]) -> Figures:
    """Return the sum of figures."""
    return sum(many, Figures())


def figures_of(event: Envelope) -> Figures | None:
    """Return what an event adds; ``None``: it is none of an ad."""
    if event.source != SOURCE:
        return None
    if event.type == AdEventRejected.type:
        return Figures(**{Rejection(event.data["reason"]).value: 1})
    engagement = engagement_of(event)
    if engagement is None:
        return None
    return Figures(**{_NAME_OF[engagement]: 1, "revenue": event.data["price"]})


def keys_of(event: Envelope, *, zone: str) -> tuple[CounterKey, ...]:
    """Return the counters that an event of an ad is counted in."""
    recorded = made_at(event.sequence)
    day = recorded.astimezone(ZoneInfo(zone)).date()
    hour = recorded.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    life = CounterKey(app_id=event.app_id, flight_id=event.data["flight_id"])
    return (
        life,
        replace(life, day=day),
        replace(life, hour=hour),
        replace(
            life,
            day=day,
            placement_id=event.data["placement_id"],
            creative_id=event.data["creative_id"],
        ),
    )


def changes_of(records: Iterable[Recorded], *, zone_of: ZoneOf) -> list[Change]:
    """Return what a batch of a shard adds to each counter."""
    parts: dict[CounterKey, list[Part]] = {}
    for record in records:
        figures = figures_of(record.event)
        if figures is None:
            continue
        part = Part(position=record.position, figures=figures)
        for key in keys_of(record.event, zone=zone_of(record.event.app_id)):
            parts.setdefault(key, []).append(part)
    return [
        Change(key=key, parts=tuple(sorted(some, key=lambda part: _comparable(part.position))))
        for key, some in parts.items()
    ]


def _comparable(position: str) -> str:
    """Return a position with leading zeros: so numbers compare as texts."""
    return position.zfill(_POSITION_DIGITS)

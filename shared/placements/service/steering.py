"""What pacing steers by, and what bounds what is paid: live flights, and what came of them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from typing_extensions import override

from shared.placements.model import folding
from shared.placements.model.accounting import worth
from shared.placements.model.demand import Goal
from shared.placements.model.engagements import Engagement, Grant
from shared.placements.model.folding import CounterKey
from shared.placements.model.granting import LONGEST_LIFE
from shared.placements.model.live import LiveFlight
from shared.placements.model.pacing import HOURS, Booking, Delivered, Figures, Traffic
from shared.placements.model.snapshot import Snapshot
from shared.placements.ports.engagements import Bounds
from shared.placements.ports.folding import AppZones, CounterStore
from shared.placements.ports.pacing import Bookings, Deliveries, Forecasts
from shared.placements.service.snapshots import SnapshotCache

REFRESH = timedelta(seconds=10)
"""How old figures may be by which an event is judged."""

EXPECTED_FOR = timedelta(hours=1)
DAYS_SEEN, FLIGHTS_SEEN = 7, 3
"""What a forecast looks at: six requests of a hundred counters, in each process once an hour."""

_MOST_FLIGHTS = 10_000
"""Flights of which a process remembers something."""

_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)

_GOAL_OF = {
    Engagement.IMPRESSION: Goal.IMPRESSIONS,
    Engagement.CLICK: Goal.CLICKS,
    Engagement.CONVERSION: Goal.CONVERSIONS,
    Engagement.CLAIM: Goal.COUPON_CLAIMS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveBookings(Bookings):
    """The bookings of flights that are in the snapshot."""

    snapshots: SnapshotCache[Snapshot]
    zones: AppZones

    @override
    def of(self, app_id: str, flights: Collection[str], *, at: datetime) -> Mapping[str, Booking]:
        start, end = _day_around(at, zone=self.zones.zone_of(app_id))
        wanted = frozenset(flights)
        return {
            flight.flight_id: Booking(
                flight_id=flight.flight_id,
                target=flight.target,
                starts_at=flight.starts_at,
                ends_at=flight.ends_at,
                day_from=start,
                day_until=end,
                life=LONGEST_LIFE,
            )
            for flight in self.snapshots.get(app_id).snapshot.flights
            if flight.flight_id in wanted
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedDeliveries(Deliveries):
    """What the counters of flights say: of their lives, and of the day of the bookings."""

    counters: CounterStore
    zones: AppZones

    @override
    def of(self, app_id: str, bookings: Collection[Booking]) -> Mapping[str, Delivered]:
        zone = ZoneInfo(self.zones.zone_of(app_id))
        keys = {}
        for booking in bookings:
            life = CounterKey(app_id=app_id, flight_id=booking.flight_id)
            day = CounterKey(
                app_id=app_id,
                flight_id=booking.flight_id,
                day=booking.day_from.astimezone(zone).date(),
            )
            keys[booking.flight_id] = life, day
        counted = self.counters.get_all([key for pair in keys.values() for key in pair])
        return {
            flight_id: Delivered(life=_figures(counted[life]), day=_figures(counted[day]))
            for flight_id, (life, day) in keys.items()
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenTraffic(Forecasts):
    """Expects the traffic of the last days, as the impressions of a few flights tell it.

    Those without bounds tell it best, for they take whatever comes; then those that run the
    longest.
    """

    snapshots: SnapshotCache[Snapshot]
    counters: CounterStore
    _expected: dict[str, tuple[datetime, Traffic]] = field(default_factory=dict)

    @override
    def traffic(self, app_id: str, *, at: datetime) -> Traffic:
        read_at, known = self._expected.get(app_id, (None, Traffic()))
        if read_at is not None and at - read_at < EXPECTED_FOR:
            return known
        found = self._read(app_id, at)
        self._expected[app_id] = (at, found)
        return found

    def _read(self, app_id: str, at: datetime) -> Traffic:
        flights = sorted(
            self.snapshots.get(app_id).snapshot.flights,
            key=lambda one: (one.is_bounded, one.starts_at),
        )[:FLIGHTS_SEEN]
        midnight = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        keys = [
            CounterKey(
                app_id=app_id,
                flight_id=flight.flight_id,
                hour=midnight - (ago + 1) * _DAY + hour * _HOUR,
            )
            for flight in flights
            for ago in range(DAYS_SEEN)
            for hour in range(HOURS)
        ]
        counted = self.counters.get_all(keys)
        sums = [0.0] * HOURS
        for key in keys:
            if key.hour is not None:
                sums[key.hour.hour] += counted[key].shown
        return Traffic.of([sums])


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveredBounds(Bounds):
    """Targets of live flights, beside figures of the last seconds.

    Leases bound exact ones, and they have no place here.
    """

    snapshots: SnapshotCache[Snapshot]
    bookings: Bookings
    deliveries: Deliveries
    _known: dict[tuple[str, str], tuple[datetime, Delivered]] = field(default_factory=dict)

    @override
    def is_over(self, grant: Grant, engagement: Engagement, *, at: datetime) -> bool:
        loaded = self.snapshots.find(grant.app_id)
        ad = loaded.snapshot.by_id.get(grant.ad_id) if loaded else None
        if ad is None or not _is_bounded(ad.flight, grant, engagement):
            return False
        target = ad.flight.target
        delivered = self._delivered(grant.app_id, grant.flight_id, at)
        return any(
            bound is not None and figures.of(target.goal) >= bound
            for bound, figures in (
                (target.lifetime, delivered.life),
                (target.daily, delivered.day),
            )
        )

    def _delivered(self, app_id: str, flight_id: str, at: datetime) -> Delivered:
        read_at, known = self._known.get((app_id, flight_id), (None, Delivered()))
        if read_at is not None and at - read_at < REFRESH:
            return known
        bookings = self.bookings.of(app_id, [flight_id], at=at)
        found = self.deliveries.of(app_id, bookings.values()).get(flight_id, Delivered())
        if len(self._known) >= _MOST_FLIGHTS:
            self._known.clear()
        self._known[app_id, flight_id] = (at, found)
        return found


def _is_bounded(flight: LiveFlight, grant: Grant, engagement: Engagement) -> bool:
    """Say whether a flight's target counts what is told, and may be passed."""
    if flight.target.exact or not flight.is_bounded:
        return False
    if flight.target.goal is Goal.REVENUE:
        return worth(engagement, pricing=grant.pricing, price=grant.price) > 0
    return _GOAL_OF.get(engagement) is flight.target.goal


def _day_around(at: datetime, *, zone: str) -> tuple[datetime, datetime]:
    """Return the instants at which the day of an instant begins and ends in a zone, in UTC."""
    there = ZoneInfo(zone)
    today = at.astimezone(there).date()
    start, end = (datetime.combine(day, time(), there) for day in (today, today + _DAY))
    return start.astimezone(UTC), end.astimezone(UTC)


def _figures(counted: folding.Figures) -> Figures:
    return Figures(
        impressions=counted.shown,
        clicks=counted.clicks,
        conversions=counted.conversions,
        coupon_claims=counted.claims,
        revenue=counted.revenue,
    )

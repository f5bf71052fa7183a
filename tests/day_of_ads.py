"""A day of one flight on a virtual clock: twenty servers, traffic that comes and goes, a surge.

Traffic follows the day, and is eight times as much for ten minutes. Three of ten ads that are given
are never shown; of the others one of twenty is shown up to ten minutes late. Impressions are folded
two seconds later. Which, and when, a seed decides.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from math import cos, exp, pi
from random import Random

from shared.placements.model.demand import Target
from shared.placements.model.leases import Bounds, Lease
from shared.placements.model.pacing import Booking, Delivered, Figures, Traffic
from shared.placements.service.leases import LeaseService
from shared.placements.service.pacing import PacingService
from tests.fakes.leases import InMemoryLeaseStore
from tests.fakes.pacing import FixedBookings, FixedDeliveries, FixedForecasts, InMemoryFlowStore

APP, FLIGHT = "app_1", "flt_1"
MIDNIGHT = datetime(2026, 11, 23, tzinfo=UTC)
DAY = timedelta(days=1)
SERVERS = 20
NEVER_SHOWN, SHOWN_LATE = 0.3, 0.05
LIFE = timedelta(minutes=10)
GRACE = LIFE + timedelta(minutes=1)
_SURGE = range(14 * 3_600, 14 * 3_600 + 600)
_SURGE_TIMES = 8
_FOLDED_AFTER = 2
_SECONDS = 86_400
_REFRESH_OF_THE_BASELINE = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Aired:
    """What came of a day: shown of the goal, at the hour when most was ahead of an even pace."""

    goal: int
    shown: int
    farthest: float

    @property
    def part(self) -> float:
        """Return what was shown, as a part of the goal."""
        return self.shown / self.goal


@dataclass
class Day:
    """The day as it goes by; ``give`` says whether a server gives an ad at a second."""

    goal: int
    requests: int
    chance: Random
    shown: int = 0
    folded: int = 0
    farthest: float = 0.0
    events: list[tuple[float, int, Callable[[], bool] | None]] = field(default_factory=list)
    _number: int = 0

    def run(
        self,
        give: Callable[[int, datetime], Callable[[], bool] | None],
        every_minute: Callable[[datetime], None] = lambda _at: None,
    ) -> Aired:
        """Let the day go by; what ``give`` returns is asked at the impression whether it counts."""
        weights = [_weight(second) for second in range(_SECONDS)]
        scale = self.requests / sum(_usual(second) for second in range(_SECONDS))
        come = 0.0
        for second, weight in enumerate(weights):
            at = MIDNIGHT + timedelta(seconds=second)
            self._happen(second)
            if second % 60 == 0:
                every_minute(at)
            come += _usual(second) * scale
            for _ in range(_poisson(weight * scale, self.chance)):
                counts = give(self.chance.randrange(SERVERS), at)
                if counts is not None:
                    self._given(second, counts)
            if second % 3_600 == 0 and second:
                ahead = (self.shown - self.goal * come / self.requests) / self.goal
                self.farthest = max(self.farthest, ahead)
        self._happen(2 * _SECONDS)
        return Aired(goal=self.goal, shown=self.shown, farthest=self.farthest)

    def _given(self, second: int, counts: Callable[[], bool]) -> None:
        if self.chance.random() < NEVER_SHOWN:
            return
        late = self.chance.random() < SHOWN_LATE
        after = self.chance.uniform(10, LIFE.total_seconds()) if late else self.chance.uniform(1, 9)
        self._put(second + after, counts)

    def _put(self, when: float, counts: Callable[[], bool] | None) -> None:
        self._number += 1
        heappush(self.events, (when, self._number, counts))

    def _happen(self, second: int) -> None:
        while self.events and self.events[0][0] <= second:
            when, _, counts = heappop(self.events)
            if counts is None:
                self.folded += 1
            elif counts():
                self.shown += 1
                self._put(when + _FOLDED_AFTER, None)


def with_counter(goal: int, *, requests: int, seed: int) -> Aired:
    """Air a flight that looks at its counter every five minutes, and stops when it is full."""
    day = _day(goal, requests, seed)
    known = [0, -1]

    def give(_server: int, at: datetime) -> Callable[[], bool] | None:
        period = int((at - MIDNIGHT).total_seconds()) // _REFRESH_OF_THE_BASELINE
        if known[1] != period:
            known[:] = [day.folded, period]
        return _always if known[0] < goal else None

    return day.run(give)


def with_pacing(goal: int, *, requests: int, seed: int, exact: bool) -> Aired:
    """Air a flight that is paced; an exact one takes a lease for each ad besides."""
    day = _day(goal, requests, seed)
    target = Target(lifetime=goal, exact=exact)
    deliveries, leases = FixedDeliveries(), InMemoryLeaseStore()
    servers = _servers(target, deliveries, leases)

    def shuffled(numbers: Collection[int]) -> Sequence[int]:
        return list(numbers)

    budgets = LeaseService(store=leases, shuffled=shuffled, pause=lambda _: None, grace=GRACE)
    bounds = Bounds(app_id=APP, flight_id=FLIGHT, version=1, lifetime=goal)

    def give(server: int, at: datetime) -> Callable[[], bool] | None:
        deliveries.delivered[FLIGHT] = Delivered(life=Figures(impressions=day.folded))
        pacing = servers[server]
        share = pacing.of(APP, [FLIGHT], at=at)[FLIGHT]
        if day.chance.random() >= share:
            return None
        if not exact:
            return _always if pacing.take(APP, FLIGHT, at=at) else None
        lease = budgets.draw(bounds, day="", at=at)
        return None if lease is None else _uses(leases, lease)

    def sweep(at: datetime) -> None:
        budgets.sweep(FLIGHT, app_id=APP, at=at, most=1_000)

    return day.run(give, sweep)


def _servers(
    target: Target, deliveries: FixedDeliveries, leases: InMemoryLeaseStore
) -> list[PacingService]:
    booking = Booking(
        flight_id=FLIGHT,
        target=target,
        starts_at=MIDNIGHT,
        ends_at=MIDNIGHT + DAY,
        day_from=MIDNIGHT,
        day_until=MIDNIGHT + DAY,
        life=LIFE,
    )
    yesterday = [sum(map(_usual, range(hour * 3_600, hour * 3_600 + 3_600))) for hour in range(24)]
    forecasts = FixedForecasts(Traffic.of([yesterday]))
    flows = InMemoryFlowStore()
    return [
        PacingService(
            bookings=FixedBookings({FLIGHT: booking}),
            deliveries=deliveries,
            forecasts=forecasts,
            flows=flows,
            leases=leases,
        )
        for _ in range(SERVERS)
    ]


def _uses(leases: InMemoryLeaseStore, lease: Lease) -> Callable[[], bool]:
    return lambda: leases.show(lease, f"token {lease.number}")


def _always() -> bool:
    return True


def _day(goal: int, requests: int, seed: int) -> Day:
    return Day(goal=goal, requests=requests, chance=Random(seed))  # noqa: S311 - a model


def _usual(second: int) -> float:
    """Return how much traffic there is usually: least at four in the morning."""
    return 1.0 - 0.8 * cos((second - 4 * 3_600) / _SECONDS * 2 * pi)


def _weight(second: int) -> float:
    return _usual(second) * (_SURGE_TIMES if second in _SURGE else 1)


def _poisson(mean: float, chance: Random) -> int:
    """Return how many come where so many do on average (Knuth, volume 2, 3.4.1)."""
    limit, product, count = exp(-mean), chance.random(), 0
    while product > limit:
        product *= chance.random()
        count += 1
    return count

"""Spreads what a flight brings over its time, with an eye on what was given and is not shown yet.

The curve follows the traffic that is expected, not the clock (Agarwal and others, LinkedIn, KDD
2014, doi 10.1145/2623330.2623366). What the flight lacks a minute from now, less what the ads in
flight will bring, is what may be given; and the share of requests that it takes is that over the
requests that will come. To count what is in flight is what keeps small goals from being passed
while impressions are on their way.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from shared.placements.model.demand import Goal, Pacing, Target

HORIZON = timedelta(seconds=60)
"""So far ahead lies what a flight is steered to."""

FRONT_LOAD = 1.25
"""How much faster than even a front-loaded flight begins."""

SPARE = 100
"""A hundredth of a goal may be passed where it is not exact."""

LEAST_SHARE = 0.001
"""What a flight that lacks something takes at least: so it learns what traffic there is."""

BLOCKS = 2_000
"""A goal is given in about so many blocks; each is one write."""

HOURS = 24
_HOUR = timedelta(hours=1)
_PRIOR_WEIGHT = 20
_PRIOR_YIELDS: Mapping[Goal, float] = {
    Goal.IMPRESSIONS: 0.7,
    Goal.CLICKS: 0.01,
    Goal.CONVERSIONS: 0.001,
    Goal.COUPON_CLAIMS: 0.02,
    Goal.REVENUE: 1.0,
}
"""What one ad that is given brings, until twenty of the flight's own say better."""

_MOST_SAMPLES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What came of a flight, in all or on one day; ``revenue`` in millionths of a minor unit."""

    impressions: int = 0
    clicks: int = 0
    conversions: int = 0
    coupon_claims: int = 0
    revenue: int = 0

    def of(self, goal: Goal) -> float:
        """Return what counts to a goal; revenue in minor units."""
        match goal:
            case Goal.IMPRESSIONS:
                return self.impressions
            case Goal.CLICKS:
                return self.clicks
            case Goal.CONVERSIONS:
                return self.conversions
            case Goal.COUPON_CLAIMS:
                return self.coupon_claims
            case Goal.REVENUE:
                return self.revenue / 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """The figures of a flight's life, and of one day."""

    life: Figures = Figures()
    day: Figures = Figures()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What had been given and brought by an instant, and the share that was taken from then on."""

    at: datetime
    given: int
    brought: float
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """How many ads of a flight were given, and samples of the past, oldest first."""

    given: int = 0
    samples: tuple[Sample, ...] = ()

    def is_due(self, at: datetime, *, life: timedelta) -> bool:
        """Say whether it is time for another sample: four of them cover the life of an ad."""
        return not self.samples or at - self.samples[-1].at >= life / 4

    def sampled(self, sample: Sample) -> "Flow":
        """Return the flow with a sample more, and without the oldest beyond what is needed."""
        return replace(self, samples=(*self.samples, sample)[-_MOST_SAMPLES:])

    def in_flight(self, brought: float, *, at: datetime, life: timedelta) -> float:
        """Return how many ads may still be shown: given within a life, and not shown yet."""
        over = [one for one in self.samples if one.at <= at - life]
        given, before = (over[-1].given, over[-1].brought) if over else (0, 0.0)
        return max(self.given - given - max(brought - before, 0), 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """How requests are spread over a day: a weight for each hour in UTC, of any scale."""

    hours: tuple[float, ...] = (1.0,) * HOURS

    @classmethod
    def of(cls, days: Sequence[Sequence[float]]) -> "Traffic":
        """Return the traffic to expect after some days, counted by hour; of none it is flat.

        Each hour gets a tenth of the mean besides, so that one without any can bring some.
        """
        sums = [sum(day[hour] for day in days) for hour in range(HOURS)]
        spare = sum(sums) / HOURS / 10
        return cls(hours=tuple(one + spare for one in sums)) if spare else cls()

    def at(self, at: datetime) -> float:
        """Return the weight of an instant's hour."""
        return self.hours[at.astimezone(UTC).hour]

    def between(self, start: datetime, until: datetime) -> float:
        """Return what comes between two instants, in weights times hours."""
        if until <= start:
            return 0.0
        days, rest = divmod(until - start, timedelta(days=1))
        total = days * sum(self.hours)
        at, end = until - rest, until
        while at < end:
            following = min(at.replace(minute=0, second=0, microsecond=0) + _HOUR, end)
            total += self.at(at) * ((following - at) / _HOUR)
            at = following
        return total


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """What a flight is to bring, and when; the day is the one in the app's zone.

    ``life`` is how long an ad that was given can be shown.
    """

    flight_id: str
    target: Target
    starts_at: datetime
    day_from: datetime
    day_until: datetime
    ends_at: datetime | None = None
    life: timedelta = timedelta(minutes=10)

    @property
    def block(self) -> int:
        """Return how many ads a process takes at once: one, where a goal is small."""
        goals = [one for one in (self.target.lifetime, self.target.daily) if one is not None]
        return max(min(goals, default=0) // BLOCKS, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """What a flight takes: a share of the requests, and up to how many ads in all are given."""

    share: float
    most: int


FREE = Pace(share=1.0, most=1 << 62)
"""The pace of a flight without bounds."""


def pace(
    booking: Booking, delivered: Delivered, flow: Flow, traffic: Traffic, *, at: datetime
) -> Pace:
    """Return how fast a flight is to go on until the figures are read again.

    In flight counts by what an ad brings on average. For impressions another bound comes to it: if
    all that is in flight were shown, the goal would not be passed by more than a hundredth; so a
    goal below a hundred is never passed as long as the figures are right.
    """
    target = booking.target
    if target.lifetime is None and target.daily is None:
        return FREE
    brought = delivered.life.of(target.goal)
    in_flight = flow.in_flight(brought, at=at, life=booking.life)
    each = yield_of(target.goal, brought=brought, given=flow.given)
    room = min(_rooms(booking, delivered, traffic, in_flight * each, at=at))
    ads = max(room, 0) / each
    if target.goal is Goal.IMPRESSIONS:
        ads = min(ads, max(_slack(booking, delivered) - in_flight, 0))
    share = _share(ads, flow, traffic, at=at)
    return Pace(share=share, most=flow.given + int(ads))


def yield_of(goal: Goal, *, brought: float, given: int) -> float:
    """Return what one ad that is given brings of a goal."""
    prior = _PRIOR_YIELDS[goal]
    return max((brought + prior * _PRIOR_WEIGHT) / (given + _PRIOR_WEIGHT), prior / 20)


def curve(pacing: Pacing, part: float) -> float:
    """Return which part of a goal is to be brought when a part of the traffic has come."""
    match pacing:
        case Pacing.EVEN:
            return min(part, 1.0)
        case Pacing.FRONT_LOADED:
            return min(part * FRONT_LOAD, 1.0)
        case Pacing.ASAP:
            return 1.0


def _rooms(
    booking: Booking,
    delivered: Delivered,
    traffic: Traffic,
    expected: float,
    *,
    at: datetime,
) -> Sequence[float]:
    """Return what is lacking a moment from now, under each bound."""
    target, rooms = booking.target, []
    if target.lifetime is not None:
        wanted = target.lifetime * _part(
            target.pacing, traffic, booking.starts_at, booking.ends_at, at
        )
        rooms.append(wanted - delivered.life.of(target.goal) - expected)
    if target.daily is not None:
        start = max(booking.day_from, booking.starts_at)
        end = min(booking.day_until, booking.ends_at or booking.day_until)
        wanted = target.daily * _part(target.pacing, traffic, start, end, at)
        rooms.append(wanted - delivered.day.of(target.goal) - expected)
    return rooms


def _part(
    pacing: Pacing, traffic: Traffic, start: datetime, end: datetime | None, at: datetime
) -> float:
    """Return which part of a goal is to be brought a moment from now."""
    if end is None or end <= start:
        return 1.0
    come = traffic.between(start, min(at + HORIZON, end))
    return curve(pacing, come / traffic.between(start, end))


def _slack(booking: Booking, delivered: Delivered) -> float:
    """Return what may still be shown at the very most."""
    target, slacks = booking.target, []
    for bound, figures in ((target.lifetime, delivered.life), (target.daily, delivered.day)):
        if bound is not None:
            slacks.append(bound + bound // SPARE - figures.of(target.goal))
    return min(slacks)


def _share(ads: float, flow: Flow, traffic: Traffic, *, at: datetime) -> float:
    """Return which share of the requests brings so many ads within the horizon."""
    if ads <= 0:
        return 0.0
    requests = _requests(flow, traffic, at=at)
    return 1.0 if requests <= 0 else min(max(ads / requests, LEAST_SHARE), 1.0)


def _requests(flow: Flow, traffic: Traffic, *, at: datetime) -> float:
    """Return how many requests of the horizon could take the flight; 0: nothing is known yet.

    Seen is what was given since a sample, over the share that was taken; the traffic to come is as
    much more or less as the forecast says.
    """
    for sample in reversed(flow.samples):
        took = traffic.between(sample.at, at) * sample.share
        if took > 0 and at - sample.at >= HORIZON / 2 and flow.given > sample.given:
            seen = (flow.given - sample.given) / took
            return seen * traffic.between(at, at + HORIZON)
    return 0.0

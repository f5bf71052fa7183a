"""Steers flights that are paced: which share of the requests each takes, and how many ads."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Lock

from typing_extensions import override

from shared.placements.model.demand import Goal
from shared.placements.model.pacing import FREE, Booking, Delivered, Flow, Pace, Sample, pace
from shared.placements.ports.leases import LeaseStore
from shared.placements.ports.pacing import Bookings, Deliveries, FlowStore, Forecasts

REFRESH = timedelta(seconds=10)
"""How old the figures that a process steers by may be."""

_MOST_FLIGHTS = 10_000
"""Flights of which a process remembers something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenFlows(FlowStore):
    """Flows for those who only look: nothing is given, and no sample is kept."""

    flows: FlowStore

    @override
    def of(self, app_id: str, flights: Collection[str]) -> Mapping[str, Flow]:
        return self.flows.of(app_id, flights)

    @override
    def take(self, app_id: str, flight_id: str, *, amount: int, most: int) -> bool:
        return False

    @override
    def put_samples(self, app_id: str, flight_id: str, *, before: Flow, after: Flow) -> None:
        return


@dataclass(slots=True)
class _Steered:
    """What a process knows of one flight, and what is left of the block that it took."""

    booking: Booking | None
    pace: Pace
    read_at: datetime
    left: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PacingService:
    """Reads figures at most every ``REFRESH``, and gives ads from blocks that are counted before.

    A block is counted as given when it is taken, so what a process loses is in flight until its
    ads' life is over, and nothing more. Exact flights are counted by their leases instead.
    """

    bookings: Bookings
    deliveries: Deliveries
    forecasts: Forecasts
    flows: FlowStore
    leases: LeaseStore
    _steered: dict[tuple[str, str], _Steered] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def of(self, app_id: str, flights: Collection[str], *, at: datetime) -> Mapping[str, float]:
        """Return which share of the requests each flight takes, from 0 to 1."""
        with self._lock:
            old = [one for one in flights if self._is_old(app_id, one, at)]
            if old:
                self._read(app_id, old, at=at)
            return {one: self._steered[app_id, one].pace.share for one in flights}

    def take(self, app_id: str, flight_id: str, *, at: datetime) -> bool:
        """Count one ad of a flight as given; ``False``: nothing may be given at this moment.

        One write for each block of ``Booking.block`` ads; none for a flight without bounds.
        """
        self.of(app_id, [flight_id], at=at)
        with self._lock:
            steered = self._steered[app_id, flight_id]
            if steered.booking is None or steered.pace is FREE:
                return True
            if steered.left == 0 and not self._take_block(app_id, steered, steered.booking):
                return False
            steered.left -= 1
            return True

    def _is_old(self, app_id: str, flight_id: str, at: datetime) -> bool:
        known = self._steered.get((app_id, flight_id))
        return known is None or at - known.read_at >= REFRESH

    def _read(self, app_id: str, flights: Collection[str], *, at: datetime) -> None:
        bookings = self.bookings.of(app_id, flights, at=at)
        delivered = self.deliveries.of(app_id, bookings.values())
        flows = self.flows.of(app_id, bookings)
        traffic = self.forecasts.traffic(app_id, at=at)
        if len(self._steered) >= _MOST_FLIGHTS:
            self._steered.clear()
        for flight_id in flights:
            booking = bookings.get(flight_id)
            steered = _Steered(booking=booking, pace=FREE, read_at=at)
            if booking is not None:
                flow = self._given(app_id, booking, flows[flight_id])
                figures = delivered.get(flight_id, Delivered())
                steered.pace = pace(booking, figures, flow, traffic, at=at)
                self._sample(app_id, booking, figures, flow, steered.pace, at=at)
            before = self._steered.get((app_id, flight_id))
            # What is left of a block was counted: it is given, unless nothing may be any more.
            if before is not None and steered.pace.share > 0:
                steered.left = before.left
            self._steered[app_id, flight_id] = steered

    def _given(self, app_id: str, booking: Booking, flow: Flow) -> Flow:
        """Return a flow; of an exact flight with what its leases count."""
        if not booking.target.exact:
            return flow
        budget = self.leases.budget(booking.flight_id, app_id=app_id)
        counters = self.leases.counters(budget) if budget else ()
        return replace(flow, given=sum(counter.given for counter in counters))

    def _sample(
        self,
        app_id: str,
        booking: Booking,
        figures: Delivered,
        flow: Flow,
        taken: Pace,
        *,
        at: datetime,
    ) -> None:
        """Keep a sample for all processes, now and then."""
        if taken is FREE or not flow.is_due(at, life=booking.life):
            return
        brought = figures.life.of(booking.target.goal)
        sample = Sample(at=at, given=flow.given, brought=brought, share=taken.share)
        after = flow.sampled(sample)
        self.flows.put_samples(app_id, booking.flight_id, before=flow, after=after)

    def _take_block(self, app_id: str, steered: _Steered, booking: Booking) -> bool:
        """Take the next block, or one ad where a whole block is too much."""
        sizes = {booking.block, 1} if booking.target.goal is Goal.IMPRESSIONS else {1}
        for amount in sorted(sizes, reverse=True):
            if self.flows.take(app_id, booking.flight_id, amount=amount, most=steered.pace.most):
                steered.left = amount
                return True
        return False

"""What pacing needs, in memory; flows are held to the same contract as the real store."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import RLock

from typing_extensions import override

from shared.placements.model.pacing import Booking, Delivered, Flow, Traffic
from shared.placements.ports.pacing import Bookings, Deliveries, FlowStore, Forecasts


@dataclass
class InMemoryFlowStore(FlowStore):
    flows: dict[tuple[str, str], Flow] = field(default_factory=dict)
    writes: int = 0
    lock: RLock = field(default_factory=RLock)

    @override
    def of(self, app_id: str, flights: Collection[str]) -> Mapping[str, Flow]:
        return {one: self.flows.get((app_id, one), Flow()) for one in flights}

    @override
    def take(self, app_id: str, flight_id: str, *, amount: int, most: int) -> bool:
        with self.lock:
            self.writes += 1
            flow = self.flows.get((app_id, flight_id), Flow())
            if flow.given + amount > most:
                return False
            self.flows[app_id, flight_id] = replace(flow, given=flow.given + amount)
        return True

    @override
    def put_samples(self, app_id: str, flight_id: str, *, before: Flow, after: Flow) -> None:
        with self.lock:
            self.writes += 1
            flow = self.flows.get((app_id, flight_id), Flow())
            if flow.samples == before.samples:
                self.flows[app_id, flight_id] = replace(flow, samples=after.samples)


@dataclass
class FixedBookings(Bookings):
    bookings: dict[str, Booking] = field(default_factory=dict)

    @override
    def of(self, app_id: str, flights: Collection[str], *, at: datetime) -> Mapping[str, Booking]:
        return {one: self.bookings[one] for one in flights if one in self.bookings}


@dataclass
class FixedDeliveries(Deliveries):
    delivered: dict[str, Delivered] = field(default_factory=dict)
    reads: int = 0

    @override
    def of(self, app_id: str, bookings: Collection[Booking]) -> Mapping[str, Delivered]:
        self.reads += 1
        return dict(self.delivered)


@dataclass
class FixedForecasts(Forecasts):
    expected: Traffic = field(default_factory=Traffic)

    @override
    def traffic(self, app_id: str, *, at: datetime) -> Traffic:
        return self.expected

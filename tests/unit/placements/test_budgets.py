"""Budgets follow exact flights that run, and are swept without reading all flights each time."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from typing_extensions import override

from shared.placements.model.demand import Flight, Kind, State, Thing
from shared.placements.model.leases import UNBOUNDED, bounds_of, opened
from shared.placements.model.pointers import Pointer
from shared.placements.service.budgets import SWEPT_AFTER_END, BudgetService, Swept
from shared.placements.service.leases import LeaseService
from tests.fakes.leases import InMemoryLeaseStore
from tests.fakes.placements_demand import InMemoryDemandStore
from tests.fakes.placements_snapshots import InMemorySnapshots
from tests.unit.placements.bookings import APP, AT, a_flight

TWO = {"goal": "impressions", "lifetime": 2, "exact": True, "pacing": "asap"}
GRACE = timedelta(minutes=11)
MOMENT = timedelta(seconds=1)


class CountingDemand(InMemoryDemandStore):
    """Counts how often all things of a kind are read."""

    reads = 0

    @override
    def all_of(self, kind: Kind, app_id: str) -> Iterator[Thing]:
        self.reads += 1
        return super().all_of(kind, app_id)


@dataclass(kw_only=True)
class Office:
    demand: CountingDemand = field(default_factory=CountingDemand)
    pointers: InMemorySnapshots = field(default_factory=InMemorySnapshots)
    leases: InMemoryLeaseStore = field(default_factory=InMemoryLeaseStore)

    def __post_init__(self) -> None:
        self.service = BudgetService(
            demand=self.demand,
            pointers=self.pointers,
            leases=LeaseService(
                store=self.leases,
                shuffled=sorted,
                pause=list[int]().append,
                grace=GRACE,
            ),
        )

    def has(self, state: State = State.ACTIVE, **fields: Any) -> Flight:
        """Have a flight booked, and what is booked compiled."""
        flight = replace(a_flight(**{"target": TWO, **fields}), state=state)
        self.demand.kept[APP, Kind.FLIGHT, flight.flight_id] = flight
        self.compiled(f"{state} {fields}")
        return flight

    def compiled(self, content_hash: str) -> None:
        self.pointers.pointers[APP] = Pointer(
            app_id=APP,
            version=1,
            hash=content_hash,
            key="",
            compiled_at=AT,
            stored_at=AT,
            due_at=AT,
        )

    def follow(self, flight: Flight) -> int | None:
        """Have the budget follow; return its target."""
        self.service.follow(flight.flight_id, app_id=APP)
        budget = self.leases.budget(flight.flight_id, app_id=APP)
        return budget.target if budget else None

    def draw(self, flight: Flight) -> bool:
        lease = self.service.leases.draw(bounds_of(flight), day="", at=AT)
        return lease is not None

    def sweep(self, after: timedelta = timedelta(), *, times: int = 9) -> Swept:
        """Sweep; there is time for so many flights."""
        looks = iter([True] * times)
        return self.service.sweep(APP, at=AT + after, most=100, has_time=lambda: next(looks, False))


@pytest.fixture
def it() -> Office:
    return Office()


def test_an_hour_is_enough_to_give_all_that_an_exact_flight_may() -> None:
    huge = a_flight(target={**TWO, "lifetime": 10_000_000, "daily": 3_600_000})
    assert bounds_of(huge).peak == 1_000
    assert opened(bounds_of(huge)).shards == 3
    assert bounds_of(a_flight(target=TWO)).peak == 1
    assert bounds_of(a_flight(target={**TWO, "lifetime": None, "daily": 5})).lifetime is None
    assert bounds_of(huge).peak < UNBOUNDED // 3_600


def test_a_flight_that_runs_has_a_budget(it: Office) -> None:
    assert it.follow(it.has()) == 2


@pytest.mark.parametrize("state", [State.DRAFT, State.PAUSED, State.ENDED])
def test_a_flight_that_does_not_run_needs_none(it: Office, state: State) -> None:
    assert it.follow(it.has(state)) is None


def test_a_flight_that_is_not_exact_needs_none(it: Office) -> None:
    assert it.follow(it.has(target={**TWO, "exact": False})) is None


def test_what_is_not_shown_comes_back_when_its_time_is_over(it: Office) -> None:
    flight = it.has()
    assert it.draw(flight)
    assert it.sweep() == Swept(returned=0, is_whole=True)
    assert it.sweep(GRACE - MOMENT).returned == 0
    assert it.sweep(GRACE).returned == 1


def test_flights_are_read_again_when_another_snapshot_stands(it: Office) -> None:
    it.has()
    for _ in range(3):
        it.sweep()
    assert it.demand.reads == 1
    it.compiled("another")
    it.sweep()
    assert it.demand.reads == 2


def test_where_nothing_was_compiled_nothing_is_read(it: Office) -> None:
    assert it.sweep() == Swept(returned=0, is_whole=True)
    assert it.demand.reads == 0


def test_a_flight_is_swept_for_a_day_after_its_end(it: Office) -> None:
    flight = it.has(ends_at="2026-11-23T13:00:00.000Z")
    assert flight.ends_at is not None
    it.draw(flight)
    it.sweep()
    day_after = flight.ends_at - AT + SWEPT_AFTER_END
    assert it.sweep(day_after).returned == 0
    assert it.sweep(day_after - MOMENT).returned == 1


def test_without_time_no_flight_is_begun(it: Office) -> None:
    it.draw(it.has())
    assert it.sweep(times=0) == Swept(returned=0, is_whole=False)
    assert it.sweep(GRACE).returned == 0

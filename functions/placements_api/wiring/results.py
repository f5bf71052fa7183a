"""Connects what says what came of flights."""

from collections.abc import Collection, Sequence
from functools import cache
from random import sample

from typing_extensions import override

from functions.placements_api.wiring.elsewhere import RegisteredZones
from functions.placements_api.wiring.stores import (
    counter_store,
    demand_store,
    flow_store,
    lease_store,
)
from shared.kernel.clock import system_clock
from shared.placements.model.demand import Flight, Kind
from shared.placements.model.granting import GRACE
from shared.placements.ports.results import BookedFlights, GivenAds
from shared.placements.service.auditing import FlightAuditService
from shared.placements.service.folding import RebuildService
from shared.placements.service.leases import LeaseService
from shared.placements.service.mending import MendingService
from shared.placements.service.results import ResultService
from shared.placements.store import DynamoAdLedger
from shared.platform.dynamodb import pause_after
from shared.platform.settings import settings


class DemandedFlights(BookedFlights):
    """What is booked."""

    @override
    def check(self, flight_id: str, *, app_id: str) -> None:
        demand_store().get(Kind.FLIGHT, flight_id, app_id=app_id)


class CountedAds(GivenAds):
    """Counted by numbers where a flight is exact, by blocks where it has another bound."""

    @override
    def given(self, flight_id: str, *, app_id: str) -> int | None:
        flight = demand_store().get(Kind.FLIGHT, flight_id, app_id=app_id)
        if not isinstance(flight, Flight):
            return None
        if flight.target.exact:
            return _given_by_number(flight)
        if flight.target.lifetime is None and flight.target.daily is None:
            return None
        return flow_store().of(app_id, [flight_id])[flight_id].given


def _given_by_number(flight: Flight) -> int:
    budget = lease_store().budget(flight.flight_id, app_id=flight.app_id)
    counters = lease_store().counters(budget) if budget else ()
    return sum(counter.given for counter in counters)


@cache
def results() -> ResultService:
    """Return who says what came of flights."""
    return ResultService(flights=DemandedFlights(), counters=counter_store(), given=CountedAds())


@cache
def audits() -> FlightAuditService:
    """Return who recounts exact flights."""
    leases = LeaseService(store=lease_store(), shuffled=_shuffled, pause=pause_after, grace=GRACE)
    return FlightAuditService(demand=demand_store(), leases=leases)


@cache
def mending() -> MendingService:
    """Return who sets counters right."""
    zones = RegisteredZones()
    ledger = DynamoAdLedger(table=settings().contact_events_table)
    return MendingService(
        rebuilding=RebuildService(ledger=ledger, zones=zones),
        counters=counter_store(),
        zones=zones,
        clock=system_clock,
    )


def _shuffled(numbers: Collection[int]) -> Sequence[int]:
    return sample(list(numbers), len(numbers))

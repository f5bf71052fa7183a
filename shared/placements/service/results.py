"""Use case of marketers: what came of a flight."""

from dataclasses import dataclass

from shared.placements.model.results import FlightResults, results_of
from shared.placements.ports.folding import CounterStore
from shared.placements.ports.results import BookedFlights, GivenAds


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultService:
    """Says what came of flights."""

    flights: BookedFlights
    counters: CounterStore
    given: GivenAds

    def results(self, flight_id: str, *, app_id: str) -> FlightResults:
        """Return what came of a flight, as of the last seconds; of one not shown yet, nothing.

        Raises:
            FlightNotFoundError: the app has no such flight.
        """
        self.flights.check(flight_id, app_id=app_id)
        counters = self.counters.counters_of(flight_id, app_id=app_id)
        given = self.given.given(flight_id, app_id=app_id)
        return results_of(flight_id, counters, given=given)

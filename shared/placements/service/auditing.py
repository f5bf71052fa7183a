"""Use case of marketers: the proof that an exact flight gave not one ad too many."""

from dataclasses import dataclass

from shared.placements.errors import FlightNotExactError
from shared.placements.model.demand import Flight, Kind
from shared.placements.model.leases import LeaseAudit, bound
from shared.placements.model.things import NOT_FOUND
from shared.placements.ports.demand import DemandStore
from shared.placements.service.leases import LeaseService


@dataclass(frozen=True, slots=True, kw_only=True)
class FlightAuditService:
    """Recounts exact flights."""

    demand: DemandStore
    leases: LeaseService

    def audit(self, flight_id: str, *, app_id: str) -> LeaseAudit:
        """Return what became of a flight's numbers; of one that gave none yet, that all are left.

        Raises:
            FlightNotFoundError: the app has no such flight.
            FlightNotExactError: its target is not exact: its ads have no numbers.
        """
        flight = self.demand.get(Kind.FLIGHT, flight_id, app_id=app_id)
        if not isinstance(flight, Flight):
            raise NOT_FOUND[Kind.FLIGHT](flight_id)
        if not flight.target.exact:
            raise FlightNotExactError(flight_id)
        found = self.leases.audit(flight_id, app_id=app_id)
        return found or _untouched(bound(flight.target.lifetime))


def _untouched(target: int) -> LeaseAudit:
    return LeaseAudit(target=target, given=0, shown=0, lapsed=0, open=0, left=target, owed=0)

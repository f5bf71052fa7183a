"""Which flights are exact: their budgets follow what is booked, and are swept while they run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.placements.model.demand import Flight, Kind, State
from shared.placements.model.leases import bounds_of
from shared.placements.ports.demand import DemandStore
from shared.placements.ports.snapshots import Pointers
from shared.placements.service.leases import LeaseService

SWEPT_AFTER_END = timedelta(days=1)
"""How long after its end a flight is swept: all its leases ran out long before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """How many numbers came back; ``is_whole``: there was time for all flights."""

    returned: int
    is_whole: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetService:
    """Keeps the budgets of exact flights."""

    demand: DemandStore
    pointers: Pointers
    leases: LeaseService
    _exact: dict[str, tuple[str, Sequence[Flight]]] = field(default_factory=dict)

    def follow(self, flight_id: str, *, app_id: str) -> None:
        """Have the budget of a flight that runs be what is booked now; of another, do nothing.

        Raises:
            FlightNotFoundError: the app has no such flight.
            BudgetContendedError: others kept changing it; again does it.
        """
        flight = self.demand.get(Kind.FLIGHT, flight_id, app_id=app_id)
        if isinstance(flight, Flight) and flight.state is State.ACTIVE and flight.target.exact:
            self.leases.follow(bounds_of(flight))

    def sweep(self, app_id: str, *, at: datetime, most: int, has_time: Callable[[], bool]) -> Swept:
        """Return numbers of an app's exact flights whose ads were not shown.

        About ``most`` of each flight; no flight is begun where there is no time.

        Raises:
            BudgetContendedError: the target of a flight kept changing; again goes on.
        """
        returned = 0
        for flight in self._running(app_id, at):
            if not has_time():
                return Swept(returned=returned, is_whole=False)
            returned += self.leases.sweep(flight.flight_id, app_id=app_id, at=at, most=most)
        return Swept(returned=returned, is_whole=True)

    def _running(self, app_id: str, at: datetime) -> Sequence[Flight]:
        return [
            flight
            for flight in self._known(app_id)
            if flight.ends_at is None or at < flight.ends_at + SWEPT_AFTER_END
        ]

    def _known(self, app_id: str) -> Sequence[Flight]:
        """Return the exact flights of an app that have not ended, read anew after each change.

        A flight can only be given when a snapshot has it, and the pointer to that costs half a unit
        to read, where all flights may cost hundreds.
        """
        pointer = self.pointers.read(app_id)
        if pointer is None:
            return ()
        hash_, known = self._exact.get(app_id, ("", ()))
        if hash_ != pointer.hash:
            booked = self.demand.all_of(Kind.FLIGHT, app_id)
            flights = (one for one in booked if isinstance(one, Flight))
            known = [one for one in flights if one.target.exact and one.state is not State.ENDED]
            self._exact[app_id] = (pointer.hash, known)
        return known

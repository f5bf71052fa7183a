"""What pacing needs from outside."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Protocol

from shared.placements.model.pacing import Booking, Delivered, Flow, Traffic


class Bookings(Protocol):
    """What live flights are to bring."""

    def of(self, app_id: str, flights: Collection[str], *, at: datetime) -> Mapping[str, Booking]:
        """Return the bookings of some flights, with the day of an instant in the app's zone."""
        ...


class Deliveries(Protocol):
    """What came of flights, as events were folded."""

    def of(self, app_id: str, bookings: Collection[Booking]) -> Mapping[str, Delivered]:
        """Return the figures of some flights' lives and days, by flight id."""
        ...


class Forecasts(Protocol):
    """What traffic is to be expected."""

    def traffic(self, app_id: str, *, at: datetime) -> Traffic:
        """Return an app's traffic by hour after its last days; flat where none are known."""
        ...


class FlowStore(Protocol):
    """How many ads of each flight were given."""

    def of(self, app_id: str, flights: Collection[str]) -> Mapping[str, Flow]:
        """Return the flow of every flight that is named."""
        ...

    def take(self, app_id: str, flight_id: str, *, amount: int, most: int) -> bool:
        """Count ads as given, unless it would be more than ``most`` in all; say whether."""
        ...

    def put_samples(self, app_id: str, flight_id: str, *, before: Flow, after: Flow) -> None:
        """Keep the samples of ``after``; nothing where others than of ``before`` stand."""
        ...

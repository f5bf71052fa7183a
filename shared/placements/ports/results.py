"""What saying what came of ads needs from outside."""

from collections.abc import Iterable
from typing import Protocol


class BookedFlights(Protocol):
    """Flights, as far as their results need them."""

    def check(self, flight_id: str, *, app_id: str) -> None:
        """Hold that the app has the flight.

        Raises:
            FlightNotFoundError: it has no such flight.
        """
        ...


class GivenAds(Protocol):
    """What was given and is perhaps not shown yet."""

    def given(self, flight_id: str, *, app_id: str) -> int | None:
        """Return how many ads of a flight were given to devices; ``None``: it is not counted."""
        ...


class DecisionRecords(Protocol):
    """Files of records of decisions, by the minute of the decisions."""

    def put(self, key: str, content: bytes) -> None:
        """Write a file."""
        ...

    def keys(self, prefix: str) -> Iterable[str]:
        """Yield the names of the files that begin so."""
        ...

    def get(self, key: str) -> bytes:
        """Return what is in a file."""
        ...

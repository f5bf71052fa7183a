"""What snapshots of demand need from outside."""

from datetime import datetime
from typing import Protocol, TypeVar

from shared.placements.model.demand import Demand
from shared.placements.model.pointers import Pointer

LoadedT_co = TypeVar("LoadedT_co", covariant=True)


class Compile(Protocol):
    """Makes a snapshot."""

    def __call__(self, demand: Demand, *, at: datetime) -> bytes:
        """Return the snapshot of a demand at an instant; the same for equal ones."""
        ...


class Load(Protocol[LoadedT_co]):
    """Makes of a snapshot what decisions are made from."""

    def __call__(self, content: bytes, *, version: int) -> LoadedT_co:
        """Return what the content says; ``version`` is the pointer's."""
        ...


class PolicyVersions(Protocol):
    """Which version of an app's contact policy stands."""

    def of(self, app_id: str) -> int:
        """Return the version; 0 before anybody decided."""
        ...


class Pointers(Protocol):
    """The pointer to each app's snapshot that stands."""

    def read(self, app_id: str) -> Pointer | None:
        """Return the pointer, perhaps a moment old, for half a read unit."""
        ...

    def read_latest(self, app_id: str) -> Pointer | None:
        """Return the pointer as it is now."""
        ...

    def move(self, pointer: Pointer, *, before: Pointer | None) -> bool:
        """Write the revision after ``before``; say whether that is the one that stood."""
        ...


class Snapshots(Pointers, Protocol):
    """Snapshots, and the pointers to those that stand."""

    def put(self, key: str, content: bytes) -> None:
        """Store a snapshot's content, packed."""
        ...

    def get(self, key: str) -> bytes:
        """Return a snapshot's content."""
        ...

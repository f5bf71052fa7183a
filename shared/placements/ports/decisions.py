"""What decisions need from outside."""

from collections.abc import Callable, Collection, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import NamedTuple, Protocol, TypeAlias

from shared.placements.model.ad_state import AdState, Known
from shared.placements.model.leases import Bounds, Lease
from shared.placements.model.records import DecisionRecord

Pause: TypeAlias = Callable[[int], None]
"""Waits a moment after the n-th attempt (from 0)."""


class Change(NamedTuple):
    """A state as it was read, and as it is to be."""

    before: AdState
    after: AdState


class Intent(Protocol):
    """A merge of two people, or its undoing: ``moves`` with its ``members`` joins ``stays``."""

    @property
    def app_id(self) -> str: ...  # noqa: D102 - see the class

    @property
    def edge_id(self) -> str: ...  # noqa: D102 - see the class

    @property
    def stays(self) -> str: ...  # noqa: D102 - see the class

    @property
    def moves(self) -> str: ...  # noqa: D102 - see the class

    @property
    def members(self) -> AbstractSet[str]: ...  # noqa: D102 - see the class


class AdStates(Protocol):
    """Each person's state."""

    def read(self, contact_id: str, *, app_id: str) -> AdState:
        """Return the state, perhaps a moment old, for half a read unit: of version 0 without one.

        A state that moved is followed to where it is now.

        Raises:
            AdStateContendedError: it moves at this moment.
        """
        ...

    def read_latest(self, contact_id: str, *, app_id: str) -> AdState:
        """Return the state as it is now, as ``read`` does."""
        ...

    def replace(self, state: AdState, *, before: AdState) -> bool:
        """Write the version after ``before``; say whether it is the one that stood."""
        ...

    def kept(self, contact_id: str, *, app_id: str) -> AdState:
        """Return what is kept under a contact itself, even where that is that it moved."""
        ...

    def replace_both(self, one: Change, other: Change) -> bool:
        """Do two replacements or none; say whether both states are those that stood."""
        ...

    def forget(self, contact_id: str, *, app_id: str) -> None:
        """Keep nothing more of a contact."""
        ...


class Facts(Protocol):
    """What other domains know of a person."""

    def of(self, contact_id: str, *, device_id: str | None, app_id: str, at: datetime) -> Known:
        """Ask them all: what the policy holds, segments, tags, coupons, zone, the device's epoch.

        The answer is at least as recent as the call. Of the devices it names the one asked for,
        with 0 where it is not known, so that it is not asked for again.
        """
        ...


class Budgets(Protocol):
    """What exact flights may still give."""

    def draw(self, bounds: Bounds, *, day: str, at: datetime) -> Lease | None:
        """Take a number for one ad, of its life and of ``day`` at once; ``None``: all are taken.

        ``day`` is the date in the app's zone, or no text for a flight without a daily bound.
        """
        ...


class Records(Protocol):
    """Decisions that are kept, so that they can be explained."""

    def put(self, record: DecisionRecord) -> None:
        """Have a decision filed."""
        ...


class Rates(Protocol):
    """How much of the requests each paced flight takes at this moment."""

    def of(self, app_id: str, flights: Collection[str], *, at: datetime) -> Mapping[str, float]:
        """Return a share from 0 to 1 for each of the flights, from figures of the last seconds."""
        ...

    def take(self, app_id: str, flight_id: str, *, at: datetime) -> bool:
        """Count one ad of a flight as given; ``False``: nothing may be given at this moment."""
        ...


class Blocks(Protocol):
    """What paced flights that are not exact may still give."""

    def take(self, app_id: str, flight_id: str, *, at: datetime) -> bool:
        """Count one ad as given; ``False``: nothing may be given at this moment."""
        ...

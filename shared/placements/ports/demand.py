"""What the booking of ads needs from outside."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Protocol, TypeAlias

from shared.kernel.envelope import Envelope
from shared.kernel.idempotency import Attempt, Remembered
from shared.kernel.paging import Page
from shared.placements.model.demand import AdSettings, Demand, Kind, Thing
from shared.placements.model.relations import Named

Name: TypeAlias = tuple[Kind, str]
"""A kind, and the id or the key of one of its things."""


class Apps(Protocol):
    """Which apps there are."""

    def check(self, app_id: str) -> None:
        """Raise that domain's not-found error unless there is such an app."""
        ...


class Coupons(Protocol):
    """Which coupons there are."""

    def missing(self, coupon_ids: Collection[str], *, app_id: str) -> frozenset[str]:
        """Return those of some coupons that the app does not have."""
        ...


class Segments(Protocol):
    """Which segments there are."""

    def missing(self, segment_ids: Collection[str], *, app_id: str) -> frozenset[str]:
        """Return those of some segments that the app does not have."""
        ...


class Targeting(Protocol):
    """The language in which flights say whom they are for."""

    def text_of(self, given: Any) -> str:
        """Return the text of targeting that is written as text or as JSON.

        Raises a ``DomainError`` where it is not well written; pointers begin at the targeting.
        """
        ...

    def names_in(self, text: str) -> Named:
        """Return what a text names, which ``text_of`` returned."""
        ...


class DemandStore(Protocol):
    """What is booked in each app."""

    def add(
        self,
        thing: Thing,
        event: Envelope,
        *,
        attempt: Attempt | None = None,
        key: str | None = None,
    ) -> bool:
        """Store a new thing and its event.

        With them what its attempt came to (its kind and id, ``recall`` returns them), and the key
        by which imports know it. Returns ``False``, with nothing stored, where the attempt is
        remembered already.

        Raises:
            NameTakenError: another placement of the app has its name.
            DemandChangedError: another thing of its kind has the key.
        """
        ...

    def recall(self, attempt: Attempt, *, app_id: str) -> Remembered | None:
        """Return what an attempt came to before, if it did."""
        ...

    def get(self, kind: Kind, thing_id: str, *, app_id: str) -> Thing:
        """Return a thing, or raise the error that says that there is none of its kind."""
        ...

    def find(self, names: Iterable[Name], *, app_id: str) -> Mapping[Name, Thing]:
        """Return those of some things that there are, by kind and id, as they are now."""
        ...

    def list_things(
        self, kind: Kind, app_id: str, *, limit: int, cursor: str | None
    ) -> Page[Thing]:
        """Return a page of the things of a kind, in the order of their creation."""
        ...

    def all_of(self, kind: Kind, app_id: str) -> Iterator[Thing]:
        """Yield all things of a kind, in the order of their creation, as they are now."""
        ...

    def all_demand(self, app_id: str) -> Demand:
        """Return all that is booked in an app.

        It is read page by page: what is written meanwhile may be in it or not.
        """
        ...

    def keys(self, app_id: str) -> Mapping[Name, str]:
        """Return the ids of the things that were imported, by kind and key."""
        ...

    def replace(self, thing: Thing, event: Envelope, *, before: Thing) -> None:
        """Store the version after ``before``, and its event.

        Raises:
            DemandChangedError: ``before`` is not the version that stands.
        """
        ...

    def get_settings(self, app_id: str) -> AdSettings:
        """Return an app's settings; version 0 before anybody decided."""
        ...

    def replace_settings(
        self, settings: AdSettings, event: Envelope, *, before: AdSettings
    ) -> None:
        """Store the version after ``before``, and its event.

        Raises:
            DemandChangedError: ``before`` is not the version that stands.
        """
        ...

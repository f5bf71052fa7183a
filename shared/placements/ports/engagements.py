"""What becomes of ads that were given: what their events need from outside."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from shared.kernel.envelope import Envelope
from shared.placements.model.attribution import Told
from shared.placements.model.demand import Rate
from shared.placements.model.engagements import Engagement, Grant


class GrantTokens(Protocol):
    """The signed texts by which a device tells of an ad."""

    def token_of(self, grant: Grant) -> str:
        """Return the token of an ad that is given."""
        ...

    def grant_of(self, token: str) -> Grant:
        """Return what a token says, also when it has expired.

        Raises:
            AdTokenInvalidError: we did not sign it.
        """
        ...


class Written(StrEnum):
    """What became of an event that was to be written."""

    DONE = "done"
    THERE = "there"
    """It is there already: counted before."""
    GIVEN_BACK = "given_back"
    """The lease of its ad is over, and somebody else has its place."""


class EngagementStore(Protocol):
    """Events of ads in the ledger: each key once."""

    def put_each(self, events: Sequence[Envelope]) -> Sequence[bool]:
        """Write each event whose key is free; say of each whether it was."""
        ...

    def put_leased(self, event: Envelope, *, grant: Grant) -> Written:
        """Write an impression and the slots of its lease, both or neither."""
        ...

    def history(self, grant: Grant) -> Sequence[Envelope]:
        """Return all events of one ad, rejected ones too, as they are now."""
        ...

    def told(
        self, contact_ids: Sequence[str], *, app_id: str, since: datetime, until: datetime
    ) -> Sequence[Told]:
        """Return the events of ads whose tokens were issued to some contacts between two instants.

        Both ends are included.
        """
        ...


class Promises(Protocol):
    """Strict caps: places in a person's state that wait for the impression."""

    def confirm(self, grant: Grant, *, at: datetime) -> bool:
        """Make the place that waits an impression; ``False``: there is none any more.

        The same again says the same.
        """
        ...


class Bounds(Protocol):
    """Targets that are not exact."""

    def is_over(self, grant: Grant, engagement: Engagement, *, at: datetime) -> bool:
        """Say whether so many were delivered that one more is not paid, as of the last seconds."""
        ...


class Landings(Protocol):
    """Where clicks lead."""

    def url_of(self, grant: Grant) -> str | None:
        """Return the URL that is stored for the creative, its macros filled; ``None``: it has none.

        Nothing of a request has a part in it.
        """
        ...


class BookedRates(Protocol):
    """What is paid for flights."""

    def rate_of(self, flight_id: str, *, app_id: str) -> Rate | None:
        """Return a flight's rate; of one that is gone, ``None``."""
        ...


class Persons(Protocol):
    """Who is one person."""

    def origins_of(self, contact_id: str, *, app_id: str) -> Sequence[str]:
        """Return the contact and all that were joined to it; nobody for who was erased."""
        ...

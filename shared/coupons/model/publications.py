"""A publication: a coupon given to many people at once, by a marketer."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

MOST_NAMED = 1_000
"""Contacts and devices that one publication names; a segment has no bound."""

SLICE = 100
"""People to whom one step gives the coupon."""


class PublicationState(StrEnum):
    """Where a publication stands."""

    RUNNING = "running"
    DONE = "done"


def publication_id_of(coupon_id: str, source_id: str) -> str:
    """Return the id of a source's publication: the same request again finds its own."""
    digest = sha256(f"{coupon_id}\0{source_id}".encode()).hexdigest()
    return f"pub_{digest[:32]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipients:
    """To whom: contacts and devices by their ids, or all of a segment."""

    contacts: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    segment_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What came of it so far, in people.

    ``known`` had the coupon before. ``refused`` could not have it: nobody knows them, or all is
    given away.
    """

    given: int = 0
    known: int = 0
    refused: int = 0

    def plus(self, other: "Tally") -> "Tally":
        """Return both together."""
        return Tally(
            given=self.given + other.given,
            known=self.known + other.known,
            refused=self.refused + other.refused,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """One giving away of a coupon; ``source_id`` is its sender's own name for it.

    ``after`` is how far it came, in the words of who names the people; ``None`` at the start.
    """

    publication_id: str
    app_id: str
    coupon_id: str
    source_id: str
    recipients: Recipients
    by: str
    created_at: datetime
    state: PublicationState = PublicationState.RUNNING
    after: str | None = None
    tally: Tally = Tally()
    version: int = 1

    def advanced(self, tally: Tally, *, after: str | None) -> "Publication":
        """Return the publication after one more step; without a next place it is done."""
        return replace(
            self,
            tally=self.tally.plus(tally),
            after=after,
            state=PublicationState.DONE if after is None else PublicationState.RUNNING,
            version=self.version + 1,
        )

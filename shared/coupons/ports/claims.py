"""What claims, their reminders and publications need from outside."""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.coupons.model.claims import Claim
from shared.coupons.model.codes import Code
from shared.coupons.model.coupons import Coupon
from shared.coupons.model.publications import Publication
from shared.coupons.model.rules import Circumstances
from shared.kernel.envelope import Envelope
from shared.kernel.paging import Page


class ClaimStore(Protocol):
    """Claims: one of each coupon by each person. All reads see the last write."""

    def add_claim(
        self, claim: Claim, event: Envelope, *, first: int | None, code: Code | None
    ) -> Claim:
        """Store a claim, its event and its code, and count it; return the claim that stands.

        That is an earlier one where the person has one already: then nothing is written. With
        ``first`` so many claims of the coupon are granted, exactly, whoever races and crashes.

        Raises:
            CouponExhaustedError: as many were granted.
            CodeTakenError: there is a code of these letters; nothing was written.
        """
        ...

    def find_claim(self, coupon_id: str, *, contact_id: str, app_id: str) -> Claim | None:
        """Return a person's claim of a coupon, if there is one."""
        ...

    def claims_of(
        self, contact_id: str, *, app_id: str, limit: int, cursor: str | None
    ) -> Page[Claim]:
        """Return a person's claims, by coupon."""
        ...

    def granted(self, coupon_id: str, *, app_id: str) -> int:
        """Return how many claims were counted of a coupon whose first ones are bounded."""
        ...

    def replace_claim(self, claim: Claim, event: Envelope | None, *, before: Claim) -> bool:
        """Store the version after ``before``; say whether it is the one that stood.

        It is due when it says, and not when it said before.
        """
        ...

    def move_claim(self, claim: Claim, *, to: str) -> bool:
        """Put a claim into the hands of another contact; say whether it was so written.

        It is not where that contact has one of the coupon, or the claim is not as ``claim`` any
        more.
        """
        ...

    def remove_claim(self, claim: Claim) -> None:
        """Delete a claim and what is due about it; the coupon's count stays. Again as before."""
        ...

    def drop_due(self, claim: Claim) -> None:
        """Take a claim off the list of what is due; again changes nothing."""
        ...

    def done_until(self, app_id: str) -> datetime | None:
        """Return up to which minute all is done; ``None``: nothing was ever due."""
        ...

    def mark_done(self, app_id: str, *, until: datetime) -> None:
        """Note that all before a minute is done; it never goes back."""
        ...

    def due_in(self, app_id: str, *, minute: datetime) -> Iterator[Claim]:
        """Yield the claims that are due in a minute, as they are now."""
        ...


class Intent(Protocol):
    """A merge of two people, or its undoing: ``moves`` with its ``members`` joins ``stays``."""

    @property
    def app_id(self) -> str:
        """Return the app."""
        ...

    @property
    def stays(self) -> str:
        """Return the contact that goes on standing for the person."""
        ...

    @property
    def moves(self) -> str:
        """Return the contact that stands for the people who join, or who leave."""
        ...

    @property
    def members(self) -> AbstractSet[str]:
        """Return all contacts of the people who join or leave."""
        ...


class CodeMint(Protocol):
    """Makes codes that are somebody's own."""

    def mint(self, coupon: Coupon, claim: Claim) -> Code:
        """Return a fresh code for a claim; it comes to be where it is stored."""
        ...


class People(Protocol):
    """What other domains know of a person."""

    def know(self, circumstances: Circumstances) -> Circumstances:
        """Return circumstances with all that is known of the contact and the device in them.

        It does the same work whoever they are, and whatever is asked.
        """
        ...

    def person_of(self, contact_id: str, *, app_id: str) -> str | None:
        """Return the contact that stands for a contact's person; ``None``: nobody knows them."""
        ...

    def contact_of(self, device_id: str, *, app_id: str) -> str | None:
        """Return the contact whose device it is; ``None``: the app has no such device."""
        ...


class Reminders(Protocol):
    """Tells a person that a claim is about to end."""

    def remind(self, claim: Claim, coupon: Coupon, *, template_id: str) -> None:
        """Have the person told, once for a claim, however often it is asked."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One of a segment: a contact, and the device by which it is in."""

    contact_id: str
    device_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """Some of a segment; ``after`` is where the next ones begin, ``None``: these were the last."""

    found: Sequence[Member]
    after: str | None


class Segments(Protocol):
    """Who is in a segment."""

    def check(self, segment_id: str, *, app_id: str) -> None:
        """Raise, as the registrations do, where the app has no such segment."""
        ...

    def members(
        self, segment_id: str, *, app_id: str, after: str | None, limit: int, at: datetime
    ) -> Members:
        """Return some of a segment's people; one with several devices may come several times."""
        ...


class PublicationStore(Protocol):
    """Publications, and which of a source's there are."""

    def add_publication(self, publication: Publication) -> Publication:
        """Store a publication; return the one that stands for its source, which may be earlier."""
        ...

    def get_publication(self, publication_id: str, *, app_id: str) -> Publication:
        """Return the publication or raise ``PublicationNotFoundError``."""
        ...

    def list_publications(
        self, coupon_id: str, *, app_id: str, limit: int, cursor: str | None
    ) -> Page[Publication]:
        """Return a coupon's publications, the newest first."""
        ...

    def replace_publication(self, publication: Publication, *, before: Publication) -> bool:
        """Store the version after ``before``; say whether it is the one that stood."""
        ...


class PublicationQueue(Protocol):
    """Wakes a worker for a publication."""

    def go_on(self, publication: Publication) -> None:
        """Have a worker take its next step."""
        ...

"""Claims in memory, held to the contracts of the real stores, and what stands around them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from typing_extensions import override

from shared.coupons.errors import (
    CodeTakenError,
    CouponExhaustedError,
    PublicationNotFoundError,
)
from shared.coupons.model.claims import Claim
from shared.coupons.model.codes import Code, CodeKind
from shared.coupons.model.coupons import Coupon
from shared.coupons.model.publications import Publication
from shared.coupons.model.rules import Circumstances
from shared.coupons.ports.claims import (
    ClaimStore,
    CodeMint,
    Member,
    Members,
    People,
    PublicationQueue,
    PublicationStore,
    Reminders,
    Segments,
)
from shared.kernel.clock import rfc3339
from shared.kernel.envelope import Envelope
from shared.kernel.paging import Page


def minute_of(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(second=0, microsecond=0)


class InMemoryClaimStore(ClaimStore):
    def __init__(self) -> None:
        self.kept: dict[tuple[str, str, str], Claim] = {}
        self.counts: dict[tuple[str, str], int] = {}
        self.codes: set[str] = set()
        self.due: dict[tuple[str, str, str], datetime] = {}
        self.done: dict[str, datetime] = {}
        self.events: list[Envelope] = []

    @override
    def add_claim(
        self, claim: Claim, event: Envelope, *, first: int | None, code: Code | None
    ) -> Claim:
        key = _key(claim)
        if key in self.kept:
            return self.kept[key]
        counter = (claim.app_id, claim.coupon_id)
        if first is not None and self.counts.get(counter, 0) >= first:
            raise CouponExhaustedError(claim.coupon_id)
        if code and code.fingerprint in self.codes:
            raise CodeTakenError(claim.coupon_id)
        if code:
            self.codes.add(code.fingerprint)
        if first is not None:
            self.counts[counter] = self.counts.get(counter, 0) + 1
        if claim.due_at is not None:
            self.done.setdefault(claim.app_id, minute_of(claim.claimed_at))
            self.due[key] = claim.due_at
        self.kept[key] = claim
        self.events.append(event)
        return claim

    @override
    def find_claim(self, coupon_id: str, *, contact_id: str, app_id: str) -> Claim | None:
        return self.kept.get((app_id, contact_id, coupon_id))

    @override
    def claims_of(
        self, contact_id: str, *, app_id: str, limit: int, cursor: str | None
    ) -> Page[Claim]:
        found = sorted(
            coupon
            for app, contact, coupon in self.kept
            if (app, contact) == (app_id, contact_id) and coupon > (cursor or "")
        )
        items = [self.kept[app_id, contact_id, coupon] for coupon in found[:limit]]
        return Page(items=items, next_cursor=found[limit - 1] if len(found) > limit else None)

    @override
    def granted(self, coupon_id: str, *, app_id: str) -> int:
        return self.counts.get((app_id, coupon_id), 0)

    @override
    def replace_claim(self, claim: Claim, event: Envelope | None, *, before: Claim) -> bool:
        key = _key(claim)
        if key not in self.kept or self.kept[key].version != before.version:
            return False
        self.kept[key] = claim
        if event:
            self.events.append(event)
        if claim.due_at != before.due_at:
            self.due.pop(key, None)
            if claim.due_at is not None:
                self.due[key] = claim.due_at
        return True

    @override
    def move_claim(self, claim: Claim, *, to: str) -> bool:
        key, moved = _key(claim), claim.held_by(to)
        stands = key in self.kept and self.kept[key].version == claim.version
        if not stands or _key(moved) in self.kept:
            return False
        del self.kept[key]
        self.kept[_key(moved)] = moved
        if self.due.pop(key, None) is not None and moved.due_at is not None:
            self.due[_key(moved)] = moved.due_at
        return True

    @override
    def remove_claim(self, claim: Claim) -> None:
        self.kept.pop(_key(claim), None)
        self.due.pop(_key(claim), None)

    @override
    def drop_due(self, claim: Claim) -> None:
        self.due.pop(_key(claim), None)

    @override
    def done_until(self, app_id: str) -> datetime | None:
        return self.done.get(app_id)

    @override
    def mark_done(self, app_id: str, *, until: datetime) -> None:
        if app_id in self.done:
            self.done[app_id] = max(self.done[app_id], until)

    @override
    def due_in(self, app_id: str, *, minute: datetime) -> Iterator[Claim]:
        for key, due_at in list(self.due.items()):
            if key[0] == app_id and minute_of(due_at) == minute_of(minute):
                yield self.kept[key]


class InMemoryPublicationStore(PublicationStore):
    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Publication] = {}

    @override
    def add_publication(self, publication: Publication) -> Publication:
        return self.kept.setdefault((publication.app_id, publication.publication_id), publication)

    @override
    def get_publication(self, publication_id: str, *, app_id: str) -> Publication:
        try:
            return self.kept[app_id, publication_id]
        except KeyError:
            raise PublicationNotFoundError(publication_id) from None

    @override
    def list_publications(
        self, coupon_id: str, *, app_id: str, limit: int, cursor: str | None
    ) -> Page[Publication]:
        found = {
            f"{rfc3339(one.created_at)}#{one.publication_id}": one
            for one in self.kept.values()
            if (one.app_id, one.coupon_id) == (app_id, coupon_id)
        }
        places = [one for one in sorted(found, reverse=True) if cursor is None or one < cursor]
        more = places[limit - 1] if len(places) > limit else None
        return Page(items=[found[one] for one in places[:limit]], next_cursor=more)

    @override
    def replace_publication(self, publication: Publication, *, before: Publication) -> bool:
        key = (publication.app_id, publication.publication_id)
        if self.kept[key].version != before.version:
            return False
        self.kept[key] = publication
        return True


class NumberedCodes(CodeMint):
    """Mints codes by number."""

    def __init__(self) -> None:
        self.minted = 0

    @override
    def mint(self, coupon: Coupon, claim: Claim) -> Code:
        self.minted += 1
        return Code(
            app_id=coupon.app_id,
            coupon_id=coupon.coupon_id,
            fingerprint=f"print_{self.minted}",
            last_four=f"{self.minted:04}",
            kind=CodeKind.UNIQUE,
            created_at=claim.claimed_at,
            contact_id=claim.contact_id,
        )


@dataclass
class KnownPeople(People):
    """Knows of each contact what a test says; devices are named after their contacts."""

    facts: dict[str, Circumstances] = field(default_factory=dict)
    asked: int = 0

    @override
    def know(self, circumstances: Circumstances) -> Circumstances:
        self.asked += 1
        known = self.facts.get(circumstances.contact_id or "")
        if known is None:
            return circumstances
        return replace(
            circumstances,
            members=known.members,
            first_order=known.first_order,
            segments=known.segments,
            consents=known.consents,
            placements_seen=known.placements_seen,
            push_permission=known.push_permission,
        )

    @override
    def person_of(self, contact_id: str, *, app_id: str) -> str | None:
        return contact_id if contact_id.startswith("con_") else None

    @override
    def contact_of(self, device_id: str, *, app_id: str) -> str | None:
        if not device_id.startswith("dev_"):
            return None
        return device_id.replace("dev_", "con_")


@dataclass
class NotedReminders(Reminders):
    """Remembers whom it told; ``fails`` makes it fail once."""

    told: list[tuple[str, str]] = field(default_factory=list)
    fails: bool = False

    @override
    def remind(self, claim: Claim, coupon: Coupon, *, template_id: str) -> None:
        if self.fails:
            self.fails = False
            raise ConnectionError
        self.told.append((claim.claim_id, template_id))


@dataclass
class ListedSegments(Segments):
    """Has one segment of some contacts."""

    contacts: Sequence[str] = ()

    @override
    def check(self, segment_id: str, *, app_id: str) -> None:
        if segment_id != "seg_1":
            raise LookupError(segment_id)

    @override
    def members(
        self, segment_id: str, *, app_id: str, after: str | None, limit: int, at: datetime
    ) -> Members:
        start = int(after or 0)
        found = [Member(contact_id=one) for one in self.contacts[start : start + limit]]
        end = start + limit
        return Members(found=found, after=str(end) if end < len(self.contacts) else None)


@dataclass
class NotedPublications(PublicationQueue):
    """Remembers the publications for which a worker was woken."""

    woken: list[str] = field(default_factory=list)

    @override
    def go_on(self, publication: Publication) -> None:
        self.woken.append(publication.publication_id)


def _key(claim: Claim) -> tuple[str, str, str]:
    return claim.app_id, claim.contact_id, claim.coupon_id

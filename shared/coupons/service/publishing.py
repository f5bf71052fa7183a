"""Giving a coupon to many people: step by step, and once to each, whatever crashes in between."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.coupons.errors import (
    ClaimRefusedError,
    PublicationSourceReusedError,
)
from shared.coupons.model.claims import ClaimedBy
from shared.coupons.model.publications import (
    MOST_NAMED,
    SLICE,
    Publication,
    PublicationState,
    Recipients,
    Tally,
    publication_id_of,
)
from shared.coupons.ports.claims import (
    Member,
    People,
    PublicationQueue,
    PublicationStore,
    Segments,
)
from shared.coupons.ports.coupons import CouponStore
from shared.coupons.service.claims import ClaimService
from shared.kernel.clock import Clock
from shared.kernel.errors import FieldProblem, InvalidFieldsError
from shared.kernel.paging import Page


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishingService:
    """Gives coupons away. Who has a coupon keeps it: so a step that is repeated does no harm."""

    coupons: CouponStore
    publications: PublicationStore
    claims: ClaimService
    people: People
    segments: Segments
    queue: PublicationQueue
    clock: Clock

    def publish(
        self, coupon_id: str, recipients: Recipients, *, source_id: str, app_id: str, by: str
    ) -> Publication:
        """Begin to give a coupon away; the same source again finds its own publication.

        Raises:
            CouponNotFoundError: the app has no such coupon.
            InvalidFieldsError: nobody is named, or too many.
            PublicationSourceReusedError: the source named others before.
        """
        self.coupons.get_coupon(coupon_id, app_id=app_id)
        _check(recipients)
        if recipients.segment_id is not None:
            self.segments.check(recipients.segment_id, app_id=app_id)
        publication = Publication(
            publication_id=publication_id_of(coupon_id, source_id),
            app_id=app_id,
            coupon_id=coupon_id,
            source_id=source_id,
            recipients=recipients,
            by=by,
            created_at=self.clock(),
        )
        standing = self.publications.add_publication(publication)
        if standing.recipients != recipients:
            raise PublicationSourceReusedError("use a new source_id for other people")
        if standing.state is PublicationState.RUNNING:
            self.queue.go_on(standing)
        return standing

    def get_publication(self, publication_id: str, *, app_id: str) -> Publication:
        """Return a publication.

        Raises:
            PublicationNotFoundError: the app has none of this id.
        """
        return self.publications.get_publication(publication_id, app_id=app_id)

    def list_publications(
        self, coupon_id: str, *, app_id: str, limit: int, cursor: str | None
    ) -> Page[Publication]:
        """Return a page of a coupon's publications, the newest first.

        Raises:
            CouponNotFoundError: the app has no such coupon.
        """
        self.coupons.get_coupon(coupon_id, app_id=app_id)
        return self.publications.list_publications(
            coupon_id, app_id=app_id, limit=limit, cursor=cursor
        )

    def advance(self, publication_id: str, *, app_id: str) -> Publication:
        """Give the coupon to the next people, and have a worker go on with those after them.

        Where another worker took the same step, its account stands.

        Raises:
            PublicationNotFoundError: the app has none of this id.
        """
        before = self.publications.get_publication(publication_id, app_id=app_id)
        if before.state is PublicationState.DONE:
            return before
        people, after = self._next(before)
        tally = Tally()
        for one in people:
            tally = tally.plus(self._given(before, one))
        advanced = before.advanced(tally, after=after)
        if not self.publications.replace_publication(advanced, before=before):
            return self.publications.get_publication(publication_id, app_id=app_id)
        if advanced.state is PublicationState.RUNNING:
            self.queue.go_on(advanced)
        return advanced

    def _next(self, publication: Publication) -> tuple[Sequence[Member | None], str | None]:
        """Return the next people, and where those after them begin; ``None`` is nobody known."""
        named = publication.recipients
        if named.segment_id is not None:
            page = self.segments.members(
                named.segment_id,
                app_id=publication.app_id,
                after=publication.after,
                limit=SLICE,
                at=self.clock(),
            )
            return page.found, page.after
        start = int(publication.after or 0)
        end = start + SLICE
        everybody = [*named.contacts, *named.devices]
        people = [
            self._of_device(one, app_id=publication.app_id)
            if place >= len(named.contacts)
            else self._of_contact(one, app_id=publication.app_id)
            for place, one in enumerate(everybody[start:end], start)
        ]
        return people, str(end) if end < len(everybody) else None

    def _of_contact(self, contact_id: str, *, app_id: str) -> Member | None:
        known = self.people.person_of(contact_id, app_id=app_id)
        return Member(contact_id=known) if known else None

    def _of_device(self, device_id: str, *, app_id: str) -> Member | None:
        contact_id = self.people.contact_of(device_id, app_id=app_id)
        return Member(contact_id=contact_id, device_id=device_id) if contact_id else None

    def _given(self, publication: Publication, member: Member | None) -> Tally:
        if member is None:
            return Tally(refused=1)
        try:
            _, known = self.claims.claim(
                publication.coupon_id,
                app_id=publication.app_id,
                contact_id=member.contact_id,
                device_id=member.device_id,
                by=ClaimedBy.MARKETER,
            )
        except ClaimRefusedError:
            return Tally(refused=1)
        return Tally(known=1) if known else Tally(given=1)


def _check(recipients: Recipients) -> None:
    named = len(recipients.contacts) + len(recipients.devices)
    if bool(named) is (recipients.segment_id is not None):
        detail = "either contacts and devices, or a segment"
        raise _invalid("kind", detail)
    if named > MOST_NAMED:
        raise _invalid("count", f"at most {MOST_NAMED}; for more, name a segment")


def _invalid(code: str, detail: str) -> InvalidFieldsError:
    problem = FieldProblem(pointer="/recipients", code=code, detail=detail)
    return InvalidFieldsError("the recipients are not well named", fields=[problem])

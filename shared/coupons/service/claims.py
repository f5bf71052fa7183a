"""Use cases of those who claim coupons, and of those who give them away."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from shared.coupons.errors import (
    ClaimContendedError,
    CodeTakenError,
    CouponExhaustedError,
)
from shared.coupons.events import CouponClaimed
from shared.coupons.model.claims import (
    Claim,
    ClaimedBy,
    ClaimState,
    TappedAd,
    exhausted,
    new_claim,
)
from shared.coupons.model.coupons import Coupon
from shared.coupons.model.rules import Circumstances
from shared.coupons.ports.claims import ClaimStore, CodeMint, Intent, People
from shared.coupons.ports.coupons import CouponStore
from shared.coupons.service.claim_people import ClaimPeople
from shared.kernel.clock import Clock
from shared.kernel.envelope import seal
from shared.kernel.ids import Ids
from shared.kernel.paging import Page

T = TypeVar("T")

ATTEMPTS = 5
"""Fresh codes that are tried, and races for a claim that are lost, before it is given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimService:
    """Puts coupons into people's hands: each once into the hands of one."""

    coupons: CouponStore
    claims: ClaimStore
    codes: CodeMint
    people: People
    clock: Clock
    ids: Ids

    def claim(
        self,
        coupon_id: str,
        *,
        app_id: str,
        contact_id: str,
        device_id: str | None,
        by: ClaimedBy,
        ad: TappedAd | None = None,
    ) -> tuple[Claim, bool]:
        """Take a coupon in the app; say whether it was the person's already.

        ``ad`` is the one by a tap on which it is taken.

        Raises:
            CouponNotFoundError: the app has no such coupon.
            ClaimRefusedError: it cannot be claimed (any more), or not by this person.
        """
        coupon = self.coupons.get_coupon(coupon_id, app_id=app_id)
        earlier = self.claims.find_claim(coupon_id, contact_id=contact_id, app_id=app_id)
        if earlier is not None:
            return earlier, True
        who = Circumstances(
            app_id=app_id, at=self.clock(), contact_id=contact_id, device_id=device_id
        )
        if by is not ClaimedBy.MARKETER:
            who = self.people.know(who)
        claim = new_claim(coupon, who, claim_id=self.ids.new("clm"), by=by)
        standing = self._add(claim, coupon, ad)
        return standing, standing.claim_id != claim.claim_id

    def claims_of(
        self, contact_id: str, *, app_id: str, limit: int, cursor: str | None
    ) -> Page[Claim]:
        """Return a person's claims, by coupon."""
        return self.claims.claims_of(contact_id, app_id=app_id, limit=limit, cursor=cursor)

    def granted(self, coupon_id: str, *, app_id: str) -> int:
        """Return how many claims were counted of a coupon whose first ones are bounded.

        Raises:
            CouponNotFoundError: the app has no such coupon.
        """
        self.coupons.get_coupon(coupon_id, app_id=app_id)
        return self.claims.granted(coupon_id, app_id=app_id)

    def note_used(self, coupon_id: str, *, contact_id: str, app_id: str) -> None:
        """Note that a claimed coupon was used; again, or without a claim, changes nothing.

        Raises:
            ClaimContendedError: others changed the claim again and again.
        """
        self._note(coupon_id, ClaimState.USED, contact_id=contact_id, app_id=app_id)

    def note_returned(self, coupon_id: str, *, contact_id: str, app_id: str) -> None:
        """Note that the use of a claimed coupon was given back: it is as if it was never used.

        Raises:
            ClaimContendedError: others changed the claim again and again.
        """
        self._note(coupon_id, ClaimState.HELD, contact_id=contact_id, app_id=app_id)

    def unite(self, intent: Intent) -> None:
        """Make the claims of two people those of one; again changes nothing.

        Of a coupon that both have, who stays keeps theirs; the other one waits until they part.

        Raises:
            ClaimContendedError: others changed a claim again and again.
        """
        ClaimPeople(claims=self.claims).unite(intent)

    def split(self, intent: Intent) -> None:
        """Give people who leave the claims that came from their own contacts.

        Raises:
            ClaimContendedError: others changed a claim again and again.
        """
        ClaimPeople(claims=self.claims).split(intent)

    def _add(self, claim: Claim, coupon: Coupon, ad: TappedAd | None) -> Claim:
        event = CouponClaimed(
            app_id=claim.app_id,
            occurred_at=claim.claimed_at,
            coupon_id=claim.coupon_id,
            contact_id=claim.claimed_as,
            claim_id=claim.claim_id,
            by=claim.by.value,
            ad_token_id=ad.token_id if ad else None,
            flight_id=ad.flight_id if ad else None,
            ad_id=ad.ad_id if ad else None,
        )

        def try_once() -> Claim | None:
            code = self.codes.mint(coupon, claim) if coupon.claims.with_code else None
            mine = claim if code is None else claim.with_code(code)
            told = replace(event, last_four=mine.last_four)
            sealed = seal(told, sequence=self.ids.sequence())
            try:
                return self.claims.add_claim(mine, sealed, first=coupon.claims.first, code=code)
            except CodeTakenError:
                return None

        try:
            return _until(try_once)
        except CouponExhaustedError as error:
            raise exhausted(coupon) from error

    def _note(self, coupon_id: str, state: ClaimState, *, contact_id: str, app_id: str) -> None:
        def try_once() -> bool | None:
            before = self._find(coupon_id, contact_id=contact_id, app_id=app_id)
            if before is None or before.state in {state, ClaimState.EXPIRED}:
                return True
            after = before.moved_to(state)
            return self.claims.replace_claim(after, None, before=before) or None

        _until(try_once)

    def _find(self, coupon_id: str, *, contact_id: str, app_id: str) -> Claim | None:
        """Return a person's claim by any of their contacts: it is with who stands for them."""
        claim = self.claims.find_claim(coupon_id, contact_id=contact_id, app_id=app_id)
        if claim is not None:
            return claim
        person = self.people.person_of(contact_id, app_id=app_id)
        if person is None or person == contact_id:
            return None
        return self.claims.find_claim(coupon_id, contact_id=person, app_id=app_id)


def _until(try_once: Callable[[], T | None]) -> T:
    """Return what came of the first try that came to something.

    Raises:
        ClaimContendedError: none of five did.
    """
    for _ in range(ATTEMPTS):
        done = try_once()
        if done is not None:
            return done
    raise ClaimContendedError(f"{ATTEMPTS} times")

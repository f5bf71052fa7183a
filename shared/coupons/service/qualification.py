"""What can I use? One's claims and the coupons that anybody may take, and what each would give."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.coupons.model.baskets import Basket
from shared.coupons.model.claims import Claim
from shared.coupons.model.coupons import Coupon
from shared.coupons.model.rules import Circumstances, Reason, Refusal
from shared.coupons.model.validation import Candidate
from shared.coupons.ports.claims import ClaimStore, People
from shared.coupons.ports.coupons import CouponStore
from shared.coupons.ports.validation import Availability, Best, Miss, Pricing
from shared.coupons.service.validation import Judged, lacking_of

MOST_CLAIMS = 100
MOST_OPEN = 50
"""Of each the app shows no more at once; the newest coupons that are free to take come first."""

_GONE = frozenset({Reason.DISABLED, Reason.EXPIRED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Qualified:
    """A coupon that a person has, or may take (``claim`` is ``None``).

    ``why`` says why it cannot be used now; ``gives`` is its discount alone, in minor units, where
    a basket was named and nothing is refused.
    """

    coupon: Coupon
    claim: Claim | None
    why: tuple[Refusal, ...]
    gives: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Qualification:
    """What a person can use: claimed coupons first.

    ``best`` is the best combination of what may be used now, ``miss`` what lacks the least of its
    minimum; both need a basket.
    """

    coupons: tuple[Qualified, ...]
    best: Best | None = None
    miss: Miss | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QualificationService:
    """Answers what a person can use."""

    coupons: CouponStore
    claims: ClaimStore
    people: People
    availability: Availability
    pricing: Pricing

    def qualify(self, circumstances: Circumstances, *, basket: Basket | None) -> Qualification:
        """Return what a known person can use, in a basket or at all."""
        who = self.people.know(circumstances)
        judged = [self._judged(one, basket, who) for one in self._candidates(who)]
        there = [one for one in judged if not _GONE & {each.reason for each in one.why}]
        if basket is None:
            return Qualification(coupons=tuple(_qualified(one, gives=None) for one in there))
        usable = [one.candidate.coupon for one in there if not one.why]
        return Qualification(
            coupons=tuple(_qualified(one, gives=self._gives(one, basket)) for one in there),
            best=self.pricing.best(basket, usable) if usable else None,
            miss=self.pricing.nearest_miss(basket, lacking_of(there)),
        )

    def _candidates(self, who: Circumstances) -> Sequence[Candidate]:
        mine: Mapping[str, Claim] = {}
        if who.contact_id is not None:
            page = self.claims.claims_of(
                who.contact_id, app_id=who.app_id, limit=MOST_CLAIMS, cursor=None
            )
            mine = {claim.coupon_id: claim for claim in page.items}
        coupons = self.coupons.find_coupons(mine, app_id=who.app_id)
        free = self.coupons.open_coupons(who.app_id, limit=MOST_OPEN)
        claimed = [
            Candidate(coupon=coupons[one], claim=claim)
            for one, claim in mine.items()
            if one in coupons
        ]
        return [*claimed, *(Candidate(coupon=one) for one in free if one.coupon_id not in mine)]

    def _judged(self, candidate: Candidate, basket: Basket | None, who: Circumstances) -> Judged:
        # What is free to take can be claimed at once: that it is not yet is no reason here.
        why = tuple(
            one
            for one in candidate.refusals(basket, who)
            if one.reason is not Reason.CLAIM_REQUIRED
        )
        if not why:
            left = self.availability.refusal(
                candidate.coupon, fingerprint=candidate.fingerprint, who=who
            )
            why = (candidate.coupon.rules.refusal(left),) if left else ()
        # Claims are one's own, and what anybody may take is no secret.
        return Judged(candidate=candidate, is_held=True, why=why)

    def _gives(self, one: Judged, basket: Basket) -> int | None:
        if one.why:
            return None
        priced = self.pricing.price(basket, [one.candidate.coupon])
        return sum(each.discount for each in priced.applied)


def _qualified(one: Judged, *, gives: int | None) -> Qualified:
    candidate = one.candidate
    return Qualified(coupon=candidate.coupon, claim=candidate.claim, why=one.why, gives=gives)

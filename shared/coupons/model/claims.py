"""A claim: this coupon is mine."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from shared.coupons.errors import ClaimRefusedError
from shared.coupons.model.codes import Code
from shared.coupons.model.coupons import Coupon, CouponState
from shared.coupons.model.rules import (
    SENTENCES,
    Circumstances,
    Reason,
    Refusal,
    refusals_of_person,
)
from shared.kernel.errors import FieldProblem

SHARDS = 16
"""Counters of a coupon's claims, and parts of a due minute."""


class ClaimState(StrEnum):
    """What became of a claim."""

    HELD = "held"
    USED = "used"
    EXPIRED = "expired"


class ClaimedBy(StrEnum):
    """Who brought a claim about."""

    DEVICE = "device"
    CONTACT = "contact"
    MARKETER = "marketer"


@dataclass(frozen=True, slots=True, kw_only=True)
class TappedAd:
    """The ad by a tap on which a coupon was claimed; ``token_id`` is its id in its decision."""

    token_id: str
    flight_id: str
    ad_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One coupon in one person's hands; a contact, or a device that no one logged in on, has one.

    ``fingerprint`` names the code that came with it, where the coupon has unique codes. Whether it
    can be used is decided by ``expires_at`` and the coupon's limits: ``state`` tells what became of
    it. ``remind_at`` is ``None`` where nothing is to be told (any more). ``contact_id`` stands for
    the person, ``origin`` is the contact that claimed it where that is another one of theirs.
    ``version`` counts writes.
    """

    claim_id: str
    app_id: str
    coupon_id: str
    contact_id: str
    claimed_at: datetime
    by: ClaimedBy
    device_id: str | None = None
    state: ClaimState = ClaimState.HELD
    expires_at: datetime | None = None
    fingerprint: str | None = None
    last_four: str | None = None
    remind_at: datetime | None = None
    origin: str | None = None
    version: int = 1

    @property
    def due_at(self) -> datetime | None:
        """Return when something is to be done about it; ``None``: never."""
        return self.remind_at or self.expires_at

    def is_over(self, at: datetime) -> bool:
        """Say whether it ran out."""
        return self.expires_at is not None and self.expires_at <= at

    def is_over_under(self, coupon: Coupon, at: datetime) -> bool:
        """Say whether it ran out by what was promised and by the coupon's terms of today.

        A coupon that is prolonged prolongs its claims; one whose claims are shortened does not take
        back what was promised.
        """
        ends_at = coupon.validity.ends_for(self.claimed_at)
        return self.is_over(at) and ends_at is not None and ends_at <= at

    def prolonged(self, coupon: Coupon) -> "Claim":
        """Return the claim with the end that the coupon's terms of today give it."""
        expires_at = coupon.validity.ends_for(self.claimed_at)
        return replace(self, expires_at=expires_at, version=self.version + 1)

    def with_code(self, code: Code) -> "Claim":
        """Return the claim with the code that comes with it."""
        return replace(self, fingerprint=code.fingerprint, last_four=code.last_four)

    def moved_to(self, state: ClaimState) -> "Claim":
        """Return the claim in another state."""
        return replace(self, state=state, version=self.version + 1)

    @property
    def claimed_as(self) -> str:
        """Return the contact that claimed it."""
        return self.origin or self.contact_id

    def held_by(self, contact_id: str) -> "Claim":
        """Return the claim when another contact stands for its person."""
        origin = None if contact_id == self.claimed_as else self.claimed_as
        return replace(self, contact_id=contact_id, origin=origin, version=self.version + 1)

    def reminded(self) -> "Claim":
        """Return the claim with nothing more to tell before it ends."""
        return replace(self, remind_at=None, version=self.version + 1)


def new_claim(coupon: Coupon, who: Circumstances, *, claim_id: str, by: ClaimedBy) -> Claim:
    """Return a person's claim of a coupon.

    It may be claimed before it is valid. What a marketer gives away is given whatever the coupon's
    rules ask of the person; they are asked when it is used.

    Raises:
        ClaimRefusedError: it cannot be claimed (any more), or not by this person.
    """
    found = _refusal(coupon, who, by=by)
    if found is not None:
        raise refused_claim(found)
    if who.contact_id is None:
        raise refused_claim(coupon.rules.refusal(Reason.CONTACT_REQUIRED))
    expires_at = coupon.validity.ends_for(who.at)
    return Claim(
        claim_id=claim_id,
        app_id=coupon.app_id,
        coupon_id=coupon.coupon_id,
        contact_id=who.contact_id,
        claimed_at=who.at,
        by=by,
        device_id=who.device_id,
        origin=who.origin_id,
        expires_at=expires_at,
        remind_at=_remind_at(coupon, expires_at, claimed_at=who.at),
    )


def refused_claim(refusal: Refusal) -> ClaimRefusedError:
    """Return the error that tells why a coupon cannot be claimed."""
    problem = FieldProblem(pointer="", code=refusal.reason.value, detail=refusal.detail)
    return ClaimRefusedError(refusal.detail, fields=[problem])


def share_of(first: int, shard: int) -> int:
    """Return how many of the ``first`` claims one of the counters grants; all grant ``first``.

    A greater ``first`` makes no share smaller: so it may be raised at any time.
    """
    return first // SHARDS + (shard < first % SHARDS)


def exhausted(coupon: Coupon) -> ClaimRefusedError:
    """Return the error of a coupon of which all claims are granted."""
    text = coupon.rules.texts.get(Reason.EXHAUSTED, SENTENCES[Reason.EXHAUSTED])
    return refused_claim(Refusal(reason=Reason.EXHAUSTED, detail=text))


def _refusal(coupon: Coupon, who: Circumstances, *, by: ClaimedBy) -> Refusal | None:
    given = by is ClaimedBy.MARKETER
    if coupon.state is not CouponState.ACTIVE or not (given or coupon.claims.enabled):
        return coupon.rules.refusal(Reason.DISABLED)
    ends_at = coupon.validity.ends_at
    if ends_at is not None and ends_at <= who.at:
        return coupon.rules.refusal(Reason.EXPIRED)
    if given:
        return None
    return next(iter(refusals_of_person(coupon.rules, who)), None)


def _remind_at(
    coupon: Coupon, expires_at: datetime | None, *, claimed_at: datetime
) -> datetime | None:
    hours = coupon.claims.remind_before_hours
    if hours is None or expires_at is None:
        return None
    remind_at = expires_at - timedelta(hours=hours)
    # Who claims it that late need not be reminded.
    return remind_at if remind_at > claimed_at else None

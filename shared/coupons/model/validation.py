"""Whether somebody may use a coupon here and now, and how much they are told if not.

Who holds a coupon is told every reason: who claimed it, to whom its code was assigned, who has a
quote of ours for it, and a till. A stranger is told one thing, whether the code does not exist or
is refused: with reasons, a code could be found by trying.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from shared.coupons.model.baskets import Basket
from shared.coupons.model.claims import Claim
from shared.coupons.model.codes import Code, CodeKind
from shared.coupons.model.coupons import Coupon, CouponState
from shared.coupons.model.redemptions import Applied
from shared.coupons.model.rules import (
    SENTENCES,
    Circumstances,
    Reason,
    Refusal,
    refusals,
)

MOST_PRESENTED = 30
"""Codes and coupons that one order presents."""


class Status(StrEnum):
    """What comes of a coupon that was presented; the words are Voucherify's."""

    APPLICABLE = "APPLICABLE"
    INAPPLICABLE = "INAPPLICABLE"
    SKIPPED = "SKIPPED"
    """It could be used, but not together with those before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """What somebody wants to use: a code by its letters, or a coupon that they claimed."""

    code: str | None = None
    coupon_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A coupon that was presented, with what shows whose it is."""

    coupon: Coupon
    code: Code | None = None
    claim: Claim | None = None

    @property
    def fingerprint(self) -> str | None:
        """Return the code by which it is used: the one presented, or the claim's."""
        if self.code is not None:
            return self.code.fingerprint
        return self.claim.fingerprint if self.claim is not None else None

    @property
    def last_four(self) -> str | None:
        """Return what may be shown of that code."""
        if self.code is not None:
            return self.code.last_four
        return self.claim.last_four if self.claim is not None else None

    @property
    def code_kind(self) -> CodeKind | None:
        """Return the kind of that code; ``None``: it is used without one."""
        if self.code is not None:
            return self.code.kind
        return CodeKind.UNIQUE if self.fingerprint is not None else None

    @property
    def is_assigned(self) -> bool:
        """Say whether its code is somebody's own."""
        return self.code is not None and not (
            self.code.contact_id is None and self.code.device_id is None
        )

    def is_held_by(self, who: Circumstances, *, quoted: frozenset[str]) -> bool:
        """Say whether somebody holds it; ``quoted`` are the codes of a quote of theirs.

        Who claimed a coupon holds the code that came with it, and the one that all have: not every
        code of the coupon, which could be found by trying otherwise.
        """
        if who.till_id is not None:
            return True
        if self.code is None:
            return self.claim is not None
        if self._is_of_others(who):
            return False
        return self.is_assigned or self.code.fingerprint in quoted or self._came_by_claim

    def refusals(self, basket: Basket | None, who: Circumstances) -> tuple[Refusal, ...]:
        """Return every reason why it cannot be used, in the order of ``Reason``.

        What is not in use, or somebody else's, is refused for that alone.
        """
        rules = replace(self.coupon.rules, currency=self.coupon.currency)
        for reason in self._plainly_not(who):
            return (rules.refusal(reason),)
        timely = (rules.refusal(one) for one in self._untimely(who))
        found = {one.reason: one for one in (*timely, *refusals(rules, basket, who))}
        return tuple(found[one] for one in Reason if one in found)

    @property
    def _came_by_claim(self) -> bool:
        if self.claim is None or self.code is None:
            return False
        is_everybodys = self.code.kind is CodeKind.GENERIC
        return is_everybodys or self.code.fingerprint == self.claim.fingerprint

    def _plainly_not(self, who: Circumstances) -> Iterator[Reason]:
        is_off = self.code is not None and not self.code.is_in_use
        if self.coupon.state is not CouponState.ACTIVE or is_off:
            yield Reason.DISABLED
        if self._is_of_others(who):
            yield Reason.OTHERS

    def _untimely(self, who: Circumstances) -> Iterator[Reason]:
        claim, code = self.claim, self.code
        refused = self.coupon.validity.refusal(who.at)
        if refused is not None:
            yield refused
        if claim is not None and claim.is_over_under(self.coupon, who.at):
            yield Reason.EXPIRED
        if code is not None and code.expires_at is not None and code.expires_at <= who.at:
            yield Reason.EXPIRED
        if self.coupon.claims.required and claim is None and not self.is_assigned:
            yield Reason.CLAIM_REQUIRED

    def _is_of_others(self, who: Circumstances) -> bool:
        if self.code is None:
            return False
        contact_id, device_id = self.code.contact_id, self.code.device_id
        is_anothers = contact_id is not None and not who.is_person_of(contact_id)
        return is_anothers or (device_id is not None and device_id != who.device_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What comes of one coupon that was presented; ``applied`` where it is applicable."""

    status: Status
    coupon_id: str | None = None
    applied: Applied | None = None
    refusals: tuple[Refusal, ...] = ()


UNKNOWN = Verdict(
    status=Status.INAPPLICABLE,
    refusals=(Refusal(reason=Reason.NOT_FOUND, detail=SENTENCES[Reason.NOT_FOUND]),),
)
"""All that a stranger is told of what cannot be used."""


def bearer_of(code: Code | None, who: Circumstances) -> Circumstances:
    """Return who uses a code: at a till that knows nobody, whom the code was assigned to."""
    if code is None or who.till_id is None or who.contact_id is not None:
        return who
    return replace(who, contact_id=code.contact_id, device_id=who.device_id or code.device_id)


def refused(
    candidate: Candidate, why: Sequence[Refusal], *, is_held: bool, skipped: bool = False
) -> Verdict:
    """Return the verdict on a coupon that is not applied, as far as its presenter may know."""
    if not is_held:
        return UNKNOWN
    return Verdict(
        status=Status.SKIPPED if skipped else Status.INAPPLICABLE,
        coupon_id=candidate.coupon.coupon_id,
        refusals=tuple(why),
    )


def applied_of(candidate: Candidate, applied: Applied) -> Applied:
    """Return what a coupon gives, with the code and the claim by which it is used."""
    return replace(
        applied,
        fingerprint=candidate.fingerprint,
        last_four=candidate.last_four,
        claim_id=candidate.claim.claim_id if candidate.claim is not None else None,
    )


def lacks_of(why: Sequence[Refusal]) -> Mapping[Reason, int] | None:
    """Return how much money and how many pieces are missing; ``None``: more is refused."""
    wanted = {Reason.MINIMUM_AMOUNT, Reason.QUANTITY}
    if not why or any(one.reason not in wanted for one in why):
        return None
    return {one.reason: int(one.figures["missing"]) for one in why}

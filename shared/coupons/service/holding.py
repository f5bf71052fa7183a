"""Who asks for the picture of a code must hold it: else it would tell which codes there are."""

from dataclasses import dataclass

from shared.coupons.errors import CodeNotFoundError
from shared.coupons.model.codes import normal_form
from shared.coupons.model.rules import Circumstances
from shared.coupons.model.validation import Candidate
from shared.coupons.ports.claims import ClaimStore, People
from shared.coupons.ports.coupons import CouponStore
from shared.coupons.ports.validation import CodeFinder, Guesses

_NOBODY = "none"
"""Looked up in the place of what does not exist: no coupon and no contact has this id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldingService:
    """Knows the holders of codes. The same is done for a code that does not exist."""

    coupons: CouponStore
    claims: ClaimStore
    codes: CodeFinder
    guesses: Guesses
    people: People

    def held(self, letters: str, circumstances: Circumstances, *, address: str | None) -> str:
        """Return the normal form of a code that is somebody's own.

        Theirs is what was assigned to them, or came with their claim, and the code that all have of
        a coupon that they claimed.

        Raises:
            CodeNotFoundError: there is no such code, or they do not hold it.
            TooManyGuessesError: too many codes were tried in vain from there.
        """
        guess = self.guesses.begin(letters, circumstances, address=address)
        code = self.codes.find(letters, app_id=circumstances.app_id)
        who = self.people.know(circumstances)
        coupon_id = code.coupon_id if code is not None else _NOBODY
        coupons = self.coupons.find_coupons([coupon_id], app_id=who.app_id)
        claim = self.claims.find_claim(
            coupon_id, contact_id=who.contact_id or _NOBODY, app_id=who.app_id
        )
        if code is not None and coupon_id in coupons:
            candidate = Candidate(coupon=coupons[coupon_id], code=code, claim=claim)
            if candidate.is_held_by(who, quoted=frozenset()):
                return normal_form(letters)
        self.guesses.miss(guess)
        raise CodeNotFoundError("there is no such code, or it is not yours")

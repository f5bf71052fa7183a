"""The codes that claims bring with them, and the tries of codes, as other services ask for them."""

from dataclasses import dataclass

from typing_extensions import override

from shared.coupons.model.claims import Claim
from shared.coupons.model.codes import Code, Holder
from shared.coupons.model.coupons import Coupon
from shared.coupons.model.guesses import Guesser
from shared.coupons.model.patterns import Pattern
from shared.coupons.model.rules import Circumstances
from shared.coupons.ports.claims import CodeMint
from shared.coupons.ports.validation import Guesses
from shared.coupons.service.codes import CodeService
from shared.coupons.service.guesses import Guess, GuessService


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimCodes(CodeMint):
    """Makes the codes of claims: of the usual pattern, each of the contact that claimed.

    They have no end of their own: a claim has one, which may be prolonged.
    """

    codes: CodeService

    @override
    def mint(self, coupon: Coupon, claim: Claim) -> Code:
        minted = self.codes.mint(
            Pattern(),
            Holder(contact_id=claim.claimed_as),
            coupon_id=coupon.coupon_id,
            app_id=coupon.app_id,
            origin=claim.claim_id,
        )
        return minted.code


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeGuesses(Guesses):
    """Counts tries by who makes them, as far as the request proves it, and from where."""

    guesses: GuessService

    @override
    def begin(self, letters: str, who: Circumstances, *, address: str | None) -> Guess:
        guesser = Guesser(
            app_id=who.app_id,
            device_id=who.device_id,
            contact_id=who.contact_id,
            address=address,
        )
        return self.guesses.begin(letters, guesser)

    @override
    def miss(self, guess: object) -> None:
        if isinstance(guess, Guess):
            self.guesses.miss(guess)

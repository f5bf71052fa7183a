"""Which coupons an order may use, and what they give: a dry run, with a quote.

A stranger cannot tell a code that does not exist from one that is refused: both are answered in the
same words after the same work. Coupons, claims and people are looked up for either, once a request;
what is left of limits is asked only of what nothing else refuses. That nothing is left is told to
everybody: who got that far would have been told that the code applies, and a sale that is over
would otherwise make guessers of all who come too late.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from shared.coupons.errors import QuoteInvalidError
from shared.coupons.model.baskets import Basket
from shared.coupons.model.claims import Claim
from shared.coupons.model.codes import Code
from shared.coupons.model.quotes import LIFETIME, Quote, Quoted, fingerprint_of
from shared.coupons.model.rules import Circumstances, Reason, Refusal
from shared.coupons.model.validation import (
    MOST_PRESENTED,
    UNKNOWN,
    Candidate,
    Presented,
    Status,
    Verdict,
    applied_of,
    bearer_of,
    lacks_of,
    refused,
)
from shared.coupons.ports.claims import ClaimStore, People
from shared.coupons.ports.coupons import CouponStore
from shared.coupons.ports.validation import (
    Availability,
    Best,
    CodeFinder,
    Guesses,
    Lacking,
    Miss,
    Priced,
    Pricing,
)
from shared.coupons.service.quotes import QuoteSigner
from shared.kernel.errors import FieldProblem, InvalidFieldsError

_NOBODY = "none"
"""Looked up in the place of what does not exist: no coupon and no contact has this id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An order that presents codes and claimed coupons.

    ``quote`` is one of ours for it. ``address`` is the IP address that it comes from.
    """

    presented: tuple[Presented, ...]
    basket: Basket
    circumstances: Circumstances
    quote: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A coupon that was presented; ``why`` is empty where it may be used.

    ``is_held``: its presenter may know why.
    """

    candidate: Candidate
    is_held: bool
    why: tuple[Refusal, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """What comes of an order; ``verdicts`` are in the order in which coupons were presented.

    ``used`` are those that are applicable, in that order. ``best`` says which of all that may be
    used to use together, where more than one may. ``miss`` is the coupon of a holder that lacks the
    least. ``quote`` is ``None`` where no coupon is applied.
    """

    verdicts: tuple[Verdict, ...]
    used: tuple[Candidate, ...]
    priced: Priced
    circumstances: Circumstances
    best: Best | None = None
    miss: Miss | None = None
    quote: str | None = None


@dataclass(slots=True, kw_only=True)
class _Tried:
    """The codes of a request: each is a guess until its verdict is known."""

    codes: list[Code | None] = field(default_factory=list)
    guesses: list[object | None] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationService:
    """Judges orders."""

    coupons: CouponStore
    claims: ClaimStore
    codes: CodeFinder
    guesses: Guesses
    people: People
    availability: Availability
    pricing: Pricing
    quotes: QuoteSigner

    def validate(
        self, request: Request, *, with_best: bool = False, with_limits: bool = True
    ) -> Validation:
        """Say which coupons an order may use, and what they give.

        Without limits nobody asks what is left: for who is about to take it, and finds out, and for
        whom a use that their own first try noted is none of others.

        Raises:
            InvalidFieldsError: it presents none, or too many.
            TooManyGuessesError: too many codes were tried in vain from there.
            QuoteInvalidError: the quote is not one of ours for this order.
        """
        _check(request)
        quoted = self._quoted(request)
        tried = self._try_codes(request)
        who = self.people.know(_bearer(tried.codes, request.circumstances))
        found = self._found(request, tried.codes, who)
        judged = [self._judged(one, request.basket, who, quoted) for one in found]
        if with_limits:
            judged = [self._with_limits(one, who) for one in judged]
        validation = self._priced(request.basket, judged, who, with_best=with_best)
        if validation.used:
            validation = replace(validation, quote=self._quote(request, validation))
        for guess, verdict in zip(tried.guesses, validation.verdicts, strict=True):
            if guess is not None and verdict == UNKNOWN:
                self.guesses.miss(guess)
        return validation

    def _quoted(self, request: Request) -> frozenset[str]:
        """Return the codes of the order's quote.

        Raises:
            QuoteInvalidError: it is not one of ours for this order.
        """
        if request.quote is None:
            return frozenset()
        who = request.circumstances
        quote = self.quotes.read(request.quote, app_id=who.app_id, at=who.at)
        if quote.basket != fingerprint_of(request.basket):
            raise QuoteInvalidError("it is another basket's")
        if (quote.contact_id, quote.device_id) != (who.contact_id, who.device_id):
            raise QuoteInvalidError("it is somebody else's")
        return quote.fingerprints

    def _try_codes(self, request: Request) -> _Tried:
        tried = _Tried()
        who = request.circumstances
        for one in request.presented:
            guess = code = None
            if one.code is not None:
                guess = self.guesses.begin(one.code, who, address=request.address)
                code = self.codes.find(one.code, app_id=who.app_id)
            tried.guesses.append(guess)
            tried.codes.append(code)
        return tried

    def _found(
        self, request: Request, codes: Sequence[Code | None], who: Circumstances
    ) -> Sequence[Candidate | None]:
        """Return the coupons that were presented; ``None`` for those that do not exist."""
        ids = [
            code.coupon_id if code is not None else one.coupon_id or _NOBODY
            for one, code in zip(request.presented, codes, strict=True)
        ]
        coupons = self.coupons.find_coupons(ids, app_id=who.app_id)
        claims = [self._claim(one, who) for one in ids]
        return [
            Candidate(coupon=coupons[coupon_id], code=code, claim=claim)
            if coupon_id in coupons and (code is not None or one.coupon_id is not None)
            else None
            for one, coupon_id, code, claim in zip(
                request.presented, ids, codes, claims, strict=True
            )
        ]

    def _claim(self, coupon_id: str, who: Circumstances) -> Claim | None:
        contact_id = who.contact_id or _NOBODY
        return self.claims.find_claim(coupon_id, contact_id=contact_id, app_id=who.app_id)

    def _judged(
        self,
        candidate: Candidate | None,
        basket: Basket,
        who: Circumstances,
        quoted: frozenset[str],
    ) -> Judged | None:
        if candidate is None:
            return None
        is_held = candidate.is_held_by(who, quoted=quoted)
        if candidate.code is None and candidate.claim is None:
            # Without a code, a coupon is used by its claim alone.
            why: tuple[Refusal, ...] = (candidate.coupon.rules.refusal(Reason.CLAIM_REQUIRED),)
            return Judged(candidate=candidate, is_held=is_held, why=why)
        return Judged(candidate=candidate, is_held=is_held, why=candidate.refusals(basket, who))

    def _with_limits(self, one: Judged | None, who: Circumstances) -> Judged | None:
        if one is None or one.why:
            return one
        coupon = one.candidate.coupon
        left = self.availability.refusal(coupon, fingerprint=one.candidate.fingerprint, who=who)
        if left is None:
            return one
        return replace(one, is_held=True, why=(coupon.rules.refusal(left),))

    def _priced(
        self,
        basket: Basket,
        judged: Sequence[Judged | None],
        who: Circumstances,
        *,
        with_best: bool,
    ) -> Validation:
        usable: dict[str, Judged] = {}
        for one in judged:
            if one is not None and not one.why:
                usable.setdefault(one.candidate.coupon.coupon_id, one)
        coupons = [one.candidate.coupon for one in usable.values()]
        priced = self.pricing.price(basket, coupons)
        verdicts = tuple(_verdict(one, usable, priced) for one in judged)
        used = tuple(
            one.candidate
            for one, verdict in zip(judged, verdicts, strict=True)
            if one is not None and verdict.status is Status.APPLICABLE
        )
        return Validation(
            verdicts=verdicts,
            used=used,
            priced=priced,
            circumstances=who,
            best=self.pricing.best(basket, coupons) if with_best and len(coupons) > 1 else None,
            miss=self.pricing.nearest_miss(basket, lacking_of(judged)),
        )

    def _quote(self, request: Request, validation: Validation) -> str:
        # Of who asked: at a till that is nobody, whoever's code it is.
        who = request.circumstances
        gives = {one.coupon_id: one.discount for one in validation.priced.applied}
        quote = Quote(
            app_id=who.app_id,
            basket=fingerprint_of(request.basket),
            coupons=tuple(
                Quoted(
                    coupon_id=one.coupon.coupon_id,
                    version=one.coupon.version,
                    discount=gives[one.coupon.coupon_id],
                    fingerprint=one.fingerprint,
                )
                for one in validation.used
            ),
            expires_at=who.at + LIFETIME,
            contact_id=who.contact_id,
            device_id=who.device_id,
        )
        return self.quotes.token(quote)


def lacking_of(judged: Sequence[Judged | None]) -> Sequence[Lacking]:
    """Return the coupons of a holder that are refused for nothing but what the basket lacks."""
    lacking = []
    for one in judged:
        lacks = lacks_of(one.why) if one is not None and one.is_held else None
        if one is not None and lacks is not None:
            amount = lacks.get(Reason.MINIMUM_AMOUNT, 0)
            pieces = lacks.get(Reason.QUANTITY, 0)
            lacking.append(Lacking(coupon=one.candidate.coupon, amount=amount, pieces=pieces))
    return lacking


def _check(request: Request) -> None:
    if not 1 <= len(request.presented) <= MOST_PRESENTED:
        problem = FieldProblem(
            pointer="/redeemables", code="count", detail=f"1 to {MOST_PRESENTED} are presented"
        )
        raise InvalidFieldsError("the order presents no coupon, or too many", fields=[problem])


def _bearer(codes: Sequence[Code | None], who: Circumstances) -> Circumstances:
    for code in codes:
        who = bearer_of(code, who)
    return who


def _verdict(one: Judged | None, usable: Mapping[str, Judged], priced: Priced) -> Verdict:
    if one is None:
        return UNKNOWN
    candidate = one.candidate
    coupon_id = candidate.coupon.coupon_id
    if one.why:
        return refused(candidate, one.why, is_held=one.is_held)
    # Of two codes of one coupon the first is used.
    reason = priced.left_out.get(coupon_id)
    if usable[coupon_id] is not one:
        reason = Reason.NOT_COMBINABLE
    if reason is not None:
        why = (candidate.coupon.rules.refusal(reason),)
        skipped = reason is Reason.NOT_COMBINABLE
        return refused(candidate, why, is_held=one.is_held, skipped=skipped)
    applied = next(each for each in priced.applied if each.coupon_id == coupon_id)
    return Verdict(
        status=Status.APPLICABLE, coupon_id=coupon_id, applied=applied_of(candidate, applied)
    )

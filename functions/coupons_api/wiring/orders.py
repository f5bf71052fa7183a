"""Connects what judges orders, and uses coupons in them."""

from functools import cache

from functions.coupons_api.wiring import claims, codes, people
from functions.coupons_api.wiring.limits import availability, drawer
from functions.coupons_api.wiring.stores import (
    claim_store,
    code_hasher,
    coupon_store,
    ids,
    redemption_store,
    use_store,
)
from shared.coupons.service.completing import CompletionService
from shared.coupons.service.ending import Ending
from shared.coupons.service.guesses import GuessService
from shared.coupons.service.holding import HoldingService
from shared.coupons.service.minting import CodeGuesses
from shared.coupons.service.orders import OrderRedeemer
from shared.coupons.service.pricing import OfferPricing
from shared.coupons.service.qualification import QualificationService
from shared.coupons.service.quotes import QuoteSigner
from shared.coupons.service.redeeming import RedeemingService
from shared.coupons.service.redemptions import RedemptionService
from shared.coupons.service.refunds import RefundService
from shared.coupons.service.rollbacks import RollbackService
from shared.coupons.service.validation import ValidationService
from shared.coupons.store import DynamoGuessStore
from shared.kernel.clock import system_clock
from shared.platform.dynamodb import pause_after
from shared.platform.observability import count
from shared.platform.secrets_manager import Secret
from shared.platform.settings import settings


@cache
def validations() -> ValidationService:
    """Return who judges orders."""
    return ValidationService(
        coupons=coupon_store(),
        claims=claim_store(),
        codes=codes(),
        guesses=_guesses(),
        people=people(),
        availability=availability(),
        pricing=OfferPricing(),
        quotes=_quotes(),
    )


@cache
def qualifications() -> QualificationService:
    """Return who says what somebody can use."""
    return QualificationService(
        coupons=coupon_store(),
        claims=claim_store(),
        people=people(),
        availability=availability(),
        pricing=OfferPricing(),
    )


@cache
def holdings() -> HoldingService:
    """Return who knows the holders of codes."""
    return HoldingService(
        coupons=coupon_store(),
        claims=claim_store(),
        codes=codes(),
        guesses=_guesses(),
        people=people(),
    )


@cache
def redeeming() -> RedeemingService:
    """Return who uses coupons in orders."""
    return RedeemingService(
        validations=validations(),
        redeemer=OrderRedeemer(coupons=coupon_store(), redemptions=redemptions()),
        claims=claims(),
        quotes=_quotes(),
    )


@cache
def redemptions() -> RedemptionService:
    """Return the redemptions of this process."""
    return RedemptionService(
        redemptions=redemption_store(),
        drawer=drawer(),
        notes=_ending().notes,
        ending=_ending(),
        clock=system_clock,
        ids=ids(),
        pause=pause_after,
    )


@cache
def completions() -> CompletionService:
    """Return who moves redemptions on."""
    return CompletionService(
        redemptions=redemptions(),
        rollbacks=RollbackService(
            redemptions=redemption_store(),
            ending=_ending(),
            clock=system_clock,
            ids=ids(),
            pause=pause_after,
        ),
        refunds=RefundService(coupons=coupon_store()),
        redeeming=redeeming(),
    )


@cache
def _guesses() -> CodeGuesses:
    return CodeGuesses(
        guesses=GuessService(
            guesses=DynamoGuessStore(table=settings().coupons_table),
            hasher=code_hasher(),
            clock=system_clock,
            tell_miss=_tell_miss,
        )
    )


def _tell_miss() -> None:
    """Count a wrong guess of the whole deployment, for its alarm; it names nobody."""
    count("CodeMisses", service="coupons_api")


@cache
def _ending() -> Ending:
    return Ending(
        redemptions=redemption_store(),
        uses=use_store(),
        drawer=drawer(),
        clock=system_clock,
        ids=ids(),
        pause=pause_after,
    )


@cache
def _quotes() -> QuoteSigner:
    return QuoteSigner(keys=Secret(id=settings().device_token_secret).keys)

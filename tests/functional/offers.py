"""The coupons of a shop, as its marketers and its people leave them for the workers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from shared.coupons.model.claims import Claim, ClaimedBy, TappedAd
from shared.coupons.model.codes import Code
from shared.coupons.model.coupons import Coupon
from shared.coupons.model.redemptions import Redemption
from shared.coupons.model.rules import Circumstances
from shared.coupons.service.claims import ClaimService
from shared.coupons.service.coupons import CouponService
from shared.coupons.service.redemptions import Order, RedemptionService, Wanted
from shared.coupons.store import (
    CodeRows,
    DynamoClaimStore,
    DynamoCouponStore,
    DynamoRedemptionStore,
    DynamoTicketStore,
    DynamoUseStore,
)
from shared.kernel.ids import Ids
from shared.platform.ledger import Ledger
from tests.contract.redeeming import BASKET, assemble, red, tenth
from tests.fakes.coupon_claims import KnownPeople, NumberedCodes
from tests.fakes.coupons import EveryApp, Everything, NotedLimits
from tests.functional.shops import Shop


@dataclass(frozen=True, kw_only=True)
class Offers:
    """What routes do with coupons, in the app and at the time of a shop."""

    shop: Shop
    coupons: CouponService
    claims: ClaimService
    redemptions: RedemptionService
    tickets: DynamoTicketStore

    @classmethod
    def of(cls, shop: Shop) -> "Offers":
        tables, clock = shop.deployed.tables, shop.clock
        table, ledger = tables["coupons"], Ledger(table=tables["contact_events"])
        ids, store = Ids(clock=clock), DynamoCouponStore(table=table, ledger=ledger)
        tickets = DynamoTicketStore(table=table, ledger=ledger)
        redeeming = assemble(
            tickets,
            DynamoUseStore(table=table),
            DynamoRedemptionStore(table=table, ledger=ledger),
            clock=clock,
            ids=ids,
        )
        return cls(
            shop=shop,
            coupons=CouponService(
                apps=EveryApp(),
                elsewhere=Everything(),
                coupons=store,
                running=NotedLimits(),
                clock=clock,
                ids=ids,
            ),
            claims=ClaimService(
                coupons=store,
                claims=DynamoClaimStore(
                    table=table, ledger=ledger, put_code=CodeRows(table=table).put_new
                ),
                codes=NumberedCodes(),
                people=KnownPeople(),
                clock=clock,
                ids=ids,
            ),
            redemptions=redeeming["redemptions"],
            tickets=tickets,
        )

    def has(self, **terms: Any) -> Coupon:
        """Have the shop offer a coupon of a tenth."""
        document = {"name": "A tenth", "discount": {"kind": "percent", "percent_off": 10}, **terms}
        app_id = self.shop.app_id
        made, _ = self.coupons.create_coupon(document, app_id=app_id, by="ada", attempt=None)
        return self.coupons.activate(made.coupon_id, app_id=app_id, by="ada")

    def claimed(
        self, coupon: Coupon, who: str | None = None, *, ad: TappedAd | None = None
    ) -> Claim:
        """Have somebody, Ada unless told otherwise, take a coupon; perhaps by a tap on an ad."""
        claim, _ = self.claims.claim(
            coupon.coupon_id,
            app_id=self.shop.app_id,
            contact_id=who or self.shop.contact_id,
            device_id=None,
            by=ClaimedBy.CONTACT,
            ad=ad,
        )
        return claim

    def claim_of(self, coupon: Coupon, contact_id: str | None = None) -> Claim | None:
        """Return a person's claim of a coupon, Ada's unless told otherwise."""
        return self.claims.claims.find_claim(
            coupon.coupon_id,
            contact_id=contact_id or self.shop.contact_id,
            app_id=self.shop.app_id,
        )

    def redeemed(self, coupon: Coupon, number: int = 1, *, who: str | None = None) -> Redemption:
        """Have somebody, Ada unless told otherwise, use a coupon."""
        return self.redemptions.redeem(self._order(coupon, number, who))

    def reserved(self, coupon: Coupon, number: int = 1) -> Redemption:
        """Have Ada's basket hold a coupon for a quarter of an hour."""
        return self.redemptions.reserve(self._order(coupon, number), hold=timedelta(minutes=15))

    def redemption(self, number: int = 1) -> Redemption:
        """Return what became of a redemption."""
        return self.redemptions.get(red(number), app_id=self.shop.app_id)

    def _order(self, coupon: Coupon, number: int, who: str | None = None) -> Order:
        return Order(
            redemption_id=red(number),
            fingerprint="asked",
            basket=BASKET,
            wanted=(Wanted(applied=tenth(coupon.coupon_id), coupon=coupon),),
            circumstances=Circumstances(
                app_id=self.shop.app_id,
                at=self.shop.clock(),
                contact_id=who or self.shop.contact_id,
            ),
        )


def codes_of(offers: Offers, claim: Claim) -> Mapping[str, Code]:
    """Return the code of a claim, by its fingerprint."""
    rows = CodeRows(table=offers.shop.deployed.tables["coupons"])
    return rows.get([claim.fingerprint or ""], app_id=claim.app_id)

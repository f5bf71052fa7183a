"""What becomes of a redemption is told by the claims in it."""

from dataclasses import dataclass, field, replace

import pytest

from shared.coupons.model.claims import Claim, ClaimedBy, ClaimState
from shared.coupons.model.coupons import AfterRollback
from shared.coupons.model.redemptions import RedemptionState
from shared.coupons.service.completing import CompletionService
from shared.coupons.service.redemptions import Order
from shared.coupons.service.refunds import RefundService
from shared.kernel.idempotency import Attempt
from tests.contract.redeeming import ADA, APP, HOLD, CouponServices, a_coupon, in_memory, red
from tests.unit.coupons.test_validation import Shop

WHOLE = Attempt(caller="ada", key="whole", fingerprint="f")
PART = Attempt(caller="ada", key="part", fingerprint="f")


@dataclass(kw_only=True)
class Desk:
    it: CouponServices = field(default_factory=in_memory)
    shop: Shop = field(default_factory=Shop)
    after_rollback: AfterRollback = AfterRollback.RETURN_USE

    def __post_init__(self) -> None:
        coupon = self.it.has(replace(a_coupon(), after_rollback=self.after_rollback))
        self.shop.coupons.kept[APP, "cpn_1"] = coupon
        self.shop.claims.kept[APP, ADA, "cpn_1"] = Claim(
            claim_id="clm_1",
            app_id=APP,
            coupon_id="cpn_1",
            contact_id=ADA,
            claimed_at=self.it.clock(),
            by=ClaimedBy.DEVICE,
        )
        self.completions = CompletionService(
            redemptions=self.it.redemptions,
            rollbacks=self.it.rollbacks,
            refunds=RefundService(coupons=self.shop.coupons),
            redeeming=self.shop.redeeming,
        )

    def order(self) -> Order:
        """Return an order that uses the coupon by its claim."""
        order = self.it.order(1)
        (wanted,) = order.wanted
        applied = replace(wanted.applied, claim_id="clm_1")
        return replace(order, wanted=(replace(wanted, applied=applied),))

    def committed(self) -> None:
        self.it.redemptions.reserve(self.order(), hold=HOLD)
        self.completions.commit(red(1), app_id=APP)

    def state(self) -> ClaimState:
        return self.shop.claims.kept[APP, ADA, "cpn_1"].state


def test_a_claim_is_used_once_its_reservation_is_committed_and_not_before() -> None:
    desk = Desk()
    desk.it.redemptions.reserve(desk.order(), hold=HOLD)
    assert desk.state() is ClaimState.HELD
    for _ in range(2):
        done = desk.completions.commit(red(1), app_id=APP)
        assert (done.state, desk.state()) == (RedemptionState.REDEEMED, ClaimState.USED)


@pytest.mark.parametrize(
    ("after_rollback", "state"),
    [(AfterRollback.RETURN_USE, ClaimState.HELD), (AfterRollback.KEEP_USE, ClaimState.USED)],
)
def test_a_claim_can_be_used_again_where_the_use_goes_back(
    after_rollback: AfterRollback, state: ClaimState
) -> None:
    desk = Desk(after_rollback=after_rollback)
    desk.committed()
    first = desk.completions.roll_back(red(1), app_id=APP, attempt=WHOLE, pieces=None)
    assert desk.state() is state
    again = desk.completions.roll_back(red(1), app_id=APP, attempt=PART, pieces=None)
    assert again == first


def test_a_claim_stays_used_while_pieces_of_the_order_stay() -> None:
    desk = Desk()
    desk.committed()
    part = desk.completions.roll_back(red(1), app_id=APP, attempt=PART, pieces={"1": 1})
    assert (part.pieces, desk.state()) == ({"1": 1}, ClaimState.USED)
    rest = desk.completions.roll_back(red(1), app_id=APP, attempt=WHOLE, pieces=None)
    assert (rest.rollback_id != part.rollback_id, desk.state()) == (True, ClaimState.HELD)

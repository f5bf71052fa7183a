"""What becomes of redemptions: committed, released, rolled back; and of their claims with them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from shared.coupons.model.redemptions import Redemption, RedemptionState, Rollback
from shared.coupons.service.redeeming import RedeemingService
from shared.coupons.service.redemptions import RedemptionService
from shared.coupons.service.refunds import RefundService
from shared.coupons.service.rollbacks import RollbackService
from shared.kernel.idempotency import Attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionService:
    """Moves redemptions on, and has the claims in them tell it. Again changes nothing."""

    redemptions: RedemptionService
    rollbacks: RollbackService
    refunds: RefundService
    redeeming: RedeemingService

    def commit(self, redemption_id: str, *, app_id: str) -> Redemption:
        """Make a reservation a use; raises as ``RedemptionService.commit``."""
        redemption = self.redemptions.commit(redemption_id, app_id=app_id)
        self.redeeming.note_uses(redemption)
        return redemption

    def roll_back(
        self,
        redemption_id: str,
        *,
        app_id: str,
        attempt: Attempt,
        pieces: Mapping[str, int] | None,
    ) -> Rollback:
        """Give back pieces of lines, by ``line_id``; ``None``: all that is left of the order.

        Of an order that was rolled back wholly before, return the rollback that did so.

        Raises as ``RollbackService.roll_back``.
        """
        rollback_id = f"rol_{attempt.id[:32]}"
        redemption = self.rollbacks.roll_back(
            redemption_id,
            app_id=app_id,
            rollback_id=rollback_id,
            refunds=self.refunds,
            pieces=pieces,
        )
        if redemption.state is RedemptionState.ROLLED_BACK:
            returned = tuple(part for part in redemption.parts if not part.keeps_use)
            self.redeeming.note_returns(replace(redemption, parts=returned))
        return redemption.rollback(rollback_id) or redemption.rollbacks[-1]

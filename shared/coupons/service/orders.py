"""Takes the uses of an order that was judged: by the limits of its coupons, and of the app."""

from dataclasses import dataclass
from datetime import timedelta

from typing_extensions import override

from shared.coupons.model.places import sheet_of_app
from shared.coupons.model.redemptions import Redemption
from shared.coupons.ports.coupons import CouponStore
from shared.coupons.ports.validation import Order, Redeemer
from shared.coupons.service import redemptions as counted
from shared.coupons.service.redemptions import RedemptionService


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRedeemer(Redeemer):
    """Has redemptions count what an order uses; the app's own limits are read for each order."""

    coupons: CouponStore
    redemptions: RedemptionService

    @override
    def id_of(self, *, app_id: str, caller: str, key: str) -> str:
        return self.redemptions.id_of(app_id=app_id, caller=caller, key=key)

    @override
    def find(self, redemption_id: str, *, app_id: str) -> Redemption | None:
        return self.redemptions.find(redemption_id, app_id=app_id)

    @override
    def redeem(self, order: Order) -> Redemption:
        return self.redemptions.redeem(self._counted(order))

    @override
    def reserve(self, order: Order, *, hold: timedelta) -> Redemption:
        return self.redemptions.reserve(self._counted(order), hold=hold)

    @override
    def renew(self, redemption: Redemption, *, hold: timedelta) -> Redemption:
        return self.redemptions.renew(redemption, hold=hold)

    def _counted(self, order: Order) -> counted.Order:
        settings = self.coupons.get_settings(order.circumstances.app_id)
        return counted.Order(
            redemption_id=order.redemption_id,
            fingerprint=order.fingerprint,
            basket=order.basket,
            wanted=tuple(
                counted.Wanted(applied=one.applied, coupon=one.coupon, code=one.code)
                for one in order.wanted
            ),
            circumstances=order.circumstances,
            app_limits=sheet_of_app(settings) if settings.limits else None,
            origin_id=order.circumstances.origin_id,
        )

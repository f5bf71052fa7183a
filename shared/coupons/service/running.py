"""Has the open windows of limits follow a change of what the limits say."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from typing_extensions import override

from shared.coupons.model.coupons import Coupon
from shared.coupons.model.limits import Limit
from shared.coupons.model.places import LimitSheet, sheet_of, sheet_of_app
from shared.coupons.model.settings import CouponSettings
from shared.coupons.ports.coupons import RunningLimits
from shared.coupons.service.limits import Adjusted, LimitService


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitAdjuster(RunningLimits):
    """Settles those limits that changed."""

    limits: LimitService

    @override
    def adjust(self, coupon: Coupon, *, before: Coupon) -> None:
        self._settle(sheet_of(coupon), before.limits)

    @override
    def adjust_app(self, settings: CouponSettings, *, before: CouponSettings) -> None:
        self._settle(sheet_of_app(settings), before.limits)

    def short_of(self, sheet: LimitSheet) -> Sequence[Adjusted]:
        """Return the windows that could not be lowered as far as their limits say.

        To ask is to lower them as far as can be by now.

        Raises:
            CouponChangedError: the limits were changed again.
            RedemptionContendedError: others kept changing a window.
        """
        settled = (
            window for limit in sheet.limits for window in self.limits.settle(sheet, limit.limit_id)
        )
        return [window for window in settled if window.missing]

    def _settle(self, sheet: LimitSheet, before: Sequence[Limit]) -> None:
        for limit in _changed(sheet.limits, before):
            self.limits.settle(sheet, limit.limit_id)


def _changed(limits: Sequence[Limit], before: Sequence[Limit]) -> Iterator[Limit]:
    known = {limit.limit_id: limit for limit in before}
    return (limit for limit in limits if limit != known.get(limit.limit_id))

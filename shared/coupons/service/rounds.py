"""Sweeps the tickets of all limits in force, round after round, each as long as it takes."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from shared.coupons.model.coupons import Coupon, CouponState
from shared.coupons.model.limits import Counting, Limit
from shared.coupons.model.rounds import Spot
from shared.coupons.ports.coupons import CouponStore
from shared.coupons.ports.rounds import RoundStore
from shared.coupons.service.sweeping import Sweeping

PAGE = 100
"""Coupons that are read at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundService:
    """Goes through an app's own limits, then those of its active coupons, in the order of ids."""

    coupons: CouponStore
    rounds: RoundStore
    sweeping: Sweeping

    def go_on(self, app_id: str, *, has_time: Callable[[], bool]) -> bool:
        """Sweep from where the last call stopped; say whether the round came to its end.

        Where time runs out in between, the next call goes on there.
        """
        begin = self.rounds.spot_of(app_id)
        for first in self._spots(app_id, begin):
            spot: Spot | None = first
            while spot is not None:
                if not has_time():
                    self.rounds.put_spot(app_id, spot)
                    return False
                spot = self._swept(app_id, spot)
        if begin is not None:
            self.rounds.put_spot(app_id, None)
        return True

    def _swept(self, app_id: str, spot: Spot) -> Spot | None:
        """Sweep some windows of a limit, and return where its next ones are, if there are any."""
        after = self.sweeping.sweep_tickets(app_id, spot.coupon_id, spot.limit_id, after=spot.after)
        return replace(spot, after=after) if after else None

    def _spots(self, app_id: str, begin: Spot | None) -> Iterator[Spot]:
        """Yield where each limit begins; ``begin`` itself where that is still in force."""
        waits_for = begin and (begin.coupon_id, begin.limit_id)
        for coupon_id, limits in self._limits(app_id, begin):
            spots = [
                Spot(coupon_id=coupon_id, limit_id=limit.limit_id)
                for limit in limits
                if limit.counting is Counting.TICKETS
            ]
            names = [(spot.coupon_id, spot.limit_id) for spot in spots]
            if begin is not None and waits_for in names:
                spots = [begin, *spots[names.index(waits_for) + 1 :]]
            yield from spots

    def _limits(
        self, app_id: str, begin: Spot | None
    ) -> Iterator[tuple[str | None, tuple[Limit, ...]]]:
        cursor: str | None = begin.coupon_id if begin else None
        if cursor is None:
            yield None, self.coupons.get_settings(app_id).limits
        else:
            yield from _active(self.coupons.find_coupons([cursor], app_id=app_id).values())
        while True:
            page = self.coupons.list_coupons(app_id, limit=PAGE, cursor=cursor)
            yield from _active(page.items)
            cursor = page.next_cursor
            if cursor is None:
                return


def _active(coupons: Iterable[Coupon]) -> Iterator[tuple[str | None, tuple[Limit, ...]]]:
    for coupon in coupons:
        if coupon.state is CouponState.ACTIVE:
            yield coupon.coupon_id, coupon.limits

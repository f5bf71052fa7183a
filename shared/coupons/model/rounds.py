"""How far a sweep came through the limits of an app."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """What is swept next: windows of a limit ``after`` one, or from the first.

    ``coupon_id`` of ``None``: the limit is the app's own, which come before those of coupons.
    """

    coupon_id: str | None
    limit_id: str
    after: str | None = None

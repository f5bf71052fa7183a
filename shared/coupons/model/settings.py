"""What an app decides for all its coupons together."""

from dataclasses import dataclass

from shared.coupons.model.limits import Limit, Subject

LIMITED = frozenset({Subject.APP})


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponSettings:
    """An app's settings; version 0 is what holds before anybody decides.

    ``limits``, of subject app alone, count every redemption of the app, beside the coupons' own.
    ``zone`` (IANA) has their days.
    """

    app_id: str
    limits: tuple[Limit, ...] = ()
    zone: str = "UTC"
    version: int = 0

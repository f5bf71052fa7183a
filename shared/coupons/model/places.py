"""Which limits a use is counted by, and where."""

from dataclasses import dataclass, replace
from datetime import datetime

from shared.coupons.model.codes import CodeKind
from shared.coupons.model.coupons import Coupon
from shared.coupons.model.limits import Counting, Limit, Subject
from shared.coupons.model.redemptions import Place
from shared.coupons.model.settings import CouponSettings
from shared.coupons.model.windows import Window, window_of

ONE_USE = Limit(limit_id="one_use", subject=Subject.CODE, uses=1)
"""The limit of every unique code of a coupon that has no limit of subject ``code``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSheet:
    """The limits that are in force together: a coupon's, or the app's (``coupon_id`` is ``None``).

    ``version`` grows with every change of them. ``zone`` (IANA) is that of their calendar.
    """

    app_id: str
    coupon_id: str | None
    limits: tuple[Limit, ...]
    version: int
    zone: str = "UTC"

    def with_limit(self, limit: Limit) -> "LimitSheet":
        """Return the sheet with one limit more."""
        return replace(self, limits=(*self.limits, limit))


@dataclass(frozen=True, slots=True, kw_only=True)
class Subjects:
    """Who and what a use is of, by the kind of subject; what is ``None`` is not known."""

    contact_id: str | None = None
    device_id: str | None = None
    fingerprint: str | None = None
    store_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """A limit as it counts one use: where, and in which window."""

    sheet: LimitSheet
    limit: Limit
    place: Place
    window: Window

    @property
    def counting(self) -> Counting:
        """Return how it is counted."""
        return self.limit.counting


def sheet_of(coupon: Coupon, *, code: CodeKind | None = None) -> LimitSheet:
    """Return the limits of a coupon, and of a unique code its one use."""
    sheet = LimitSheet(
        app_id=coupon.app_id,
        coupon_id=coupon.coupon_id,
        limits=coupon.limits,
        version=coupon.limits_version,
        zone=coupon.validity.zone,
    )
    has_own = any(limit.subject is Subject.CODE for limit in coupon.limits)
    return sheet.with_limit(ONE_USE) if code is CodeKind.UNIQUE and not has_own else sheet


def sheet_of_app(settings: CouponSettings) -> LimitSheet:
    """Return the limits that an app has for all its coupons together."""
    return LimitSheet(
        app_id=settings.app_id,
        coupon_id=None,
        limits=settings.limits,
        version=settings.version,
        zone=settings.zone,
    )


def is_uncountable(limit: Limit, subjects: Subjects) -> bool:
    """Say whether a limit of people or devices cannot count a use, since nobody knows whose it is.

    A limit of stores or codes counts nothing where there is none.
    """
    unknown = {Subject.CONTACT: subjects.contact_id, Subject.DEVICE: subjects.device_id}
    return limit.subject in unknown and unknown[limit.subject] is None


def counted_by(sheet: LimitSheet, subjects: Subjects, at: datetime) -> tuple[Counted, ...]:
    """Return the limits of a sheet that count a use of these subjects at an instant."""
    found = (_counted(sheet, limit, subjects, at) for limit in sheet.limits)
    return tuple(one for one in found if one)


def _counted(sheet: LimitSheet, limit: Limit, subjects: Subjects, at: datetime) -> Counted | None:
    ids = {
        Subject.CONTACT: subjects.contact_id,
        Subject.DEVICE: subjects.device_id,
        Subject.CODE: subjects.fingerprint,
        Subject.COUPON: sheet.coupon_id,
        Subject.STORE: subjects.store_id,
        Subject.APP: sheet.app_id,
    }
    subject_id = ids[limit.subject]
    if subject_id is None:
        return None
    window = window_of(limit, at, zone=sheet.zone)
    place = Place(
        app_id=sheet.app_id,
        coupon_id=sheet.coupon_id,
        limit_id=limit.limit_id,
        subject=limit.subject,
        subject_id=subject_id,
        window=window.label,
    )
    return Counted(sheet=sheet, limit=limit, place=place, window=window)

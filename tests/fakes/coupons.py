"""Coupons in memory, held to the contracts of the real stores."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from typing_extensions import override

from shared.coupons.errors import (
    CouponChangedError,
    CouponNotFoundError,
    CouponSettingsChangedError,
)
from shared.coupons.model.coupons import Coupon
from shared.coupons.model.settings import CouponSettings
from shared.coupons.ports.coupons import CouponStore, Elsewhere, RunningLimits
from shared.kernel.envelope import Envelope
from shared.kernel.idempotency import Attempt, Remembered
from shared.kernel.paging import Page


class InMemoryCouponStore(CouponStore):
    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Coupon] = {}
        self.settings: dict[str, CouponSettings] = {}
        self.attempts: dict[tuple[str, str], Remembered] = {}
        self.events: list[Envelope] = []
        self.reads = 0
        """How often coupons were asked for by their ids."""

    @override
    def add_coupon(self, coupon: Coupon, event: Envelope, *, attempt: Attempt | None) -> bool:
        if attempt and (coupon.app_id, attempt.id) in self.attempts:
            return False
        self.kept[coupon.app_id, coupon.coupon_id] = coupon
        self.events.append(event)
        if attempt:
            self.attempts[coupon.app_id, attempt.id] = Remembered(
                fingerprint=attempt.fingerprint, result=coupon.coupon_id
            )
        return True

    @override
    def recall(self, attempt: Attempt, *, app_id: str) -> Remembered | None:
        return self.attempts.get((app_id, attempt.id))

    @override
    def get_coupon(self, coupon_id: str, *, app_id: str) -> Coupon:
        try:
            return self.kept[app_id, coupon_id]
        except KeyError:
            raise CouponNotFoundError(coupon_id) from None

    @override
    def find_coupons(self, coupon_ids: Iterable[str], *, app_id: str) -> Mapping[str, Coupon]:
        self.reads += 1
        return {one: self.kept[app_id, one] for one in coupon_ids if (app_id, one) in self.kept}

    @override
    def list_coupons(self, app_id: str, *, limit: int, cursor: str | None) -> Page[Coupon]:
        found = sorted(one for app, one in self.kept if app == app_id and one > (cursor or ""))
        items = [self.kept[app_id, one] for one in found[:limit]]
        return Page(items=items, next_cursor=found[limit - 1] if len(found) > limit else None)

    @override
    def open_coupons(self, app_id: str, *, limit: int) -> Sequence[Coupon]:
        mine = [one for (app, _), one in self.kept.items() if app == app_id and one.is_open]
        return sorted(mine, key=lambda one: one.coupon_id, reverse=True)[:limit]

    @override
    def replace_coupon(self, coupon: Coupon, event: Envelope, *, before: Coupon) -> None:
        key = (coupon.app_id, coupon.coupon_id)
        if key not in self.kept or self.kept[key].version != before.version:
            raise CouponChangedError(coupon.coupon_id)
        self.kept[key] = coupon
        self.events.append(event)

    @override
    def get_settings(self, app_id: str) -> CouponSettings:
        return self.settings.get(app_id, CouponSettings(app_id=app_id))

    @override
    def replace_settings(
        self, settings: CouponSettings, event: Envelope, *, before: CouponSettings
    ) -> None:
        if self.get_settings(settings.app_id).version != before.version:
            raise CouponSettingsChangedError(settings.app_id)
        self.settings[settings.app_id] = settings
        self.events.append(event)


class NotedLimits(RunningLimits):
    """Remembers the changes of limits that it was told of."""

    def __init__(self) -> None:
        self.adjusted: list[tuple[int, int]] = []

    @override
    def adjust(self, coupon: Coupon, *, before: Coupon) -> None:
        self.adjusted.append((before.limits_version, coupon.limits_version))

    @override
    def adjust_app(self, settings: CouponSettings, *, before: CouponSettings) -> None:
        self.adjusted.append((before.version, settings.version))


@dataclass
class Everything(Elsewhere):
    """Has any segment and any template but what is gone."""

    gone: set[str] = field(default_factory=set)

    @override
    def has_segment(self, segment_id: str, *, app_id: str) -> bool:
        return segment_id not in self.gone

    @override
    def has_template(self, template_id: str, *, app_id: str) -> bool:
        return template_id not in self.gone


class EveryApp:
    """Knows any app."""

    def check(self, app_id: str) -> None:
        pass

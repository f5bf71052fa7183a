"""What other domains know of what booked things name: apps, segments and coupons."""

from collections.abc import Callable, Collection
from functools import cache
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from functions.placements_api.wiring.stores import app_store, ledger, segment_store
from shared.placements.model.relations import Named
from shared.placements.model.targeting import needs_of
from shared.placements.model.targeting_documents import rule_of
from shared.placements.model.targeting_text import parse, printed
from shared.placements.ports.demand import Apps, Coupons, Segments, Targeting
from shared.placements.ports.folding import AppZones
from shared.platform.settings import settings
from shared.registrations.errors import SegmentNotFoundError

if TYPE_CHECKING:
    from shared.coupons.store import DynamoCouponStore


class KnownApps(Apps):
    """The registrations' apps."""

    @override
    def check(self, app_id: str) -> None:
        app_store().get_app(app_id)


class RegisteredZones(AppZones):
    """The zones of the registrations' apps."""

    @override
    def zone_of(self, app_id: str) -> str:
        return app_store().get_app(app_id).default_timezone


class KnownSegments(Segments):
    """The registrations' segments."""

    @override
    def missing(self, segment_ids: Collection[str], *, app_id: str) -> frozenset[str]:
        return _missing(segment_ids, _has_segment, app_id=app_id)


class KnownCoupons(Coupons):
    """The coupons of that domain, which is loaded when the first of them is named."""

    @override
    def missing(self, coupon_ids: Collection[str], *, app_id: str) -> frozenset[str]:
        return _missing(coupon_ids, _has_coupon, app_id=app_id)


class TargetingLanguage(Targeting):
    """The language, as decisions understand it."""

    @override
    def text_of(self, given: Any) -> str:
        rule = parse(given, pointer="") if isinstance(given, str) else rule_of(given, pointer="")
        return printed(rule)

    @override
    def names_in(self, text: str) -> Named:
        needs = needs_of(parse(text))
        return Named(segments=needs.segments, coupons=needs.coupons)


def _missing(
    thing_ids: Collection[str], has: Callable[[str, str], bool], *, app_id: str
) -> frozenset[str]:
    return frozenset(one for one in thing_ids if not has(one, app_id))


def _has_segment(segment_id: str, app_id: str) -> bool:
    try:
        segment_store().get_segment(segment_id, app_id=app_id)
    except SegmentNotFoundError:
        return False
    return True


def _has_coupon(coupon_id: str, app_id: str) -> bool:
    from shared.coupons.errors import CouponNotFoundError  # noqa: PLC0415 - see KnownCoupons

    try:
        _coupon_store().get_coupon(coupon_id, app_id=app_id)
    except CouponNotFoundError:
        return False
    return True


@cache
def _coupon_store() -> "DynamoCouponStore":
    from shared.coupons.store import DynamoCouponStore  # noqa: PLC0415 - see KnownCoupons

    return DynamoCouponStore(table=settings().coupons_table, ledger=ledger())

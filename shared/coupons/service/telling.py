"""What is told of a redemption: an event for each coupon in it."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from shared.coupons.events import UseEvent
from shared.coupons.model.redemptions import Part, Redemption
from shared.kernel.envelope import Envelope, seal
from shared.kernel.ids import Ids

EventT = TypeVar("EventT", bound=UseEvent)


def told(
    kind: type[EventT],
    redemption: Redemption,
    *,
    at: datetime,
    ids: Ids,
    more: Callable[[Part], dict[str, Any]] = lambda _: {},
) -> Sequence[Envelope]:
    """Return an event of a kind for each coupon of a redemption; ``more`` has its own fields."""
    return tuple(
        seal(_event(kind, redemption, part, at=at, more=more(part)), sequence=ids.sequence())
        for part in redemption.parts
    )


def _event(
    kind: type[EventT],
    redemption: Redemption,
    part: Part,
    *,
    at: datetime,
    more: dict[str, Any],
) -> EventT:
    fields: dict[str, Any] = {
        "app_id": redemption.app_id,
        "occurred_at": at,
        "coupon_id": part.applied.coupon_id,
        "contact_id": redemption.contact_id,
        "redemption_id": redemption.redemption_id,
        "currency": redemption.basket.currency,
        "discount": part.applied.discount,
        "last_four": part.applied.last_four,
        "device_id": redemption.device_id,
        "store_id": redemption.store_id,
        "till_id": redemption.till_id,
    }
    return kind(**(fields | more))

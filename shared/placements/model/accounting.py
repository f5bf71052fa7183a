"""How an event of an ad is kept: under which key it counts once, until when, and what it is worth.

Its key in the ledger is fixed when the ad is given: the instant of issue, then
``<token_id>#<engagement>`` for what counts, and ``<token_id>#<engagement>#<reason>`` for what is
rejected. Whoever writes it first is counted.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from shared.kernel.envelope import Envelope, RowKey
from shared.placements.events import (
    AdClicked,
    AdConverted,
    AdCouponClaimed,
    AdEvent,
    AdEventRejected,
    AdFullyViewed,
    AdHalfViewed,
    AdLoaded,
    AdShown,
)
from shared.placements.model.demand import Pricing, Rate
from shared.placements.model.engagements import Engagement, Grant, Rejection
from shared.placements.model.traffic import Suspicion

MILLIONTHS = 1_000_000
"""Of a minor unit: what events' prices are in, so that a thousandth of a rate is a whole number."""

LATEST: Mapping[Engagement, timedelta] = {
    Engagement.LOADED: timedelta(0),
    Engagement.IMPRESSION: timedelta(0),
    Engagement.VIEWABLE50: timedelta(hours=1),
    Engagement.VIEWABLE100: timedelta(hours=1),
    Engagement.CLICK: timedelta(days=1),
    Engagement.CLAIM: timedelta(days=1),
    Engagement.CONVERSION: timedelta(days=7),
}
"""How long after the token's expiry each still counts: what is shown in time may be tapped later.

When it comes to us counts, not when the device says that it was: by then a lease is given back.
"""

EVENT_OF: Mapping[Engagement, type[AdEvent]] = {
    Engagement.LOADED: AdLoaded,
    Engagement.IMPRESSION: AdShown,
    Engagement.VIEWABLE50: AdHalfViewed,
    Engagement.VIEWABLE100: AdFullyViewed,
    Engagement.CLICK: AdClicked,
    Engagement.CLAIM: AdCouponClaimed,
    Engagement.CONVERSION: AdConverted,
}
"""What is put on the timeline for what is reported, in the order in which it happens."""

_PAID_BY = {
    Engagement.IMPRESSION: Pricing.CPM,
    Engagement.CLICK: Pricing.CPC,
    Engagement.CONVERSION: Pricing.CPA,
}


def price_of(rate: Rate | None) -> int:
    """Return what one event that a rate pays for is worth, in millionths of a minor unit."""
    if rate is None or rate.pricing is Pricing.FLAT:
        return 0
    events = 1_000 if rate.pricing is Pricing.CPM else 1
    return rate.amount * MILLIONTHS // events


def worth(engagement: Engagement, *, pricing: Pricing | None, price: int) -> int:
    """Return what an event is worth where ``price`` is paid for what ``pricing`` names."""
    is_paid = pricing is not None and _PAID_BY.get(engagement) is pricing
    return price if is_paid else 0


def is_late(grant: Grant, engagement: Engagement, *, at: datetime) -> bool:
    """Say whether an event that comes at an instant comes too late to count."""
    return at >= grant.expires_at + LATEST[engagement]


def counted_event(grant: Grant, engagement: Engagement, *, at: datetime) -> AdEvent:
    """Return an event that counts, and happened at an instant."""
    price = worth(engagement, pricing=grant.pricing, price=grant.price)
    return EVENT_OF[engagement](**_words(grant), occurred_at=at, price=price)


def rejected_event(
    grant: Grant,
    engagement: Engagement,
    reason: Rejection,
    *,
    at: datetime,
    suspicion: Suspicion | None = None,
) -> AdEventRejected:
    """Return an event that is kept, and does not count."""
    return AdEventRejected(
        **_words(grant),
        occurred_at=at,
        event=engagement.value,
        reason=reason.value,
        suspicion=suspicion.value if suspicion else None,
    )


def event_key(
    issued_at: datetime, token_id: str, engagement: Engagement, *, reason: Rejection | None = None
) -> RowKey:
    """Return the key of an event in the ledger."""
    parts = (token_id, engagement.value) if reason is None else (token_id, engagement.value, reason)
    return RowKey(at=issued_at, id="#".join(parts))


def engagement_of(event: Envelope) -> Engagement | None:
    """Return what a counted event of an ad was reported as; ``None``: it is another event."""
    return _ENGAGEMENT_OF.get(event.type)


_ENGAGEMENT_OF = {event.type: engagement for engagement, event in EVENT_OF.items()}


def _words(grant: Grant) -> dict[str, Any]:
    return {
        "app_id": grant.app_id,
        "contact_id": grant.contact_id,
        "device_id": grant.device_id,
        "token_id": grant.token_id,
        "decision_id": grant.decision_id,
        "placement_id": grant.placement_id,
        "flight_id": grant.flight_id,
        "creative_id": grant.creative_id,
        "ad_id": grant.ad_id,
        "purpose": grant.purpose,
        "currency": grant.currency,
        "coupon_id": grant.coupon_id,
    }

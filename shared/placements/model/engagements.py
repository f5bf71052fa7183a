"""What becomes of an ad that was given to a device."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.kernel.events import Purpose
from shared.placements.model.demand import Pricing


class Engagement(StrEnum):
    """What is reported."""

    LOADED = "loaded"
    IMPRESSION = "impression"
    VIEWABLE50 = "viewable50"
    VIEWABLE100 = "viewable100"
    CLICK = "click"
    CONVERSION = "conversion"
    CLAIM = "claim"
    """The coupon that the ad is about was claimed by a tap on it."""


class Rejection(StrEnum):
    """Why an event is kept, but neither counted nor billed."""

    LATE = "late"
    OVER_CAP = "over_cap"
    INVALID_TRAFFIC = "invalid_traffic"
    REVOKED = "revoked"
    """The ad was taken back after it was given: a case was opened, or its coupon redeemed."""
    TEST = "test"
    """A preview, or a decision that was forced."""


KEVEL_IDS: Mapping[int, Engagement] = {
    1: Engagement.CONVERSION,
    2: Engagement.CONVERSION,
    30: Engagement.IMPRESSION,
    40: Engagement.VIEWABLE50,
}
"""Kevel's numbers of events, for those who send them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """An ad given to a device: what its token says, signed.

    ``token_id`` is unique in the decision; ``issued_at`` and ``expires_at`` are whole seconds.
    ``lease`` is the number, of the counter ``shard``, under which the budget of an exact flight
    counts it. ``strict``: a reservation in the person's state waits for the impression.
    ``epoch`` is that state's and the app's, added, when it was given. ``test``: it never counts.
    """

    token_id: str
    decision_id: str
    app_id: str
    contact_id: str
    device_id: str
    placement_id: str
    flight_id: str
    creative_id: str
    ad_id: str
    purpose: Purpose
    issued_at: datetime
    expires_at: datetime
    pricing: Pricing | None = None
    price: int = 0
    """Millionths of a minor unit, for what ``pricing`` pays for."""
    currency: str | None = None
    lease: int | None = None
    shard: int = 0
    strict: bool = False
    epoch: int = 0
    test: bool = False
    coupon_id: str | None = None
    platform: str | None = None
    """Of the device that asked: ``ios``, ``android`` or ``web``."""

"""What a device asks of a decision, and what it is answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum

MOST_PLACEMENTS = 20
MOST_ADS = 20
"""Of one placement in one request."""


class NoAd(IntEnum):
    """Why a placement stays empty: OpenRTB 2.6's no-bid reasons, and our own from 500 on."""

    UNKNOWN = 0
    TECHNICAL = 1
    INVALID_REQUEST = 2
    CRAWLER = 3
    NON_HUMAN = 4
    UNMATCHED_USER = 8
    DAILY_CAP = 9
    NO_PLACEMENT = 500
    NO_DEMAND = 501
    """Nothing is booked for the placement, now and of its sizes."""
    TARGETING = 502
    FREQUENCY_CAP = 503
    PACED = 504
    """What is left is spread over the time that is left."""
    BUDGET = 505
    HOLD = 506
    """A case is open, or cools down."""
    POLICY = 507
    CONSENT = 508
    COMPETITOR = 509
    COMPANIONS = 510
    DUPLICATE = 511
    GHOST = 512
    COUPON_USED = 513


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """What the person lets the app do, as the device knows it.

    ``tracking``: the answer to Apple's question (``authorized``, ``denied``, ``restricted``,
    ``not_determined``), ``None`` elsewhere. ``capping`` (TCF purposes 1 and 2) and
    ``personalisation`` (1, 3 and 4) allow state to be used for it.
    """

    tracking: str | None = None
    capping: bool = True
    personalisation: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A slot to fill with at most ``count`` ads; ``keywords`` and ``attributes`` are of it alone.

    ``test_ad`` or ``test_flight`` forces what is shown; it never counts.
    """

    name: str
    count: int = 1
    keywords: frozenset[str] = frozenset()
    attributes: Mapping[str, str | float | bool] = field(default_factory=dict)
    test_ad: str | None = None
    test_flight: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRequest:
    """What a device asks.

    ``decision_id`` (``dec_`` and a ULID) seeds every draw. ``seen`` is the device's own count by
    flight id, which counts instead of the person's state where ``consent`` does not allow that.
    """

    decision_id: str
    app_id: str
    device_id: str
    contact_id: str
    wanted: tuple[Wanted, ...]
    at: datetime
    consent: Consent = Consent()
    keywords: frozenset[str] = frozenset()
    attributes: Mapping[str, str | float | bool] = field(default_factory=dict)
    platform: str | None = None
    app_version: str | None = None
    os_version: str | None = None
    locale: str | None = None
    country: str | None = None
    timezone: str | None = None
    seen: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One ad for a placement, with all that its token will say."""

    placement_id: str
    name: str
    ad_id: str
    flight_id: str
    creative_id: str
    ad_campaign_id: str
    advertiser_id: str
    tier: int
    labels: frozenset[str] = frozenset()
    strict: bool = False
    leased: bool = False
    """Its flight's target is exact: a lease must be had before it is given."""
    test: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What is answered: choices by placement name in order, and why others stay empty or short.

    ``despite`` says of each ad that a test forced what would have refused it. ``ghosts`` are
    flights that would have been shown, but for that the person is kept from seeing them.
    """

    choices: Mapping[str, Sequence[Choice]]
    no_ad: Mapping[str, NoAd]
    despite: Mapping[str, NoAd] = field(default_factory=dict)
    ghosts: tuple[str, ...] = ()

"""What is booked, and for which slots: Kevel's words, Google Ad Manager's numbers of priority."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from enum import StrEnum
from typing import TypeAlias

from shared.kernel.events import Purpose

HIGHEST_TIER, LOWEST_TIER = 1, 16
"""Tiers of priority; 4 is for sponsorships, 8 for the usual flight, 12 for price, 16 for house."""

DEFAULT_TIER = 8
HOUSE_TIER = 16


class Kind(StrEnum):
    """The things that are booked, or that bookings are made for."""

    PLACEMENT = "placement"
    AD_TEMPLATE = "ad_template"
    ADVERTISER = "advertiser"
    AD_CAMPAIGN = "ad_campaign"
    FLIGHT = "flight"
    CREATIVE = "creative"
    AD = "ad"


class State(StrEnum):
    """Where a thing stands: only active ones take part in decisions."""

    DRAFT = "draft"
    ACTIVE = "active"
    PAUSED = "paused"
    ENDED = "ended"


class Choosing(StrEnum):
    """How a tier chooses among those that may be shown."""

    LOTTERY = "lottery"
    """By chance, in proportion to what each is worth and how much it lacks."""
    AUCTION = "auction"
    """The one that is worth most; equals by chance."""


class Goal(StrEnum):
    """What a flight is to bring, and what its delivery is counted in."""

    IMPRESSIONS = "impressions"
    CLICKS = "clicks"
    CONVERSIONS = "conversions"
    COUPON_CLAIMS = "coupon_claims"
    REVENUE = "revenue"
    """Whole minor units of the rate's currency."""


class Pacing(StrEnum):
    """How a flight spreads its delivery over its days."""

    EVEN = "even"
    FRONT_LOADED = "front_loaded"
    """A quarter more than even at first, so that it is done before its end."""
    ASAP = "asap"


class CapMode(StrEnum):
    """When a frequency cap counts."""

    STRICT = "strict"
    """At the decision, by a reservation: never one too many."""
    LAZY = "lazy"
    """At the impression: half a read for a decision, and a few too many where two ask at once."""


class Pricing(StrEnum):
    """What is paid for."""

    CPM = "cpm"
    CPC = "cpc"
    CPA = "cpa"
    FLAT = "flat"


class Format(StrEnum):
    """What a creative is made of."""

    IMAGE = "image"
    HTML = "html"
    NATIVE = "native"
    COUPON = "coupon"
    """A native one about a coupon; one tap claims it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Width and height in points."""

    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FrequencyCap:
    """At most ``times`` in any ``window_seconds`` (to 180 days) for one person."""

    times: int
    window_seconds: int
    mode: CapMode = CapMode.LAZY


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is to be brought, over all its days and in one day of the app's zone, at most.

    ``exact``: never one more, at the price of one write for each decision; without, within one
    percent. ``None`` is no bound.
    """

    goal: Goal = Goal.IMPRESSIONS
    lifetime: int | None = None
    daily: int | None = None
    exact: bool = False
    pacing: Pacing = Pacing.EVEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """What is paid: ``amount`` minor units of ``currency``.

    For a thousand impressions (CPM), a click (CPC), a conversion (CPA), or for nothing in
    particular (flat).
    """

    pricing: Pricing
    amount: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Daypart:
    """Hours of some weekdays (Monday is 0) in the contact's zone; ``until`` 00:00 is midnight."""

    weekdays: frozenset[int]
    start: time
    until: time


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A slot of an app. Apps ask for it by ``name`` (a to z, 0 to 9, dashes; unique in the app).

    It takes creatives of one of its ``sizes``, or native ones of one of its ``templates``
    (``ad_template`` ids). ``fallback`` is shown by the app itself when nothing else is.
    ``caps`` are of all ads in it together.
    """

    placement_id: str
    app_id: str
    name: str
    created_at: datetime
    state: State = State.ACTIVE
    version: int = 1
    sizes: tuple[Size, ...] = ()
    templates: tuple[str, ...] = ()
    caps: tuple[FrequencyCap, ...] = ()
    fallback: Mapping[str, object] | None = None
    keywords: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class AdTemplate:
    """The fields of a native ad: a JSON schema (draft 2020-12) of an object of plain fields."""

    ad_template_id: str
    app_id: str
    name: str
    created_at: datetime
    schema: Mapping[str, object]
    state: State = State.ACTIVE
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Advertiser:
    """Whose ads they are; ``labels`` keep competitors apart: no two ads of one label together."""

    advertiser_id: str
    app_id: str
    name: str
    created_at: datetime
    state: State = State.ACTIVE
    version: int = 1
    labels: frozenset[str] = frozenset()
    caps: tuple[FrequencyCap, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AdCampaign:
    """Flights of one advertiser that belong together; ``caps`` and dates are of all of them."""

    ad_campaign_id: str
    app_id: str
    advertiser_id: str
    name: str
    created_at: datetime
    state: State = State.ACTIVE
    version: int = 1
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    caps: tuple[FrequencyCap, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Flight:
    """A booked delivery.

    ``tier`` is its priority. ``targeting`` is text of the targeting language (empty: everybody);
    ``placements`` are ids (empty: every placement that its creatives fit). ``weight`` is its part
    in a lottery. ``companions`` names a set: its ads are shown together in one request, or none.
    ``coupon_id`` is the coupon that it is about: whoever redeemed it does not see it any more.
    ``ghost_percent`` of people do not see it, to know what it does. ``topic`` is the policy's.
    """

    flight_id: str
    app_id: str
    ad_campaign_id: str
    name: str
    created_at: datetime
    starts_at: datetime
    state: State = State.DRAFT
    version: int = 1
    ends_at: datetime | None = None
    dayparts: tuple[Daypart, ...] = ()
    tier: int = DEFAULT_TIER
    target: Target = field(default_factory=Target)
    rate: Rate | None = None
    weight: int = 1
    targeting: str = ""
    placements: tuple[str, ...] = ()
    caps: tuple[FrequencyCap, ...] = ()
    labels: frozenset[str] = frozenset()
    companions: str | None = None
    keywords: frozenset[str] = frozenset()
    purpose: Purpose = Purpose.MARKETING
    topic: str | None = None
    coupon_id: str | None = None
    ghost_percent: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Creative:
    """What is shown.

    ``url`` is an image's, ``html`` a page's text, ``values`` the fields of a native one by its
    template. ``click_url`` is the only place that a click leads to; ``alt`` what a screen reader
    says. ``bytes`` is what the image weighs.
    """

    creative_id: str
    app_id: str
    advertiser_id: str
    name: str
    created_at: datetime
    format: Format
    state: State = State.ACTIVE
    version: int = 1
    size: Size | None = None
    url: str | None = None
    html: str | None = None
    bytes: int | None = None
    alt: str | None = None
    ad_template_id: str | None = None
    values: Mapping[str, object] = field(default_factory=dict)
    click_url: str | None = None
    coupon_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ad:
    """A creative in a flight; ``weight`` is its part among the ads of the flight."""

    ad_id: str
    app_id: str
    flight_id: str
    creative_id: str
    name: str
    created_at: datetime
    state: State = State.ACTIVE
    version: int = 1
    weight: int = 1
    caps: tuple[FrequencyCap, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AdSettings:
    """What an app decides for all its ads.

    How each tier chooses (those not named: by lottery), caps of all ads together, and for how many
    minutes two ads of one label are kept apart.
    """

    app_id: str
    version: int = 0
    choosing: Mapping[int, Choosing] = field(default_factory=dict)
    caps: tuple[FrequencyCap, ...] = ()
    apart_minutes: int = 30


Thing: TypeAlias = Placement | AdTemplate | Advertiser | AdCampaign | Flight | Creative | Ad


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """All that an app has of these, whatever their state: what a snapshot is compiled from."""

    app_id: str
    settings: AdSettings
    placements: tuple[Placement, ...] = ()
    ad_templates: tuple[AdTemplate, ...] = ()
    advertisers: tuple[Advertiser, ...] = ()
    ad_campaigns: tuple[AdCampaign, ...] = ()
    flights: tuple[Flight, ...] = ()
    creatives: tuple[Creative, ...] = ()
    ads: tuple[Ad, ...] = ()

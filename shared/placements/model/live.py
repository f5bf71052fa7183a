"""What can be shown, as a snapshot tells it: placements, flights, creatives and ads, linked up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import cached_property
from typing import Any

from shared.kernel.clock import from_milliseconds
from shared.kernel.events import Purpose
from shared.placements.model.demand import (
    Daypart,
    Format,
    Goal,
    Pacing,
    Pricing,
    Rate,
    Size,
    Target,
)
from shared.placements.model.matching import Matches, compiled
from shared.placements.model.targeting import Field, Needs, Rule, needs_of
from shared.placements.model.targeting_text import parse

CLICK_RATE = 0.005
CONVERSION_RATE = 0.0005
"""What an impression is expected to bring before anything is known of an ad."""

_THOUSAND = 1_000


class Targeting:
    """One rule, shared by all flights that have it."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def rule(self) -> Rule:
        """Return the rule."""
        return parse(self.text)

    @cached_property
    def needs(self) -> Needs:
        """Return what must be known to answer it."""
        return needs_of(self.rule)

    @cached_property
    def matches(self) -> Matches:
        """Return the function that answers it."""
        return compiled(self.rule)

    @cached_property
    def asks_placement(self) -> bool:
        """Say whether its answer may differ between placements of one kind of request."""
        return Field.PLACEMENT in self.needs.names


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """A frequency cap; ``counts`` is the id of what it counts, of this ``level``."""

    level: str
    counts: str
    times: int
    window: timedelta
    strict: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LivePlacement:
    """A slot that apps ask for."""

    placement_id: str
    name: str
    sizes: frozenset[Size]
    templates: frozenset[str]
    caps: tuple[Cap, ...]
    fallback: Mapping[str, object] | None
    keywords: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LiveFlight:
    """A booked delivery with all that it inherits; ``placements`` of ``None`` are all.

    ``number`` is its place in the snapshot. ``companions`` names its set in the whole app.
    """

    number: int
    flight_id: str
    ad_campaign_id: str
    advertiser_id: str
    starts_at: datetime
    ends_at: datetime | None
    dayparts: tuple[Daypart, ...]
    tier: int
    target: Target
    rate: Rate | None
    weight: int
    targeting: Targeting
    placements: frozenset[int] | None
    caps: tuple[Cap, ...]
    labels: frozenset[str]
    companions: str | None
    keywords: frozenset[str]
    purpose: Purpose
    topic: str | None
    coupon_id: str | None
    ghost_percent: float

    @property
    def is_bounded(self) -> bool:
        """Say whether its delivery ends at a figure, so that pacing has a share for it."""
        return self.target.lifetime is not None or self.target.daily is not None

    @property
    def worth(self) -> float:
        """Return what a thousand impressions are expected to bring, in minor units of its rate.

        What pays nothing for them is worth 1. Currencies are not converted: in one tier of an app
        rates are comparable only if they are in one currency.
        """
        if self.rate is None or self.rate.pricing is Pricing.FLAT:
            return 1.0
        return max(self.rate.amount * _EXPECTED[self.rate.pricing], 1.0)


_EXPECTED = {
    Pricing.CPM: 1.0,
    Pricing.CPC: _THOUSAND * CLICK_RATE,
    Pricing.CPA: _THOUSAND * CONVERSION_RATE,
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LiveCreative:
    """What is shown."""

    creative_id: str
    format: Format
    size: Size | None
    url: str | None
    html: str | None
    alt: str | None
    ad_template_id: str | None
    values: Mapping[str, object]
    click_url: str | None
    coupon_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LiveAd:
    """A creative in a flight; ``caps`` are those of its flight and above it, too."""

    number: int
    ad_id: str
    flight: LiveFlight
    creative: LiveCreative
    weight: int
    caps: tuple[Cap, ...]
    coupons: frozenset[str]


def caps_of(told: Mapping[str, Any], ids: Mapping[str, str]) -> tuple[Cap, ...]:
    """Return the caps that something lists; ``ids`` has by level what they count."""
    return tuple(
        Cap(
            level=level,
            counts=ids[level],
            times=times,
            window=timedelta(seconds=seconds),
            strict=bool(strict),
        )
        for level, times, seconds, strict in told.get("caps", ())
    )


def placement_of(told: Mapping[str, Any]) -> LivePlacement:
    """Return the placement that a snapshot tells."""
    return LivePlacement(
        placement_id=told["id"],
        name=told["name"],
        sizes=frozenset(Size(width=w, height=h) for w, h in told.get("sizes", ())),
        templates=frozenset(told.get("templates", ())),
        caps=caps_of(told, {"placement": told["id"]}),
        fallback=told.get("fallback"),
        keywords=frozenset(told.get("keywords", ())),
    )


def flight_of(told: Mapping[str, Any], number: int, targetings: Sequence[Targeting]) -> LiveFlight:
    """Return the flight that a snapshot tells at a place."""
    ids = {"flight": told["id"], "ad_campaign": told["campaign"], "advertiser": told["advertiser"]}
    return LiveFlight(
        number=number,
        flight_id=told["id"],
        ad_campaign_id=told["campaign"],
        advertiser_id=told["advertiser"],
        starts_at=from_milliseconds(told["starts"]),
        ends_at=from_milliseconds(told["ends"]) if "ends" in told else None,
        dayparts=tuple(map(_daypart, told.get("dayparts", ()))),
        tier=told["tier"],
        target=_target(told["target"]),
        rate=_rate(told["rate"]) if "rate" in told else None,
        weight=told.get("weight", 0),
        targeting=targetings[told["targeting"]],
        placements=frozenset(told["placements"]) if "placements" in told else None,
        caps=caps_of(told, ids),
        labels=frozenset(told.get("labels", ())),
        companions=told.get("companions"),
        keywords=frozenset(told.get("keywords", ())),
        purpose=Purpose(told["purpose"]),
        topic=told.get("topic"),
        coupon_id=told.get("coupon"),
        ghost_percent=told.get("ghost", 0),
    )


def _daypart(told: Sequence[Any]) -> Daypart:
    weekdays, start, until = told
    return Daypart(
        weekdays=frozenset(weekdays),
        start=time.fromisoformat(start),
        until=time.fromisoformat(until),
    )


def _target(told: Mapping[str, Any]) -> Target:
    return Target(
        goal=Goal(told["goal"]),
        lifetime=told.get("lifetime"),
        daily=told.get("daily"),
        exact="exact" in told,
        pacing=Pacing(told["pacing"]),
    )


def _rate(told: Sequence[Any]) -> Rate:
    pricing, amount, currency = told
    return Rate(pricing=Pricing(pricing), amount=amount, currency=currency)


def creative_of(told: Mapping[str, Any]) -> LiveCreative:
    """Return the creative that a snapshot tells."""
    size = told.get("size")
    return LiveCreative(
        creative_id=told["id"],
        format=Format(told["format"]),
        size=Size(width=size[0], height=size[1]) if size else None,
        url=told.get("url"),
        html=told.get("html"),
        alt=told.get("alt"),
        ad_template_id=told.get("template"),
        values=told.get("values", {}),
        click_url=told.get("click"),
        coupon_id=told.get("coupon"),
    )


def ad_of(
    told: Sequence[Any],
    number: int,
    flights: Sequence[LiveFlight],
    creatives: Sequence[LiveCreative],
) -> LiveAd:
    """Return the ad that a snapshot tells at a place."""
    ad_id, flight_number, creative_number, weight, *caps = told
    flight, creative = flights[flight_number], creatives[creative_number]
    own = caps_of({"caps": caps[0]} if caps else {}, {"ad": ad_id})
    coupons = {flight.coupon_id, creative.coupon_id} - {None}
    return LiveAd(
        number=number,
        ad_id=ad_id,
        flight=flight,
        creative=creative,
        weight=weight,
        caps=(*flight.caps, *own),
        coupons=frozenset(coupon for coupon in coupons if coupon is not None),
    )

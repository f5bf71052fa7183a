"""Compiles demand to the snapshot that decisions are made from.

The snapshot is canonical JSON: the same demand gives the same bytes, in whatever order it was read,
and so the same hash. It has what can be shown now or later: active things of which nothing above is
inactive or over. What is inherited (dates, caps, labels) stands in the flight, so a decision looks
at one ad, its flight and its creative; these name each other by their place in their list. Fields
that say nothing are left out. ``Snapshot.load`` reads it.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, reduce
from hashlib import sha256
from typing import Any, TypeVar

from shared.kernel.clock import milliseconds
from shared.placements.model.demand import (
    Ad,
    AdCampaign,
    AdSettings,
    Advertiser,
    CapMode,
    Creative,
    Demand,
    Flight,
    FrequencyCap,
    Placement,
    State,
    Thing,
)
from shared.placements.model.targeting import Needs, needs_of
from shared.placements.model.targeting_text import parse, printed

FORMAT = 1
"""Grows when what a snapshot says can no longer be read by those who read the one before."""

ThingT = TypeVar("ThingT", bound=Thing)


def compile_snapshot(demand: Demand, *, at: datetime) -> bytes:
    """Return the snapshot of an app's demand; what ended until ``at`` is left out.

    Raises:
        TargetingInvalidError: a flight was stored with targeting that nobody checked.
    """
    live = _live(demand, at)
    rules = sorted({_canonical(booking.flight.targeting) for booking in live.bookings})
    needs = reduce(_both, map(needs_of, map(parse, rules)), Needs())
    coupons = {booking.flight.coupon_id for booking in live.bookings}
    coupons |= {creative.coupon_id for creative in live.creatives}
    content = {
        "format": FORMAT,
        "app_id": demand.app_id,
        "settings": _settings(demand.settings),
        "segments": sorted(needs.segments),
        "tags": sorted(needs.tags),
        "coupons": sorted(needs.coupons | {coupon for coupon in coupons if coupon is not None}),
        "targetings": rules,
        "placements": [_placement(placement, live.templates) for placement in live.placements],
        "flights": _flights(live, rules),
        "creatives": [_creative(creative) for creative in live.creatives],
        "ads": _ads(live),
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def hash_of(content: bytes) -> str:
    """Return the name of a snapshot by its content: SHA-256, in hexadecimal."""
    return sha256(content).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Booking:
    """A flight that may be shown, and what it inherits from."""

    flight: Flight
    ad_campaign: AdCampaign
    advertiser: Advertiser

    @property
    def starts_at(self) -> datetime:
        later = self.ad_campaign.starts_at
        return self.flight.starts_at if later is None else max(self.flight.starts_at, later)

    @property
    def ends_at(self) -> datetime | None:
        ends = [end for end in (self.flight.ends_at, self.ad_campaign.ends_at) if end is not None]
        return min(ends, default=None)

    def is_live(self, at: datetime) -> bool:
        states = {self.flight.state, self.ad_campaign.state, self.advertiser.state}
        ends_at = self.ends_at
        is_over = ends_at is not None and ends_at <= max(at, self.starts_at)
        return states == {State.ACTIVE} and self.flight.weight > 0 and not is_over


@dataclass(frozen=True, slots=True, kw_only=True)
class _Live:
    placements: Sequence[Placement]
    templates: frozenset[str]
    bookings: Sequence[_Booking]
    creatives: Sequence[Creative]
    ads: Sequence[Ad]


def _live(demand: Demand, at: datetime) -> _Live:
    campaigns = {one.ad_campaign_id: one for one in demand.ad_campaigns}
    advertisers = {one.advertiser_id: one for one in demand.advertisers}
    bookings = {}
    for flight in demand.flights:
        campaign = campaigns[flight.ad_campaign_id]
        advertiser = advertisers[campaign.advertiser_id]
        booking = _Booking(flight=flight, ad_campaign=campaign, advertiser=advertiser)
        if booking.is_live(at):
            bookings[flight.flight_id] = booking
    creatives = {one.creative_id: one for one in _active(demand.creatives)}
    ads = [
        ad
        for ad in _active(demand.ads)
        if ad.flight_id in bookings and ad.creative_id in creatives and ad.weight > 0
    ]
    shown_flights = {ad.flight_id for ad in ads}
    shown_creatives = {ad.creative_id for ad in ads}
    return _Live(
        placements=sorted(_active(demand.placements), key=lambda one: one.placement_id),
        templates=frozenset(one.ad_template_id for one in _active(demand.ad_templates)),
        bookings=[bookings[flight_id] for flight_id in sorted(shown_flights)],
        creatives=[creatives[creative_id] for creative_id in sorted(shown_creatives)],
        ads=sorted(ads, key=lambda ad: ad.ad_id),
    )


def _active(things: Iterable[ThingT]) -> Iterable[ThingT]:
    return (thing for thing in things if thing.state is State.ACTIVE)


@lru_cache(maxsize=4_096)
def _canonical(targeting: str) -> str:
    return printed(parse(targeting))


def _both(one: Needs, other: Needs) -> Needs:
    return Needs(
        segments=one.segments | other.segments,
        tags=one.tags | other.tags,
        coupons=one.coupons | other.coupons,
    )


def _told(**fields: Any) -> dict[str, Any]:
    """Return the fields that say something."""
    return {name: value for name, value in fields.items() if value not in (None, [], {}, "")}


def _settings(settings: AdSettings) -> dict[str, Any]:
    return _told(
        choosing={str(tier): how.value for tier, how in settings.choosing.items()},
        caps=_caps("app", settings.caps),
        apart=settings.apart_minutes,
    )


def _caps(level: str, caps: Collection[FrequencyCap]) -> list[list[Any]]:
    return [[level, cap.times, cap.window_seconds, int(cap.mode is CapMode.STRICT)] for cap in caps]


def _placement(placement: Placement, templates: frozenset[str]) -> dict[str, Any]:
    return _told(
        id=placement.placement_id,
        name=placement.name,
        sizes=sorted([size.width, size.height] for size in placement.sizes),
        templates=sorted(templates.intersection(placement.templates)),
        caps=_caps("placement", placement.caps),
        fallback=placement.fallback,
        keywords=sorted(placement.keywords),
    )


def _flights(live: _Live, rules: Sequence[str]) -> list[dict[str, Any]]:
    places = {placement.placement_id: place for place, placement in enumerate(live.placements)}
    tiers = _tiers_of_companions(live.bookings)
    numbers = {rule: number for number, rule in enumerate(rules)}
    return [
        _flight(booking)
        | _placed(booking.flight, places)
        | {
            "targeting": numbers[_canonical(booking.flight.targeting)],
            "tier": tiers.get(_companions(booking.flight), booking.flight.tier),
        }
        for booking in live.bookings
    ]


def _placed(flight: Flight, places: Mapping[str, int]) -> dict[str, Any]:
    """Return where a flight may stand; one whose placements are all inactive stands nowhere."""
    if not flight.placements:
        return {}
    return {"placements": sorted(places[one] for one in flight.placements if one in places)}


def _companions(flight: Flight) -> str | None:
    """Return the name of a companion set, which is its ad campaign's own."""
    return flight.companions and f"{flight.ad_campaign_id}#{flight.companions}"


def _tiers_of_companions(bookings: Iterable[_Booking]) -> Mapping[str | None, int]:
    """Return each set's tier: its lowest one, for together they displace nothing higher."""
    found: dict[str | None, int] = defaultdict(int)
    for flight in (booking.flight for booking in bookings):
        if name := _companions(flight):
            found[name] = max(found[name], flight.tier)
    return dict(found)


def _flight(booking: _Booking) -> dict[str, Any]:
    flight, campaign, advertiser = booking.flight, booking.ad_campaign, booking.advertiser
    target, rate = flight.target, flight.rate
    return _told(
        id=flight.flight_id,
        campaign=campaign.ad_campaign_id,
        advertiser=advertiser.advertiser_id,
        starts=milliseconds(booking.starts_at),
        ends=None if booking.ends_at is None else milliseconds(booking.ends_at),
        dayparts=[
            [sorted(part.weekdays), part.start.isoformat(), part.until.isoformat()]
            for part in flight.dayparts
        ],
        target=_told(
            goal=target.goal.value,
            lifetime=target.lifetime,
            daily=target.daily,
            exact=1 if target.exact else None,
            pacing=target.pacing.value,
        ),
        rate=None if rate is None else [rate.pricing.value, rate.amount, rate.currency],
        weight=flight.weight,
        caps=[
            *_caps("advertiser", advertiser.caps),
            *_caps("ad_campaign", campaign.caps),
            *_caps("flight", flight.caps),
        ],
        labels=sorted(flight.labels | advertiser.labels),
        companions=_companions(flight),
        keywords=sorted(flight.keywords),
        purpose=flight.purpose.value,
        topic=flight.topic,
        coupon=flight.coupon_id,
        ghost=flight.ghost_percent or None,
    )


def _creative(creative: Creative) -> dict[str, Any]:
    return _told(
        id=creative.creative_id,
        format=creative.format.value,
        size=creative.size and [creative.size.width, creative.size.height],
        url=creative.url,
        html=creative.html,
        alt=creative.alt,
        template=creative.ad_template_id,
        values=creative.values,
        click=creative.click_url,
        coupon=creative.coupon_id,
    )


def _ads(live: _Live) -> list[list[Any]]:
    flights = {one.flight.flight_id: place for place, one in enumerate(live.bookings)}
    creatives = {one.creative_id: place for place, one in enumerate(live.creatives)}
    return [
        [
            ad.ad_id,
            flights[ad.flight_id],
            creatives[ad.creative_id],
            ad.weight,
            *([_caps("ad", ad.caps)] if ad.caps else []),
        ]
        for ad in live.ads
    ]

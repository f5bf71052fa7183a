"""Booked things as marketers write them: the least of each, and all that each can have."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from shared.placements.model.demand import Creative, Flight, Kind, Placement, Thing
from shared.placements.model.documents import thing_of
from shared.placements.model.things import PREFIXES

APP = "app_" + "0" * 26
AT = datetime(2026, 11, 23, 12, tzinfo=UTC)

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "minLength": 3, "maxLength": 25},
        "picture": {"type": "string", "maxLength": 200, "format": "image-uri"},
        "more": {"type": "string", "maxLength": 200, "format": "uri"},
        "text_color": {
            "type": "string",
            "maxLength": 7,
            "format": "color",
            "x-background": "background_color",
        },
        "background_color": {"type": "string", "maxLength": 7, "format": "color"},
        "mood": {"type": "string", "maxLength": 9, "enum": ["calm", "loud"]},
        "stars": {"type": "integer", "minimum": 1, "maximum": 5},
        "rating": {"type": "number", "enum": [1, 2.5]},
        "is_new": {"type": "boolean"},
    },
    "required": ["title"],
    "additionalProperties": False,
}

PLAIN: Mapping[Kind, dict[str, Any]] = {
    Kind.PLACEMENT: {"name": "home-top", "sizes": ["320x50"]},
    Kind.AD_TEMPLATE: {"name": "card", "schema": SCHEMA},
    Kind.ADVERTISER: {"name": "Acme"},
    Kind.AD_CAMPAIGN: {"name": "Spring", "advertiser_id": "adv_1"},
    Kind.FLIGHT: {
        "name": "Shoes",
        "ad_campaign_id": "adc_1",
        "starts_at": "2026-11-23T09:00:00.000Z",
    },
    Kind.CREATIVE: {
        "name": "Shoe",
        "advertiser_id": "adv_1",
        "format": "image",
        "size": "320x50",
        "url": "https://images.example/shoe.png",
        "bytes": 20_000,
        "alt": "A red shoe",
    },
    Kind.AD: {"name": "Shoe in Shoes", "flight_id": "flt_1", "creative_id": "crv_1"},
}

_CAP = {"times": 3, "window_seconds": 86_400, "mode": "strict"}

WHOLE: Mapping[Kind, dict[str, Any]] = {
    Kind.PLACEMENT: {
        "name": "checkout-2",
        "sizes": ["320x50", "300x250"],
        "templates": ["adt_1", "adt_2"],
        "caps": [_CAP],
        "fallback": {"title": "Hello", "deep": {"list": [1, None, "two"]}},
        "keywords": ["shoes", "sport"],
    },
    Kind.AD_TEMPLATE: PLAIN[Kind.AD_TEMPLATE],
    Kind.ADVERTISER: {"name": "Acme", "labels": ["banks", "cars"], "caps": [_CAP]},
    Kind.AD_CAMPAIGN: {
        "name": "Spring",
        "advertiser_id": "adv_1",
        "starts_at": "2026-11-23T09:00:00.000Z",
        "ends_at": "2026-12-24T17:00:00.123Z",
        "caps": [_CAP],
    },
    Kind.FLIGHT: {
        "name": "Shoes",
        "ad_campaign_id": "adc_1",
        "starts_at": "2026-11-23T09:00:00.000Z",
        "ends_at": "2026-12-24T17:00:00.000Z",
        "dayparts": [{"weekdays": [0, 4], "start": "18:30", "until": "00:00"}],
        "tier": 4,
        "target": {
            "goal": "impressions",
            "lifetime": 50_000,
            "daily": 5_000,
            "exact": True,
            "pacing": "front_loaded",
        },
        "rate": {"pricing": "cpm", "amount": 550, "currency": "CHF"},
        "weight": 7,
        "targeting": 'country = "CH"',
        "placements": ["plc_2", "plc_1"],
        "caps": [_CAP, {"times": 1, "window_seconds": 3_600, "mode": "lazy"}],
        "labels": ["shoes"],
        "companions": "autumn",
        "keywords": ["sport"],
        "purpose": "service",
        "topic": "offers",
        "coupon_id": "cpn_1",
        "ghost_percent": 12.5,
    },
    Kind.CREATIVE: {
        "name": "Ten off",
        "advertiser_id": "adv_1",
        "format": "coupon",
        "size": None,
        "url": None,
        "html": None,
        "bytes": None,
        "alt": "A red shoe",
        "ad_template_id": "adt_1",
        "values": {"title": "Ten off", "stars": 5},
        "click_url": "https://acme.example/shoes?from={{placement}}",
        "coupon_id": "cpn_1",
    },
    Kind.AD: {
        "name": "Shoe in Shoes",
        "flight_id": "flt_1",
        "creative_id": "crv_1",
        "weight": 3,
        "caps": [_CAP],
    },
}


def any_targeting(given: Any) -> str:
    """Take any text as one of the targeting language."""
    return str(given)


def a(kind: Kind, document: dict[str, Any] | None = None, number: int = 1, **fields: Any) -> Thing:
    """Return a thing of a document, its fields replaced by some."""
    return thing_of(
        kind,
        {**(document or PLAIN[kind]), **fields},
        app_id=APP,
        thing_id=f"{PREFIXES[kind]}_{number}",
        created_at=AT,
        targeting_of=any_targeting,
    )


def a_placement(**fields: Any) -> Placement:
    """Return a placement, its fields replaced by some."""
    placement = a(Kind.PLACEMENT, **fields)
    assert isinstance(placement, Placement)
    return placement


def a_flight(**fields: Any) -> Flight:
    """Return a flight, its fields replaced by some."""
    flight = a(Kind.FLIGHT, **fields)
    assert isinstance(flight, Flight)
    return flight


def a_creative(document: dict[str, Any] | None = None, **fields: Any) -> Creative:
    """Return a creative, its fields replaced by some."""
    creative = a(Kind.CREATIVE, document, **fields)
    assert isinstance(creative, Creative)
    return creative

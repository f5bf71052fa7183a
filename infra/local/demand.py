"""The smallest file of ads that shows something."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from shared.kernel.clock import rfc3339

_CARD: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {"title": {"type": "string", "maxLength": 25}},
    "required": ["title"],
    "additionalProperties": False,
}


def one_ad(slot: str, *, starts_at: datetime, coupon_id: str | None = None) -> dict[str, Any]:
    """Return one ad in a slot of its own, as a marketer's file has it.

    Args:
        slot: The placement's name, and the key of everything in the file.
        starts_at: When the flight begins.
        coupon_id: What the ad advertises and one tap on it claims; the flight ends when it does.
    """
    coupon = {"coupon_id": coupon_id} if coupon_id else {}
    return {
        "ad_templates": [{"key": slot, "name": "Card", "schema": _CARD}],
        "placements": [{"key": slot, "name": slot, "templates": [slot]}],
        "advertisers": [{"key": slot, "name": "Shop"}],
        "ad_campaigns": [{"key": slot, "name": "Winter", "advertiser": slot}],
        "flights": [
            {
                "key": slot,
                "name": "Boots",
                "ad_campaign": slot,
                "starts_at": rfc3339(starts_at),
                "placements": [slot],
                "state": "active",
                **coupon,
            }
        ],
        "creatives": [
            {
                "key": slot,
                "name": "Boots",
                "advertiser": slot,
                "format": "coupon" if coupon else "native",
                "ad_template": slot,
                "values": {"title": "Warm feet"},
                **coupon,
            }
        ],
        "ads": [{"key": slot, "name": "Boots", "flight": slot, "creative": slot}],
    }

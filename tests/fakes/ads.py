"""An ad that was given to a device, as tests want it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from shared.kernel.events import Purpose
from shared.kernel.ids import ulid_of
from shared.placements.model.demand import Pricing
from shared.placements.model.engagements import Grant
from tests.fakes.clock import NOON

SHOP, CAFE = f"app_{'1' * 26}", f"app_{'2' * 26}"
ADA, BOB = f"con_{'1' * 26}", f"con_{'2' * 26}"
PHONE = "0b1e6d3c-5a52-4f1e-9d0a-6f2a0c1d2e3f"
LIFETIME = timedelta(minutes=5)

_FIRST = Grant(
    token_id="",
    decision_id="",
    app_id=SHOP,
    contact_id=ADA,
    device_id=PHONE,
    placement_id=f"plc_{'1' * 26}",
    flight_id=f"flt_{'1' * 26}",
    creative_id=f"crv_{'1' * 26}",
    ad_id=f"ad_{'1' * 26}",
    purpose=Purpose.MARKETING,
    issued_at=NOON,
    expires_at=NOON + LIFETIME,
    pricing=Pricing.CPM,
    price=2_500_000,
    currency="CHF",
)


def a_grant(number: int = 1, **others: Any) -> Grant:
    """Return the n-th ad that was given, each in a decision of its own."""
    ulid = ulid_of(others.get("issued_at", NOON), chance=number)
    named = {"token_id": f"{ulid}-1", "decision_id": f"dec_{ulid}", **others}
    if "issued_at" in others and "expires_at" not in others:
        named["expires_at"] = others["issued_at"] + LIFETIME
    return replace(_FIRST, **named)

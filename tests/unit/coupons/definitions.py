"""Coupons as marketers write them: one with nothing but its discount, one with everything."""

from datetime import UTC, datetime
from typing import Any

from shared.coupons.model.coupons import Coupon
from shared.coupons.model.documents import coupon_of

APP = "app_" + "0" * 26
AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
PLAIN: dict[str, Any] = {"name": "Welcome", "discount": {"kind": "percent", "percent_off": 10}}
WHOLE: dict[str, Any] = {
    "name": "Frühling",
    "description": "Ten off, for who comes back.",
    "discount": {
        "kind": "amount",
        "amount_off": 1_000,
        "currency": "EUR",
        "level": "order",
        "applies_to": {"products": ["shoes"], "categories": ["feet"], "at_most": 2},
    },
    "validity": {
        "zone": "Europe/Zurich",
        "start": "2026-11-23",
        "end": "2026-12-24T17:00:00.000Z",
        "weekdays": [1, 5],
        "hours": [{"start": "18:00", "end": "02:00"}],
        "after_claim_minutes": 10_080,
    },
    "limits": [
        {"limit_id": "lim_1", "subject": "coupon", "uses": 1_000, "overflow": 5},
        {"limit_id": "lim_2", "subject": "contact", "period": "rolling", "hours": 24, "uses": 1},
        {"limit_id": "lim_3", "subject": "store", "period": "day", "amount": 50_000},
        {"limit_id": "lim_4", "subject": "code", "period": "month", "uses": 3},
    ],
    "rules": {
        "currency": "EUR",
        "minimum_amount": 5_000,
        "minimum_quantity": 2,
        "products": ["shoes"],
        "categories": ["feet"],
        "segments": ["seg_1"],
        "first_order": True,
        "channels": ["inapp", "push"],
        "app_version": "2.10",
        "operating_systems": ["ios"],
        "push_permission": True,
        "consents": ["push"],
        "placements_seen": ["home"],
        "stores": ["bern"],
        "texts": {"store": "Only in Bern."},
    },
    "stacking": {
        "category": "season",
        "combination": "joint",
        "combines_with": ["season", "shipping"],
        "order": 20,
        "base": "initial",
        "once_per_line": True,
    },
    "claims": {
        "enabled": True,
        "required": True,
        "with_code": True,
        "first": 500,
        "remind_before_hours": 24,
        "reminder_template_id": "tpl_1",
    },
    "after_rollback": "keep_use",
    "partial_refund": "reevaluate",
    "metadata": {"season": "spring"},
}


def coupon(document: dict[str, Any] | None = None, **fields: Any) -> Coupon:
    """Return the draft of a document, its fields replaced by some."""
    return coupon_of(
        {**(document or PLAIN), **fields}, app_id=APP, created_at=AT, coupon_id="cpn_1"
    )

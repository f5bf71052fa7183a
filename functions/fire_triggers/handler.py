"""Lambda entry point of the firing of triggers: its schedule calls it every minute."""

from collections import Counter
from typing import Any

from functions.fire_triggers.wiring import app_ids, firing
from shared.platform.observability import logger

BUDGET = 240_000
"""Milliseconds after which a call begins nothing more: the next one goes on."""


def lambda_handler(_event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Take what is due of every app to its end, also what an outage left behind."""
    begun: int = context.get_remaining_time_in_millis()

    def has_time() -> bool:
        left: int = context.get_remaining_time_in_millis()
        return begun - left < BUDGET

    counts = Counter[str]()
    for app_id in app_ids():
        if has_time():
            counts.update(firing().fire_due(app_id, has_time=has_time))
    logger().info("triggers", counts=dict(counts))
    return dict(counts)

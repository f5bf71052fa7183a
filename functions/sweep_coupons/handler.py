"""Lambda entry point of the sweep of coupons: its schedule calls it every minute."""

from typing import Any

from functions.sweep_coupons.wiring import app_ids, reminders, rounds, sweeping
from shared.platform.observability import logger

BUDGET = 50_000
"""Milliseconds after which a call begins nothing more: the next one goes on in a few seconds."""

MOST_RESERVATIONS = 1_000
"""Reservations of an app that a call ends before it looks after the next app."""

MINUTES = 10
"""Minutes whose claims are worked through between two looks at the clock."""


def lambda_handler(_event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Take each app's sweep a step further; who is behind goes on in the next minute."""
    begun: int = context.get_remaining_time_in_millis()

    def has_time() -> bool:
        left: int = context.get_remaining_time_in_millis()
        return begun - left < BUDGET

    ended = unfinished = 0
    for app_id in app_ids():
        if not has_time():
            unfinished += 1
            continue
        ended += sweeping().end_reservations(app_id, most=MOST_RESERVATIONS)
        is_behind = True
        while is_behind and has_time():
            is_behind = reminders().catch_up(app_id, minutes=MINUTES)
        is_over = rounds().go_on(app_id, has_time=has_time)
        unfinished += is_behind or not is_over
    logger().info("swept", reservations=ended, unfinished_apps=unfinished)
    return {"reservations": ended, "unfinished_apps": unfinished}

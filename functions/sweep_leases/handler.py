"""Lambda entry point of the sweep of leases: its schedule calls it every minute."""

from typing import Any

from functions.sweep_leases.wiring import app_ids, budgets
from shared.kernel.clock import system_clock
from shared.placements.errors import BudgetContendedError
from shared.platform.observability import logger

BUDGET = 50_000
"""Milliseconds after which a call begins nothing more: the next one goes on in a few seconds."""

MOST_OF_A_FLIGHT = 1_000
"""Numbers of a flight that a call returns before it looks after the next flight."""


def lambda_handler(_event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Take each app's sweep a step further; who is behind goes on in the next minute."""
    begun: int = context.get_remaining_time_in_millis()

    def has_time() -> bool:
        left: int = context.get_remaining_time_in_millis()
        return begun - left < BUDGET

    returned = unfinished = 0
    for app_id in app_ids():
        try:
            swept = budgets().sweep(
                app_id, at=system_clock(), most=MOST_OF_A_FLIGHT, has_time=has_time
            )
        except BudgetContendedError:
            logger().warning("a budget is changed by many at once", app=app_id)
            unfinished += 1
            continue
        returned += swept.returned
        unfinished += not swept.is_whole
    logger().info("swept", returned=returned, unfinished_apps=unfinished)
    return {"returned": returned, "unfinished_apps": unfinished}

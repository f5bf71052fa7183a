"""Lambda entry point of the releases: its schedule calls it every minute."""

from typing import Any

from functions.release_deferrals.wiring import app_ids, deferrals, releases
from shared.platform.observability import logger


def lambda_handler(_event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Hand over all that is due of every app, also what an outage left behind."""
    released = sum(deferrals().release_due(app_id, releases()) for app_id in app_ids())
    logger().info("released", deferrals=released)
    return {"released": released}

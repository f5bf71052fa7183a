"""Lambda entry point of who gives coupons away: jobs of its queue.

A job is ``{"app_id", "publication_id"}``: one step, which puts the job of the next.
"""

import json
from typing import Any

from functions.publish_coupon.wiring import publishing
from shared.platform.observability import logger


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Take each publication a step further; a job that fails comes again: nobody gets two."""
    for record in event["Records"]:
        job = json.loads(record["body"])
        done = publishing().advance(job["publication_id"], app_id=job["app_id"])
        logger().info("published", publication=done.publication_id, state=done.state)
    return {"batchItemFailures": []}

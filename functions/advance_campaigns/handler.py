"""Lambda entry point of those who take campaigns on: its schedule each minute, and its queue.

The schedule puts a job for every run that is not settled; a job is ``{"app_id", "campaign_id",
"run_id"}``, and comes also when somebody cannot wait for the minute.
"""

import json
from typing import Any

from functions.advance_campaigns.wiring import queue_unsettled, releaser
from shared.platform.observability import count, logger
from shared.platform.queue import try_again


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Put the jobs of the minute, or do those of the queue; one that fails comes again."""
    if "Records" not in event:
        return {"queued": queue_unsettled()}
    failed = [record["messageId"] for record in event["Records"] if not _work(record)]
    return try_again(failed)


def _work(record: dict[str, Any]) -> bool:
    job = json.loads(record["body"])
    done = releaser().advance(job["run_id"], campaign_id=job["campaign_id"], app_id=job["app_id"])
    if done.is_balanced:
        logger().info("advanced", run=job["run_id"], state=done.state, released=done.released)
    else:
        logger().error("books out of balance", run=job["run_id"])
        count("BooksOutOfBalance", service="advance_campaigns")
    return True

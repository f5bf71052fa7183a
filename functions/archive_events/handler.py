"""Lambda entry point of the filing of events: events of the bus, by its queue.

A batch that fails comes again as a whole, and writes the same files.
"""

import json
from typing import Any

from functions.archive_events.wiring import archive
from shared.kernel.envelope import published
from shared.platform.observability import logger


def lambda_handler(event: dict[str, Any], _context: object) -> None:
    """File a batch of events."""
    told = [json.loads(record["body"]) for record in event["Records"]]
    files = archive().file(published(one["detail"], event_type=one["detail-type"]) for one in told)
    logger().info("filed", events=len(told), files=files)

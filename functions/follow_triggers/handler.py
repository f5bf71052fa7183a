"""Lambda entry point of who follows triggers: events about contacts, by the bus and its queue.

Each event may come twice, and in any order.
"""

import json
from collections.abc import Mapping
from typing import Any

from functions.follow_triggers.wiring import following, performing
from shared.kernel.envelope import published
from shared.platform.observability import logger
from shared.platform.queue import try_again


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Follow each event; one that fails comes again alone."""
    failed = [record["messageId"] for record in event["Records"] if not _is_followed(record)]
    return try_again(failed)


def _is_followed(record: Mapping[str, Any]) -> bool:
    try:
        told = json.loads(record["body"])
        event = published(told["detail"], event_type=told["detail-type"])
        performing().perform(event)
        following().follow(event)
    except Exception:  # noqa: BLE001 - the others of the batch are followed all the same
        logger().exception("an event was not followed", message_id=record["messageId"])
        return False
    return True

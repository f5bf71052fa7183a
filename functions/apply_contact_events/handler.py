"""Lambda entry point of the effects of others' events: events of the bus, by its queue.

The bus cannot tell our own events from those of others, so what we tell ourselves is passed over
first thing: our senders count before they send. Each may come twice, and in any order.
"""

import json
from collections.abc import Mapping
from typing import Any

from functions.apply_contact_events.wiring import effects
from shared.contact_events.model.event_types import OUR_SOURCES
from shared.kernel.envelope import published
from shared.platform.observability import logger
from shared.platform.queue import try_again


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Apply what each event tells; one that fails comes again alone."""
    failed = [record["messageId"] for record in event["Records"] if not _is_applied(record)]
    return try_again(failed)


def _is_applied(record: Mapping[str, Any]) -> bool:
    try:
        told = json.loads(record["body"])
        event = published(told["detail"], event_type=told["detail-type"])
        if event.source not in OUR_SOURCES:
            effects().apply(event)
    except Exception:  # noqa: BLE001 - the others of the batch are applied all the same
        logger().exception("an event was not applied", message_id=record["messageId"])
        return False
    return True

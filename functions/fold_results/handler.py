"""Lambda entry point of the projection of results: events of the bus, by its queue.

Each event may come twice, and in any order: what it tells is a set.
"""

import json
from typing import Any

from functions.fold_results.wiring import marks
from shared.kernel.envelope import published


def lambda_handler(event: dict[str, Any], _context: object) -> None:
    """Mark what the events tell; where that fails they all come again."""
    told = [json.loads(record["body"]) for record in event["Records"]]
    marks().take([published(one["detail"], event_type=one["detail-type"]) for one in told])

"""Lambda entry point of the projection of results: events of the bus, by its queue.

Each event may come twice, and in any order: what it tells is a set.
"""

import json
from collections.abc import Mapping
from typing import Any

from functions.fold_results.wiring import marks
from shared.kernel.clock import from_rfc3339
from shared.kernel.envelope import Envelope
from shared.kernel.events import Subject


def lambda_handler(event: dict[str, Any], _context: object) -> None:
    """Mark what the events tell; where that fails they all come again."""
    marks().take([_event_in(json.loads(record["body"])) for record in event["Records"]])


def _event_in(published: Mapping[str, Any]) -> Envelope:
    """Return the event that the bus brings, whose detail type has no organisation before it."""
    told = published["detail"]
    _, _, app_id, source = told["source"].split("/", 3)
    kind, _, subject_id = told["subject"].partition("/")
    return Envelope(
        app_id=app_id,
        sequence=told["sequence"],
        type=published["detail-type"],
        source=source,
        time=from_rfc3339(told["time"]),
        subject=Subject(kind=kind, id=subject_id),
        data=told["data"],
    )

"""What the ledger tells, as the bus brings it to queues."""

import json
from typing import Any

from tests.deployment import Deployment
from tests.functional.relay_events.test_relay import stream_batch

ORG = "com.example"
"""The organisation of every app of these tests; the bus's detail type goes without it."""


def told(deployed: Deployment, dynamodb: Any, *types: str) -> list[dict[str, Any]]:
    """Publish all that was recorded so far, and return the events of some types, oldest first."""
    deployed.aws.published.clear()
    deployed.invoke("relay_events", stream_batch(deployed, dynamodb))
    return [
        entry["Detail"] for entry in deployed.aws.published if entry["DetailType"] in set(types)
    ]


def records(events: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the batch in which a queue that is fed by the bus hands events out."""
    bodies = [
        {"source": "engage", "detail-type": event["type"].removeprefix(f"{ORG}."), "detail": event}
        for event in events
    ]
    return {
        "Records": [
            {"messageId": str(place), "body": json.dumps(body)} for place, body in enumerate(bodies)
        ]
    }

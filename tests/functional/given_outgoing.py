"""An event that a subscription was to be sent, and that did not arrive; and one to send again."""

import json
from datetime import timedelta

from shared.kernel.clock import rfc3339, system_clock
from tests.deployment import Deployment

NOWHERE = "http://localhost:9/in"
"""Nobody listens there; local runs may send to this host."""


def a_replay(deployed: Deployment, app_id: str, subscription_id: str) -> str:
    """Have the last hours sent to a subscription again, and return the id of that."""
    since = rfc3339(system_clock() - timedelta(hours=2))
    made = deployed.request(
        f"POST /v1/apps/{app_id}/subscriptions/{subscription_id}/replay",
        {"from": since},
        bearer=deployed.operator(),
    )
    replay_id: str = made.body["replay_id"]
    return replay_id


def an_undelivered_event(deployed: Deployment, app_id: str, event_id: str) -> dict[str, str]:
    """Subscribe where nobody listens, have an event fail to arrive, and return the ids of both."""
    app, operator = f"/v1/apps/{app_id}", deployed.operator()
    subscription = {"url": NOWHERE}
    made = deployed.request(f"POST {app}/subscriptions", subscription, bearer=operator).body
    event = deployed.request(f"GET {app}/events/{event_id}", bearer=operator).body
    body = json.dumps({"detail-type": event["type"], "detail": event})
    deployed.invoke("deliver_webhooks", {"Records": [{"messageId": "1", "body": body}]})
    return {
        "subscription_id": made["subscription_id"],
        "delivery_id": event_id.replace("evt_", "dlv_"),
    }

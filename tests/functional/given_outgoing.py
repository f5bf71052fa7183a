"""An event that a subscription was to be sent, and that did not arrive."""

import json

from tests.deployment import Deployment

NOWHERE = "http://localhost:9/in"
"""Nobody listens there; local runs may send to this host."""


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

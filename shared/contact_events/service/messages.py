"""Events as messages to a receiver: CloudEvents in JSON, signed as Standard Webhooks has it.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md: what is
signed is ``<webhook-id>.<webhook-timestamp>.<body>``, with HMAC-SHA256 and each of the secrets.
"""

import hmac
import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from shared.contact_events.model.deliveries import Attempted
from shared.contact_events.model.events import RAW
from shared.contact_events.model.subscriptions import MessageMode, Subscription
from shared.contact_events.ports import Courier, Keys
from shared.kernel.clock import Clock

CloudEvent = Mapping[str, Any]

_TYPES = {
    MessageMode.STRUCTURED: "application/cloudevents+json; charset=utf-8",
    MessageMode.BATCH: "application/cloudevents-batch+json; charset=utf-8",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Messenger:
    """Sends events of an app to one of its subscriptions."""

    keys: Keys
    courier: Courier
    clock: Clock

    def send(
        self, subscription: Subscription, *, message_id: str, events: Sequence[CloudEvent]
    ) -> Attempted:
        """Send events as one message, and say what came of it.

        A structured subscription gets one event a message, but for what was gathered while it had
        batches: that stays one. What another system sent, ``data.raw``, stays here: a receiver sees
        what a viewer of the app sees.
        """
        shown = [_shown(event) for event in events]
        mode = MessageMode.BATCH if len(shown) > 1 else subscription.mode
        content = shown if mode is MessageMode.BATCH else shown[0]
        body = json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()
        headers = {
            "content-type": _TYPES[mode],
            "user-agent": "engage",
            **self._signature(subscription, message_id=message_id, body=body),
        }
        return self.courier.carry(subscription.url, body=body, headers=headers)

    def _signature(
        self, subscription: Subscription, *, message_id: str, body: bytes
    ) -> dict[str, str]:
        at = self.clock()
        timestamp = str(int(at.timestamp()))
        content = f"{message_id}.{timestamp}.".encode() + body
        keys = [
            self.keys.unwrap(secret.sealed, app_id=subscription.app_id, about=secret.secret_id)
            for secret in subscription.signing(at)
        ]
        made = [b64encode(hmac.digest(key, content, sha256)).decode() for key in keys]
        return {
            "webhook-id": message_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": " ".join(f"v1,{one}" for one in made),
        }


def _shown(event: CloudEvent) -> CloudEvent:
    data = {name: value for name, value in event["data"].items() if name != RAW}
    return {**event, "data": data}

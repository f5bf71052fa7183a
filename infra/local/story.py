"""The story that shows the whole: a phone registers, a push reaches it, each step is one event."""

import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx

from infra.local.api import ApiCaller
from infra.local.errors import LocalStackError
from infra.local.processes import wait_for
from infra.local.screen import Screen
from infra.local.seed import Phone, push_body, register_phone
from shared.kernel.clock import Clock, milliseconds, rfc3339

WAIT_SECONDS = 40
HTTP_2 = "h2"
"""HTTP/2 over TLS, as ALPN calls it (RFC 9113, section 3.2)."""
TIMELINE = ("device.registered", "message.sent", "message.opened")
"""What the contact's timeline holds at the end: each once, in this order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """One step of the story and the evidence that it took place."""

    title: str
    evidence: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Plays against a stack that is up, over HTTP only."""

    facts: Mapping[str, Any]
    screen: Screen
    clock: Clock

    def play(self) -> list[Chapter]:
        """Play, and return the chapters.

        Raises:
            LocalStackError: a step was refused, or its evidence is missing.
        """
        with httpx.Client(base_url=self.facts["base_url"], timeout=60) as client:
            return list(self._chapters(client))

    def _chapters(self, client: httpx.Client) -> Iterator[Chapter]:
        app = f"/v1/apps/{self.facts['app_id']}"
        marketer = ApiCaller(client, self.facts["role_tokens"]["sender"])
        with self.screen.step("A phone registers over HTTP"):
            device_id = f"phone-{uuid4().hex[:12]}"
            seq = milliseconds(self.clock())
            phone = register_phone(client, self.facts["app_id"], device_id, seq=seq)
        yield Chapter(
            title="Device registered",
            evidence={"device_id": phone.device_id, "contact_id": phone.contact_id},
        )
        with self.screen.step("A marketer sends it a push"):
            message_id = self._push(marketer, app, phone)
        yield Chapter(title="Push accepted from the marketer", evidence={"message_id": message_id})
        with self.screen.step("FCM's stand-in accepts it"):
            received = self._received(phone)
        yield Chapter(
            title="Message accepted by FCM's stand-in",
            evidence={key: received[key] for key in ("protocol", "outcome", "name")},
        )
        with self.screen.step("The phone says that it was opened"):
            said = self._receipt(ApiCaller(client, phone.token), app, message_id)
        yield Chapter(title="Receipt accepted", evidence=said)
        with self.screen.step("The contact's timeline tells it all"):
            events = self._timeline(marketer, f"{app}/contacts/{phone.contact_id}/timeline")
        yield Chapter(
            title="Timeline: each event once, in order",
            evidence={event["time"]: plain(event["type"]) for event in events},
        )

    def _push(self, marketer: ApiCaller, app: str, phone: Phone) -> str:
        said = marketer.post(f"{app}/messages", push_body(phone.device_id))
        return str(said["messages"][0]["message_id"])

    def _received(self, phone: Phone) -> Mapping[str, Any]:
        """Return the one message that the stand-in accepted for this phone, over HTTP/2.

        Raises:
            LocalStackError: it accepted none, more than one, or not over HTTP/2.
        """
        fcm = self.facts["fcm"]
        trust = ssl.create_default_context(cafile=fcm["ca"])
        address = phone.address["value"]
        with httpx.Client(base_url=fcm["endpoint"], verify=trust, timeout=10) as client:

            def accepted() -> list[dict[str, Any]]:
                said = client.get("/_standin/messages", params={"address": address}).json()
                return [each for each in said["messages"] if each["outcome"] == "sent"]

            messages = wait_for(accepted, within=WAIT_SECONDS, every=0.2) or []
        if len(messages) != 1 or messages[0]["protocol"] != HTTP_2:
            raise LocalStackError(
                f"The stand-in should have accepted one message for {address} over HTTP/2, "
                f"and has {[each['protocol'] for each in messages] or 'none'}.",
                fix="`engage logs send_push` shows what the sender did.",
            )
        return messages[0]

    def _receipt(self, phone: ApiCaller, app: str, message_id: str) -> Mapping[str, Any]:
        receipt = {"message_id": message_id, "type": "opened", "at": rfc3339(self.clock())}
        return phone.post(f"{app}/receipts", {"receipts": [receipt]})

    def _timeline(self, marketer: ApiCaller, path: str) -> Sequence[Mapping[str, Any]]:
        """Return the timeline, oldest first, once it is complete.

        Raises:
            LocalStackError: an event is missing, doubled or out of order.
        """
        told: list[dict[str, Any]] = []

        def is_complete() -> bool:
            told[:] = marketer.items(path)
            return len(told) >= len(TIMELINE)

        wait_for(is_complete, within=WAIT_SECONDS, every=0.3)
        types = tuple(plain(event["type"]) for event in told)
        if types != TIMELINE:
            raise LocalStackError(
                f"The timeline should tell {', '.join(TIMELINE)}. It tells {', '.join(types)}.",
                fix="`engage logs relay_events` and `engage logs send_push` show where it broke.",
            )
        return told


def plain(event_type: str) -> str:
    """Return an event's type as we speak of it: without organisation and version."""
    return ".".join(event_type.split(".")[-3:-1])

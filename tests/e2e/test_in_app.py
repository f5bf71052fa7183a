"""Inbox and in-app messages on the deployed stack, with the reference client on the phone."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
import pytest

from engage_mobile import Answered, Config, Display, Engage, HttpTransport, MemoryQueue
from engage_mobile.runner import system_clock
from tests.e2e.test_policy import Marketer, eventually

BASKET = "com.example.basket.filled"
IN_APP = {
    "name": "full basket",
    "purpose": "marketing",
    "content": {"layout": "banner", "title": "Ten percent"},
    "trigger": {"event": BASKET},
    "caps": {"total": 1},
}


@dataclass(kw_only=True)
class Phone:
    """A phone, and what its app was given to show."""

    transport: HttpTransport
    app_id: str
    shown: list[Display] = field(default_factory=list)

    def __post_init__(self) -> None:
        config = Config(app_id=self.app_id, clock=system_clock, show=self.shown.append)
        self.engage = Engage(MemoryQueue(), self.transport, config)
        address = {"kind": "fid", "value": f"fid-of-{uuid4().hex}"}
        self.engage.register({"platform": "android", "address": address})
        self.sync()

    def sync(self) -> None:
        self.engage.enter_background()
        self.engage.pump(system_clock())

    def inbox(self) -> dict[str, Any]:
        heard = self.engage.inbox.list_messages()
        self.sync()
        answer = heard.result(timeout=0)
        assert isinstance(answer, Answered), answer
        return dict(answer.body)


@pytest.fixture
def marketer(http: httpx.Client, stack: dict[str, Any]) -> Marketer:
    made = Marketer(http, stack)
    document = {"topics": {"offers": "Offers"}}
    assert made.ask("PUT", "/policy", document).status_code == 200
    return made


@pytest.fixture
def phone(stack: dict[str, Any], marketer: Marketer) -> Iterator[Phone]:
    with HttpTransport(stack["base_url"]) as transport:
        yield Phone(transport=transport, app_id=marketer.app_id)


def told(marketer: Marketer, contact_id: str | None) -> list[str]:
    """Return what the timeline has on the channel of the app, the oldest first."""
    answer = marketer.ask("GET", f"/contacts/{contact_id}/timeline?channel=inapp")
    assert answer.status_code == 200, answer.text
    return [one["type"].removeprefix("com.example.") for one in answer.json()["items"]]


def test_a_push_leaves_a_copy_that_is_read_on_the_phone(marketer: Marketer, phone: Phone) -> None:
    message_id = marketer.push(phone.engage.device_id, inbox={"ttl_seconds": 86_400})
    assert eventually(lambda: marketer.state_of(message_id), "sent") == "sent"
    (copy,) = phone.inbox()["items"]
    assert (copy["message_id"], copy["title"]) == (message_id, "Spring sale")
    phone.engage.inbox.mark(message_id, "read")
    phone.sync()
    assert phone.inbox()["unread"] == 0
    assert told(marketer, phone.engage.contact_id) == ["message.opened.v1"]


def test_a_message_is_shown_when_the_phone_says_and_counts_once(
    marketer: Marketer, phone: Phone
) -> None:
    made = marketer.ask("POST", "/in-app-messages", IN_APP)
    assert made.status_code == 201, made.text
    path = f"/in-app-messages/{made.json()['in_app_id']}/activate"
    assert marketer.ask("POST", path, {"version": 1}).status_code == 200
    phone.engage.in_app.refresh()
    phone.sync()
    phone.engage.track(BASKET)
    (display,) = phone.shown
    phone.engage.in_app.displayed(display)
    phone.engage.in_app.clicked(display)
    phone.engage.track(BASKET)
    phone.sync()
    assert len(phone.shown) == 1
    assert told(marketer, phone.engage.contact_id) == ["message.sent.v1", "message.clicked.v1"]

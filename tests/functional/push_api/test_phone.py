"""Inbox and in-app messages as a phone has them: the reference client against the real handlers."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from engage_mobile import (
    Answered,
    Config,
    Display,
    Engage,
    MemoryQueue,
    Operation,
    Outcome,
    Request,
    Response,
)
from shared.kernel.clock import milliseconds
from tests.fakes.issuer import OidcIssuer
from tests.functional.push_api.test_in_app import HELLO, activate, draft
from tests.functional.push_api.test_inbox import OFFER, place
from tests.functional.shops import AUDIENCE, Shop

BASKET = "com.example.basket.filled"


@dataclass(kw_only=True)
class Phone:
    """A phone of Ada's, and what its app was given to show."""

    shop: Shop
    queue: MemoryQueue = field(default_factory=MemoryQueue)
    shown: list[Display] = field(default_factory=list)
    dropped: list[tuple[Operation, Outcome]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Begin the process anew; what was noted in the queue is there still."""
        self.engage = Engage(
            self.queue,
            self,
            Config(
                app_id=self.shop.app_id,
                clock=self.now,
                settled=self.hear,
                show=self.shown.append,
            ),
        )

    def now(self) -> int:
        return milliseconds(self.shop.clock())

    def hear(self, operation: Operation, outcome: Outcome) -> None:
        if not isinstance(outcome, Answered):
            self.dropped.append((operation, outcome))

    def send(self, request: Request) -> Response:
        """Carry a request to the functions."""
        path, _, query = request.path.partition("?")
        answer = self.shop.deployed.request(
            f"{request.method} {path}",
            request.content,
            query=dict(part.split("=") for part in query.split("&") if part),
            headers=dict(request.headers),
        )
        return Response(
            status=answer.status, headers=answer.headers, content=json.dumps(answer.body).encode()
        )

    def log_in(self) -> None:
        issuer = OidcIssuer(self.shop.deployed.pool.issuer, audience=AUDIENCE)
        self.engage.register({"platform": "ios"})
        self.engage.identify(issuer.token("ada"))
        self.sync()

    def sync(self) -> None:
        """Tell everything that waits."""
        self.engage.enter_background()
        self.engage.pump(self.now())
        assert self.engage.waiting == 0

    def inbox(self) -> list[dict[str, Any]]:
        heard = self.engage.inbox.list_messages()
        self.sync()
        found = heard.result(timeout=0)
        assert isinstance(found, Answered), found
        items: list[dict[str, Any]] = found.body["items"]
        return items

    def refresh(self) -> None:
        self.engage.in_app.refresh()
        self.sync()


@pytest.fixture
def phone(shop: Shop) -> Iterator[Phone]:
    made = Phone(shop=shop)
    made.log_in()
    yield made
    assert made.dropped == []


def timeline(shop: Shop) -> list[str]:
    items = shop.of_ada("GET /timeline", query={"channel": "inapp"}).body["items"]
    return [one["type"].removeprefix("com.example.") for one in items]


def test_a_phone_reads_its_inbox(shop: Shop, phone: Phone) -> None:
    place(shop, shop.contact_id)
    (message,) = phone.inbox()
    assert (message["title"], message["state"]) == (OFFER["title"], "unseen")
    phone.engage.inbox.mark(message["message_id"], "seen")
    phone.engage.inbox.mark(message["message_id"], "read")  # the phone was offline: one step
    phone.sync()
    assert phone.inbox()[0]["state"] == "read"
    assert timeline(shop) == ["message.sent.v1", "message.opened.v1"]


def test_a_phone_shows_a_message_when_its_person_does_something(shop: Shop, phone: Phone) -> None:
    shown = activate(shop, draft(shop))["in_app_id"]
    phone.engage.track(BASKET, {"lines": 2})
    assert phone.shown == []  # it was not told yet
    phone.refresh()
    phone.engage.track(BASKET, {"lines": 1})
    assert phone.shown == []
    phone.engage.track(BASKET, {"lines": 2})
    (display,) = phone.shown
    assert (display.in_app_id, display.content["title"]) == (shown, HELLO["content"]["title"])
    phone.engage.in_app.displayed(display)
    phone.engage.in_app.clicked(display)
    phone.sync()
    assert timeline(shop) == ["message.sent.v1", "message.clicked.v1"]


def test_caps_hold_over_the_days_and_over_restarts(shop: Shop, phone: Phone) -> None:
    activate(shop, draft(shop, caps={"per_day": 1, "total": 2}))
    for _ in range(4):
        phone.start()
        phone.refresh()
        for _ in range(2):
            if display := phone.engage.in_app.happened(BASKET, {"lines": 2}):
                phone.engage.in_app.displayed(display)
        phone.sync()
        shop.clock.advance(timedelta(days=1))
    assert timeline(shop) == ["message.sent.v1"] * 2


def test_a_complaint_ends_what_is_shown_with_the_next_question(shop: Shop, phone: Phone) -> None:
    activate(shop, draft(shop))
    phone.refresh()
    assert shop.of_ada("POST /cases", {"kind": "complaint"}).status < 300
    assert phone.engage.in_app.happened(BASKET, {"lines": 2}) is not None
    phone.refresh()
    assert phone.engage.in_app.happened(BASKET, {"lines": 2}) is None
    shop.clock.advance(timedelta(hours=1))
    assert phone.engage.in_app.happened(BASKET, {"lines": 2}) is None


def test_whoever_logs_in_next_is_shown_nothing_of_the_last(shop: Shop, phone: Phone) -> None:
    activate(shop, draft(shop))
    place(shop, shop.contact_id)
    phone.refresh()
    phone.engage.log_out()
    phone.sync()
    assert phone.engage.in_app.happened(BASKET, {"lines": 2}) is None
    assert phone.inbox() == []

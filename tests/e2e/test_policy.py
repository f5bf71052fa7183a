"""The contact policy on the deployed stack: a change that counts at once, a page of one's own."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.e2e.calls import PATIENCE, an_app, register

SOON = 10
"""Seconds after which a changed policy is in force everywhere."""


class Marketer:
    """What the admin of an app of its own may ask, on the app's paths."""

    def __init__(self, http: httpx.Client, stack: dict[str, Any]) -> None:
        self._http = http
        self._headers = {"Authorization": f"Bearer {stack['role_tokens']['admin']}"}
        self.app_id = an_app(http, stack)

    def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        return self._http.request(
            method, f"/v1/apps/{self.app_id}{path}", json=body, headers=self._headers
        )

    def decide(self, contact_id: str, **asked: Any) -> dict[str, Any]:
        body = {"contact_id": contact_id, "channel": "inapp", **asked}
        answer = self.ask("POST", "/contact-decisions", body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def push(self, device_id: str, **asked: Any) -> str:
        """Send a marketing push to a device, and return its message's id."""
        body = {
            "recipients": [{"device_id": device_id}],
            "content": {"title": "Spring sale"},
            "purpose": "marketing",
            **asked,
        }
        answer = self.ask("POST", "/messages", body)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["messages"][0]["message_id"])

    def state_of(self, message_id: str) -> str:
        return str(self.ask("GET", f"/messages/{message_id}").json()["state"])


@pytest.fixture
def marketer(http: httpx.Client, stack: dict[str, Any]) -> Marketer:
    return Marketer(http, stack)


@pytest.fixture
def without_rules(marketer: Marketer) -> None:
    """Put a policy in force under which nothing depends on the time of day."""
    document = {"topics": {"offers": "Offers", "news": "News"}}
    assert marketer.ask("PUT", "/policy", document).status_code == 200


def eventually(read: Callable[[], Any], wanted: Any, *, within: float = PATIENCE) -> Any:
    """Read until it is what is wanted, or patience ends; return what was read last."""
    until = time.monotonic() + within
    while (found := read()) != wanted and time.monotonic() < until:
        pass
    return found


def test_a_policy_change_alters_the_next_decision(
    http: httpx.Client, marketer: Marketer, without_rules: None
) -> None:
    contact_id = register(http, marketer.app_id)["contact_id"]
    assert eventually(lambda: marketer.decide(contact_id)["decision"], "allow") == "allow"
    cap = {"id": "one-a-day", "limit": 1, "window": {"rolling": 24}}
    assert marketer.ask("PUT", "/policy", {"caps": [cap]}).status_code == 200
    began = time.monotonic()
    reserved = marketer.decide(contact_id, reserve=True)
    assert reserved["decision"] == "allow"

    def refused_by() -> list[str]:
        return [reason["rule"] for reason in marketer.decide(contact_id)["because"]]

    assert eventually(refused_by, ["one-a-day"], within=SOON) == ["one-a-day"]
    assert time.monotonic() - began < SOON + 5
    answer = marketer.decide(contact_id)
    assert answer["decision"] == "defer"
    assert answer["until"] is not None
    released = marketer.ask(
        "POST", f"/contact-decisions/{reserved['reservation_id']}/release", None
    )
    assert released.status_code == 204
    assert marketer.decide(contact_id)["decision"] == "allow"


def test_a_topic_that_a_person_switched_off_on_the_page_is_pushed_no_more(
    http: httpx.Client, marketer: Marketer, without_rules: None
) -> None:
    phone = register(http, marketer.app_id)
    links = marketer.ask("POST", f"/contacts/{phone['contact_id']}/preference-links", {})
    assert links.status_code == 201, links.text
    page = urlsplit(links.json()["preferences_url"]).path
    shown = http.get(page)
    assert shown.status_code == 200
    assert shown.headers["content-type"] == "text/html; charset=utf-8"
    assert "Offers" in shown.text
    sent = http.post(
        page,
        data={
            "shown_topic": ["offers", "news"],
            "topic": ["news"],
            "frequency": "",
            "paused_until": "",
        },
    )
    assert sent.status_code == 200, sent.text
    of_offers = marketer.push(phone["device_id"], topic="offers")
    of_news = marketer.push(phone["device_id"], topic="news")
    assert eventually(lambda: marketer.state_of(of_offers), "skipped") == "skipped"
    assert eventually(lambda: marketer.state_of(of_news), "sent") == "sent"
    timeline = marketer.ask(
        "GET", f"/contacts/{phone['contact_id']}/timeline?type=message.suppressed.v1"
    ).json()
    assert [event["data"]["reason"] for event in timeline["items"]] == ["preference"]


def test_a_push_in_quiet_hours_waits_and_one_click_ends_all_marketing(
    http: httpx.Client, marketer: Marketer
) -> None:
    phone = register(http, marketer.app_id)
    hour = time.gmtime().tm_hour
    opens, closes = (f"{(hour + ahead) % 24:02}:00" for ahead in (3, 4))
    quiet = {"id": "night", "channels": ["push"], "allowed": [{"from": opens, "to": closes}]}
    assert marketer.ask("PUT", "/policy", {"quiet_hours": [quiet]}).status_code == 200
    asked = {"channel": "push"}

    def gates() -> list[str]:
        because = marketer.decide(phone["contact_id"], **asked)["because"]
        return [reason["gate"] for reason in because]

    assert eventually(gates, ["quiet_hours"], within=SOON) == ["quiet_hours"]
    waiting: list[str] = []

    def put_off() -> set[str]:
        # The sender's own copy of the policy may be ten seconds older than the API's.
        waiting.append(marketer.push(phone["device_id"]))
        eventually(lambda: marketer.state_of(waiting[-1]), "sent", within=2)
        return set(_suppressed(marketer, phone["contact_id"]))

    assert eventually(put_off, {"quiet_hours"}) == {"quiet_hours"}
    assert marketer.state_of(waiting[-1]) == "pending"
    links = marketer.ask("POST", f"/contacts/{phone['contact_id']}/preference-links", {}).json()
    clicked = http.post(
        urlsplit(links["unsubscribe_url"]).path, data={"List-Unsubscribe": "One-Click"}
    )
    assert clicked.status_code == 204, clicked.text
    refused = marketer.decide(phone["contact_id"])
    assert [reason["gate"] for reason in refused["because"]] == ["consent"]


def _suppressed(marketer: Marketer, contact_id: str) -> list[str]:
    path = f"/contacts/{contact_id}/timeline?type=message.suppressed.v1"
    return [event["data"]["reason"] for event in marketer.ask("GET", path).json()["items"]]

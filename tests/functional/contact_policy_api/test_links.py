"""The preference page and the one click, by the links that a person got."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from functions.contact_policy_api.page import CONTENT_SECURITY_POLICY
from tests.deployment import Answer
from tests.functional.shops import Shop
from tests.functional.tenants import FORM, is_problem

HOST = {"domainName": "engage.example"}
TOPICS = {"topics": {"news": "Our news", "sales": "Sales"}}
ONE_CLICK = "List-Unsubscribe=One-Click"


def links_of(shop: Shop, **body: Any) -> dict[str, Any]:
    made = shop.of_ada("POST /preference-links", body, requestContext=HOST)
    assert made.status == 201
    links: dict[str, Any] = made.body
    return links


def opened(shop: Shop, url: str) -> Answer:
    return shop.deployed.request(f"GET {urlsplit(url).path}")


def sent(shop: Shop, url: str, form: str) -> Answer:
    route = f"POST {urlsplit(url).path}"
    return shop.deployed.request(route, form, headers={"Content-Type": FORM})


def form_of(page: str) -> dict[str, list[str]]:
    """Return what a browser would send of a page that nobody touched."""
    fields: dict[str, list[str]] = {"frequency": [""], "paused_until": [""]}
    for tag in re.findall(r"<input [^>]*>", page):
        name, value = (re.search(rf'{word}="([^"]*)"', tag) for word in ("name", "value"))
        is_sent = 'type="hidden"' in tag or " checked" in tag
        if name and value and is_sent:
            fields.setdefault(name[1], []).append(value[1])
    return fields


def test_links_lead_to_the_host_that_was_asked(shop: Shop) -> None:
    links = links_of(shop, topic="news")
    assert links["preferences_url"].startswith("https://engage.example/v1/preferences/")
    assert links["unsubscribe_url"].startswith("https://engage.example/v1/unsubscribe/")
    assert links["headers"] == {
        "List-Unsubscribe": f"<{links['unsubscribe_url']}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def test_a_system_gets_links_for_what_it_sends(shop: Shop) -> None:
    made = shop.of_ada("POST /preference-links", {}, bearer=shop.a_system("email"))
    assert made.status == 201


def test_the_page_is_plain_html_that_nothing_keeps(shop: Shop) -> None:
    shop.put_policy(**TOPICS)
    page = opened(shop, links_of(shop)["preferences_url"])
    assert page.status == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert page.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.body.startswith("<!doctype html>")
    assert "<script" not in page.body
    assert "Our news" in page.body
    assert shop.contact_id not in page.body


def test_a_topic_that_is_switched_off_on_the_page_is_refused_next(shop: Shop) -> None:
    shop.put_policy(**TOPICS)
    shop.of_ada("PUT /preferences", {"topics_off": ["offers"], "zone": "Europe/Paris"})
    url = links_of(shop)["preferences_url"]
    assert shop.ask(topic="news").body["decision"] == "allow"

    form = form_of(opened(shop, url).body)
    form["topic"].remove("news")
    saved = sent(shop, url, urlencode(form, doseq=True))
    assert saved.status == 200
    assert 'role="status"' in saved.body
    refused = shop.ask(topic="news").body
    assert (refused["decision"], refused["because"][0]["rule"]) == ("drop", "topic_off")
    assert shop.ask(topic="sales").body["decision"] == "allow"
    wishes = shop.of_ada("GET /preferences").body
    assert (wishes["topics_off"], wishes["zone"]) == (["news", "offers"], "Europe/Paris")


def test_a_form_that_the_page_did_not_make_changes_nothing(shop: Shop) -> None:
    url = links_of(shop)["preferences_url"]
    before = shop.of_ada("GET /preferences").body
    for form in ("frequency=9999%2Fyear&paused_until=", "evil=1", "frequency=&paused_until=soon"):
        refused = sent(shop, url, form)
        assert is_problem(refused)
        assert refused.status == 422
    assert shop.of_ada("GET /preferences").body == before


def test_one_click_switches_the_links_topic_off(shop: Shop) -> None:
    url = links_of(shop, topic="news")["unsubscribe_url"]
    for _ in range(2):
        clicked = sent(shop, url, ONE_CLICK)
        assert (clicked.status, clicked.body) == (204, None)
    assert shop.ask(topic="news").body["because"][0]["rule"] == "topic_off"
    assert shop.ask(topic="sales").body["decision"] == "allow"
    assert shop.ask().body["decision"] == "allow"


def test_one_click_without_a_topic_withdraws_all_marketing(shop: Shop) -> None:
    assert sent(shop, links_of(shop)["unsubscribe_url"], ONE_CLICK).status == 204
    for channel in ("push", "post", "inapp"):
        assert shop.ask(channel=channel).body["because"][0]["gate"] == "consent"
    assert shop.ask(purpose="transactional").body["decision"] == "allow"
    (proof,) = shop.of_ada("GET /consents").body["items"]
    assert (proof["status"], proof["obtained_by"], proof["channel"]) == (
        "withdrawn",
        "one-click unsubscribe",
        None,
    )


@pytest.mark.parametrize("form", ["", "List-Unsubscribe=Maybe", "a=b", f"{ONE_CLICK}&{ONE_CLICK}"])
def test_what_is_no_click_changes_nothing(shop: Shop, form: str) -> None:
    refused = sent(shop, links_of(shop)["unsubscribe_url"], form)
    assert (refused.status, refused.body["code"]) == (422, "invalid_fields")
    assert shop.of_ada("GET /consents").body["items"] == []


def test_a_link_that_is_dead_or_for_something_else_opens_nothing(shop: Shop) -> None:
    links = links_of(shop)
    preferences, unsubscribe = (links[f"{word}_url"] for word in ("preferences", "unsubscribe"))
    crossed = preferences.replace("/preferences/", "/unsubscribe/")
    for answer in (
        opened(shop, f"{preferences}x"),
        opened(shop, unsubscribe.replace("/unsubscribe/", "/preferences/")),
        sent(shop, crossed, ONE_CLICK),
    ):
        assert (answer.status, answer.body["code"]) == (404, "link_unusable")
    shop.clock.advance(timedelta(days=400))
    for answer in (
        opened(shop, preferences),
        sent(shop, preferences, "frequency=&paused_until="),
        sent(shop, unsubscribe, ONE_CLICK),
    ):
        assert (answer.status, answer.body["code"]) == (404, "link_unusable")

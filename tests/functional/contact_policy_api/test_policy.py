"""The policy as one reviewed document."""

from datetime import timedelta
from typing import Any

import pytest

from tests.fakes.clock import ManualClock
from tests.functional.conftest import Deployment
from tests.functional.shops import Shop

CAPPED: dict[str, Any] = {"caps": [{"id": "one", "limit": 1, "window": {"rolling": 24}}]}


def test_until_one_is_put_the_default_policy_holds(shop: Shop) -> None:
    read = shop.call("GET /policy")
    assert (read.status, read.body["version"], read.body["by"]) == (200, 0, None)
    assert [rule["id"] for rule in read.body["document"]["caps"]] == ["per-day", "per-week"]
    assert shop.call("GET /policy", query={"version": "0"}).body == read.body
    assert shop.call("GET /policy/versions").body == {"items": [], "next_cursor": None}


def test_what_is_read_can_be_put(shop: Shop) -> None:
    document = shop.call("GET /policy").body["document"]
    again = shop.call("PUT /policy", document, query={"version": "0"})
    assert (again.status, again.body["version"]) == (200, 0)
    document["description"] = "Ours, reviewed."
    put = shop.call("PUT /policy", document, query={"version": "0"})
    assert (put.status, put.body["version"], put.body["document"]) == (200, 1, document)
    assert put.body["by"].endswith("operator")
    assert shop.call("GET /policy").body == put.body


def test_a_policy_that_another_changed_meanwhile_is_not_put(shop: Shop) -> None:
    shop.put_policy(**CAPPED)
    late = shop.call("PUT /policy", {"caps": []}, query={"version": "0"})
    assert (late.status, late.body["code"]) == (409, "policy_changed")
    assert shop.call("GET /policy").body["version"] == 1


def test_every_problem_of_a_document_is_told_with_its_place(shop: Shop) -> None:
    document = {"caps": [{"id": "one", "limit": 1}], "quiet": [], "laws": ["xx-none"]}
    refused = shop.call("PUT /policy", document)
    assert (refused.status, refused.body["code"]) == (422, "policy_invalid")
    assert {problem["pointer"] for problem in refused.body["errors"]} == {
        "/caps/0/window",
        "/quiet",
        "/laws/0",
    }


def test_a_policy_under_which_a_person_would_be_too_large_is_refused(shop: Shop) -> None:
    rule = {"id": "many", "limit": 1_000, "window": {"rolling": 1}}
    refused = shop.call("PUT /policy", {"caps": [rule]})
    assert (refused.status, refused.body["code"]) == (422, "policy_too_large")
    assert shop.call("GET /policy").body["version"] == 0


def test_policies_that_were_in_force_are_read_page_by_page(shop: Shop) -> None:
    for limit in (1, 2, 3):
        rule = {"id": "some", "limit": limit, "window": {"rolling": 24}}
        shop.put_policy(caps=[rule])
    first = shop.call("GET /policy/versions", query={"limit": "2"}).body
    query = {"limit": "2", "cursor": first["next_cursor"]}
    rest = shop.call("GET /policy/versions", query=query).body
    items = [*first["items"], *rest["items"]]
    assert [item["version"] for item in items] == [3, 2, 1]
    assert rest["next_cursor"] is None
    assert shop.call("GET /policy", query={"version": "2"}).body == items[1]
    missing = shop.call("GET /policy", query={"version": "4"})
    assert (missing.status, missing.body["code"]) == (404, "policy_not_found")


def test_a_change_is_in_force_within_ten_seconds(shop: Shop) -> None:
    assert shop.ask(reserve=True).body["decision"] == "allow"
    shop.put_policy(**CAPPED)
    shop.clock.advance(timedelta(seconds=10))
    assert shop.ask().body["because"][0]["rule"] == "one"


@pytest.mark.parametrize("role", ["viewer", "editor", "sender"])
def test_only_an_admin_puts_a_policy(shop: Shop, role: str) -> None:
    bearer = shop.deployed.marketer(shop.app_id, role)
    assert shop.call("PUT /policy", CAPPED, bearer=bearer).status == 403
    assert shop.call("GET /policy", bearer=bearer).status == 200


def test_two_apps_share_nothing(deployed: Deployment, clock: ManualClock) -> None:
    one, other = Shop.opened(deployed, clock), Shop.opened(deployed, clock)
    one.put_policy(**CAPPED)
    one.call("POST /control-groups", {"percent": 50, "channels": ["post"]})
    assert one.ask(reserve=True).body["decision"] == "allow"
    assert other.call("GET /policy").body["version"] == 0
    assert other.call("GET /control-groups").body["items"] == []
    for _ in range(2):
        assert other.ask(reserve=True, purpose="transactional").body["decision"] == "allow"
    stranger = other.ask(contact_id=one.contact_id)
    assert (stranger.status, stranger.body["code"]) == (404, "contact_not_found")

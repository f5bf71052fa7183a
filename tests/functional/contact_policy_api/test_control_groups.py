"""People who are set aside, so that the effect of contacting shows."""

from typing import Any

import pytest

from tests.functional.shops import Shop


def test_a_group_is_made_and_listed_without_its_salt(shop: Shop) -> None:
    made = shop.call(
        "POST /control-groups", {"percent": 10, "channels": ["push", "email"], "campaign_id": "c"}
    )
    assert made.status == 201
    assert {name: value for name, value in made.body.items() if name != "control_group_id"} == {
        "percent": 10,
        "channels": ["email", "push"],
        "campaign_id": "c",
    }
    whole = shop.call("POST /control-groups", {"percent": 100}).body
    assert shop.call("GET /control-groups").body == {
        "items": [made.body, whole],
        "next_cursor": None,
    }


def test_who_is_in_a_group_is_not_contacted(shop: Shop) -> None:
    body = {"percent": 100, "campaign_id": "spring"}
    group = shop.call("POST /control-groups", body).body["control_group_id"]
    refused = shop.ask(campaign_id="spring").body
    assert refused["decision"] == "drop"
    assert [(one["gate"], one["rule"]) for one in refused["because"]] == [("control_group", group)]
    assert shop.ask(campaign_id="summer").body["decision"] == "allow"


def test_an_app_has_at_most_twenty(shop: Shop) -> None:
    made = [shop.call("POST /control-groups", {"percent": 1}) for _ in range(21)]
    assert [answer.status for answer in made] == [201] * 20 + [422]
    assert made[-1].body["code"] == "too_many_control_groups"
    assert len(shop.call("GET /control-groups").body["items"]) == 20


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({}, "invalid_fields"),
        ({"percent": 0}, "invalid_fields"),
        ({"percent": 101}, "invalid_fields"),
        ({"percent": 5, "channels": ["pigeon"]}, "invalid_fields"),
        ({"percent": 5, "channels": []}, "control_group_invalid"),
    ],
)
def test_a_group_that_makes_no_sense_is_refused(
    shop: Shop, wrong: dict[str, Any], code: str
) -> None:
    refused = shop.call("POST /control-groups", wrong)
    assert (refused.status, refused.body["code"]) == (422, code)
    assert shop.call("GET /control-groups").body["items"] == []

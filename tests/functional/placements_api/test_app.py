"""What an app decides for all its ads, and how many things are booked at once."""

from copy import deepcopy
from typing import Any

from tests.functional.booking import BANNER, SPRING, Desk

BOOK: dict[str, Any] = {
    "placements": [{"key": "top", "name": "home-top", "sizes": ["320x50"]}],
    "advertisers": [{"key": "acme", "name": "Acme"}],
    "ad_campaigns": [{"key": "spring", "advertiser": "acme", "name": "Spring"}],
    "flights": [
        {
            "key": "shoes",
            "ad_campaign": "spring",
            "placements": ["top"],
            "state": "active",
            **SPRING,
        }
    ],
    "creatives": [{"key": "banner", "advertiser": "acme", "name": "Banner", **BANNER}],
    "ads": [{"key": "shoes", "flight": "shoes", "creative": "banner", "name": "Shoes"}],
}


def gist(report: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(report[name] for name in ("created", "updated", "unchanged", "refused", "done"))


def test_settings_are_replaced_by_who_read_them(desk: Desk) -> None:
    assert desk.call("GET /ad-settings").body == {
        "version": 0,
        "choosing": {},
        "caps": [],
        "apart_minutes": 30,
    }
    cap = {"times": 20, "window_seconds": 86_400, "mode": "lazy"}
    body = {"version": 0, "choosing": {"12": "auction"}, "caps": [cap]}
    put = desk.call("PUT /ad-settings", body)
    assert (put.status, put.body["version"], put.body["caps"]) == (200, 1, [cap])
    assert desk.call("GET /ad-settings").body == put.body
    late = desk.call("PUT /ad-settings", body)
    assert (late.status, late.body["code"]) == (409, "demand_changed")


def test_a_tier_that_there_is_not_is_refused(desk: Desk) -> None:
    refused = desk.call("PUT /ad-settings", {"version": 0, "choosing": {"17": "auction"}})
    assert (refused.status, refused.body["errors"][0]["pointer"]) == (422, "/choosing/17")


def test_an_import_books_a_flight_that_runs(desk: Desk) -> None:
    done = desk.call("POST /ad-demand/import", BOOK)
    assert (done.status, gist(done.body)) == (200, (6, 0, 0, 0, True))
    (flight,) = desk.call("GET /flights").body["items"]
    assert flight["state"] == "active"
    again = desk.call("POST /ad-demand/import", BOOK)
    assert gist(again.body) == (0, 0, 6, 0, True)
    assert desk.call("GET /flights").body["items"] == [flight]


def test_a_dry_run_says_what_would_be(desk: Desk) -> None:
    dry = desk.call("POST /ad-demand/import", BOOK, query={"dry_run": "true"})
    assert gist(dry.body) == (6, 0, 0, 0, False)
    assert dry.body["dry_run"] is True
    assert desk.call("GET /flights").body["items"] == []


def test_nothing_is_written_where_a_line_is_refused(desk: Desk) -> None:
    book = deepcopy(BOOK)
    book["ads"][0]["flight"] = "boots"
    refused = desk.call("POST /ad-demand/import", book)
    assert (refused.status, refused.body["refused"], refused.body["done"]) == (200, 1, False)
    (problem,) = refused.body["items"][-1]["problems"]
    assert (problem["pointer"], problem["code"]) == ("/ads/0/flight", "unknown")
    assert desk.call("GET /advertisers").body["items"] == []


def test_an_import_that_changes_a_line_changes_that_thing_alone(desk: Desk) -> None:
    desk.call("POST /ad-demand/import", BOOK)
    book = deepcopy(BOOK)
    book["flights"][0]["tier"] = 4
    changed = desk.call("POST /ad-demand/import", book)
    assert gist(changed.body) == (0, 1, 5, 0, True)
    assert desk.call("GET /flights").body["items"][0]["tier"] == 4


def test_a_section_that_there_is_not_is_refused(desk: Desk) -> None:
    refused = desk.call("POST /ad-demand/import", {"campaigns": []})
    assert (refused.status, refused.body["errors"][0]["pointer"]) == (422, "/campaigns")

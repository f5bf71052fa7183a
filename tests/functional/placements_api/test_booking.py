"""What marketers book is kept, changed and moved, one way for all kinds of things."""

from typing import Any

import pytest

from tests.functional.booking import BANNER, SPRING, TITLED, Desk

PLACES = {
    "placement_id": "placements",
    "advertiser_id": "advertisers",
    "ad_campaign_id": "ad-campaigns",
    "flight_id": "flights",
    "creative_id": "creatives",
    "ad_id": "ads",
}


def test_a_flight_is_booked_runs_pauses_and_ends(desk: Desk) -> None:
    ids = desk.booked()
    flight = f"/flights/{ids['flight_id']}"
    assert desk.call(f"GET {flight}").body["state"] == "draft"
    for verb, state in (("activate", "active"), ("pause", "paused"), ("end", "ended")):
        moved = desk.call(f"POST {flight}/{verb}")
        assert (moved.status, moved.body["state"]) == (200, state)
        assert desk.call(f"GET {flight}").body == moved.body
    late = desk.call(f"POST {flight}/activate")
    assert (late.status, late.body["code"]) == (409, "demand_state")


def test_everything_that_is_booked_is_found_one_by_one_and_in_its_list(desk: Desk) -> None:
    for name, thing_id in desk.booked().items():
        alone = desk.call(f"GET /{PLACES[name]}/{thing_id}")
        listed = desk.call(f"GET /{PLACES[name]}").body
        assert alone.status == 200, alone.body
        assert alone.body[name] == thing_id
        assert (listed["items"], listed["next_cursor"]) == ([alone.body], None)


def test_answers_have_the_defaults_written_out(desk: Desk) -> None:
    flight = desk.call(f"GET /flights/{desk.booked()['flight_id']}").body
    assert (flight["tier"], flight["weight"], flight["targeting"]) == (8, 1, "")
    assert flight["target"] == {
        "goal": "impressions",
        "lifetime": 1_000,
        "daily": None,
        "exact": False,
        "pacing": "even",
    }
    assert (flight["starts_at"], flight["caps"], flight["purpose"]) == (
        "2026-11-01T00:00:00Z",
        [],
        "marketing",
    )


def test_a_native_ad_follows_its_template(desk: Desk) -> None:
    template = desk.made("ad-templates", {"name": "Card", "schema": TITLED})
    assert template["schema"] == TITLED
    advertiser = desk.made("advertisers", {"name": "Acme"})
    card = {
        "name": "Card",
        "format": "native",
        "advertiser_id": advertiser["advertiser_id"],
        "ad_template_id": template["ad_template_id"],
    }
    assert desk.made("creatives", {**card, "values": {"title": "Shoes"}})["values"] == {
        "title": "Shoes"
    }
    refused = desk.call("POST /creatives", {**card, "values": {"colour": "red"}})
    assert refused.status == 422
    assert {one["pointer"] for one in refused.body["errors"]} >= {"/values/title"}


def test_targeting_is_taken_as_text_and_as_json_and_shown_as_text(desk: Desk) -> None:
    text = '$device.platform = "ios"'
    path = f"/flights/{desk.booked(targeting=text)['flight_id']}"
    assert desk.call(f"GET {path}").body["targeting"] == text
    as_json = {"name": "$device.platform", "operator": "=", "value": "android"}
    changed = desk.call(f"PATCH {path}", {"version": 1, "targeting": as_json})
    assert changed.body["targeting"] == '$device.platform = "android"'


def test_a_rule_that_cannot_be_read_is_refused_with_its_place(desk: Desk) -> None:
    campaign = desk.booked()["ad_campaign_id"]
    refused = desk.call(
        "POST /flights", {**SPRING, "ad_campaign_id": campaign, "targeting": "$country ="}
    )
    assert refused.status == 422
    assert refused.body["errors"][0]["pointer"].startswith("/targeting")


def test_what_a_flight_names_is_there(desk: Desk) -> None:
    campaign = desk.booked()["ad_campaign_id"]
    named = {
        "placements": [f"plc_{'0' * 26}"],
        "coupon_id": f"cpn_{'0' * 26}",
        "targeting": f'$segment contains "seg_{"0" * 26}"',
    }
    refused = desk.call("POST /flights", {**SPRING, "ad_campaign_id": campaign, **named})
    assert refused.status == 422
    assert {one["pointer"] for one in refused.body["errors"]} == {
        "/placements/0",
        "/coupon_id",
        "/targeting",
    }


def test_a_thing_may_name_coupons_and_segments_that_there_are(desk: Desk) -> None:
    discount = {"kind": "percent", "percent_off": 10}
    coupon = desk.made("coupons", {"name": "Spring", "discount": discount})
    segment = desk.made("segments", {"name": "vips", "rule": {"tag": "vip"}})
    booked = desk.booked(
        coupon_id=coupon["coupon_id"], targeting=f'$segment contains "{segment["segment_id"]}"'
    )
    assert booked["flight_id"].startswith("flt_")


def test_a_change_of_what_was_not_read_is_refused(desk: Desk) -> None:
    path = f"/advertisers/{desk.booked()['advertiser_id']}"
    change = {"version": 1, "labels": ["shoes"]}
    changed = desk.call(f"PATCH {path}", change)
    assert (changed.status, changed.body["labels"], changed.body["version"]) == (200, ["shoes"], 2)
    late = desk.call(f"PATCH {path}", change)
    assert (late.status, late.body["code"]) == (409, "demand_changed")


def test_what_is_null_is_the_default_again(desk: Desk) -> None:
    path = f"/flights/{desk.booked(tier=3)['flight_id']}"
    assert desk.call(f"PATCH {path}", {"version": 1, "tier": None}).body["tier"] == 8


def test_what_is_not_a_flight_is_moved_by_a_change(desk: Desk) -> None:
    path = f"/creatives/{desk.booked()['creative_id']}"
    paused = desk.call(f"PATCH {path}", {"version": 1, "state": "paused"})
    assert (paused.status, paused.body["state"], paused.body["version"]) == (200, "paused", 2)
    late = desk.call(f"PATCH {path}", {"version": 1, "state": "active"})
    assert (late.status, late.body["code"]) == (409, "demand_changed")
    both = desk.call(f"PATCH {path}", {"version": 2, "state": "active", "name": "Other"})
    assert (both.status, both.body["errors"][0]["code"]) == (422, "one_of")


def test_a_flight_with_nothing_to_show_does_not_start(desk: Desk) -> None:
    ids = desk.booked()
    paused = desk.call(f"PATCH /ads/{ids['ad_id']}", {"version": 1, "state": "paused"})
    assert paused.status == 200
    refused = desk.call(f"POST /flights/{ids['flight_id']}/activate")
    assert (refused.status, refused.body["code"]) == (409, "demand_state")


def test_the_same_key_makes_one_thing(desk: Desk) -> None:
    key = {"Idempotency-Key": "once"}
    first = desk.call("POST /advertisers", {"name": "Acme"}, headers=key)
    again = desk.call("POST /advertisers", {"name": "Acme"}, headers=key)
    other = desk.call("POST /advertisers", {"name": "Other"}, headers=key)
    assert (first.status, again.status, again.body) == (201, 201, first.body)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (other.status, other.body["code"]) == (422, "idempotency_key_reused")
    assert len(desk.call("GET /advertisers").body["items"]) == 1


def test_apps_know_a_slot_by_one_name(desk: Desk) -> None:
    desk.booked(slot="home-top")
    taken = desk.call("POST /placements", {"name": "home-top", "sizes": ["320x50"]})
    assert (taken.status, taken.body["code"]) == (409, "name_taken")


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"alt": None}, "/alt"),
        ({"bytes": 2_000_000}, "/bytes"),
        ({"click_url": "http://example.com"}, "/click_url"),
        ({"size": "0x50"}, "/size"),
    ],
)
def test_a_creative_is_checked_before_anybody_sees_it(
    desk: Desk, wrong: dict[str, Any], pointer: str
) -> None:
    advertiser = desk.made("advertisers", {"name": "Acme"})["advertiser_id"]
    body = {"name": "Banner", "advertiser_id": advertiser, **BANNER, **wrong}
    refused = desk.call("POST /creatives", body)
    assert refused.status == 422
    assert any(one["pointer"].startswith(pointer) for one in refused.body["errors"])


def test_things_are_listed_page_by_page(desk: Desk) -> None:
    made = [desk.made("advertisers", {"name": "Acme"})["advertiser_id"] for _ in range(3)]
    first = desk.call("GET /advertisers", query={"limit": "2"}).body
    rest = desk.call("GET /advertisers", query={"cursor": first["next_cursor"]}).body
    assert [one["advertiser_id"] for one in (*first["items"], *rest["items"])] == made


def test_nothing_is_booked_in_an_app_that_is_not_there(desk: Desk) -> None:
    refused = desk.deployed.request(
        f"POST /v1/apps/app_{'0' * 26}/advertisers",
        {"name": "Acme"},
        bearer=desk.deployed.operator(),
    )
    assert (refused.status, refused.body["code"]) == (404, "app_not_found")

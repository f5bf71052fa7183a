"""Why an ad was shown is told bit for bit; why it would be, without counting anything."""

from typing import Any

from tests.functional.booking import Desk
from tests.functional.tenants import stored

TOP = {"placements": [{"name": "home-top"}]}


def running(desk: Desk, **terms: Any) -> dict[str, str]:
    """Book a flight, have it run, and compile it."""
    ids = desk.booked(**terms)
    assert desk.call(f"POST /flights/{ids['flight_id']}/activate").status == 200
    desk.compiled()
    return ids


def test_a_past_decision_is_made_again_bit_for_bit(desk: Desk) -> None:
    ids = running(desk)
    device = desk.deployed.a_device(desk.app_id)
    decision_id = desk.decided(device["contact_id"])
    ended = desk.call(f"POST /flights/{ids['flight_id']}/end")
    assert ended.status == 200
    desk.compiled()
    told = desk.call(f"GET /ad-decisions/{decision_id}")
    assert (told.status, told.body["is_same"]) == (200, True), told.body
    (slot,) = told.body["placements"]
    (ad,) = slot["ads"]
    assert (slot["name"], slot["given"], slot["no_ad"]) == ("home-top", 1, None)
    assert (ad["ad_id"], ad["is_given"], ad["order"]) == (ids["ad_id"], True, 1)


def test_a_decision_that_was_never_made_is_not_there(desk: Desk) -> None:
    refused = desk.call(f"GET /ad-decisions/dec_{'0' * 26}")
    assert (refused.status, refused.body["code"]) == (404, "decision_not_found")


def test_another_apps_decision_is_not_there(desk: Desk) -> None:
    running(desk)
    decision_id = desk.decided(desk.deployed.a_device(desk.app_id)["contact_id"])
    other = Desk.opened(desk.deployed)
    assert other.call(f"GET /ad-decisions/{decision_id}").status == 404


def test_what_would_be_shown_is_told_and_nothing_is_written(
    desk: Desk, dynamodb_client: Any
) -> None:
    ids = running(desk)
    device = desk.deployed.a_device(desk.app_id)
    before = stored(desk.deployed, dynamodb_client, but_for=("AUDIT#",))
    for asker in ({"device_id": device["device_id"]}, {"contact_id": device["contact_id"]}):
        told = desk.call("POST /ad-decisions/explain", {**TOP, **asker})
        assert told.status == 200, told.body
        (slot,) = told.body["placements"]
        assert [one["ad_id"] for one in slot["ads"] if one["is_given"]] == [ids["ad_id"]]
        assert told.body["contact_id"] == device["contact_id"]
    assert stored(desk.deployed, dynamodb_client, but_for=("AUDIT#",)) == before


def test_a_rule_that_does_not_hold_is_told_comparison_by_comparison(desk: Desk) -> None:
    running(desk, targeting='$device.platform = "ios" and $app.version >= v"4"')
    device = desk.deployed.a_device(desk.app_id, app_version="4.2")
    told = desk.call("POST /ad-decisions/explain", {**TOP, "device_id": device["device_id"]})
    (slot,) = told.body["placements"]
    (ad,) = slot["ads"]
    assert slot["no_ad"] == {"code": 502, "reason": "targeting"}
    assert (ad["gate"], ad["is_given"]) == ("targeting", False)
    assert [(one["comparison"], one["holds"]) for one in ad["answers"]] == [
        ('$device.platform = "ios"', False),
        ('$app.version >= v"4"', True),
    ]


def test_an_open_case_holds_marketing_and_says_so(desk: Desk) -> None:
    running(desk)
    contact_id = desk.deployed.a_device(desk.app_id)["contact_id"]
    opened = desk.call(f"POST /contacts/{contact_id}/cases", {})
    assert opened.status < 300, opened.body
    told = desk.call("POST /ad-decisions/explain", {**TOP, "contact_id": contact_id})
    (slot,) = told.body["placements"]
    assert slot["no_ad"]["reason"] == "hold"
    assert slot["ads"][0]["figures"]["purpose"] == "marketing"


def test_a_flight_is_asked_about_alone(desk: Desk) -> None:
    running(desk)
    contact_id = desk.deployed.a_device(desk.app_id)["contact_id"]
    told = desk.call(
        "POST /ad-decisions/explain",
        {**TOP, "contact_id": contact_id},
        query={"flight_id": f"flt_{'0' * 26}"},
    )
    assert told.body["placements"][0]["ads"] == []


def test_who_would_ask_is_somebody_of_the_app(desk: Desk) -> None:
    running(desk)
    nobody = desk.call("POST /ad-decisions/explain", {**TOP, "contact_id": f"con_{'0' * 26}"})
    nothing = desk.call("POST /ad-decisions/explain", {**TOP, "device_id": "phone-of-nobody"})
    neither = desk.call("POST /ad-decisions/explain", TOP)
    assert (nobody.status, nobody.body["code"]) == (404, "contact_not_found")
    assert (nothing.status, nothing.body["code"]) == (404, "device_not_found")
    assert (neither.status, neither.body["errors"][0]["code"]) == (422, "one_of")


def test_before_anything_is_compiled_nothing_would_be_shown(desk: Desk) -> None:
    contact_id = desk.deployed.a_device(desk.app_id)["contact_id"]
    refused = desk.call("POST /ad-decisions/explain", {**TOP, "contact_id": contact_id})
    assert (refused.status, refused.body["code"]) == (409, "snapshot_missing")

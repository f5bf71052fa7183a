"""A coupon as an ad: one tap claims it, and coupons ask what was seen."""

from typing import Any

from shared.placements.model.demand import CapMode, FrequencyCap
from tests.deployment import Answer, Deployment
from tests.functional.ad_decisions_api.phones import COUNTED, Phone
from tests.functional.ads_booked import BookedAds

TENTH_OFF = {
    "name": "A tenth off",
    "discount": {"kind": "percent", "percent_off": 10},
    "claims": {"enabled": True},
}
ONCE = FrequencyCap(times=1, window_seconds=3_600, mode=CapMode.STRICT)


def a_coupon(deployed: Deployment, booked: BookedAds, **terms: Any) -> str:
    operator, coupons = deployed.operator(), f"/v1/apps/{booked.app_id}/coupons"
    made = deployed.request(f"POST {coupons}", {**TENTH_OFF, **terms}, bearer=operator)
    assert made.status == 201, made.body
    coupon_id: str = made.body["coupon_id"]
    active = deployed.request(f"POST {coupons}/{coupon_id}/activate", bearer=operator)
    assert active.status == 200, active.body
    return coupon_id


def claimed(phone: Phone, coupon_id: str, ad: dict[str, Any]) -> Answer:
    return phone.call(f"POST /coupons/{coupon_id}/claims", {"ad_token": ad["token"]})


def claims_told(deployed: Deployment, phone: Phone) -> list[dict[str, Any]]:
    timeline = f"/v1/apps/{phone.app_id}/contacts/{phone.known['contact_id']}/timeline"
    items = deployed.request(f"GET {timeline}", bearer=deployed.operator()).body["items"]
    return [item["data"] for item in items if item["type"].endswith("coupon.claimed.v1")]


def test_one_tap_on_an_ad_claims_its_coupon_once(deployed: Deployment, booked: BookedAds) -> None:
    coupon_id = a_coupon(deployed, booked)
    booked.flight("sale", coupon_id=coupon_id)
    booked.published()
    phone = Phone.registered(booked)
    answer = phone.asks("home-top")
    (ad,) = answer["decisions"]["home-top"]
    assert ad["coupon_id"] == coupon_id
    phone.tells((ad["token"], "impression"))

    first, again = claimed(phone, coupon_id, ad), claimed(phone, coupon_id, ad)

    assert (first.status, again.status) == (201, 200)
    assert first.body == again.body
    (told,) = claims_told(deployed, phone)
    assert (told["ad_id"], told["flight_id"]) == (ad["ad_id"], ad["flight_id"])
    assert told["ad_token_id"] == f"{answer['decision_id'].removeprefix('dec_')}-0"


def test_a_coupon_is_claimed_by_the_ad_that_is_about_it_on_the_device_that_has_it(
    deployed: Deployment, booked: BookedAds
) -> None:
    coupon_id, another = a_coupon(deployed, booked), a_coupon(deployed, booked, name="Another")
    booked.flight("sale", coupon_id=coupon_id)
    booked.published()
    ada, bob = Phone.registered(booked), Phone.registered(booked, "phone-of-bob")
    ad = ada.is_given("home-top")

    for phone, wanted, code in (
        (ada, another, "ad_unusable"),
        (bob, coupon_id, "ad_token_invalid"),
    ):
        refused = claimed(phone, wanted, ad)
        assert (refused.status, refused.body["code"]) == (422, code)
    assert ada.call(f"POST /coupons/{another}/claims").status == 201


def test_a_coupon_is_for_those_who_saw_an_ad(deployed: Deployment, booked: BookedAds) -> None:
    placement_id = booked.placements[0].placement_id
    coupon_id = a_coupon(deployed, booked, rules={"placements_seen": [placement_id]})
    booked.flight("sale", caps=(ONCE,))
    booked.published()
    phone = Phone.registered(booked)
    ad = phone.is_given("home-top")

    refused = phone.call(f"POST /coupons/{coupon_id}/claims")
    assert [one["code"] for one in refused.body["errors"]] == ["ad_not_seen"]
    assert phone.tells((ad["token"], "impression")) == [COUNTED]
    assert phone.call(f"POST /coupons/{coupon_id}/claims").status == 201

"""A device asks for ads, shows them, and tells what became of them."""

import json
from base64 import urlsafe_b64encode
from datetime import timedelta
from typing import Any

import pytest

from functions.ad_decisions_api import wiring as wired
from functions.ad_decisions_api.wiring.stores import ad_states, snapshots
from shared.kernel.clock import system_clock
from shared.placements.model.demand import CapMode, FrequencyCap, Pacing, Target
from shared.placements.model.records import replay, unpacked
from tests.capacity import metered
from tests.deployment import Deployment
from tests.functional.ad_decisions_api.phones import (
    AUDIENCE,
    COUNTED,
    DUPLICATE,
    Phone,
    opened,
    rejected,
)
from tests.functional.ads_booked import BookedAds, names

ONCE = FrequencyCap(times=1, window_seconds=3_600, mode=CapMode.STRICT)
CAPPED = {"code": 503, "reason": "frequency_cap"}


def tc_string(*purposes: int) -> str:
    bits = 2 << 170 | sum(1 << 24 - purpose for purpose in purposes)
    return urlsafe_b64encode(bits.to_bytes(22)).decode()


def test_an_ad_is_given_shown_and_counted_once(booked: BookedAds) -> None:
    ad_id = booked.flight("shoes")
    booked.published()
    phone = Phone.registered(booked)

    answer = phone.asks("home-top", "nowhere")

    assert answer["no_ad"] == {"nowhere": {"code": 500, "reason": "no_placement"}}
    (ad,) = answer["decisions"]["home-top"]
    assert ad["ad_id"] == ad_id
    assert ad["creative"]["url"] == "https://cdn.example/shoes.png"
    assert (ad["creative"]["width"], ad["creative"]["height"]) == (320, 50)
    token = ad["token"]
    assert phone.tells((token, "impression"), (token, "loaded")) == [COUNTED, COUNTED]
    assert phone.tells((token, "impression"), (token, "viewable50")) == [DUPLICATE, COUNTED]


def test_a_click_leads_to_what_is_stored_and_counts_once_the_ad_was_shown(
    deployed: Deployment, booked: BookedAds
) -> None:
    booked.flight("shoes")
    booked.published()
    phone = Phone.registered(booked)
    ad = phone.is_given("home-top")
    landing = f"https://shop.example/spring?ad={ad['ad_id']}"

    for url in (ad["click_url"], f"{ad['click_url']}&url=https://evil.example"):
        tapped = opened(deployed, url)
        assert (tapped.status, tapped.headers["Location"]) == (302, landing)
        assert tapped.headers["Cache-Control"] == "no-store"
    assert phone.tells((ad["token"], "click")) == [rejected("invalid_traffic")]

    shown = opened(deployed, ad["impression_url"])
    assert (shown.status, shown.headers["Content-Type"]) == (200, "image/gif")
    assert shown.body.startswith(b"GIF89a")
    assert phone.tells((ad["token"], "impression")) == [DUPLICATE]


def test_a_click_on_an_ad_that_has_ended_leads_on(deployed: Deployment, booked: BookedAds) -> None:
    booked.flight("shoes")
    booked.published()
    booked.keep()
    ad = Phone.registered(booked).is_given("home-top")
    booked.forget_flights()
    booked.published()
    snapshots.cache_clear()

    tapped = opened(deployed, ad["click_url"])

    assert tapped.headers["Location"] == f"https://shop.example/spring?ad={ad['ad_id']}"


def test_what_nobody_was_given_leads_nowhere(deployed: Deployment, booked: BookedAds) -> None:
    booked.flight("shoes", creative={"click_url": None})
    booked.published()
    ad = Phone.registered(booked).is_given("home-top")

    assert ad["click_url"] is None
    wrong = f"A{ad['token'][1:]}" if ad["token"][0] != "A" else f"B{ad['token'][1:]}"
    for token, kind in ((wrong, "click"), (wrong, "impression"), (ad["token"], "click")):
        answer = opened(deployed, f"/v1/ad-events/{token}?type={kind}")
        assert (answer.status, answer.body["code"]) == (404, "ad_link_not_found")


def test_an_ad_is_told_of_by_the_device_that_it_was_given_to(booked: BookedAds) -> None:
    booked.flight("shoes")
    booked.published()
    ad = Phone.registered(booked).is_given("home-top")
    other = Phone.registered(booked, "phone-of-bob")

    assert other.tells((ad["token"], "impression"), ("forged", "impression")) == [
        rejected("invalid_traffic"),
        rejected("ad_token_invalid"),
    ]


def test_a_strict_cap_holds_what_was_given_and_not_shown_yet(booked: BookedAds) -> None:
    booked.flight("shoes", caps=(ONCE,))
    booked.published()
    phone = Phone.registered(booked)

    ad = phone.is_given("home-top")

    assert phone.asks("home-top")["no_ad"] == {"home-top": CAPPED}
    assert phone.tells((ad["token"], "impression")) == [COUNTED]
    assert phone.asks("home-top")["no_ad"] == {"home-top": CAPPED}


def test_an_exact_flight_gives_no_more_than_its_target(booked: BookedAds) -> None:
    target = Target(lifetime=2, exact=True, pacing=Pacing.ASAP)
    booked.flight("shoes", target=target)
    booked.published()
    phones = [Phone.registered(booked, f"phone-{number:03}") for number in range(3)]

    answers = [phone.asks("home-top") for phone in phones]

    given = [answer["decisions"]["home-top"] for answer in answers]
    assert [len(ads) for ads in given] == [1, 1, 0]
    assert answers[2]["no_ad"] == {"home-top": {"code": 505, "reason": "budget"}}
    for phone, ads in zip(phones, given, strict=True):
        assert [phone.tells((ad["token"], "impression")) for ad in ads] == [[COUNTED]] * len(ads)


def test_what_is_not_exact_is_given_by_its_pace(booked: BookedAds) -> None:
    booked.flight("shoes", target=Target(lifetime=1, pacing=Pacing.ASAP))
    booked.published()
    phone = Phone.registered(booked)

    phone.is_given("home-top")

    assert phone.asks("home-top")["no_ad"]["home-top"]["reason"] in {"budget", "paced"}


def test_an_open_case_holds_marketing_ads(deployed: Deployment, booked: BookedAds) -> None:
    booked.flight("shoes")
    booked.published()
    phone = Phone.registered(booked)
    contact = f"/v1/apps/{phone.app_id}/contacts/{phone.known['contact_id']}"
    opened_case = deployed.request(
        f"POST {contact}/cases", {"kind": "complaint"}, bearer=deployed.operator()
    )
    assert opened_case.status == 201, opened_case.body

    assert phone.asks("home-top")["no_ad"] == {"home-top": {"code": 506, "reason": "hold"}}


def test_who_switched_a_topic_off_sees_no_ads_of_it(
    deployed: Deployment, booked: BookedAds
) -> None:
    booked.flight("shoes", topic="shoes")
    booked.published()
    first, second = (Phone.registered(booked, name) for name in ("phone-of-ada", "phone-of-bob"))
    contact = f"/v1/apps/{first.app_id}/contacts/{first.known['contact_id']}"
    wishes = deployed.request(
        f"PUT {contact}/preferences", {"topics_off": ["shoes"]}, bearer=deployed.operator()
    )
    assert wishes.status < 300, wishes.body

    assert first.asks("home-top")["no_ad"] == {"home-top": {"code": 507, "reason": "policy"}}
    second.is_given("home-top")


def test_without_consent_the_devices_own_count_caps(booked: BookedAds) -> None:
    booked.flight("shoes", caps=(FrequencyCap(times=2, window_seconds=3_600),))
    booked.published()
    phone, flight_id = Phone.registered(booked), booked.flights[0].flight_id
    refused = {"tcf": tc_string(1, 3, 4)}

    assert phone.asks("home-top", consent=refused, seen={flight_id: 1})["no_ad"] == {}
    capped = phone.asks("home-top", consent=refused, seen={flight_id: 2})
    assert capped["no_ad"] == {"home-top": CAPPED}
    assert phone.asks("home-top", seen={flight_id: 2})["no_ad"] == {}


def test_a_test_shows_what_it_asks_for_and_never_counts(booked: BookedAds) -> None:
    booked.flight("shoes", targeting='$country = "CH"')
    booked.published()
    phone, ad_id = Phone.registered(booked), booked.ads[0].ad_id
    wanted = {"placements": [{"name": "home-top", "test_ad": ad_id}]}

    forced = phone.call("POST /ad-decisions", wanted).body["decisions"]["home-top"][0]

    assert phone.asks("home-top")["no_ad"]["home-top"]["reason"] == "targeting"
    assert (forced["ad_id"], forced["test"]) == (ad_id, True)
    assert phone.tells((forced["token"], "impression")) == [rejected("test")]


def test_a_placement_that_stays_empty_shows_its_fallback(booked: BookedAds) -> None:
    booked.placement("basket", fallback={"text": "Free delivery"})
    booked.published()

    answer = Phone.registered(booked).asks("home-top", "basket")

    assert answer["fallbacks"] == {"basket": {"text": "Free delivery"}}
    assert set(answer["no_ad"]) == {"home-top", "basket"}


def test_a_decision_is_queued_so_that_it_can_be_made_again(
    deployed: Deployment, booked: BookedAds
) -> None:
    booked.flight("shoes")
    booked.flight("bikes")
    booked.published()
    given = Phone.registered(booked).asks("home-top")

    job = deployed.aws.jobs[-1]["MessageBody"]

    assert (job["app_id"], job["decision_id"]) == (booked.app_id, given["decision_id"])
    record = unpacked(json.dumps(job["record"]).encode())
    snapshot = booked.snapshot()
    assert record.is_of(snapshot)
    assert record.reproduces(replay(record, snapshot))


def test_nothing_was_ever_booked(booked: BookedAds) -> None:
    answer = Phone.registered(booked).call("POST /ad-decisions", names(["home-top"]))
    assert (answer.status, answer.body["code"]) == (409, "snapshot_missing")


def test_a_decision_of_who_is_known_takes_half_a_read_unit(booked: BookedAds) -> None:
    booked.flight("shoes")
    booked.published()
    phone = Phone.registered(booked)
    phone.asks("home-top")

    with metered() as meter:
        phone.asks("home-top")

    assert (meter.reads, meter.writes) == (0.5, 0)


def test_whoever_logs_in_is_given_ads_under_either_name(
    deployed: Deployment, booked: BookedAds
) -> None:
    booked.flight("shoes")
    booked.published()
    phone = Phone.registered(booked)
    phone.is_given("home-top")
    bound = deployed.log_in(phone.known, "ada", audience=AUDIENCE)
    phone.is_given("home-top")
    Phone(deployed=deployed, app_id=phone.app_id, known=bound).is_given("home-top")


def test_a_device_that_is_gone_is_turned_away(deployed: Deployment, booked: BookedAds) -> None:
    booked.flight("shoes")
    booked.published()
    phone = Phone.registered(booked)
    device = f"/v1/apps/{phone.app_id}/devices/{phone.known['device_id']}"
    deployed.request(f"DELETE {device}", bearer=phone.known["device_token"])

    answer = phone.call("POST /ad-decisions", names(["home-top"]))
    assert (answer.status, answer.body["code"]) == (401, "unauthenticated")


def test_a_revoked_token_is_refused_as_soon_as_the_state_knows(booked: BookedAds) -> None:
    booked.flight("shoes")
    booked.published()
    phone = Phone.registered(booked)
    phone.asks("home-top")
    contact_id, device_id = phone.known["contact_id"], phone.known["device_id"]
    later = int((system_clock() + timedelta(days=1)).timestamp())
    before = ad_states().read_latest(contact_id, app_id=phone.app_id)
    assert ad_states().replace(before.with_device(device_id, later), before=before)

    answer = phone.call("POST /ad-decisions", names(["home-top"]))
    assert (answer.status, answer.body["code"]) == (401, "unauthenticated")


def test_ads_that_an_app_took_back_are_not_counted(booked: BookedAds) -> None:
    booked.flight("shoes")
    booked.published()
    phone = Phone.registered(booked)
    ad = phone.is_given("home-top")
    booked.published(epoch=1)
    snapshots.cache_clear()
    wired.engagements.cache_clear()
    wired.decisions.cache_clear()

    assert phone.tells((ad["token"], "impression")) == [rejected("revoked")]
    assert phone.asks("home-top")["epoch"] == 1


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"placements": []}, "/placements"),
        (names(["home-top", "home-top"]), "/placements"),
        ({"placements": [{"name": "Home"}]}, "/placements/0/name"),
        ({**names(["a"]), "consent": {"tcf": "nonsense"}}, "/consent/tcf"),
        ({**names(["a"]), "timezone": "Mars/Olympus"}, "/timezone"),
        ({**names(["a"]), "attributes": {"$segment": "vip"}}, "/attributes"),
        (
            {
                **names(["a"]),
                "attributes": {"a": "x" * 256, **dict.fromkeys("bcdefghi", "x" * 256)},
            },
            "/attributes",
        ),
    ],
)
def test_a_wrong_request_names_the_field(
    booked: BookedAds, wrong: dict[str, Any], pointer: str
) -> None:
    answer = Phone.registered(booked).call("POST /ad-decisions", wrong)
    assert answer.status == 422
    assert answer.body["errors"][0]["pointer"].startswith(pointer)

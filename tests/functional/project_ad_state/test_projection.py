"""What decisions know of a person follows what other domains tell, event by event."""

from typing import Any

from shared.coupons.model.claims import TappedAd
from shared.kernel.events import Purpose
from shared.placements.model.ad_state import AdState, CouponStanding, Topic
from shared.placements.model.engagements import Engagement
from tests.functional.adverts import DONE, Adverts
from tests.functional.contact_policy_api.test_wishes import SHOWN
from tests.functional.offers import Offers
from tests.functional.relay_events.test_relay import stream_batch

TOLD_BY = (
    "case.opened.v1",
    "case.closed.v1",
    "consent.granted.v1",
    "consent.withdrawn.v1",
    "preferences.updated.v1",
    "contact.identified.v1",
    "contact.updated.v1",
    "device.registered.v1",
    "device.updated.v1",
    "device.logged_out.v1",
    "device.unregistered.v1",
    "coupon.claimed.v1",
    "coupon.redeemed.v1",
    "coupon.rolled_back.v1",
)
PHONE, SECOND = "phone-of-ada", "second-phone"


def projected(adverts: Adverts) -> AdState:
    """Bring all that was told to the projection; return what decisions know of Ada then."""
    batch = adverts.published(*TOLD_BY)
    assert batch["Records"]
    assert adverts.shop.deployed.invoke("project_ad_state", batch) == DONE
    return adverts.state()


def test_where_nothing_was_ever_booked_nothing_is_kept(adverts: Adverts) -> None:
    assert projected(adverts).facts_at is None


def test_an_open_case_holds_ads_and_a_closed_one_does_not(adverts: Adverts) -> None:
    adverts.running()
    adverts.compiled()
    before = projected(adverts)
    assert before.holds == {}
    assert before.device_epochs.keys() == {PHONE}
    case = adverts.shop.of_ada("POST /cases", {})
    assert case.status == 201, case.body
    held = projected(adverts)
    assert held.holds[Purpose.MARKETING].reason == "case"
    assert held.epoch == before.epoch + 1
    assert projected(adverts).epoch == held.epoch  # each event may come twice
    closed = adverts.shop.call(f"POST /cases/{case.body['case_id']}/close")
    assert closed.status < 300, closed.body
    assert "case" not in {hold.reason for hold in projected(adverts).holds.values()}


def test_the_first_ads_of_an_app_hold_from_the_moment_on_that_anybody_decides_by_them(
    adverts: Adverts,
) -> None:
    assert projected(adverts).facts_at is None  # this process looked, and there was nothing
    adverts.running()
    adverts.compiled()
    assert adverts.shop.of_ada("POST /cases", {}).status == 201
    assert projected(adverts).holds[Purpose.MARKETING].reason == "case"


def test_the_coupon_of_an_ad_that_went_live_a_moment_ago_is_known(adverts: Adverts) -> None:
    offers = Offers.of(adverts.shop)
    coupon = offers.has(claims={"enabled": True})
    adverts.running()
    adverts.compiled()
    assert projected(adverts).coupons == {}  # this process knows the ads before
    adverts.running(coupon_id=coupon.coupon_id)
    adverts.compiled()
    offers.claimed(coupon)
    offers.redeemed(coupon)
    assert projected(adverts).coupons == {coupon.coupon_id: CouponStanding.REDEEMED}


def test_who_objects_to_ads_is_shown_none(adverts: Adverts) -> None:
    adverts.running()
    adverts.compiled()
    said = {"purpose": "marketing", "channel": "ad", "status": "withdrawn", **SHOWN}
    answer = adverts.shop.of_ada("PUT /consents", said)
    assert answer.status < 300, answer.body
    assert projected(adverts).holds[Purpose.MARKETING].reason == "consent"


def test_who_switches_a_topic_off_is_held_from_its_ads_alone(adverts: Adverts) -> None:
    adverts.running(topic="shoes")
    adverts.compiled()
    before = projected(adverts)
    assert before.topic_holds == {}
    answer = adverts.shop.of_ada("PUT /preferences", {"topics_off": ["shoes", "hats"]})
    assert answer.status < 300, answer.body
    after = projected(adverts)
    assert after.topic_holds.keys() == {Topic(Purpose.MARKETING, "shoes")}
    assert (after.holds, after.epoch) == ({}, before.epoch + 1)


def test_segments_and_tags_that_live_ads_name_are_known(adverts: Adverts) -> None:
    segment = adverts.shop.call("POST /segments", {"name": "Vips", "rule": {"tag": "vip"}})
    assert segment.status == 201, segment.body
    segment_id = segment.body["segment_id"]
    adverts.running(targeting=f'$segment contains "{segment_id}" or $tag contains "vip"')
    adverts.compiled()
    tagged = adverts.shop.of_ada("PATCH ", {"add_tags": ["vip", "private"]})
    assert tagged.status < 300, tagged.body
    state = projected(adverts)
    assert state.tags == {"vip"}
    assert state.segments == {segment_id}


def test_a_coupon_that_was_redeemed_takes_its_ads_back_and_is_their_conversion(
    adverts: Adverts,
) -> None:
    offers = Offers.of(adverts.shop)
    coupon = offers.has(claims={"enabled": True})
    flight = adverts.running(coupon_id=coupon.coupon_id)
    adverts.compiled()
    offers.claimed(coupon)
    assert projected(adverts).coupons == {coupon.coupon_id: CouponStanding.CLAIMED}
    grant = adverts.grant(flight, coupon_id=coupon.coupon_id)
    adverts.happened(Engagement.CLICK, grant)
    epoch = adverts.state().epoch
    offers.redeemed(coupon)
    for _ in range(2):
        state = projected(adverts)
        assert state.coupons == {coupon.coupon_id: CouponStanding.REDEEMED}
        assert state.epoch == epoch + 1
        assert conversions(adverts) == [flight.flight_id]


def test_a_coupon_taken_by_a_tap_counts_once_for_the_ad_that_was_shown(adverts: Adverts) -> None:
    offers = Offers.of(adverts.shop)
    coupon = offers.has(claims={"enabled": True})
    flight = adverts.running(coupon_id=coupon.coupon_id)
    adverts.compiled()
    grant = adverts.grant(flight, coupon_id=coupon.coupon_id)
    adverts.happened(Engagement.IMPRESSION, grant)
    tapped = TappedAd(token_id=grant.token_id, flight_id=flight.flight_id, ad_id=grant.ad_id)
    offers.claimed(coupon, ad=tapped)
    for _ in range(2):
        projected(adverts)
        assert told_of(adverts, "ad.coupon_claimed.v1") == [flight.flight_id]


def test_a_tap_on_an_ad_that_was_never_shown_counts_for_none(adverts: Adverts) -> None:
    offers = Offers.of(adverts.shop)
    coupon = offers.has(claims={"enabled": True})
    flight = adverts.running(coupon_id=coupon.coupon_id)
    adverts.compiled()
    grant = adverts.grant(flight, coupon_id=coupon.coupon_id)
    tapped = TappedAd(token_id=grant.token_id, flight_id=flight.flight_id, ad_id=grant.ad_id)
    offers.claimed(coupon, ad=tapped)
    projected(adverts)
    assert told_of(adverts, "ad.coupon_claimed.v1") == []


def conversions(adverts: Adverts) -> list[str]:
    """Return the flights of the conversions that were counted."""
    return told_of(adverts, "ad.converted.v1")


def told_of(adverts: Adverts, type_: str) -> list[str]:
    """Return the flights of the events of a type that are on Ada's timeline, and no others."""
    told = stream_batch(adverts.shop.deployed, adverts.dynamodb)["Records"]
    images = [one["dynamodb"]["NewImage"] for one in told]
    converted = [image for image in images if image["type"]["S"] == type_]
    history = adverts.engagements.told(
        [adverts.shop.contact_id],
        app_id=adverts.shop.app_id,
        since=adverts.shop.clock(),
        until=adverts.shop.clock(),
    )
    found = [one.event for one in history if one.event.type == type_]
    assert len(found) == len(converted)
    return [one.data["flight_id"] for one in found]


def test_a_coupon_of_no_ad_is_none_of_its_business(adverts: Adverts) -> None:
    offers = Offers.of(adverts.shop)
    adverts.running()
    adverts.compiled()
    offers.redeemed(offers.has())
    assert projected(adverts).coupons == {}


def test_a_device_that_went_is_let_in_no_more(adverts: Adverts) -> None:
    adverts.running()
    adverts.compiled()
    known = projected(adverts).device_epochs[PHONE]
    assert known > 0
    device = adverts.shop.deployed.a_device(adverts.shop.app_id, SECOND)
    second = adverts.shop.deployed.log_in(device, "ada", audience="shop")
    assert projected(adverts).device_epochs[SECOND] > 0
    path = f"/devices/{second['device_id']}"
    gone = adverts.shop.call(f"DELETE {path}", bearer=second["device_token"])
    assert gone.status < 300, gone.body
    unregistered: dict[str, Any] = adverts.published("device.unregistered.v1")
    (record,) = unregistered["Records"]
    later = record["body"].replace('"time": "20', '"time": "21')
    answer = adverts.shop.deployed.invoke(
        "project_ad_state", {"Records": [{**record, "body": later}]}
    )
    assert answer == DONE
    state = adverts.state()
    assert state.device_epochs[SECOND] > second_epoch(known)
    assert state.device_epochs[PHONE] == known


def second_epoch(first: int) -> int:
    """Return an epoch that no device of this test has."""
    return first + 3_600

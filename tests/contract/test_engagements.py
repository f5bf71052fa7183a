"""Every store of events of ads, real or fake, keeps these promises; the services too."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest

from shared.placements.errors import AdTokenInvalidError, AdUnusableError
from shared.placements.model.accounting import LATEST
from shared.placements.model.demand import Pricing, Rate
from shared.placements.model.engagements import Engagement
from shared.placements.service.engagements import MOST_REPORTS, Answer, Report, Standing
from shared.placements.service.judging import Teller
from tests.contract.engagements import (
    CLICK,
    DEVICE,
    IMPRESSION,
    MINUTE,
    SECOND,
    Engagements,
    in_memory,
    on_dynamodb,
)
from tests.fakes.ads import ADA, BOB, CAFE, LIFETIME, a_grant

COUNTED, DUPLICATE = Answer(standing=Standing.COUNTED), Answer(standing=Standing.DUPLICATE)
SALE = f"cpn_{'1' * 26}"
PIXEL = Teller()


@pytest.fixture(params=["memory", "dynamodb"])
def it(request: pytest.FixtureRequest) -> Engagements:
    return in_memory() if request.param == "memory" else on_dynamodb(request)


def rejected(reason: str) -> Answer:
    return Answer(standing=Standing.REJECTED, reason=reason)


def test_an_impression_counts_once_and_has_its_price(it: Engagements) -> None:
    token = it.given()
    assert [it.tell(token), it.tell(token)] == [COUNTED, DUPLICATE]
    (event,) = it.told()
    assert (event.type, event.channel, event.direction) == ("ad.shown.v1", "ad", "out")
    assert (event.data["price"], event.data["currency"]) == (2_500_000, "CHF")


def test_each_kind_of_event_of_an_ad_counts_for_itself(it: Engagements) -> None:
    token = it.given()
    kinds = [one for one in Engagement if one is not Engagement.CLAIM]
    shown_at = it.clock() - SECOND
    reports = [
        Report(token=token, engagement=kind, at=shown_at if kind is IMPRESSION else None)
        for kind in reversed(kinds)
    ]
    assert it.service.record(reports, by=DEVICE) == [COUNTED] * len(kinds)
    assert it.service.record(reports, by=DEVICE) == [DUPLICATE] * len(kinds)
    assert it.types() == [
        "ad.loaded.v1",
        "ad.shown.v1",
        "ad.half_viewed.v1",
        "ad.fully_viewed.v1",
        "ad.clicked.v1",
        "ad.converted.v1",
    ]
    assert sum(event.data["price"] for event in it.told()) == 2_500_000


def test_a_batch_answers_each_report_at_its_place(it: Engagements) -> None:
    first, late = it.given(), it.given(2, issued_at=it.clock() - LIFETIME)
    told = [first, "forged", late, first, it.given(3, app_id=CAFE)]
    reports = [Report(token=token, engagement=IMPRESSION) for token in told]
    reports.append(Report(token=first, engagement=Engagement.CLAIM))
    assert it.service.record(reports, by=DEVICE) == [
        COUNTED,
        rejected("ad_token_invalid"),
        rejected("late"),
        DUPLICATE,
        rejected("ad_token_invalid"),
        rejected("ad_unusable"),
    ]
    assert Counter(it.types()) == {"ad.shown.v1": 1, "ad_event.rejected.v1": 1}


def test_a_whole_batch_reads_the_state_of_a_person_once(it: Engagements) -> None:
    tokens = [it.given(number) for number in range(MOST_REPORTS)]
    reports = [Report(token=token, engagement=IMPRESSION) for token in tokens]
    assert it.service.record(reports, by=DEVICE) == [COUNTED] * MOST_REPORTS
    assert it.states.reads == 1


@pytest.mark.parametrize("engagement", [one for one in LATEST if one is not Engagement.CLAIM])
def test_an_event_counts_until_its_latest_and_what_was_counted_stays_so(
    engagement: Engagement, it: Engagements
) -> None:
    told, late = it.given(1), it.given(2)
    for token in (told, late):
        if engagement is not IMPRESSION:
            it.tell(token)
    end = a_grant().expires_at + LATEST[engagement]
    it.clock.at = end - timedelta(milliseconds=1)
    assert it.tell(told, engagement) == COUNTED
    it.clock.at = end
    assert it.tell(told, engagement) == DUPLICATE
    assert it.tell(late, engagement) == rejected("late")
    assert it.tell(late, engagement) == rejected("late")
    assert it.types().count("ad_event.rejected.v1") == 1


def test_an_ad_that_was_taken_back_does_not_count(it: Engagements) -> None:
    shown, held = it.given(1), it.given(2)
    assert it.tell(shown) == COUNTED
    it.states.epoch = 1
    assert it.tell(held) == rejected("revoked")
    assert it.tell(shown) == DUPLICATE
    assert it.tell(it.given(3, epoch=1)) == COUNTED


def test_ads_that_an_app_took_back_from_everybody_do_not_count(it: Engagements) -> None:
    held = it.given(1)
    it.revocations = 1
    assert it.tell(held) == rejected("revoked")
    assert it.tell(it.given(2, epoch=1)) == COUNTED


def test_a_preview_never_counts(it: Engagements) -> None:
    token = it.given(test=True, strict=True, lease=1)
    assert it.tell(token) == rejected("test")
    (event,) = it.told()
    assert (event.data["event"], event.data["reason"]) == ("impression", "test")
    assert event.data["price"] == 0
    assert it.promises.confirmed == []


def test_what_no_person_caused_is_kept_with_what_shows_it(it: Engagements) -> None:
    token = it.given()
    assert it.tell(token, by=replace(DEVICE, device_id="another")) == rejected("invalid_traffic")
    (event,) = it.told()
    assert event.data["suspicion"] == "other_device"


def test_a_click_counts_after_the_impression_only(it: Engagements) -> None:
    token = it.given()
    assert it.tell(token, CLICK) == rejected("invalid_traffic")
    assert it.tell(token) == COUNTED
    assert it.tell(token, CLICK, at=it.clock() + MINUTE) == rejected("invalid_traffic")
    it.clock.advance(SECOND)
    assert [it.tell(token, CLICK), it.tell(token, CLICK)] == [COUNTED, DUPLICATE]
    suspicions = [event.data.get("suspicion") for event in it.told()]
    assert suspicions == ["not_shown", None, None]


def test_a_clock_of_a_device_is_not_believed_beyond_issue_and_now(it: Engagements) -> None:
    for number, wrong in enumerate([-MINUTE, MINUTE, None]):
        it.tell(it.given(number), at=it.clock() + wrong if wrong else None)
    assert [event.time for event in it.told()] == [a_grant().issued_at, it.clock(), it.clock()]


def test_a_flight_that_has_delivered_its_target_is_not_paid_more(it: Engagements) -> None:
    it.bounds.over.add(a_grant().flight_id)
    assert it.tell(it.given()) == rejected("over_cap")


def test_a_strict_cap_counts_what_its_place_waits_for(it: Engagements) -> None:
    waits, gone = it.given(1, strict=True), it.given(2, strict=True)
    it.promises.waiting.add(a_grant(1).token_id)
    assert it.tell(waits, Engagement.LOADED) == COUNTED
    assert it.promises.confirmed == []
    assert [it.tell(waits), it.tell(waits), it.tell(gone)] == [
        COUNTED,
        DUPLICATE,
        rejected("over_cap"),
    ]


def test_a_leased_impression_takes_the_slot_of_its_lease(it: Engagements) -> None:
    token, same_place = it.given(1, lease=7, shard=2), it.given(2, lease=7, shard=2)
    assert [it.tell(token), it.tell(token), it.tell(same_place)] == [
        COUNTED,
        DUPLICATE,
        rejected("late"),
    ]
    assert it.types() == ["ad.shown.v1", "ad_event.rejected.v1"]


def test_a_lease_that_was_given_back_does_not_count(it: Engagements) -> None:
    grant = a_grant(lease=7)
    it.take(grant)
    assert it.tell(it.tokens.token_of(grant)) == rejected("late")
    assert it.tell(it.tokens.token_of(a_grant(2, lease=8))) == COUNTED


def test_who_taps_gets_there_counted_or_not(it: Engagements) -> None:
    token = it.given()
    there = f"https://shop.example/sale?ad={a_grant().ad_id}"
    assert it.service.click(token, by=PIXEL) == there
    it.service.see(token, IMPRESSION, by=PIXEL)
    it.clock.advance(SECOND)
    assert it.service.click(token, by=PIXEL) == there
    assert it.types() == ["ad_event.rejected.v1", "ad.shown.v1", "ad.clicked.v1"]


def test_a_click_leads_nowhere_without_a_token_or_a_stored_url(it: Engagements) -> None:
    with pytest.raises(AdTokenInvalidError):
        it.service.click("forged", by=PIXEL)
    it.landings.url = None
    with pytest.raises(AdUnusableError):
        it.service.click(it.given(), by=PIXEL)
    assert it.told() == []


def test_a_claim_counts_once_for_the_ad_that_was_tapped(it: Engagements) -> None:
    for number in (1, 2):
        it.tell(it.given(number, coupon_id=SALE))
    tapped = it.tokens.given[1].token_id
    assert [it.claim(tapped), it.claim(tapped)] == [True, False]
    counted = it.told()[-1]
    assert (counted.type, counted.cause) == ("ad.coupon_claimed.v1", "evt_1")
    assert (counted.data["token_id"], counted.data["price"]) == (tapped, 0)
    assert it.types().count("ad.coupon_claimed.v1") == 1


def test_a_claim_counts_for_no_ad_that_was_not_shown_to_the_person(it: Engagements) -> None:
    it.given(1, coupon_id=SALE)
    it.tell(it.given(2, coupon_id=SALE))
    unseen, seen = (grant.token_id for grant in it.tokens.given)
    assert not it.claim(unseen)
    assert not it.claim(seen, contact_id=BOB)
    it.persons.joined[BOB] = (BOB, ADA)
    assert it.claim(seen, contact_id=BOB)


def test_a_used_coupon_is_owed_to_the_last_click_and_an_ad_converts_once(it: Engagements) -> None:
    for number in (1, 2):
        it.shown_and_clicked(number, coupon_id=SALE)
        it.clock.advance(MINUTE)
    it.tell(it.given(3, issued_at=it.clock.at, coupon_id=SALE))
    it.shown_and_clicked(4, coupon_id=None)
    it.clock.advance(timedelta(days=6))
    it.rates.rate = Rate(pricing=Pricing.CPA, amount=120, currency="CHF")
    assert [it.convert(SALE), it.convert(SALE)] == [True, False]
    converted = it.told()[-1]
    assert (converted.type, converted.cause) == ("ad.converted.v1", "evt_1")
    assert converted.data["token_id"] == it.tokens.given[1].token_id
    assert (converted.data["price"], converted.data["cause"]) == (120_000_000, "evt_1")
    assert converted.purpose == "marketing"


def test_without_a_click_a_used_coupon_is_owed_to_the_last_impression_of_a_day(
    it: Engagements,
) -> None:
    for number in (1, 2):
        it.tell(it.given(number, coupon_id=SALE, issued_at=it.clock.at))
        it.clock.advance(MINUTE)
    it.clock.advance(timedelta(days=1) - MINUTE)
    assert it.convert(SALE)
    assert it.told()[-1].data["token_id"] == it.tokens.given[1].token_id
    it.clock.advance(timedelta(milliseconds=1))
    assert not it.convert(SALE)


def test_a_used_coupon_is_owed_to_no_ad_of_another_coupon_person_or_week(it: Engagements) -> None:
    it.shown_and_clicked(1, coupon_id=SALE)
    it.shown_and_clicked(2, coupon_id=None)
    assert not it.convert(f"cpn_{'2' * 26}")
    assert not it.convert(SALE, contact_id=BOB)
    it.clock.advance(timedelta(days=7, milliseconds=1))
    assert not it.convert(SALE)
    assert "ad.converted.v1" not in it.types()


def test_what_was_seen_before_logging_in_converts_too(it: Engagements) -> None:
    it.shown_and_clicked(1, coupon_id=SALE)
    it.persons.joined[BOB] = (BOB, ADA)
    assert it.convert(SALE, contact_id=BOB)
    assert it.told()[-1].subject.id == ADA


class LosesReplies:
    """A service that does what it is asked, and of which some answers never come."""

    def __init__(self, it: Engagements, *, seed: int) -> None:
        self._it, self._chance = it, Random(seed)  # noqa: S311 - a seed
        self.lost = 0

    def tell(self, token: str) -> Answer:
        while True:
            answer = self._it.tell(token)
            if self._chance.random() >= 0.1:
                return answer
            self.lost += 1


def test_of_150_impressions_with_lost_answers_and_retries_150_are_counted(
    it: Engagements,
) -> None:
    client = LosesReplies(it, seed=8)
    answers = [client.tell(it.given(number)) for number in range(150)]
    assert client.lost > 5
    assert {answer.standing for answer in answers} == {Standing.COUNTED, Standing.DUPLICATE}
    assert it.types() == ["ad.shown.v1"] * 150


def test_of_many_who_tell_the_same_at_once_one_is_counted(it: Engagements) -> None:
    tokens = [it.given(number) for number in range(6)]
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(it.tell, tokens * 16))
    assert Counter(answer.standing for answer in answers) == {
        Standing.COUNTED: 6,
        Standing.DUPLICATE: 90,
    }

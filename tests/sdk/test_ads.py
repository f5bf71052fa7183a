"""Ads on a phone: kept until they were shown, told of by what was in view."""

import json
from typing import Any

import pytest

from engage_mobile import Engage, ads_of, qr_payload
from engage_mobile.ads import Decisions
from engage_mobile.operations import SECOND
from engage_mobile.outcomes import Answered
from shared.coupons.model.codes import normal_form
from tests.sdk.phones import NOON, STATE, TurnedClock, phone, settle
from tests.sdk.servers import NOBODY, Effect, FakeServer

TOP = [{"name": "home-top"}]


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def server(clock: TurnedClock) -> FakeServer:
    return FakeServer(clock)


@pytest.fixture
def engage(server: FakeServer, clock: TurnedClock) -> Engage:
    made = phone(server, clock)
    made.register(STATE)
    settle(made, clock)
    return made


def asked(server: FakeServer) -> int:
    return sum(request.path.endswith("ad-decisions") for request in server.requests)


def decided(engage: Engage, clock: TurnedClock, **context: Any) -> Answered:
    heard = engage.ads.decide(TOP, **context)
    engage.pump(clock.now)
    found = heard.result(timeout=0)
    assert isinstance(found, Answered)
    return found


def test_a_decision_is_kept_until_one_of_its_ads_was_shown(
    engage: Engage, server: FakeServer, clock: TurnedClock
) -> None:
    first = decided(engage, clock)
    assert decided(engage, clock) == first
    assert asked(server) == 1
    (ad,) = ads_of(first, "home-top")
    engage.ads.tell(ad, "impression")
    assert decided(engage, clock) != first
    assert asked(server) == 2


def test_a_decision_is_for_one_question_and_one_person(
    engage: Engage, server: FakeServer, clock: TurnedClock
) -> None:
    decided(engage, clock)
    decided(engage, clock, keywords=["winter"])
    engage.log_out()
    decided(engage, clock)
    assert asked(server) == 3


def test_an_ad_that_expired_by_the_servers_clock_is_not_kept(
    engage: Engage, server: FakeServer, clock: TurnedClock
) -> None:
    decided(engage, clock)
    clock.go_on(300 * SECOND)
    decided(engage, clock)
    assert asked(server) == 2


def test_a_greater_epoch_takes_back_what_was_kept() -> None:
    kept = Decisions()
    ad: dict[str, Any] = {
        "ad_id": "ad_1",
        "flight_id": "flt_1",
        "token": "t",
        "creative": {},
        "click_url": None,
        "coupon_id": None,
        "expires_at": "2026-11-23T12:05:00Z",
    }
    first = Answered(status=200, body={"decisions": {"home-top": [ad]}, "epoch": 1})
    empty = Answered(status=200, body={"decisions": {"home-top": []}, "epoch": 2})
    kept.keep("first", first, login=0)
    assert kept.find("first", login=0, at=NOON) == first
    kept.keep("second", empty, login=0)
    assert kept.find("first", login=0, at=NOON) is None
    assert kept.find("second", login=0, at=NOON) is None


def test_what_is_in_view_is_told_by_itself(
    engage: Engage, server: FakeServer, clock: TurnedClock
) -> None:
    (ad,) = ads_of(decided(engage, clock), "home-top")
    engage.enter_foreground()
    engage.ads.in_view(ad, 1.0)
    assert engage.pump(clock.now) == clock.now + SECOND
    clock.go_on(SECOND)
    settle(engage, clock)
    told = {f"{ad.token} {event}" for event in ("impression", "viewable50", "viewable100")}
    assert set(server.effects()) == {Effect("ad_event", NOBODY, mark) for mark in told}
    (batch,) = [one for one in server.requests if one.path.endswith("ad-events")]
    events = json.loads(batch.content or b"")["events"]
    assert [one["at"] for one in events][1:] == ["2026-11-23T12:00:01.000Z"] * 2


def test_there_are_no_ads_in_what_was_dropped() -> None:
    assert ads_of(Answered(status=200, body={}), "home-top") == ()


@pytest.mark.parametrize(
    "code", ["welc-ome1", " ABC 123 ", "a_b.c%9", "\uff37\uff25\uff2c123"]
)  # wide letters
def test_a_qr_code_says_the_code_as_the_server_knows_it(code: str) -> None:
    assert qr_payload(code) == normal_form(code)

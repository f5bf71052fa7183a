"""Decisions: who is shown, who is not, and what is said of empty slots."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from shared.kernel.events import Purpose
from shared.placements.model.ad_state import STATE_FULL, AdState, CouponStanding, Hold, Topic
from shared.placements.model.decision import decide
from shared.placements.model.demand import (
    AdSettings,
    CapMode,
    Choosing,
    Daypart,
    FrequencyCap,
    Pricing,
    Rate,
    Size,
    Target,
)
from shared.placements.model.requests import Consent, DecisionRequest, NoAd, Outcome, Wanted
from tests.unit.placements.markets import APP, AT, Market, asked, names_of, person, saw

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ONCE_A_DAY = FrequencyCap(times=1, window_seconds=86_400)
ONCE_AN_HOUR = FrequencyCap(times=1, window_seconds=3_600)


def decided(
    market: Market,
    request: DecisionRequest | None = None,
    state: AdState | None = None,
    *,
    rates: dict[str, float] | None = None,
    refused: frozenset[str] = frozenset(),
) -> Outcome:
    request = asked("top") if request is None else request
    state = person() if state is None else state
    return decide(request, market.snapshot(), state, rates=rates or {}, refused=refused)


def shown(outcome: Outcome) -> dict[str, list[str]]:
    return {name: names_of(choices) for name, choices in outcome.choices.items()}


@pytest.fixture
def market() -> Market:
    made = Market()
    made.placement("top")
    made.placement("bottom")
    return made


def only(market: Market, **more: Any) -> Market:
    market.flight("a", **more)
    return market


def test_a_slot_is_given_an_ad_with_all_that_its_token_will_say(market: Market) -> None:
    only(market, labels=frozenset({"cars"}), target=Target(lifetime=5, exact=True))
    [choice] = decided(market).choices["top"]
    assert choice.placement_id == "plc_top"
    assert (choice.ad_id, choice.flight_id, choice.creative_id) == ("ad_a.0", "flt_a", "crv_a.0")
    assert (choice.ad_campaign_id, choice.advertiser_id) == ("adc_a", "adv_a")
    assert (choice.tier, choice.labels) == (8, frozenset({"cars"}))
    assert choice.leased
    assert not choice.strict
    assert not choice.test


def test_every_slot_is_answered_by_ads_or_a_reason_and_a_short_one_by_both(market: Market) -> None:
    only(market, placements=("plc_top",))
    outcome = decided(market, asked(Wanted(name="top", count=3), "bottom", "nowhere"))
    assert shown(outcome) == {"top": ["a"], "bottom": [], "nowhere": []}
    assert outcome.no_ad == {
        "top": NoAd.NO_DEMAND,
        "bottom": NoAd.NO_DEMAND,
        "nowhere": NoAd.NO_PLACEMENT,
    }


def test_a_higher_tier_is_filled_in_all_slots_before_a_lower_one(market: Market) -> None:
    market.flight("house", tier=16, placements=("plc_top",), labels=frozenset({"cars"}))
    market.flight("sponsor", tier=4, placements=("plc_bottom",), labels=frozenset({"cars"}))
    outcome = decided(market, asked("top", "bottom"))
    assert shown(outcome) == {"top": [], "bottom": ["sponsor"]}
    assert outcome.no_ad == {"top": NoAd.COMPETITOR}


@pytest.mark.parametrize(
    ("starts", "ends", "is_shown"),
    [(0, 1, True), (1, 2, False), (-2, 0, False), (-1, None, True)],
)
def test_a_flight_is_shown_from_its_start_until_before_its_end(
    market: Market, starts: int, ends: int | None, is_shown: bool
) -> None:
    ends_at = None if ends is None else AT + ends * HOUR
    only(market, starts_at=AT + starts * HOUR, ends_at=ends_at)
    snapshot = market.snapshot(AT - DAY)
    outcome = decide(asked("top"), snapshot, person(), rates={})
    assert bool(outcome.choices["top"]) is is_shown
    assert outcome.no_ad == ({} if is_shown else {"top": NoAd.NO_DEMAND})


@pytest.mark.parametrize(
    ("gate", "reason"),
    [("case", NoAd.HOLD), ("cooldown", NoAd.HOLD), ("consent", NoAd.CONSENT), ("cap", NoAd.POLICY)],
)
def test_what_holds_a_purpose_holds_its_ads_until_it_ends(
    market: Market, gate: str, reason: NoAd
) -> None:
    only(market)

    def held(until: datetime | None, purpose: Purpose = Purpose.MARKETING) -> Outcome:
        hold = Hold(reason=gate, detail="a case is open", until=until)
        return decided(market, state=person(holds={purpose: hold}))

    assert held(None).no_ad == held(AT + HOUR).no_ad == {"top": reason}
    assert shown(held(AT)) == shown(held(None, Purpose.SERVICE)) == {"top": ["a"]}


def test_who_opted_out_of_a_topic_sees_no_ads_of_it_and_others_of_its_purpose(
    market: Market,
) -> None:
    only(market, topic="shoes")
    off = Hold(reason="preference", detail="The person switched the topic shoes off.")

    def without(topic: str, purpose: Purpose = Purpose.MARKETING) -> Outcome:
        return decided(market, state=person(topic_holds={Topic(purpose, topic): off}))

    assert without("shoes").no_ad == {"top": NoAd.POLICY}
    assert shown(without("hats")) == shown(without("shoes", Purpose.SERVICE)) == {"top": ["a"]}
    market.flights[0] = replace(market.flights[0], topic=None)
    assert shown(without("shoes")) == {"top": ["a"]}


def test_who_agreed_to_a_topic_alone_sees_its_ads(market: Market) -> None:
    only(market, topic="shoes")
    hold = Hold(reason="consent", detail="The person did not agree to marketing.")
    assert shown(decided(market, state=person(holds={Purpose.MARKETING: hold}))) == {"top": ["a"]}


def test_who_saw_too_much_to_be_counted_sees_no_topic_either(market: Market) -> None:
    only(market, topic="shoes")
    full = Hold(reason=STATE_FULL, detail="too much", until=AT + HOUR)
    assert decided(market, state=person(holds={Purpose.SERVICE: full})).no_ad == {
        "top": NoAd.POLICY
    }


def test_a_hold_stands_without_any_consent(market: Market) -> None:
    only(market)
    hold = Hold(reason="case", detail="a case is open")
    no_consent = Consent(capping=False, personalisation=False)
    state = person(holds={Purpose.MARKETING: hold})
    assert decided(market, asked("top", consent=no_consent), state).no_ad == {"top": NoAd.HOLD}


def test_whoever_redeemed_a_coupon_does_not_see_its_ads(market: Market) -> None:
    only(market, coupon_id="cpn_1")
    claimed = person(coupons={"cpn_1": CouponStanding.CLAIMED})
    redeemed = person(coupons={"cpn_1": CouponStanding.REDEEMED})
    assert shown(decided(market, state=claimed)) == {"top": ["a"]}
    assert decided(market, state=redeemed).no_ad == {"top": NoAd.COUPON_USED}
    market.flights[0] = replace(market.flights[0], coupon_id=None)
    market.creatives[0] = replace(market.creatives[0], coupon_id="cpn_1")
    assert decided(market, state=redeemed).no_ad == {"top": NoAd.COUPON_USED}


def test_targeting_may_ask_of_the_slot_and_of_what_it_adds(market: Market) -> None:
    market.flight("here", targeting='$placement = "bottom"')
    market.flight("sale", targeting='$keywords contains "sale"')
    market.flight("shoes", targeting='shelf = "shoes" and level = 2')
    slots = asked("bottom", Wanted(name="top", keywords=frozenset({"sale"})))
    assert shown(decided(market, slots)) == {"bottom": ["here"], "top": ["sale"]}
    shelf = Wanted(name="top", attributes={"shelf": "shoes", "$placement": "bottom"})
    assert shown(decided(market, asked(shelf, attributes={"level": 2}))) == {"top": ["shoes"]}
    assert decided(market, asked("top")).no_ad == {"top": NoAd.TARGETING}


def test_what_one_slot_adds_is_not_told_of_another(market: Market) -> None:
    only(market, targeting="level = 1")
    market.flight("b", targeting="level = true")
    one = asked(Wanted(name="top", attributes={"level": True}), "bottom")
    assert shown(decided(market, one)) == {"top": ["b"], "bottom": []}
    slots = (
        Wanted(name="top", attributes={"level": 1}),
        Wanted(name="bottom", attributes={"level": True}),
    )
    assert shown(decided(market, asked(*slots))) == {"top": ["a"], "bottom": ["b"]}


def test_keywords_of_a_flight_ask_for_one_of_the_slot_the_request_or_the_placement(
    market: Market,
) -> None:
    only(market, keywords=frozenset({"sale", "shoes"}))
    market.placement("shelf", keywords=frozenset({"shoes"}))
    outcome = decided(market, asked("top", "shelf"))
    assert shown(outcome) == {"top": [], "shelf": ["a"]}
    assert outcome.no_ad == {"top": NoAd.TARGETING}
    assert shown(decided(market, asked("top", keywords=frozenset({"sale"})))) == {"top": ["a"]}


def test_without_consent_to_personalisation_no_rule_about_the_person_is_asked(
    market: Market,
) -> None:
    only(market, targeting='not $tag contains "vip"')
    market.flight("b", targeting='$country = "FR"', placements=("plc_bottom",))
    request = asked("top", "bottom", consent=Consent(personalisation=False), country="FR")
    outcome = decided(market, request)
    assert shown(outcome) == {"top": [], "bottom": ["b"]}
    assert outcome.no_ad == {"top": NoAd.CONSENT}


WEEKDAYS = frozenset(range(5))


@pytest.mark.parametrize(
    ("at", "zone", "is_shown"),
    [
        # A Monday; Paris is an hour before UTC in winter, two in summer.
        (datetime(2026, 11, 23, 7, 59, tzinfo=UTC), "Europe/Paris", False),
        (datetime(2026, 11, 23, 8, tzinfo=UTC), "Europe/Paris", True),
        (datetime(2026, 7, 27, 6, 59, tzinfo=UTC), "Europe/Paris", False),
        (datetime(2026, 7, 27, 7, tzinfo=UTC), "Europe/Paris", True),
        (datetime(2026, 11, 23, 17, tzinfo=UTC), "Europe/Paris", False),
        (datetime(2026, 11, 23, 9, tzinfo=UTC), "nowhere", True),
        # Sunday evening in UTC is Monday morning in Auckland.
        (datetime(2026, 11, 22, 20, tzinfo=UTC), "Pacific/Auckland", True),
    ],
)
def test_dayparts_are_hours_where_the_contact_is(
    market: Market, at: datetime, zone: str, is_shown: bool
) -> None:
    office = Daypart(weekdays=WEEKDAYS, start=time(9), until=time(18))
    only(market, dayparts=(office,), starts_at=datetime(2026, 1, 1, tzinfo=UTC))
    outcome = decided(market, asked("top", at=at, timezone=zone))
    assert bool(outcome.choices["top"]) is is_shown
    assert outcome.no_ad == ({} if is_shown else {"top": NoAd.TARGETING})


def test_a_daypart_that_passes_midnight_is_of_its_first_day(market: Market) -> None:
    night = Daypart(weekdays=frozenset({0}), start=time(22), until=time(2))
    only(market, dayparts=(night,))
    midnight = datetime(2026, 11, 24, tzinfo=UTC)
    told = [
        bool(decided(market, asked("top", at=midnight + hours * HOUR)).choices["top"])
        for hours in (-23, -3, -2, 0, 1, 2, 22)
    ]
    assert told == [False, False, True, True, True, False, False]


def test_until_midnight_is_the_end_of_the_day(market: Market) -> None:
    evening = Daypart(weekdays=frozenset({0}), start=time(18), until=time(0))
    only(market, dayparts=(evening,))
    last = datetime(2026, 11, 23, 23, 59, 59, tzinfo=UTC)
    assert decided(market, asked("top", at=last)).choices["top"]
    assert not decided(market, asked("top", at=last + timedelta(seconds=1))).choices["top"]


def test_pacing_lets_a_flight_take_its_share_of_the_requests(market: Market) -> None:
    only(market)
    snapshot, slots = market.snapshot(), asked("top", "bottom")
    told = [
        decide(replace(slots, decision_id=f"dec_{n}"), snapshot, person(), rates={"flt_a": 0.3})
        for n in range(2_000)
    ]
    reasons = Counter(reason for outcome in told for reason in outcome.no_ad.values())
    passed = sum(bool(outcome.choices["top"]) for outcome in told)
    # Four deviations of a binomial: sqrt(2000 * 0.3 * 0.7) is 20.5.
    assert abs(passed - 600) < 82
    assert reasons[NoAd.PACED] == 2 * (2_000 - passed)
    assert decided(market, rates={"flt_a": 0}).no_ad == {"top": NoAd.PACED}
    assert shown(decided(market, rates={"flt_a": 1})) == {"top": ["a"]}


def test_a_flight_whose_lease_could_not_be_had_is_passed_over(market: Market) -> None:
    only(market, tier=4)
    market.flight("b", tier=5)
    assert shown(decided(market, refused=frozenset({"flt_a"}))) == {"top": ["b"]}
    both = frozenset({"flt_a", "flt_b"})
    assert decided(market, refused=both).no_ad == {"top": NoAd.BUDGET}


@pytest.mark.parametrize("level", ["app", "placement", "advertiser", "ad_campaign", "flight", "ad"])
def test_a_cap_of_any_level_counts_what_was_seen_in_its_window(level: str) -> None:
    market = Market()
    market.placement("top", caps=(ONCE_AN_HOUR,) if level == "placement" else ())
    market.advertiser("a", caps=(ONCE_AN_HOUR,) if level == "advertiser" else ())
    market.campaign("a", advertiser="a", caps=(ONCE_AN_HOUR,) if level == "ad_campaign" else ())
    market.flight("a", caps=(ONCE_AN_HOUR,) if level == "flight" else ())
    market.ads[0] = replace(market.ads[0], caps=(ONCE_AN_HOUR,) if level == "ad" else ())
    app_caps = (ONCE_AN_HOUR,) if level == "app" else ()
    market.settings = AdSettings(app_id=APP, caps=app_caps, apart_minutes=0)
    just_now, before = timedelta(minutes=59), HOUR
    assert decided(market, state=person(saw("a", ago=just_now))).no_ad == {
        "top": NoAd.FREQUENCY_CAP
    }
    assert shown(decided(market, state=person(saw("a", ago=before)))) == {"top": ["a"]}
    other = saw("z", ago=just_now, placement_id="plc_z")
    is_all = level == "app"
    assert bool(decided(market, state=person(other)).no_ad) is is_all


def test_a_cap_of_a_day_is_told_by_its_own_number(market: Market) -> None:
    only(market, caps=(ONCE_A_DAY,))
    assert decided(market, state=person(saw("a"))).no_ad == {"top": NoAd.DAILY_CAP}


def test_a_promise_counts_until_it_ends(market: Market) -> None:
    only(market, caps=(ONCE_A_DAY,))
    held = person(saw("a", held_until=AT + timedelta(seconds=1)))
    ended = person(saw("a", held_until=AT))
    assert decided(market, state=held).no_ad == {"top": NoAd.DAILY_CAP}
    assert shown(decided(market, state=ended)) == {"top": ["a"]}


def test_what_a_request_gives_counts_in_the_caps_of_the_same_request(market: Market) -> None:
    only(market, ads=3, caps=(replace(ONCE_A_DAY, times=2),))
    outcome = decided(market, asked(Wanted(name="top", count=3), "bottom"))
    assert shown(outcome) == {"top": ["a", "a"], "bottom": []}
    assert outcome.no_ad == {"top": NoAd.DAILY_CAP, "bottom": NoAd.DAILY_CAP}


def test_a_strict_cap_of_any_level_makes_a_choice_strict(market: Market) -> None:
    only(market, caps=(replace(ONCE_A_DAY, mode=CapMode.STRICT),))
    assert decided(market).choices["top"][0].strict
    market.placement("strict", caps=(replace(ONCE_A_DAY, mode=CapMode.STRICT),))
    market.flights[0] = replace(market.flights[0], caps=())
    assert decided(market, asked("strict")).choices["strict"][0].strict
    assert not decided(market, asked("top")).choices["top"][0].strict


def test_without_consent_to_capping_the_devices_own_figures_count(market: Market) -> None:
    only(market, caps=(replace(ONCE_A_DAY, mode=CapMode.STRICT),))
    consent = Consent(capping=False)
    [choice] = decided(market, asked("top", consent=consent), person(saw("a"))).choices["top"]
    assert not choice.strict
    told = asked("top", consent=consent, seen={"flt_a": 1})
    assert decided(market, told).no_ad == {"top": NoAd.DAILY_CAP}
    market.campaigns["a"] = replace(market.campaigns["a"], caps=(ONCE_A_DAY,))
    market.flights[0] = replace(market.flights[0], caps=())
    assert decided(market, told).no_ad == {"top": NoAd.DAILY_CAP}


def test_the_devices_figures_are_not_asked_where_the_state_may_be(market: Market) -> None:
    only(market, caps=(ONCE_A_DAY,))
    assert shown(decided(market, asked("top", seen={"flt_a": 9}))) == {"top": ["a"]}


def test_no_ad_and_no_creative_is_given_twice(market: Market) -> None:
    only(market)
    market.ads.append(replace(market.ads[0], ad_id="ad_other", weight=1))
    outcome = decided(market, asked(Wanted(name="top", count=2), "bottom"))
    assert sum(map(len, outcome.choices.values())) == 1
    assert outcome.no_ad == {"top": NoAd.DUPLICATE, "bottom": NoAd.DUPLICATE}


def test_labels_are_kept_apart_in_a_session_but_for_the_same_advertiser(market: Market) -> None:
    only(market, labels=frozenset({"cars"}))
    just_now, before = timedelta(minutes=29), timedelta(minutes=30)
    rival = saw("z", ago=just_now, labels=frozenset({"cars", "fast"}))
    own = saw("a", ago=just_now, labels=frozenset({"cars"}))
    assert decided(market, state=person(rival)).no_ad == {"top": NoAd.COMPETITOR}
    for seen in (own, replace(rival, at=AT - before), replace(rival, labels=frozenset({"x"}))):
        assert shown(decided(market, state=person(seen))) == {"top": ["a"]}


def test_companions_are_shown_together_or_not_at_all(market: Market) -> None:
    market.placement("side", sizes=(Size(width=300, height=600),))
    market.flight("a", companions="set", labels=frozenset({"cars"}))
    market.flight(
        "b",
        companions="set",
        campaign="a",
        size=Size(width=300, height=600),
        labels=frozenset({"cars"}),
    )
    both = asked("top", "side")
    assert shown(decided(market, both)) == {"top": ["a"], "side": ["b"]}
    assert decided(market, asked("top")).no_ad == {"top": NoAd.COMPANIONS}
    market.flight("low", tier=16)
    assert shown(decided(market, asked("top"))) == {"top": ["low"]}
    refused = decided(market, both, refused=frozenset({"flt_b"}))
    assert shown(refused) == {"top": ["low"], "side": []}


def test_companions_find_the_one_way_in_which_all_fit(market: Market) -> None:
    market.placement("left")
    market.flight("a", companions="set")
    market.flight("b", companions="set", campaign="a", placements=("plc_top", "plc_bottom"))
    market.flight("c", companions="set", campaign="a", placements=("plc_bottom",))
    slots = asked("left", "bottom", "top")
    assert shown(decided(market, slots)) == {"left": ["a"], "bottom": ["c"], "top": ["b"]}


def test_a_companion_that_was_seen_in_this_session_is_there(market: Market) -> None:
    market.flight("a", companions="set")
    market.flight("b", companions="set", campaign="a", placements=("plc_bottom",))
    seen = person(saw("b", ago=timedelta(minutes=5)))
    assert shown(decided(market, asked("top"), seen)) == {"top": ["a"]}


def test_a_ghost_never_sees_the_flight_and_is_told_of_where_it_would_have_won() -> None:
    market = Market()
    market.placement("top")
    market.flight("a", tier=4, ghost_percent=40)
    market.flight("b")
    snapshot = market.snapshot()
    ghosts = set()
    for number in range(1_000):
        contact_id = f"con_{number // 2}"
        request = asked("top", number=number, contact_id=contact_id)
        outcome = decide(request, snapshot, person(), rates={})
        assert shown(outcome) == {"top": ["b" if outcome.ghosts else "a"]}
        assert outcome.ghosts in {(), ("flt_a",)}
        ghosts.add((contact_id, outcome.ghosts))
    # The same each time, and four deviations of a binomial: sqrt(500 * 0.4 * 0.6) is 11.
    assert len(ghosts) == 500
    assert abs(sum(bool(one) for _, one in ghosts) - 200) < 44


def test_an_auction_gives_to_the_one_that_is_worth_most_and_equals_by_chance() -> None:
    market = Market()
    market.placement("top")
    market.settings = AdSettings(app_id=APP, choosing={8: Choosing.AUCTION})
    for name, amount in (("low", 100), ("high", 300), ("equal", 300)):
        rate = Rate(pricing=Pricing.CPM, amount=amount, currency="EUR")
        market.flight(name, rate=rate, weight=100 if name == "low" else 1)
    snapshot = market.snapshot()
    wins = Counter(
        tuple(
            names_of(
                decide(
                    asked(Wanted(name="top", count=3), number=number), snapshot, person(), rates={}
                ).choices["top"]
            )
        )
        for number in range(200)
    )
    assert set(wins) == {("high", "equal", "low"), ("equal", "high", "low")}
    # Four deviations of a binomial: sqrt(200 / 4) is 7.
    assert abs(wins["high", "equal", "low"] - 100) < 29


def test_a_test_shows_what_it_asks_for_says_what_would_refuse_it_and_counts_nowhere() -> None:
    market = Market()
    market.placement("top")
    market.placement("bottom")
    strict = replace(ONCE_A_DAY, mode=CapMode.STRICT)
    market.flight(
        "a", ads=2, targeting='$country = "FR"', caps=(strict,), target=Target(daily=1, exact=True)
    )
    forced = asked(Wanted(name="top", test_ad="ad_a.1"), "bottom", country="FR")
    outcome = decided(market, forced)
    [choice] = outcome.choices["top"]
    assert (choice.ad_id, choice.test, choice.strict, choice.leased) == (
        "ad_a.1",
        True,
        False,
        False,
    )
    assert outcome.despite == {}
    assert shown(outcome)["bottom"] == ["a"]
    elsewhere = decided(market, replace(forced, country="DE"))
    assert elsewhere.choices["top"][0].test
    assert elsewhere.despite == {"ad_a.1": NoAd.TARGETING}
    flight = Wanted(name="top", count=2, test_flight="flt_a")
    assert shown(decided(market, asked(flight), rates={"flt_a": 0})) == {"top": ["a", "a"]}
    unknown = Wanted(name="top", test_ad="ad_z")
    assert decided(market, asked(unknown)).no_ad == {"top": NoAd.NO_DEMAND}


def test_the_reason_of_an_empty_slot_is_that_of_the_ad_that_came_furthest(market: Market) -> None:
    for number in range(50):
        market.flight(f"{number}", targeting='$country = "FR"')
    market.flight("paced")
    assert decided(market, rates={"flt_paced": 0}).no_ad == {"top": NoAd.PACED}
    market.flight("capped", caps=(ONCE_AN_HOUR,))
    state = person(saw("capped", ago=timedelta(minutes=1)))
    assert decided(market, state=state, rates={"flt_paced": 0}).no_ad == {"top": NoAd.FREQUENCY_CAP}

"""Explanations and records: the same decision again, bit for bit, and what each ad met."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings

from shared.kernel.events import Purpose
from shared.placements.model.ad_state import CouponStanding, Hold
from shared.placements.model.decision import decide
from shared.placements.model.demand import FrequencyCap
from shared.placements.model.explaining import AdTrace, explain
from shared.placements.model.gates import Gate
from shared.placements.model.records import (
    decide_and_record,
    digest_of,
    explain_again,
    packed,
    replay,
    unpacked,
)
from shared.placements.model.requests import NoAd, Wanted
from tests.unit.placements.decision_strategies import CASES, Case
from tests.unit.placements.markets import AT, Market, asked, person, saw

MANY = settings(max_examples=60, deadline=None)


@given(CASES)
@MANY
def test_an_explanation_has_the_very_outcome_of_the_decision(case: Case) -> None:
    explained = explain(case.request, case.snapshot, case.state, **case.turn)
    assert explained.outcome == decide(case.request, case.snapshot, case.state, **case.turn)


@given(CASES)
@MANY
def test_every_ad_of_every_slot_is_told_of_and_the_given_ones_are_so(case: Case) -> None:
    explained = explain(case.request, case.snapshot, case.state, **case.turn)
    for slot in explained.slots:
        board = case.snapshot.board(slot.name)
        ads = [ad.ad_id for some in board.by_flight.values() for ad in some] if board else []
        assert sorted(trace.ad_id for trace in slot.ads) == sorted(ads)
        told = {trace.ad_id for trace in slot.ads if trace.is_given}
        assert told == {choice.ad_id for choice in explained.outcome.choices[slot.name]}
        if slot.no_ad not in {None, NoAd.NO_DEMAND, NoAd.NO_PLACEMENT}:
            refused = [trace for trace in slot.ads if trace.gate and not trace.is_given]
            furthest = max(refused, key=lambda trace: trace.gate or Gate.CONSENT)
            assert slot.no_ad in {one.reason for one in refused if one.gate is furthest.gate}


@given(CASES)
@MANY
def test_a_record_gives_the_same_decision_again_after_it_was_stored(case: Case) -> None:
    outcome, record = decide_and_record(case.request, case.snapshot, case.state, **case.turn)
    assert outcome == decide(case.request, case.snapshot, case.state, **case.turn)
    stored = unpacked(packed(record))
    assert stored == record
    assert stored.is_of(case.snapshot)
    assert replay(stored, case.snapshot) == outcome
    assert explain_again(stored, case.snapshot).outcome == outcome
    assert stored.reproduces(outcome)


def test_a_record_does_not_take_another_outcome_or_snapshot_for_its_own() -> None:
    market = Market()
    market.placement("top")
    market.flight("a")
    outcome, record = decide_and_record(asked("top"), market.snapshot(), person(), rates={})
    assert not record.reproduces(replace(outcome, ghosts=("flt_b",)))
    assert not record.reproduces(replace(outcome, choices={"top": ()}))
    assert len(digest_of(outcome)) == 64
    market.flight("b")
    assert not record.is_of(market.snapshot())


def test_a_record_keeps_only_the_shares_that_were_asked_for() -> None:
    market = Market()
    market.placement("top")
    market.flight("a", tier=4)
    market.flight("b", tier=8)
    rates = {"flt_a": 1.0, "flt_b": 0.5, "flt_z": 0.1}
    _, record = decide_and_record(asked("top"), market.snapshot(), person(), rates=rates)
    assert record.rates == {"flt_a": 1.0}


def test_a_record_is_small() -> None:
    market = Market()
    market.placement("top")
    for number in range(200):
        market.flight(f"{number}")
    _, record = decide_and_record(asked("top"), market.snapshot(), person(saw("1")), rates={})
    assert len(packed(record)) < 1_000
    assert json.loads(packed(record))["state"]["contact_id"] == "con_1"


def trace_of(market: Market, flight: str, **more: object) -> AdTrace:
    request = more.pop("request", asked("top"))
    state = more.pop("state", person())
    explained = explain(request, market.snapshot(), state, rates={}, **more)  # type: ignore[arg-type]
    return next(one for one in explained.slots[0].ads if one.flight_id == f"flt_{flight}")


@pytest.fixture
def market() -> Market:
    made = Market()
    made.placement("top")
    return made


def test_it_says_which_comparison_failed_and_what_was_found(market: Market) -> None:
    market.flight("a", targeting='$country = "FR" and $placement = "top"')
    trace = trace_of(market, "a", request=asked("top", country="DE"))
    assert (trace.gate, trace.reason) == (Gate.TARGETING, NoAd.TARGETING)
    answers = [(one.pointer, one.found, one.holds) for one in trace.answers]
    assert answers == [("/and/0", "DE", False), ("/and/1", "top", True)]


def test_it_says_which_cap_was_reached_by_how_much(market: Market) -> None:
    market.flight("a", caps=(FrequencyCap(times=2, window_seconds=7_200),))
    recent = (saw("a"), saw("a", ago=timedelta(minutes=1)), saw("a", ago=timedelta(hours=3)))
    trace = trace_of(market, "a", state=person(*recent))
    assert trace.figures == {
        "level": "flight",
        "of": "flt_a",
        "times": 2,
        "window_seconds": 7_200,
        "count": 2,
    }


def test_it_shows_the_draws_and_their_bounds(market: Market) -> None:
    market.flight("paced")
    market.flight("ghost", ghost_percent=100)
    explained = explain(
        asked(Wanted(name="top", count=2)), market.snapshot(), person(), rates={"flt_paced": 0.0}
    )
    ghost, paced = explained.slots[0].ads
    assert (paced.gate, paced.figures["share"]) == (Gate.PACING, 0.0)
    assert 0 <= float(str(paced.figures["draw"])) < 1
    assert (ghost.gate, ghost.figures["percent"], ghost.order) == (Gate.GHOST, 100, 1)
    assert paced.order is None


def test_who_was_never_drawn_has_no_order_and_no_refusal(market: Market) -> None:
    market.flight("a", tier=4)
    market.flight("b", tier=8)
    trace = trace_of(market, "b")
    assert (trace.is_given, trace.order, trace.gate, trace.reason) == (False, None, None, None)
    first = trace_of(market, "a")
    assert (first.is_given, first.order) == (True, 1)


def test_each_gate_tells_the_figures_that_it_looked_at(market: Market) -> None:
    market.flight("later", starts_at=AT + timedelta(hours=1))
    market.flight("held")
    market.flight("used", purpose=Purpose.SERVICE, coupon_id="cpn_1")
    market.flight("words", purpose=Purpose.SERVICE, keywords=frozenset({"sale"}))
    market.flight("set", purpose=Purpose.SERVICE, companions="pair")
    market.flight("pair", purpose=Purpose.SERVICE, companions="pair", campaign="set")
    hold = Hold(reason="case", detail="a case is open")
    state = person(holds={Purpose.MARKETING: hold}, coupons={"cpn_1": CouponStanding.REDEEMED})
    told = {}
    for name in ("later", "held", "used", "words", "set"):
        trace = trace_of(market, name, state=state)
        told[name] = (trace.gate, dict(trace.figures))
    assert told["later"][0] is Gate.DATES
    assert told["later"][1]["starts_at"] == AT + timedelta(hours=1)
    assert told["held"] == (
        Gate.HOLD,
        {"purpose": "marketing", "until": None, "reason": "case", "detail": "a case is open"},
    )
    assert told["used"] == (Gate.COUPON, {"redeemed": ["cpn_1"]})
    assert told["words"] == (Gate.KEYWORDS, {"one_of": ["sale"], "found": []})
    assert told["set"] == (Gate.COMPANIONS, {"companions": ["flt_pair", "flt_set"]})

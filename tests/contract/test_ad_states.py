"""States of people, on the fake and on DynamoDB Local: what is kept, promised, united, parted."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.kernel.events import Purpose
from shared.placements.errors import AdStateContendedError
from shared.placements.model.ad_state import AdState, CouponStanding, Hold, Known, Seen, Topic
from shared.placements.service.promises import Decided
from tests.contract.ad_people import (
    ADA,
    APP,
    BOB,
    EVE,
    HELD,
    LONGEST,
    AdPeople,
    Joined,
    in_memory,
    on_dynamodb,
    seen,
)
from tests.fakes.ads import a_grant

CASE = Hold(reason="case", detail="A complaint is open.")
NO_NEWS = Hold(reason="preference", detail="The person switched the topic news off.")
KNOWN = Known(
    holds={Purpose.MARKETING: CASE},
    topic_holds={Topic(Purpose.SERVICE, "news"): NO_NEWS},
    segments=frozenset({"seg_1"}),
    tags=frozenset({"vip"}),
    coupons={"cpn_1": CouponStanding.CLAIMED},
    device_epochs={"dev_1": 3},
    timezone="Europe/Zurich",
    country="CH",
    policy_version=7,
)
BOB_IS_ADA = Joined(edge_id="edg_1", stays=ADA, moves=BOB)


@pytest.fixture(params=["memory", "dynamodb"])
def it(request: pytest.FixtureRequest) -> AdPeople:
    return in_memory() if request.param == "memory" else on_dynamodb(request)


def test_what_is_written_is_read_as_it_was(it: AdPeople) -> None:
    it.facts.known = KNOWN
    state = it.service.refresh(ADA, app_id=APP, at=it.clock())
    after = state.promised([seen("t-1", it.clock(), held=True)])
    before = it.state()
    assert it.states.replace(after, before=before)
    assert it.state() == replace(after, version=2)
    assert it.states.read(ADA, app_id=APP) == it.state()


def test_of_two_who_write_on_one_version_one_does(it: AdPeople) -> None:
    nothing = it.state()
    assert it.states.replace(nothing.with_device("dev_1", 1), before=nothing)
    assert not it.states.replace(nothing.with_device("dev_1", 2), before=nothing)
    assert it.state().device_epochs == {"dev_1": 1}


def test_a_decision_asks_others_once_while_their_answers_are_fresh(it: AdPeople) -> None:
    it.facts.known = KNOWN

    def current(policy_version: int = 7, device_id: str = "dev_1") -> AdState:
        return it.service.current(
            ADA, device_id=device_id, app_id=APP, policy_version=policy_version, at=it.clock()
        )

    assert current().holds == {Purpose.MARKETING: CASE}
    current()
    assert len(it.facts.asked) == 1
    it.clock.advance(timedelta(hours=6))
    current()
    assert len(it.facts.asked) == 2
    current(policy_version=8)
    assert len(it.facts.asked) == 3
    assert current(device_id="dev_2").device_epochs == {"dev_1": 3, "dev_2": 0}
    current(device_id="dev_2")
    assert len(it.facts.asked) == 4


def test_a_redeemed_coupon_and_a_new_hold_take_back_what_devices_keep(it: AdPeople) -> None:
    assert it.service.on_claimed(ADA, "cpn_1", app_id=APP).epoch == 0
    assert it.service.on_redeemed(ADA, "cpn_1", app_id=APP).epoch == 1
    assert it.service.on_redeemed(ADA, "cpn_1", app_id=APP).epoch == 1
    assert it.service.on_claimed(ADA, "cpn_1", app_id=APP).coupons == {
        "cpn_1": CouponStanding.REDEEMED
    }
    it.facts.known = replace(KNOWN, coupons={"cpn_1": CouponStanding.REDEEMED})
    assert it.service.refresh(ADA, app_id=APP, at=it.clock()).epoch == 2
    assert it.service.refresh(ADA, app_id=APP, at=it.clock()).epoch == 2
    it.facts.known = replace(KNOWN, holds={})
    assert it.service.refresh(ADA, app_id=APP, at=it.clock()).epoch == 2


def test_the_epoch_of_a_device_never_goes_back(it: AdPeople) -> None:
    it.service.on_device(ADA, "dev_1", 4, app_id=APP)
    it.service.on_device(ADA, "dev_1", 3, app_id=APP)
    assert it.state().device_epochs == {"dev_1": 4}
    assert it.state().version == 1


def test_a_strict_cap_counts_what_is_promised(it: AdPeople) -> None:
    assert it.asks("t-1")
    assert not it.asks("t-2")
    assert it.asks("t-3", cap=2)


def test_a_promise_lapses_unless_the_ad_is_shown(it: AdPeople) -> None:
    assert it.asks("t-1")
    it.clock.advance(HELD)
    assert it.asks("t-2")
    it.shows("t-2")
    it.clock.advance(HELD)
    assert not it.asks("t-3")
    assert it.tokens() == ["t-2"]


def test_a_promise_is_confirmed_while_it_stands_as_often_as_it_is_asked(it: AdPeople) -> None:
    grant = replace(a_grant(), app_id=APP, contact_id=ADA, token_id="t-1")
    assert not it.promises.confirm(grant, at=it.clock())
    assert it.asks("t-1")
    for _ in range(2):
        assert it.promises.confirm(grant, at=it.clock())
    it.clock.advance(HELD)
    assert it.promises.confirm(grant, at=it.clock())
    assert it.tokens() == ["t-1"]


def test_a_promise_that_lapsed_is_not_confirmed(it: AdPeople) -> None:
    grant = replace(a_grant(), app_id=APP, contact_id=ADA, token_id="t-1")
    assert it.asks("t-1")
    it.clock.advance(HELD)
    assert not it.promises.confirm(grant, at=it.clock())
    assert it.asks("t-2")


def test_an_impression_counts_once_however_often_it_is_told(it: AdPeople) -> None:
    for _ in range(2):
        it.shows("t-1")
    assert it.tokens() == ["t-1"]
    assert it.state().version == 1


def test_what_no_cap_counts_any_more_is_let_go(it: AdPeople) -> None:
    it.shows("t-1")
    it.clock.advance(LONGEST)
    it.shows("t-2")
    assert it.tokens() == ["t-2"]


def test_who_lost_a_race_decides_again_on_what_stands(it: AdPeople) -> None:
    stale = it.state()
    it.asks("t-1")
    asked: list[int] = []

    def decide(state: AdState) -> Decided[str]:
        asked.append(state.version)
        return Decided(outcome="none" if state.seen else "one", promises=_one(it, state))

    assert it.promises.reserve(stale, decide, at=it.clock()) == "none"
    assert asked == [0, 1]


def _one(it: AdPeople, state: AdState) -> list[Seen]:
    return [] if state.seen else [seen("t-2", it.clock(), held=True)]


def test_a_promise_whose_answer_was_lost_is_kept(it: AdPeople) -> None:
    stale = it.state()
    it.asks("t-1")
    promises = [seen("t-1", it.clock(), held=True)]
    outcome = it.promises.reserve(
        stale, lambda _: Decided(outcome="given", promises=promises), at=it.clock()
    )
    assert outcome == "given"
    assert it.tokens() == ["t-1"]


def test_who_never_wins_says_so() -> None:
    it = in_memory()

    def decide(state: AdState) -> Decided[None]:
        it.service.on_device(ADA, "dev_1", state.version + 1, app_id=APP)
        return Decided(outcome=None, promises=[seen("t-1", it.clock(), held=True)])

    it.promises = replace(it.promises, pause=lambda _: None)
    with pytest.raises(AdStateContendedError):
        it.promises.reserve(it.state(), decide, at=it.clock())


def test_two_people_who_are_one_count_together(it: AdPeople) -> None:
    it.shows("t-1", ADA)
    it.shows("t-2", BOB)
    it.service.on_redeemed(BOB, "cpn_1", app_id=APP)
    for _ in range(2):
        it.people.unite(BOB_IS_ADA)
    assert set(it.tokens(ADA)) == set(it.tokens(BOB)) == {"t-1", "t-2"}
    state = it.state(BOB)
    assert state.contact_id == ADA
    assert state.origins == {ADA, BOB}
    assert state.coupons == {"cpn_1": CouponStanding.REDEEMED}
    assert state.facts_at is None
    assert it.states.kept(BOB, app_id=APP).moved_to == ADA


def test_people_who_are_parted_have_what_they_saw_themselves(it: AdPeople) -> None:
    it.shows("t-1", ADA)
    it.shows("t-2", BOB)
    it.people.unite(BOB_IS_ADA)
    it.shows("t-3", BOB)
    it.shows("t-4", ADA)
    for _ in range(2):
        it.people.split(BOB_IS_ADA)
    assert set(it.tokens(ADA)) == {"t-1", "t-4"}
    assert set(it.tokens(BOB)) == {"t-2", "t-3"}
    it.people.unite(BOB_IS_ADA)
    assert len(it.tokens(BOB)) == 4


def test_people_stay_one_while_another_edge_joins_them(it: AdPeople) -> None:
    other = Joined(edge_id="edg_2", stays=BOB, moves=ADA)
    it.shows("t-1", BOB)
    it.people.unite(BOB_IS_ADA)
    it.people.unite(other)
    it.people.split(BOB_IS_ADA)
    assert it.tokens(ADA) == ["t-1"]
    it.people.split(other)
    assert it.tokens(ADA) == []
    assert it.tokens(BOB) == ["t-1"]


def test_who_had_joined_before_goes_along(it: AdPeople) -> None:
    it.shows("t-1", EVE)
    it.people.unite(Joined(edge_id="edg_1", stays=BOB, moves=EVE))
    joined = Joined(edge_id="edg_2", stays=ADA, moves=BOB, members=frozenset({EVE}))
    it.people.unite(joined)
    assert it.tokens(EVE) == it.tokens(ADA) == ["t-1"]
    it.people.split(joined)
    assert (it.tokens(ADA), it.tokens(BOB), it.tokens(EVE)) == ([], ["t-1"], ["t-1"])


def test_what_is_kept_is_given_out_page_by_page(it: AdPeople) -> None:
    it.shows("t-1", ADA)
    it.shows("t-2", BOB)
    it.people.unite(BOB_IS_ADA)
    first = it.personal.export([ADA, BOB], app_id=APP, cursor=None, limit=2)
    rest = it.personal.export([ADA, BOB], app_id=APP, cursor=first.next_cursor, limit=2)
    told = [*first.items, *rest.items]
    assert [one["what"] for one in told] == ["ad", "ad_state", "ad"]
    assert [one.get("token_id") for one in told] == ["t-1", None, "t-2"]
    assert rest.next_cursor is None


def test_nothing_is_kept_of_who_is_erased(it: AdPeople) -> None:
    it.shows("t-1", ADA)
    it.shows("t-2", BOB)
    it.people.unite(BOB_IS_ADA)
    for _ in range(2):
        it.personal.erase([BOB], app_id=APP)
    assert it.tokens(ADA) == ["t-1"]
    assert it.state(BOB) == AdState(app_id=APP, contact_id=BOB)
    it.personal.erase([ADA], app_id=APP)
    assert it.state(ADA).version == 0


def test_an_export_can_be_written_as_json(it: AdPeople) -> None:
    it.facts.known = KNOWN
    it.service.refresh(ADA, app_id=APP, at=it.clock())
    (told,) = it.personal.export([ADA], app_id=APP, cursor=None, limit=2).items
    plain = json.loads(json.dumps(told, default=str))
    (hold,) = plain["topic_holds"]
    assert (hold["purpose"], hold["topic"], hold["reason"]) == ("service", "news", "preference")
    assert plain["holds"]["marketing"]["reason"] == "case"

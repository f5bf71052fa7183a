"""Every store of contact policy, real or fake, keeps these promises to whoever wants to tell."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.contact_policy.errors import (
    ControlGroupInvalidError,
    HoldTooLongError,
    PersonBusyError,
    PolicyChangedError,
    PolicyInvalidError,
    PolicyNotFoundError,
    ReservationExpiredError,
    ReservationNotFoundError,
    StaleError,
    TooManyControlGroupsError,
)
from shared.contact_policy.model.control_groups import is_control
from shared.contact_policy.model.defaults import default_policy
from shared.contact_policy.model.people import Person
from shared.contact_policy.model.pressure import Pressure
from shared.contact_policy.model.standing import Preferences
from shared.contact_policy.service.control_groups import MOST_GROUPS
from shared.contact_policy.service.decisions import Request
from shared.contact_policy.service.settling import ATTEMPTS, until_settled
from shared.kernel.decisions import Allow, Decision, Defer, Drop, Gate
from shared.kernel.events import Channel, Purpose
from shared.kernel.idempotency import IdempotencyKeyReusedError
from tests.contract.policy import APP, HOUR, PolicyServices, a_candidate, in_memory, on_dynamodb
from tests.fakes.clock import NOON
from tests.fakes.contact_policy import ADA, BOB

SECOND = timedelta(seconds=1)


@pytest.fixture(params=["memory", "dynamodb"])
def it(request: pytest.FixtureRequest) -> PolicyServices:
    return in_memory() if request.param == "memory" else on_dynamodb(request)


def gates(decision: Decision) -> list[Gate]:
    return [reason.gate for reason in decision.because]


def test_an_allowed_touch_counts_from_when_it_is_reserved(it: PolicyServices) -> None:
    it.capped(1)
    decision, reservation = it.reserve()
    assert isinstance(decision, Allow)
    assert reservation is not None
    assert (reservation.contact_id, reservation.expires_at) == (ADA, None)
    refused, nothing = it.reserve()
    assert isinstance(refused, Defer)
    assert refused.until == NOON + 24 * HOUR
    assert nothing is None
    assert len(it.person().pressure) == 1


def test_of_two_channels_under_a_cap_of_one_the_second_waits_and_hears_why(
    it: PolicyServices,
) -> None:
    it.capped(1)
    assert isinstance(it.reserve(channel=Channel.EMAIL)[0], Allow)
    it.clock.advance(SECOND)
    decision, _ = it.reserve(channel=Channel.PUSH)
    assert isinstance(decision, Defer)
    assert decision.until == NOON + 24 * HOUR
    assert [(reason.rule, reason.limit) for reason in decision.because] == [("cap", 1.0)]


def test_to_decide_reserves_nothing(it: PolicyServices) -> None:
    it.capped(1)
    assert it.decide() == it.decide() == Allow()
    assert len(it.person().pressure) == 0


def test_the_same_key_reserves_once(it: PolicyServices) -> None:
    it.capped(1)
    first = it.reserve(key="m1")
    it.clock.advance(HOUR)
    assert it.reserve(key="m1") == first
    assert isinstance(it.reserve(key="m2")[0], Defer)
    assert len(it.person().pressure) == 1


def test_what_is_held_is_free_again_when_it_expires(it: PolicyServices) -> None:
    it.capped(1)
    _, held = it.reserve(key="m1", hold=HOUR)
    assert held is not None
    assert held.expires_at is not None
    assert NOON + HOUR <= held.expires_at <= NOON + HOUR + 8 * SECOND
    assert isinstance(it.reserve()[0], Defer)
    it.clock.at = held.expires_at
    with pytest.raises(ReservationExpiredError):
        it.decisions.commit(held.reservation_id, app_id=APP)
    again, other = it.reserve(key="m1", hold=HOUR)
    assert isinstance(again, Allow)
    assert other is not None
    assert other.reservation_id != held.reservation_id
    assert len(it.person().pressure) == 1


def test_what_is_committed_counts_for_good(it: PolicyServices) -> None:
    it.capped(1)
    held = it.reserved(hold=HOUR)
    committed = it.decisions.commit(held, app_id=APP)
    assert committed.expires_at is None
    assert it.decisions.commit(held, app_id=APP) == committed
    it.clock.advance(3 * HOUR)
    assert isinstance(it.decide(), Defer)


def test_what_is_released_counts_no_more(it: PolicyServices) -> None:
    it.capped(1)
    reservation = it.reserved()
    it.decisions.release(reservation, app_id=APP)
    it.decisions.release(reservation, app_id=APP)
    assert it.decide() == Allow()
    with pytest.raises(ReservationNotFoundError):
        it.decisions.commit(reservation, app_id=APP)


@pytest.mark.parametrize("unknown", ["", "rsv_", "rsv_1", f"{ADA}{ADA}"])
def test_what_is_no_reservation_is_not_found(it: PolicyServices, unknown: str) -> None:
    with pytest.raises(ReservationNotFoundError):
        it.decisions.commit(unknown, app_id=APP)
    with pytest.raises(ReservationNotFoundError):
        it.decisions.release(unknown, app_id=APP)


def test_a_reservation_is_known_to_its_own_app_alone(it: PolicyServices) -> None:
    with pytest.raises(ReservationNotFoundError):
        it.decisions.commit(it.reserved(hold=HOUR), app_id="app_2")


@pytest.mark.parametrize("hold", [timedelta(0), 2 * HOUR + SECOND])
def test_nothing_is_held_for_nothing_nor_for_more_than_two_hours(
    it: PolicyServices, hold: timedelta
) -> None:
    with pytest.raises(HoldTooLongError):
        it.reserve(hold=hold)


def test_what_no_rule_looks_back_to_is_forgotten_with_the_next_touch(it: PolicyServices) -> None:
    it.capped(5)
    it.reserve()
    it.reserve(hold=HOUR)
    it.clock.advance(31 * 24 * HOUR + SECOND)
    it.reserve()
    assert [touch.touch_id[:10] for touch in it.person().pressure.touches] == [
        it.ids.sequence()[:10]
    ]


def test_a_refusal_is_told_where_it_is_asked_for(it: PolicyServices) -> None:
    it.capped(1)
    for _ in range(2):
        it.reserve(channel=Channel.EMAIL, campaign_id="cmp_1", tells=True)
    it.reserve(channel=Channel.EMAIL)
    (event,) = [one for one in it.told() if one["type"] == "message.suppressed.v1"]
    assert (event["channel"], event["source"]) == ("email", "contact_policy")
    data = event["data"]
    assert (data["decision"], data["reason"], data["campaign_id"]) == ("defer", "cap", "cmp_1")
    (because,) = data["because"]
    assert (because["rule"], because["until"]) == ("cap", "2026-03-02T12:00:00.000Z")


def asked_about(numbers: Sequence[int]) -> list[Request]:
    people = [ADA, BOB, "con_00000000000000000000000003"]
    return [
        Request(candidate=a_candidate(people[number % 3]), key=f"m{number}") for number in numbers
    ]


def test_many_at_once_get_the_answers_of_one_after_the_other(it: PolicyServices) -> None:
    it.capped(2)
    other = in_memory()
    other.capped(2)
    requests = asked_about([0, 3, 1, 6, 0, 9, 4])
    together = it.decisions.reserve_many(requests)
    apart = [other.decisions.reserve(one.candidate, key=one.key) for one in requests]
    assert together == apart
    assert [type(decision) for decision, _ in together] == [
        *(Allow, Allow, Allow, Defer, Allow, Defer, Allow)
    ]
    assert len(it.person(ADA).pressure) == len(it.person(BOB).pressure) == 2


def test_more_people_than_one_read_takes_are_all_answered(it: PolicyServices) -> None:
    it.capped(1)
    requests = [Request(candidate=a_candidate(f"con_{number:026d}")) for number in range(120)]
    answers = it.decisions.reserve_many(requests)
    assert {type(decision) for decision, _ in answers} == {Allow}
    assert [it.decide(one.candidate.contact_id) for one in requests[::40]] != [Allow()] * 3
    assert it.decisions.reserve_many([]) == []


def test_who_never_wins_a_race_is_told_so() -> None:
    def lose() -> None:
        tries.append(1)
        raise StaleError("others won")

    tries: list[int] = []
    pauses: list[int] = []
    with pytest.raises(PersonBusyError):
        until_settled(lose, pause=pauses.append)
    assert len(tries) == len(pauses) == ATTEMPTS


def test_a_write_that_follows_an_old_state_is_refused(it: PolicyServices) -> None:
    before = it.person()
    it.reserve()
    assert it.person_store.replace_pressures([before]) == [False]
    nobody = Person(app_id=APP, contact_id=BOB)
    assert it.person_store.replace_pressures([before, nobody]) == [False, True]
    assert len(it.person().pressure) == 1


def test_what_is_counted_no_more_of_many_is_gone(it: PolicyServices) -> None:
    it.reserve(ADA)
    it.reserve(BOB)
    told = [it.person(ADA), it.person(BOB)]
    untold = [replace(one, pressure=Pressure(version=one.pressure.version)) for one in told]
    assert it.person_store.replace_pressures(untold) == [True, True]
    assert [len(it.person(one).pressure) for one in (ADA, BOB)] == [0, 0]
    assert it.person_store.replace_pressures(told) == [False, False]


def test_an_app_has_the_default_policy_until_another_is_put(it: PolicyServices) -> None:
    assert it.policies.get_policy(APP).policy == default_policy()
    put = it.policies.put_policy(APP, {"description": "none"}, version=0, by="ada")
    assert (put.version, put.by, put.at) == (1, "ada", NOON)
    assert it.policies.get_policy(APP) == put
    (event,) = it.told()
    assert event["type"] == "policy.updated.v1"
    assert event["data"]["version"] == 1
    assert "caps" in event["data"]["changed"]


def test_the_same_policy_again_is_no_new_version(it: PolicyServices) -> None:
    it.capped(2)
    put = it.policies.get_policy(APP)
    it.capped(2)
    assert it.policies.get_policy(APP) == put
    assert it.types() == ["policy.updated.v1"]


def test_a_policy_that_was_changed_in_the_meantime_is_not_overwritten(it: PolicyServices) -> None:
    it.capped(2)
    with pytest.raises(PolicyChangedError):
        it.policies.put_policy(APP, {}, version=0, by="bob")
    with pytest.raises(PolicyInvalidError):
        it.policies.put_policy(APP, {"cap": []}, version=1, by="bob")


def test_of_two_policies_that_are_put_at_once_one_is_refused(it: PolicyServices) -> None:
    def put(number: int) -> bool:
        try:
            it.policies.put_policy(APP, {"description": f"{number}"}, version=0, by="ada")
        except PolicyChangedError:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(put, range(4))) == 1
    assert it.types() == ["policy.updated.v1"]


def test_every_policy_that_was_put_can_be_read_again(it: PolicyServices) -> None:
    for limit in (1, 2, 3):
        it.capped(limit)
    first = it.policies.list_policies(APP, limit=2, cursor=None)
    rest = it.policies.list_policies(APP, limit=2, cursor=first.next_cursor)
    assert [put.version for put in (*first.items, *rest.items)] == [3, 2, 1]
    assert rest.next_cursor is None
    assert it.policies.get_version(APP, 2) == first.items[1]
    with pytest.raises(PolicyNotFoundError):
        it.policies.get_version(APP, 4)


def test_a_change_of_policy_is_in_force_after_ten_seconds(it: PolicyServices) -> None:
    it.capped(1)
    it.reserve()
    it.capped(5)
    it.clock.advance(9 * SECOND)
    assert isinstance(it.decide(), Defer)
    it.clock.advance(SECOND)
    assert it.decide() == Allow()


def test_who_is_in_a_control_group_is_told_nothing_that_it_covers(it: PolicyServices) -> None:
    it.under()
    group = it.control_groups.create_control_group(APP, percent=100, campaign_id="cmp_1")
    assert it.control_groups.list_control_groups(APP) == (group,)
    assert is_control(group, ADA)
    refused, _ = it.reserve(campaign_id="cmp_1")
    assert isinstance(refused, Drop)
    assert [(reason.gate, reason.rule) for reason in refused.because] == [
        (Gate.CONTROL_GROUP, group.id)
    ]
    assert it.decide(campaign_id="cmp_2") == Allow()
    assert it.types() == ["policy.updated.v1", "control_group.created.v1"]


def test_who_objects_after_a_firm_reservation_is_not_told_by_its_key(it: PolicyServices) -> None:
    it.capped(1)
    for _ in range(2):
        allowed, _ = it.reserve(key="push/1", topic="news")
        assert allowed == Allow()
    wishes = Preferences(at=NOON, topics_off=frozenset({"news"}))
    it.preferences.put_preferences(ADA, wishes, app_id=APP)
    refused, reservation = it.reserve(key="push/1", topic="news")
    assert isinstance(refused, Drop)
    assert (refused.because[0].gate, reservation) == (Gate.PREFERENCE, None)
    # It stays counted: another device of the person may have been told before.
    assert len(it.person().pressure.touches) == 1


def test_what_would_be_answered_at_an_instant_counts_nobody(it: PolicyServices) -> None:
    it.capped(1)
    it.reserve()
    people = [ADA, BOB, *(f"con_{number:026d}" for number in range(100, 160))]
    asked = [a_candidate(one) for one in people]
    for _ in range(2):
        now = it.decisions.decide_many(asked, at=it.clock())
        assert isinstance(now[0], Defer)
        assert set(now[1:]) == {Allow()}
    assert set(it.decisions.decide_many(asked, at=it.clock() + 25 * HOUR)) == {Allow()}
    assert it.decisions.decide_many([], at=it.clock()) == []


def test_an_app_has_at_most_twenty_control_groups(it: PolicyServices) -> None:
    for _ in range(MOST_GROUPS):
        it.control_groups.create_control_group(APP, percent=1, channels=frozenset({Channel.AD}))
    with pytest.raises(TooManyControlGroupsError):
        it.control_groups.create_control_group(APP, percent=1)
    first = it.control_groups.list_control_groups(APP)[0]
    assert first.channels == frozenset({Channel.AD})


@pytest.mark.parametrize(("percent", "channels"), [(0, None), (100.5, None), (5, frozenset())])
def test_a_control_group_without_people_or_channels_is_refused(
    it: PolicyServices, percent: float, channels: frozenset[Channel] | None
) -> None:
    with pytest.raises(ControlGroupInvalidError):
        it.control_groups.create_control_group(APP, percent=percent, channels=channels)


def test_service_messages_pass_a_full_cap_and_count(it: PolicyServices) -> None:
    it.capped(1, purposes=["marketing", "service"])
    it.reserve(purpose=Purpose.SERVICE)
    assert gates(it.decide()) == [Gate.CAP]
    assert it.decide(purpose=Purpose.SERVICE) == Allow()


def test_a_key_that_reserved_something_else_is_refused(it: PolicyServices) -> None:
    it.reserve(key="k", channel=Channel.PUSH, offer_key="spring")
    same: dict[str, Any] = {"channel": Channel.PUSH, "offer_key": "spring"}
    for other in ({"channel": Channel.EMAIL}, {"offer_key": "autumn"}, {"offer_key": None}):
        with pytest.raises(IdempotencyKeyReusedError):
            it.reserve(key="k", **same | other)
    assert len(it.person().pressure.touches) == 1

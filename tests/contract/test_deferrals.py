"""What is put off comes back, spread and never too late; on every store."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.contact_policy.errors import DeferralInvalidError
from shared.contact_policy.model.deferrals import MOST_BYTES, SETTLED, SPREAD, Deferral
from tests.contract.policy import (
    APP,
    PolicyServices,
    a_candidate,
    in_memory,
    on_dynamodb,
)
from tests.fakes.clock import NOON
from tests.fakes.contact_policy import ADA, BOB
from tests.fakes.contact_policy_stores import Taking

MINUTE = timedelta(minutes=1)
PUT_OFF = NOON + 3 * MINUTE
ALL_DUE = PUT_OFF + SPREAD + MINUTE + SETTLED


@pytest.fixture(params=["memory", "dynamodb"])
def it(request: pytest.FixtureRequest) -> PolicyServices:
    return in_memory() if request.param == "memory" else on_dynamodb(request)


def a_deferral(
    name: str,
    *,
    contact_id: str = ADA,
    until: datetime = PUT_OFF,
    payload: dict[str, str] | None = None,
    **asked: Any,
) -> Deferral:
    return Deferral(
        app_id=APP,
        deferral_id=name,
        kind="push",
        payload=payload or {"message_id": name},
        candidate=a_candidate(contact_id, **asked),
        until=until,
    )


def test_what_is_put_off_is_handed_over_once_when_it_is_due(it: PolicyServices) -> None:
    releases = Taking()
    assert it.deferrals.release_due(APP, releases) == 0
    deferral = it.deferrals.defer(a_deferral("1", offer_key="spring", weight=0.5))
    assert deferral.due_at is not None
    assert PUT_OFF <= deferral.due_at <= PUT_OFF + SPREAD
    assert list(it.deferral_store.deferrals_of(ADA, app_id=APP)) == [deferral]
    it.clock.at = deferral.minute
    it.deferrals.release_due(APP, releases)
    assert releases.taken == []
    it.clock.at = deferral.minute + MINUTE + SETTLED
    it.deferrals.release_due(APP, releases)
    it.deferrals.release_due(APP, releases)
    assert releases.taken == ["1"]
    assert list(it.deferral_store.deferrals_of(ADA, app_id=APP)) == []


def test_what_ends_at_one_instant_is_spread_over_minutes_and_shards(it: PolicyServices) -> None:
    put_off = [it.deferrals.defer(a_deferral(f"{number}")) for number in range(60)]
    assert len({one.minute for one in put_off}) >= 12
    assert len({one.shard for one in put_off}) >= 12


def test_an_outage_is_caught_up_with(it: PolicyServices) -> None:
    names = {f"{number}" for number in range(20)}
    for name in names:
        it.deferrals.defer(a_deferral(name))
    it.clock.at = ALL_DUE + 9 * MINUTE
    releases = Taking()
    it.deferrals.release_due(APP, releases)
    assert sorted(releases.taken) == sorted(names)
    assert it.deferral_store.done_until(APP) == ALL_DUE + 9 * MINUTE - SETTLED


def test_a_minute_that_was_not_finished_is_begun_again(it: PolicyServices) -> None:
    names = [f"{number}" for number in range(6)]
    for name in names:
        it.deferrals.defer(a_deferral(name))
    it.clock.at = ALL_DUE
    releases = Taking(failing={"3"})
    with pytest.raises(ConnectionError):
        it.deferrals.release_due(APP, releases)
    it.deferrals.release_due(APP, releases)
    assert sorted(releases.taken) == names


def test_what_expired_is_ended_by_who_put_it_off(it: PolicyServices) -> None:
    it.deferrals.defer(
        a_deferral("1", expires_at=PUT_OFF + MINUTE, campaign_id="cmp_1", holdout_percent=2.5)
    )
    it.clock.at = ALL_DUE
    releases = Taking()
    it.deferrals.release_due(APP, releases)
    assert (releases.taken, releases.expired) == ([], ["1"])
    assert list(it.deferral_store.deferrals_of(ADA, app_id=APP)) == []


def test_the_spread_ends_before_the_expiry(it: PolicyServices) -> None:
    end = PUT_OFF + MINUTE
    put_off = [it.deferrals.defer(a_deferral(f"{one}", expires_at=end)) for one in range(20)]
    assert max(one.due_at for one in put_off if one.due_at) < end


def test_the_same_is_put_off_once(it: PolicyServices) -> None:
    first = it.deferrals.defer(a_deferral("1"))
    again = it.deferrals.defer(a_deferral("1", until=PUT_OFF + MINUTE))
    assert again == first
    it.clock.at = ALL_DUE + MINUTE
    releases = Taking()
    it.deferrals.release_due(APP, releases)
    assert releases.taken == ["1"]


def test_what_may_be_asked_again_at_once_falls_into_no_minute_that_is_done(
    it: PolicyServices,
) -> None:
    it.deferrals.defer(a_deferral("1"))
    it.clock.at = ALL_DUE
    releases = Taking()
    it.deferrals.release_due(APP, releases)
    late = it.deferrals.defer(a_deferral("2", until=NOON))
    done = it.deferral_store.done_until(APP)
    assert done is not None
    assert late.minute >= done
    it.deferral_store.mark_done(APP, until=NOON)
    assert it.deferral_store.done_until(APP) == done


def test_an_erased_person_has_nothing_put_off(it: PolicyServices) -> None:
    it.deferrals.defer(a_deferral("1"))
    it.deferrals.defer(a_deferral("2", contact_id=BOB))
    it.personal.erase([ADA], app_id=APP)
    it.clock.at = ALL_DUE
    releases = Taking()
    it.deferrals.release_due(APP, releases)
    assert releases.taken == ["2"]


@pytest.mark.parametrize(
    "unfit",
    [
        a_deferral("1", payload={"text": "x" * MOST_BYTES}),
        a_deferral("1", until=NOON + timedelta(days=8, seconds=1)),
    ],
)
def test_what_is_too_large_or_waits_too_long_is_refused(
    it: PolicyServices, unfit: Deferral
) -> None:
    with pytest.raises(DeferralInvalidError):
        it.deferrals.defer(unfit)

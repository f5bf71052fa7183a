import json
from collections import Counter

import pytest

from infra.local.fcm import journal
from infra.local.fcm.faults import Fault, FaultPlan, Faults
from infra.local.fcm.journal import Journal

BODIES = [json.dumps({"message": number}).encode() for number in range(2000)]


def test_an_address_tells_its_fate_by_its_prefix() -> None:
    faults = Faults(FaultPlan())
    assert faults.fault_of("unregistered-17", b"") is Fault.UNREGISTERED
    assert faults.fault_of("hang-", b"") is Fault.HANG
    assert faults.fault_of("fid-1", b"") is None


def test_an_exact_address_wins_over_its_prefix_and_hits_no_other() -> None:
    faults = Faults(FaultPlan(addresses={"hang-1": Fault.INTERNAL}))
    assert faults.fault_of("hang-1", b"") is Fault.INTERNAL
    assert faults.fault_of("hang-11", b"") is Fault.HANG


def test_a_rate_hits_its_share_of_the_attempts() -> None:
    faults = Faults(FaultPlan(rates={Fault.HANG: 0.1, Fault.UNAVAILABLE: 0.3}))
    met = Counter(faults.fault_of("fid", body) for body in BODIES)
    assert met[Fault.HANG] == pytest.approx(200, abs=50)
    assert met[Fault.UNAVAILABLE] == pytest.approx(600, abs=80)


def test_the_same_seed_fails_the_same_attempts_in_any_order() -> None:
    plan = FaultPlan(seed=7, rates={Fault.UNAVAILABLE: 0.5})
    forwards, backwards = Faults(plan), Faults(plan)
    first = {body: forwards.fault_of("fid", body) for body in BODIES}
    assert first == {body: backwards.fault_of("fid", body) for body in reversed(BODIES)}
    other = Faults(FaultPlan(seed=8, rates={Fault.UNAVAILABLE: 0.5}))
    assert first != {body: other.fault_of("fid", body) for body in BODIES}


def test_a_repeated_attempt_draws_anew() -> None:
    faults = Faults(FaultPlan(rates={Fault.UNAVAILABLE: 0.5}))
    draws = {faults.fault_of("fid", b"the same") for _ in range(50)}
    assert draws == {None, Fault.UNAVAILABLE}


def test_a_plan_survives_json() -> None:
    plan = FaultPlan(
        seed=3, rates={Fault.HANG: 0.5}, addresses={"a": Fault.INTERNAL}, goaway_every=50
    )
    assert FaultPlan.from_json(json.loads(json.dumps(plan.as_json()))) == plan
    assert FaultPlan.from_json({}) == FaultPlan()


@pytest.mark.parametrize(
    "wrong",
    [[], {"sead": 1}, {"rates": {"explode": 1}}, {"rates": {"hang": 2}}, {"rates": []}],
)
def test_a_wrong_plan_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match=r"plan|Fault|rates"):
        FaultPlan.from_json(wrong)


def test_a_journal_forgets_the_oldest_yet_counts_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "MAX_MESSAGES", 10)
    kept = Journal()
    for number in range(25):
        kept.record(
            protocol="h2",
            project="p",
            kind="fid",
            address=f"fid-{number % 2}",
            outcome="sent",
            name=None,
            body=b"{}",
        )
    assert [attempt.sequence for attempt in kept.received()] == list(range(16, 26))
    assert [one.sequence for one in kept.received(address="fid-0", after=20)] == [21, 23, 25]
    assert kept.outcomes == {"sent": 25}

"""Numbers of exact flights, on the fake and on DynamoDB Local: each counts once, or comes back."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial

import pytest

from shared.placements.errors import StaleError
from shared.placements.model.leases import Bounds, Lease, LeaseAudit
from shared.placements.ports.leases import LeaseStore
from shared.placements.service.leases import LeaseService
from shared.platform.dynamodb import WriteRefusedError, commit, pause_after
from tests.fakes.clock import ManualClock
from tests.fakes.leases import InMemoryLeaseStore

APP, FLIGHT = "app_1", "flt_1"
GRACE = timedelta(minutes=11)
MONDAY, TUESDAY = "2026-11-23", "2026-11-24"
THREE = Bounds(app_id=APP, flight_id=FLIGHT, version=1, lifetime=3)
TWO_A_DAY = replace(THREE, daily=2)


@dataclass
class Leases:
    store: LeaseStore
    show: Callable[[Lease, str], bool]
    clock: ManualClock = field(default_factory=ManualClock)

    def __post_init__(self) -> None:
        self.service = self.another_process()

    def another_process(self) -> LeaseService:
        return LeaseService(store=self.store, shuffled=list, pause=pause_after, grace=GRACE)

    def draw(self, bounds: Bounds = THREE, day: str = "") -> Lease | None:
        return self.service.draw(bounds, day=day, at=self.clock())

    def shown(self, bounds: Bounds = THREE, day: str = "") -> Lease:
        lease = self.draw(bounds, day)
        assert lease is not None
        assert self.show(lease, f"token {lease.shard} {lease.number}")
        return lease

    def sweep(self, most: int = 1_000) -> int:
        return self.service.sweep(FLIGHT, app_id=APP, at=self.clock(), most=most)

    def sweep_until_all_ran_out(self) -> int:
        self.sweep()
        self.clock.advance(GRACE)
        return self.sweep()

    def audit(self) -> LeaseAudit:
        audit = self.service.audit(FLIGHT, app_id=APP)
        assert audit is not None
        assert audit.is_balanced
        return audit


def _shown_on_dynamodb(slots: object, lease: Lease, token_id: str) -> bool:
    from shared.placements.store.leases import LeaseSlots  # noqa: PLC0415 - see below

    assert isinstance(slots, LeaseSlots)
    try:
        commit({"slot": slots.used_by(lease, token_id)})
    except WriteRefusedError:
        return False
    return True


def on_table(table: str) -> Leases:
    from shared.placements.store.leases import (  # noqa: PLC0415 - needs the environment's tables
        DynamoLeaseStore,
        LeaseSlots,
    )

    shown = partial(_shown_on_dynamodb, LeaseSlots(table=table))
    return Leases(DynamoLeaseStore(table=table), shown)


@pytest.fixture(params=["memory", "dynamodb"])
def it(request: pytest.FixtureRequest) -> Leases:
    if request.param == "memory":
        store = InMemoryLeaseStore()
        return Leases(store, store.show)
    return on_table(request.getfixturevalue("tables")["placements"])


def test_a_flight_gives_its_target_and_no_more(it: Leases) -> None:
    numbers = [lease.number for lease in (it.draw(), it.draw(), it.draw()) if lease]
    assert numbers == [1, 2, 3]
    assert it.draw() is None
    assert it.another_process().draw(THREE, day="", at=it.clock()) is None


def test_an_ad_counts_once_by_its_lease(it: Leases) -> None:
    lease = it.shown()
    assert not it.show(lease, "another token")
    audit = it.audit()
    assert (audit.given, audit.shown, audit.open, audit.left) == (1, 1, 0, 2)


def test_what_is_not_shown_comes_back_when_its_token_ran_out(it: Leases) -> None:
    late = it.draw()
    assert late is not None
    it.shown()
    it.shown()
    assert it.draw() is None
    it.sweep()
    it.clock.advance(GRACE - timedelta(seconds=1))
    assert it.sweep() == 0
    it.clock.advance(timedelta(seconds=1))
    assert it.sweep() == 1
    assert not it.show(late, "too late")
    assert it.shown().number == 4
    assert it.draw() is None
    audit = it.audit()
    assert (audit.target, audit.given, audit.shown, audit.lapsed) == (3, 4, 3, 1)


def test_a_sweep_goes_on_where_the_one_before_stopped(it: Leases) -> None:
    bounds = replace(THREE, lifetime=120)
    for _ in range(120):
        it.draw(bounds)
    it.sweep()
    it.clock.advance(GRACE)
    assert [it.sweep(most=1) for _ in range(4)] == [50, 50, 20, 0]
    assert it.audit().left == 120


def test_sweeps_that_meet_return_each_number_once(it: Leases) -> None:
    it.draw()
    it.sweep()
    it.clock.advance(GRACE)
    before = it.store.budget(FLIGHT, app_id=APP)
    assert before is not None
    stale = it.store.sweep_of(before, shard=0)
    assert it.sweep() == 1
    it.store.put_sweep(before, stale, shard=0)
    assert it.sweep() == 0
    assert it.audit().left == 3


def test_a_day_gives_its_part_and_the_next_day_begins_anew(it: Leases) -> None:
    it.shown(TWO_A_DAY, MONDAY)
    it.shown(TWO_A_DAY, MONDAY)
    assert it.draw(TWO_A_DAY, MONDAY) is None
    it.clock.advance(timedelta(days=1))
    it.shown(TWO_A_DAY, TUESDAY)
    it.clock.advance(timedelta(seconds=2))
    assert it.draw(TWO_A_DAY, TUESDAY) is None
    assert it.audit().shown == 3


def test_who_thinks_that_it_is_still_yesterday_draws_of_today(it: Leases) -> None:
    it.draw(TWO_A_DAY, TUESDAY)
    it.draw(TWO_A_DAY, MONDAY)
    assert it.draw(TWO_A_DAY, MONDAY) is None
    assert it.audit().given == 2


def test_a_number_of_today_comes_back_to_today(it: Leases) -> None:
    it.draw(TWO_A_DAY, MONDAY)
    it.shown(TWO_A_DAY, MONDAY)
    it.sweep_until_all_ran_out()
    it.shown(TWO_A_DAY, MONDAY)
    assert it.draw(TWO_A_DAY, MONDAY) is None


def test_a_number_of_yesterday_does_not_come_back_to_today(it: Leases) -> None:
    it.draw(TWO_A_DAY, MONDAY)
    it.shown(TWO_A_DAY, TUESDAY)
    it.sweep_until_all_ran_out()
    it.shown(TWO_A_DAY, TUESDAY)
    assert it.draw(TWO_A_DAY, TUESDAY) is None
    assert it.audit().left == 1


def test_a_target_that_is_raised_gives_more(it: Leases) -> None:
    for _ in range(3):
        it.shown()
    it.service.follow(replace(THREE, version=2, lifetime=5))
    it.shown()
    it.shown()
    assert it.draw() is None
    assert it.audit().target == 5


def test_a_target_that_is_lowered_takes_what_was_not_given(it: Leases) -> None:
    it.shown()
    it.service.follow(replace(THREE, version=2, lifetime=2))
    it.shown()
    assert it.draw() is None


def test_a_target_that_is_lowered_below_what_was_given_gives_nothing_back(it: Leases) -> None:
    it.draw()
    it.draw()
    it.shown()
    it.service.follow(replace(THREE, version=2, lifetime=2))
    assert (it.audit().owed, it.audit().left) == (1, 0)
    assert it.sweep_until_all_ran_out() == 2
    assert (it.audit().owed, it.audit().left) == (0, 1)
    it.shown()
    assert it.draw() is None
    assert it.audit().shown == 2


def test_what_is_owed_is_made_good_by_a_target_that_is_raised(it: Leases) -> None:
    for _ in range(3):
        it.draw()
    it.service.follow(replace(THREE, version=2, lifetime=1))
    it.service.follow(replace(THREE, version=3, lifetime=4))
    assert (it.audit().owed, it.audit().left) == (0, 1)


def test_a_daily_bound_that_changes_is_that_of_today(it: Leases) -> None:
    bounds = replace(THREE, lifetime=100, daily=2)
    it.draw(bounds, MONDAY)
    it.service.follow(replace(bounds, version=2, daily=3))
    it.draw(bounds, MONDAY)
    it.draw(bounds, MONDAY)
    assert it.draw(bounds, MONDAY) is None
    for _ in range(3):
        assert it.service.draw(bounds, day=TUESDAY, at=it.clock() + timedelta(seconds=2))
    late = it.clock() + timedelta(seconds=2)
    assert it.service.draw(bounds, day=TUESDAY, at=late) is None


def test_an_older_version_changes_nothing(it: Leases) -> None:
    it.service.follow(replace(THREE, version=3, lifetime=5))
    it.service.follow(replace(THREE, version=2, lifetime=1))
    it.service.follow(replace(THREE, version=3, lifetime=1))
    assert it.audit().target == 5


def test_many_counters_give_the_same_target(it: Leases) -> None:
    bounds = replace(THREE, lifetime=1_001, daily=1_001, peak=800)
    it.draw(bounds, MONDAY)
    audit = it.audit()
    assert (audit.target, audit.left) == (1_001, 1_000)
    it.service.follow(replace(bounds, version=2, lifetime=3))
    it.shown(bounds, MONDAY)
    it.shown(bounds, MONDAY)
    assert it.draw(bounds, MONDAY) is None


def test_a_flight_of_which_nothing_was_given_has_nothing_to_sweep_or_audit(it: Leases) -> None:
    assert it.sweep() == 0
    assert it.service.audit(FLIGHT, app_id=APP) is None


def test_a_number_comes_back_to_what_owes_at_that_moment(it: Leases) -> None:
    lease = it.draw()
    assert lease is not None
    with pytest.raises(StaleError):
        it.store.lapse(lease, owes=True)
    it.service.follow(replace(THREE, version=2, lifetime=0))
    with pytest.raises(StaleError):
        it.store.lapse(lease, owes=False)
    assert it.store.lapse(lease, owes=True)
    assert not it.store.lapse(lease, owes=False)
    assert (it.audit().owed, it.audit().left) == (0, 0)

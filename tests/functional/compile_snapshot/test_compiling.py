"""What is booked is compiled when it changes, and when something starts or ends."""

from datetime import timedelta
from typing import Any

from shared.placements.model.demand import State
from shared.placements.store import DynamoLeaseStore
from tests.functional.adverts import BOOKED, DONE, Adverts

EXACT = {"goal": "impressions", "lifetime": 3, "exact": True, "pacing": "asap"}


def compile_due(adverts: Adverts) -> int:
    answer = adverts.shop.deployed.invoke("compile_snapshot", {"detail-type": "Scheduled Event"})
    compiled: int = answer["compiled"]
    return compiled


def test_what_is_booked_is_compiled_and_the_same_again_is_no_new_version(adverts: Adverts) -> None:
    flight = adverts.running()
    pointer = adverts.compiled()
    assert pointer.version == 1
    assert [ad.flight.flight_id for ad in adverts.snapshot().ads] == [flight.flight_id]
    again = adverts.compiled()
    assert (again.version, again.hash, again.revision) == (1, pointer.hash, 2)
    adverts.moved(flight, State.PAUSED)
    assert adverts.compiled().version == 2
    assert adverts.snapshot().ads == []


def test_a_flight_that_ends_is_left_out_in_the_minute_after(adverts: Adverts) -> None:
    adverts.running(ends_at="2026-03-01T13:00:00.000Z")
    adverts.compiled()
    assert compile_due(adverts) == 0
    adverts.shop.clock.advance(timedelta(hours=1))
    assert compile_due(adverts) == 1
    assert adverts.snapshot().ads == []
    assert compile_due(adverts) == 0


def test_a_policy_alone_makes_no_snapshot_where_nothing_is_booked(adverts: Adverts) -> None:
    adverts.shop.put_policy(caps=[{"id": "few", "limit": 9, "window": {"rolling": 24}}])
    batch = adverts.published(*BOOKED)
    assert batch["Records"]
    assert adverts.shop.deployed.invoke("compile_snapshot", batch) == DONE
    assert adverts.pointer() is None
    adverts.running()
    assert adverts.compiled().policy_version == 1


def test_the_budget_of_an_exact_flight_follows_it(adverts: Adverts) -> None:
    leases = DynamoLeaseStore(table=adverts.shop.deployed.tables["placements"])

    def target() -> int | None:
        adverts.compiled()
        budget = leases.budget(flight.flight_id, app_id=flight.app_id)
        return budget.target if budget else None

    flight = adverts.draft(target=EXACT)
    assert target() is None
    adverts.booked_slot()
    flight = adverts.moved(flight, State.ACTIVE)
    assert target() == 3
    flight = adverts.changed(flight, target={**EXACT, "lifetime": 8})
    assert target() == 8


def test_an_app_that_fails_keeps_no_other_from_being_compiled(adverts: Adverts) -> None:
    adverts.running()
    batch = adverts.published(*BOOKED)
    gone: dict[str, Any] = {**batch["Records"][0], "messageId": "of nobody"}
    gone["body"] = gone["body"].replace(adverts.shop.app_id, f"app_{'9' * 26}")
    gone["body"] = gone["body"].replace("placement/plc", "flight/flt")
    batch["Records"].append(gone)
    answer = adverts.shop.deployed.invoke("compile_snapshot", batch)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "of nobody"}]}
    assert adverts.pointer() is not None

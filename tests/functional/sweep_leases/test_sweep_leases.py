"""What exact flights promised and nobody showed comes back; what was shown does not."""

from datetime import timedelta
from random import sample

from shared.placements.model.demand import Flight, State
from shared.placements.model.granting import GRACE
from shared.placements.model.leases import Lease, LeaseAudit, bounds_of
from shared.placements.service.leases import LeaseService
from shared.placements.store import DynamoLeaseStore
from tests.functional.adverts import Adverts

TWO = {"goal": "impressions", "lifetime": 2, "exact": True, "pacing": "asap"}
NOTHING = {"returned": 0, "unfinished_apps": 0}
MOMENT = timedelta(seconds=1)


def leases(adverts: Adverts) -> LeaseService:
    """Return the leases as a process has them that decides."""
    return LeaseService(
        store=DynamoLeaseStore(table=adverts.shop.deployed.tables["placements"]),
        shuffled=lambda some: sample(list(some), len(some)),
        pause=list[int]().append,
        grace=GRACE,
    )


def drawn(adverts: Adverts, flight: Flight) -> Lease | None:
    return leases(adverts).draw(bounds_of(flight), day="", at=adverts.shop.clock())


def audit(adverts: Adverts, flight: Flight) -> LeaseAudit:
    found = leases(adverts).audit(flight.flight_id, app_id=flight.app_id)
    assert found is not None
    return found


def sweep(adverts: Adverts) -> dict[str, int]:
    answer: dict[str, int] = adverts.shop.deployed.invoke("sweep_leases", {})
    return answer


def test_without_exact_flights_nothing_is_done(adverts: Adverts) -> None:
    assert sweep(adverts) == NOTHING
    adverts.running()
    adverts.compiled()
    assert sweep(adverts) == NOTHING


def test_a_number_that_is_not_shown_comes_back_when_its_time_is_over(adverts: Adverts) -> None:
    flight = adverts.running(target=TWO)
    adverts.compiled()
    first, second = drawn(adverts, flight), drawn(adverts, flight)
    assert first is not None
    assert second is not None
    assert drawn(adverts, flight) is None
    grant = adverts.grant(flight, lease=first.number, shard=first.shard)
    adverts.shown_leased(grant)

    assert sweep(adverts) == NOTHING
    adverts.shop.clock.advance(GRACE - MOMENT)
    assert sweep(adverts) == NOTHING
    adverts.shop.clock.advance(MOMENT)
    assert sweep(adverts) == {"returned": 1, "unfinished_apps": 0}
    assert sweep(adverts) == NOTHING
    assert drawn(adverts, flight) is not None
    told = audit(adverts, flight)
    assert (told.shown, told.lapsed, told.open, told.is_balanced) == (1, 1, 1, True)


def test_a_flight_that_is_paused_is_swept_and_one_that_ended_is_not(adverts: Adverts) -> None:
    flight = adverts.running(target=TWO)
    adverts.compiled()
    assert drawn(adverts, flight)
    assert sweep(adverts) == NOTHING
    flight = adverts.moved(flight, State.PAUSED)
    adverts.compiled()
    adverts.shop.clock.advance(GRACE)
    assert sweep(adverts)["returned"] == 1
    assert drawn(adverts, flight)
    assert sweep(adverts) == NOTHING
    adverts.moved(flight, State.ENDED)
    adverts.running()
    adverts.compiled()
    adverts.shop.clock.advance(GRACE)
    assert sweep(adverts) == NOTHING

"""Every store of rebuilds, real or fake, keeps these promises; the service is tried on both."""

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from shared.contact_events.errors import RebuildRunningError, StaleError
from shared.contact_events.model.hours import HOUR, SETTLED
from shared.contact_events.model.rebuilds import SKEW, Phase, Rebuild, Wanted
from shared.contact_events.ports import RebuildStore
from shared.contact_events.service.rebuilds import RebuildService
from shared.contact_events.service.replays import ReplayReader
from shared.contact_events.store import DynamoRebuildStore
from shared.kernel.ids import Ids
from tests.fakes.clock import NOON, ManualClock
from tests.fakes.contact_events import InMemoryEventStore
from tests.fakes.rebuilds import EventsByContact, InMemoryRebuildStore
from tests.fakes.told import an_event

MINUTE = timedelta(minutes=1)
ADA, BOB = "con_" + "A" * 26, "con_" + "B" * 26
APP = Ids(clock=lambda: NOON).new("app")
WANTED = Wanted(app_id=APP, projection="people")


@dataclass(frozen=True, kw_only=True)
class It:
    store: RebuildStore
    service: RebuildService
    people: EventsByContact
    events: InMemoryEventStore
    clock: ManualClock

    def happens(self, contact_id: str = ADA, *, heard: bool = True) -> str:
        """Record an event, and let the projection hear it as every day."""
        self.clock.advance(MINUTE)
        event = an_event("message.sent.v1", app_id=APP, contact_id=contact_id, at=self.clock())
        event = replace(event, sequence=Ids(clock=self.clock).sequence())
        self.events.events.append(event)
        if heard:
            self.people.take([event], app_id=APP)
        return event.sequence

    def goes_on(self, *, limit: int = 2) -> Rebuild:
        return self.service.go_on("people", app_id=APP, limit=limit, has_time=lambda: True)

    def ends(self, *, limit: int = 2) -> Rebuild:
        for _ in range(100):
            rebuild = self.goes_on(limit=limit)
            if rebuild.is_over:
                return rebuild
            self.clock.advance(MINUTE)
        raise AssertionError


@pytest.fixture(params=["memory", "dynamodb"])
def it(request: pytest.FixtureRequest) -> It:
    clock, events, people = ManualClock(), InMemoryEventStore(), EventsByContact()
    store: RebuildStore = InMemoryRebuildStore()
    if request.param == "dynamodb":
        store = DynamoRebuildStore(table=request.getfixturevalue("tables")["contact_events"])
    service = RebuildService(
        projections={"people": people},
        rebuilds=store,
        reader=ReplayReader(events=events, clock=clock),
        clock=clock,
    )
    return It(store=store, service=service, people=people, events=events, clock=clock)


def test_a_rebuild_is_kept_as_it_was_written(it: It) -> None:
    assert it.store.find("people", app_id=APP) is None
    plain = Rebuild.begun(WANTED, at=NOON)
    it.store.put(plain)
    assert it.store.find("people", app_id=APP) == plain
    wanted = replace(WANTED, since=NOON, until=NOON + HOUR, forgets=True)
    full = Rebuild(
        wanted=wanted,
        begun_at=NOON,
        phase=Phase.DONE,
        after="0" * 26,
        read=7,
        forgotten_at=NOON + MINUTE,
        ended_at=NOON + HOUR,
        version=2,
    )
    it.store.put(full)
    assert it.store.find("people", app_id=APP) == full
    assert it.store.find("other", app_id=APP) is None


def test_of_two_who_write_at_once_one_does(it: It) -> None:
    begun = Rebuild.begun(WANTED, at=NOON)
    it.store.put(begun)
    with pytest.raises(StaleError):
        it.store.put(begun)
    it.store.put(replace(begun, version=2))
    with pytest.raises(StaleError):
        it.store.put(replace(begun, version=2))


def test_all_is_folded_in_order_and_once(it: It) -> None:
    recorded = [it.happens(heard=False) for _ in range(5)]
    it.clock.advance(HOUR)
    begun = it.service.begin(WANTED)
    assert (begun.phase, begun.is_over) == (Phase.FOLDING, False)
    done = it.ends()
    assert (done.phase, done.read, done.ended_at) == (Phase.DONE, 5, it.clock())
    assert it.people.heard == recorded


def test_what_fails_is_folded_again_from_the_place_that_was_kept(it: It) -> None:
    recorded = [it.happens(heard=False) for _ in range(6)]
    it.people.fails_at = {recorded[3]}
    it.clock.advance(HOUR)
    it.service.begin(WANTED)
    it.goes_on()
    with pytest.raises(RuntimeError):
        it.goes_on()
    it.ends()
    assert it.people.known == {ADA: set(recorded)}
    # Only the slice that failed was folded twice.
    assert it.people.heard == [*recorded[:3], *recorded[2:]]


def test_what_is_deleted_comes_back_with_all_that_was_told_meanwhile(it: It) -> None:
    recorded = [it.happens() for _ in range(4)]
    it.clock.advance(HOUR)
    it.service.begin(replace(WANTED, forgets=True))
    it.goes_on()
    # It is heard, and deleted with the rest a moment later.
    recorded.append(it.happens())
    while it.goes_on().phase is Phase.FORGETTING:
        pass
    forgotten = it.store.find("people", app_id=APP)
    assert forgotten
    assert forgotten.waits_until == it.clock() + SKEW + SETTLED
    assert recorded[-1] not in it.people.known.get(ADA, set())
    it.ends()
    assert it.people.known == {ADA: set(recorded)}


def test_a_part_is_folded_without_the_rest(it: It) -> None:
    it.happens(heard=False)
    since = it.clock() + MINUTE
    wanted = [it.happens(BOB, heard=False) for _ in range(2)]
    until = it.clock() + MINUTE
    it.happens(heard=False)
    it.clock.advance(HOUR)
    it.service.begin(replace(WANTED, since=since, until=until))
    it.ends()
    assert it.people.heard == wanted


def test_it_is_begun_once_and_after_its_end_anew(it: It) -> None:
    it.happens(heard=False)
    it.clock.advance(HOUR)
    begun = it.service.begin(WANTED)
    assert it.service.begin(WANTED) == begun
    with pytest.raises(RebuildRunningError):
        it.service.begin(replace(WANTED, forgets=True))
    it.ends()
    again = it.service.begin(replace(WANTED, forgets=True))
    assert (again.phase, again.read, again.after) == (Phase.FORGETTING, 0, None)


def test_without_time_nothing_is_done(it: It) -> None:
    it.happens(heard=False)
    it.clock.advance(HOUR)
    begun = it.service.begin(WANTED)
    left = it.service.go_on("people", app_id=APP, limit=9, has_time=lambda: False)
    assert (left, it.people.heard) == (begun, [])


def test_an_app_of_which_nothing_was_recorded_is_over_at_once(it: It) -> None:
    it.clock.advance(HOUR)
    it.service.begin(WANTED)
    assert it.ends().read == 0

"""Snapshots on every store, real or fake: compiled, pointed at, kept by those who decide."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from shared.kernel.clock import rfc3339
from shared.placements.errors import DemandChangedError, SnapshotMissingError
from shared.placements.model.demand import Demand, Kind
from shared.placements.model.pointers import RENEWED_AFTER, Pointer
from shared.placements.ports.snapshots import Compile, Snapshots
from shared.placements.service.snapshots import (
    CLOCKS_AGREE,
    LOOKED_AT,
    MOST_APPS,
    SnapshotCache,
    SnapshotService,
)
from tests.fakes.aws import Aws
from tests.fakes.clock import ManualClock
from tests.fakes.placements_demand import InMemoryDemandStore
from tests.fakes.placements_snapshots import (
    InMemorySnapshots,
    Interrupted,
    OnePolicy,
    as_it_is,
    flights_as_json,
)
from tests.unit.placements.bookings import APP, AT, a_flight


@dataclass(kw_only=True)
class Compiling:
    snapshots: Snapshots
    demand: InMemoryDemandStore = field(default_factory=InMemoryDemandStore)
    clock: ManualClock = field(default_factory=lambda: ManualClock(AT))
    policy: OnePolicy = field(default_factory=OnePolicy)
    failures: list[Exception] = field(default_factory=list)

    def service(self, compile_: Compile = flights_as_json) -> SnapshotService:
        return SnapshotService(
            demand=self.demand,
            snapshots=self.snapshots,
            policies=self.policy,
            compile=compile_,
            clock=self.clock,
            pause=list[int]().append,
        )

    def cache(self) -> SnapshotCache[bytes]:
        return SnapshotCache(
            snapshots=self.snapshots,
            load=as_it_is,
            clock=self.clock,
            failed=self.failures.append,
        )

    def book(self, number: int, **fields: object) -> None:
        flight = replace(a_flight(**fields), flight_id=f"flt_{number}")
        self.demand.kept[APP, Kind.FLIGHT, flight.flight_id] = flight

    def content(self) -> bytes:
        return flights_as_json(self.demand.all_demand(APP), at=self.clock())


@pytest.fixture
def memory() -> InMemorySnapshots:
    return InMemorySnapshots()


@pytest.fixture(params=["memory", "dynamodb"])
def it(request: pytest.FixtureRequest) -> Compiling:
    if request.param == "memory":
        return Compiling(snapshots=request.getfixturevalue("memory"))
    from shared.placements.store.snapshots import (  # noqa: PLC0415 - needs the environment
        DynamoSnapshots,
    )
    from shared.platform.objects import Bucket  # noqa: PLC0415 - the same

    tables = request.getfixturevalue("tables")
    aws: Aws = request.getfixturevalue("aws_on_wire")
    request.getfixturevalue("monkeypatch").setenv("AWS_ENDPOINT_URL_S3", aws.url)
    return Compiling(
        snapshots=DynamoSnapshots(table=tables["placements"], bucket=Bucket(name="snapshots"))
    )


def test_what_is_booked_is_pointed_at(it: Compiling) -> None:
    assert it.snapshots.read(APP) is None
    it.book(1)
    pointer = it.service().refresh(APP)
    assert it.snapshots.read(APP) == it.snapshots.read_latest(APP) == pointer
    assert pointer.version == 1
    assert pointer.key == f"APP/{APP}/snapshots/1-{pointer.hash}.json.gz"
    assert it.snapshots.get(pointer.key) == it.content()


def test_the_same_content_is_the_same_version(it: Compiling) -> None:
    it.book(1)
    first = it.service().refresh(APP)
    it.clock.advance(timedelta(minutes=1))
    again = it.service().refresh(APP)
    assert (again.version, again.hash, again.key) == (1, first.hash, first.key)
    it.book(2)
    after = it.service().refresh(APP)
    assert after.version == 2
    assert after.hash != first.hash
    assert it.snapshots.get(first.key) != it.snapshots.get(after.key) == it.content()


def test_a_pointer_moves_from_the_one_that_stands_alone(it: Compiling) -> None:
    first = it.service().refresh(APP)
    second = replace(first, epoch=1, revision=2)
    assert it.snapshots.move(second, before=first)
    assert not it.snapshots.move(replace(first, revision=3), before=first)
    assert not it.snapshots.move(first, before=None)
    assert it.snapshots.read_latest(APP) == second


def test_who_compiled_what_is_older_by_now_compiles_again(it: Compiling) -> None:
    it.book(1)
    it.service().refresh(APP)

    def meanwhile() -> None:
        it.book(2)
        it.service().refresh(APP)

    pointer = it.service(Interrupted(meanwhile)).refresh(APP)
    assert it.snapshots.get(pointer.key) == it.content()


def test_what_is_taken_back_while_it_is_compiled_is_not_pointed_at(it: Compiling) -> None:
    it.book(1)
    it.service().refresh(APP)
    it.book(2)

    def meanwhile() -> None:
        del it.demand.kept[APP, Kind.FLIGHT, "flt_2"]
        # This one finds what stands, and must still keep the other from writing.
        it.service().refresh(APP)

    pointer = it.service(Interrupted(meanwhile)).refresh(APP)
    assert (pointer.version, it.snapshots.get(pointer.key)) == (1, it.content())


def test_many_who_compile_at_once_agree(it: Compiling) -> None:
    for number in range(6):
        it.book(number)
    if isinstance(it.snapshots, InMemorySnapshots):
        pointers = [it.service().refresh(APP) for _ in range(6)]
    else:
        with ThreadPoolExecutor(6) as threads:
            pointers = list(threads.map(lambda _: it.service().refresh(APP), range(6)))
    assert {(pointer.version, pointer.hash) for pointer in pointers} == {(1, pointers[0].hash)}


def test_an_epoch_takes_back_what_devices_hold(it: Compiling) -> None:
    first = it.service().refresh(APP)
    revoked = it.service().revoke(APP)
    assert (first.epoch, revoked.epoch, revoked.version) == (0, 1, 1)
    assert it.service().refresh(APP).epoch == 1


def test_the_pointer_says_which_policy_stands(it: Compiling) -> None:
    it.policy.version = 3
    assert it.service().refresh(APP).policy_version == 3
    it.policy.version = 4
    assert it.service().refresh(APP).policy_version == 4
    # A reader that is behind takes nothing back.
    it.policy.version = 2
    assert it.service().refresh(APP).policy_version == 4


def test_a_start_and_an_end_are_due(it: Compiling) -> None:
    start, end = AT + timedelta(hours=1), AT + timedelta(hours=2)
    it.book(1, starts_at=rfc3339(start), ends_at=rfc3339(end))
    it.service().refresh(APP)
    found = list[Pointer]()
    for at in (start - timedelta(seconds=1), start, start, end, end):
        it.clock.at = at
        found += it.service().refresh_due([APP, "app_other"])
    assert [pointer.compiled_at for pointer in found] == [start, end]
    assert {pointer.version for pointer in found} == {1}


def test_what_stands_is_stored_anew_before_the_bucket_forgets_it(it: Compiling) -> None:
    it.book(1)
    it.service().refresh(APP)
    it.clock.advance(RENEWED_AFTER)
    assert [one.stored_at for one in it.service().refresh_due([APP])] == [AT + RENEWED_AFTER]
    assert it.service().refresh_due([APP]) == []


def test_who_decides_has_the_snapshot_that_stands(it: Compiling) -> None:
    it.book(1)
    cache = it.cache()
    with pytest.raises(SnapshotMissingError):
        cache.get(APP)
    assert cache.find(APP) is None
    it.clock.advance(LOOKED_AT)
    pointer = it.service().refresh(APP)
    assert cache.find(APP) == cache.get(APP)
    assert cache.get(APP).pointer == pointer
    assert cache.get(APP).snapshot == it.content()


def test_a_newer_snapshot_is_served_ten_seconds_later(memory: InMemorySnapshots) -> None:
    it = Compiling(snapshots=memory)
    it.service().refresh(APP)
    cache = it.cache()
    old = cache.get(APP)
    it.book(1)
    it.service().refresh(APP)
    it.clock.advance(LOOKED_AT - timedelta(milliseconds=1))
    assert [cache.get(APP) for _ in range(100)] == [old] * 100
    assert memory.looks == 1
    it.clock.advance(timedelta(milliseconds=1))
    assert cache.get(APP).snapshot == it.content() != old.snapshot
    assert (memory.looks, memory.fetches) == (2, 2)


def test_what_did_not_change_is_not_fetched_again(memory: InMemorySnapshots) -> None:
    it = Compiling(snapshots=memory)
    it.service().refresh(APP)
    cache = it.cache()
    cache.get(APP)
    it.service().revoke(APP)
    it.clock.advance(LOOKED_AT)
    assert cache.get(APP).pointer.epoch == 1
    assert memory.fetches == 1


def test_what_stood_at_an_instant_is_found_though_nobody_looked_since(it: Compiling) -> None:
    cache = it.cache()
    assert cache.find(APP) is cache.find_since(APP, since=it.clock()) is None
    it.service().refresh(APP)
    it.clock.advance(CLOCKS_AGREE)
    assert cache.find(APP) is None
    first = cache.find_since(APP, since=it.clock())
    assert first is not None
    assert first.snapshot == it.content()
    it.book(1)
    it.service().refresh(APP)
    it.clock.advance(CLOCKS_AGREE)
    assert cache.find(APP) == first
    second = cache.find_since(APP, since=it.clock())
    assert second is not None
    assert cache.find(APP) == second
    assert second.snapshot == it.content() != first.snapshot


def test_an_instant_that_was_looked_after_needs_no_second_look(memory: InMemorySnapshots) -> None:
    it = Compiling(snapshots=memory)
    it.service().refresh(APP)
    cache, instant = it.cache(), it.clock()
    it.clock.advance(CLOCKS_AGREE)
    before = memory.latest_looks
    found = [cache.find_since(APP, since=instant) for _ in range(3)]
    assert found[0] is not None
    assert found == [found[0]] * 3
    assert memory.latest_looks == before + 1


def test_who_needs_what_stood_at_an_instant_is_told_what_keeps_it_away(
    memory: InMemorySnapshots,
) -> None:
    it = Compiling(snapshots=memory)
    it.service().refresh(APP)
    cache = it.cache()
    cache.get(APP)
    memory.broken = True
    with pytest.raises(OSError, match="cut"):
        cache.find_since(APP, since=it.clock())


def test_a_failing_read_fails_no_decision_once_something_is_loaded(
    memory: InMemorySnapshots,
) -> None:
    it = Compiling(snapshots=memory)
    it.service().refresh(APP)
    cache = it.cache()
    memory.broken = True
    with pytest.raises(OSError, match="cut"):
        cache.get(APP)
    memory.broken = False
    old = cache.get(APP)
    it.book(1)
    it.service().refresh(APP)
    memory.broken = True
    it.clock.advance(LOOKED_AT)
    assert [cache.get(APP) for _ in range(3)] == [old] * 3
    assert len(it.failures) == 1
    memory.broken = False
    it.clock.advance(LOOKED_AT)
    assert cache.get(APP).snapshot == it.content()


def test_others_are_served_the_old_one_while_one_looks(memory: InMemorySnapshots) -> None:
    it = Compiling(snapshots=memory)
    it.service().refresh(APP)
    served = list[bytes]()
    asking: list[Callable[[], object]] = []

    def load(content: bytes, *, version: int) -> bytes:
        for ask in asking:
            ask()
        return content

    cache = SnapshotCache(snapshots=memory, load=load, clock=it.clock, failed=it.failures.append)
    old = cache.get(APP).snapshot
    it.book(1)
    it.service().refresh(APP)
    it.clock.advance(LOOKED_AT)
    asking.append(lambda: served.append(cache.get(APP).snapshot))
    assert cache.get(APP).snapshot == it.content()
    assert served == [old]


def test_a_process_keeps_the_apps_that_it_was_asked_for_last(memory: InMemorySnapshots) -> None:
    it = Compiling(snapshots=memory)
    apps = [f"app_{number}" for number in range(MOST_APPS + 1)]
    for app in apps:
        it.service().refresh(app)
    cache = it.cache()
    for app in (*apps, apps[0], apps[-1]):
        cache.get(app)
    assert memory.looks == MOST_APPS + 2


def test_who_never_gets_through_says_so(memory: InMemorySnapshots) -> None:
    it = Compiling(snapshots=memory)

    def compile_while_others_do(demand: Demand, *, at: datetime) -> bytes:
        it.service().refresh(APP)
        return b""

    with pytest.raises(DemandChangedError):
        it.service(compile_while_others_do).refresh(APP)

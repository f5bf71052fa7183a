"""Every store of counters, real or fake, counts what a stream brings once, however it comes."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.kernel.envelope import Envelope, seal
from shared.kernel.events import Purpose
from shared.kernel.ids import Ids
from shared.placements.errors import DayNotSettledError
from shared.placements.model.accounting import counted_event, event_key, rejected_event
from shared.placements.model.engagements import Engagement, Rejection
from shared.placements.model.folding import CounterKey, Figures, Recorded
from shared.placements.model.mending import Counted
from shared.placements.ports.engagements import EngagementStore
from shared.placements.ports.folding import AdLedger, CounterStore
from shared.placements.service.folding import FoldService, RebuildService
from shared.placements.service.mending import MendingService
from tests.fakes.ad_counters import (
    InMemoryAdLedger,
    InMemoryCounterStore,
    InZone,
    NotedAds,
    NotedHours,
)
from tests.fakes.ad_events import InMemoryEngagementStore
from tests.fakes.ads import ADA, BOB, CAFE, SHOP, a_grant
from tests.fakes.clock import NOON, ManualClock
from tests.tables import MakeTables

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FLIGHT, OTHER = f"flt_{'1' * 26}", f"flt_{'2' * 26}"
LIFE = CounterKey(app_id=SHOP, flight_id=FLIGHT)
SHARD, NEXT = "shardId-00000001414576573621-f55eea83", "shardId-00000001414592258131-31fc4ab1"


@dataclass(kw_only=True)
class Folding:
    """The services on one kind of stores."""

    counters: CounterStore
    store: EngagementStore
    ledger: AdLedger
    clock: ManualClock = field(default_factory=ManualClock)
    zones: InZone = field(default_factory=InZone)
    seen: NotedAds = field(default_factory=NotedAds)
    pressure: NotedHours = field(default_factory=NotedHours)

    def __post_init__(self) -> None:
        self.ids = Ids(clock=self.clock)
        self.numbers = 0
        self.service = FoldService(
            counters=self.counters,
            zones=self.zones,
            store=self.store,
            seen=self.seen,
            pressure=self.pressure,
            clock=self.clock,
        )
        self.rebuilding = RebuildService(ledger=self.ledger, zones=self.zones)
        self.mending = MendingService(
            rebuilding=self.rebuilding, counters=self.counters, zones=self.zones, clock=self.clock
        )

    def happens(
        self,
        engagement: Engagement = Engagement.IMPRESSION,
        reason: Rejection | None = None,
        **granted: Any,
    ) -> Envelope:
        """Record an event of another ad; return it."""
        self.numbers += 1
        grant = a_grant(self.numbers, **{"issued_at": self.clock.at, **granted})
        at = self.clock()
        event = (
            rejected_event(grant, engagement, reason, at=at)
            if reason
            else counted_event(grant, engagement, at=at)
        )
        key = event_key(grant.issued_at, grant.token_id, engagement, reason=reason)
        sealed = seal(event, sequence=self.ids.sequence(), key=key)
        self.store.put_each([sealed])
        return sealed

    def fold(self, records: Sequence[Recorded], shard: str = SHARD) -> set[str]:
        return set(self.service.fold(records, shard=shard))

    def of(self, key: CounterKey = LIFE) -> Figures:
        return self.counters.get(key)


@pytest.fixture(params=["memory", "dynamodb"])
def it(request: pytest.FixtureRequest) -> Folding:
    if request.param == "memory":
        store = InMemoryEngagementStore()
        return Folding(
            counters=InMemoryCounterStore(),
            store=store,
            ledger=InMemoryAdLedger(store.events),
        )
    tables = request.getfixturevalue("tables")
    return on_tables(tables)


def on_tables(tables: dict[str, str]) -> Folding:
    from shared.placements.store.counters import (  # noqa: PLC0415 - needs the tables
        DynamoAdLedger,
        DynamoCounterStore,
    )
    from tests.contract.engagements import on_tables as engagements_on  # noqa: PLC0415

    return Folding(
        counters=DynamoCounterStore(table=tables["placements"]),
        store=engagements_on(tables).store,
        ledger=DynamoAdLedger(table=tables["contact_events"]),
    )


def in_shard(events: Sequence[Envelope], *, first: int = 1) -> list[Recorded]:
    """Return events as a shard brings them: from 9 on its numbers have one digit more."""
    return [
        Recorded(position=str((first + place) * 10**20), event=event)
        for place, event in enumerate(events)
    ]


def test_every_kind_of_event_is_counted_as_what_it_is(it: Folding) -> None:
    events = [it.happens(engagement) for engagement in Engagement]
    events += [it.happens(reason=reason) for reason in Rejection]
    assert it.fold(in_shard(events)) == set()
    expected = Figures(
        **{name: 1 for name in _NAMES if name != "revenue"},
        revenue=2_500_000,
    )
    assert it.of() == expected
    assert it.of().rejected == len(Rejection)


_NAMES = tuple(Figures.__dataclass_fields__)


def test_events_of_others_are_not_counted(it: Folding) -> None:
    shown = it.happens()
    events = [
        replace(shown, source="push"),
        replace(shown, type="ad_demand.updated.v1"),
        it.happens(flight_id=OTHER),
        it.happens(app_id=CAFE),
    ]
    it.fold(in_shard(events))
    assert it.of() == Figures()
    assert it.of(replace(LIFE, flight_id=OTHER)).shown == 1
    assert it.of(replace(LIFE, app_id=CAFE)).shown == 1


def test_a_day_is_one_of_the_apps_zone_and_an_hour_one_of_utc(it: Folding) -> None:
    it.clock.at = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    placement, creative = f"plc_{'1' * 26}", f"crv_{'1' * 26}"
    it.fold(in_shard([it.happens()]))
    shown = Figures(shown=1, revenue=2_500_000)
    second = replace(LIFE, day=datetime(2026, 3, 2, tzinfo=UTC).date())
    assert it.counters.counters_of(FLIGHT, app_id=SHOP) == {
        LIFE: shown,
        second: shown,
        replace(LIFE, hour=datetime(2026, 3, 1, 23, tzinfo=UTC)): shown,
        replace(second, placement_id=placement, creative_id=creative): shown,
    }


def test_counters_are_read_many_at_once(it: Folding) -> None:
    it.fold(in_shard([it.happens(), it.happens(flight_id=OTHER), it.happens(flight_id=OTHER)]))
    keys = [LIFE, replace(LIFE, flight_id=OTHER), replace(LIFE, app_id=CAFE)]
    found = it.counters.get_all([*keys, replace(LIFE, hour=NOON)])
    assert [found[key].shown for key in keys] == [1, 2, 0]
    assert found[replace(LIFE, hour=NOON)].shown == 1
    assert it.counters.get_all([]) == {}


def test_a_batch_that_comes_again_changes_nothing(it: Folding) -> None:
    batch = in_shard([it.happens() for _ in range(12)])
    for _ in range(2):
        assert it.fold(batch) == set()
    assert it.of().shown == 12
    for part in (batch[:6], batch[6:], batch[3:9]):
        it.fold(part)
    assert it.of().shown == 12


def test_what_comes_again_with_more_behind_it_counts_what_is_more(it: Folding) -> None:
    batch = in_shard([it.happens() for _ in range(12)])
    it.fold(batch[:7])
    it.fold(batch)
    assert it.of().shown == 12


def test_shards_are_counted_each_for_itself(it: Folding) -> None:
    it.fold(in_shard([it.happens() for _ in range(3)], first=50))
    it.fold(in_shard([it.happens() for _ in range(4)]), NEXT)
    it.fold(in_shard([it.happens()], first=60))
    assert it.of().shown == 8


def test_shards_of_today_are_remembered_when_those_of_long_ago_are_forgotten(it: Folding) -> None:
    old, new = in_shard([it.happens()]), in_shard([it.happens()])
    it.fold(old, "long ago")
    it.clock.advance(2 * DAY)
    it.fold(new, "yesterday")
    it.clock.advance(DAY)
    for number in range(5):
        it.fold(in_shard([it.happens()]), f"today {number}")
    it.fold(new, "yesterday")
    assert it.of().shown == 7


@dataclass(frozen=True)
class Delivery:
    """How a shard's events come: cut into batches, each perhaps again, or from a place before."""

    cuts: list[int]
    seed: int


def deliver(it: Folding, events: Sequence[Recorded], how: Delivery, shard: str) -> None:
    """Bring every event at least once, in order, as Lambda does: retries, bisection, restarts."""
    chance = Random(how.seed)  # noqa: S311 - a seed
    start = 0
    for cut in [*sorted({cut for cut in how.cuts if cut < len(events)}), len(events)]:
        batch = events[start:cut]
        for _ in range(chance.choice([1, 1, 2])):
            it.fold(batch, shard)
        if chance.random() < 0.3:
            middle = len(batch) // 2
            it.fold(batch[:middle], shard)
            it.fold(batch[middle:], shard)
        start = cut
        if chance.random() < 0.2:
            # A window began again further back.
            it.fold(events[max(0, cut - 5) : cut], shard)


KINDS = st.tuples(
    st.sampled_from(Engagement),
    st.none() | st.sampled_from(Rejection),
    st.sampled_from([FLIGHT, OTHER]),
    st.sampled_from(["plc_" + "1" * 26, "plc_" + "2" * 26]),
    st.integers(0, 2),
)


def live_equals_rebuilt(it: Folding, kinds: Sequence[Any], how: Delivery) -> None:
    shards: tuple[list[Envelope], list[Envelope]] = ([], [])
    for number, (engagement, reason, flight_id, placement_id, hours) in enumerate(kinds):
        it.clock.advance(hours * 7 * HOUR)
        told = it.happens(engagement, reason, flight_id=flight_id, placement_id=placement_id)
        shards[number % 2].append(told)
    for name, events in zip((SHARD, NEXT), shards, strict=True):
        deliver(it, in_shard(events), how, name)
    rebuilt = it.rebuilding.rebuild(SHOP, since=NOON, until=it.clock() + HOUR)
    live = {
        **it.counters.counters_of(FLIGHT, app_id=SHOP),
        **it.counters.counters_of(OTHER, app_id=SHOP),
    }
    assert live == rebuilt
    assert sum(figures.shown for key, figures in live.items() if key.placement_id) == sum(
        engagement is Engagement.IMPRESSION and reason is None for engagement, reason, *_ in kinds
    )


DELIVERIES = st.builds(
    Delivery, cuts=st.lists(st.integers(1, 40), max_size=6), seed=st.integers(0, 999)
)


@given(kinds=st.lists(KINDS, max_size=40), how=DELIVERIES)
def test_counters_equal_what_the_ledger_says_however_the_stream_comes(
    kinds: list[Any], how: Delivery
) -> None:
    store = InMemoryEngagementStore()
    it = Folding(
        counters=InMemoryCounterStore(), store=store, ledger=InMemoryAdLedger(store.events)
    )
    live_equals_rebuilt(it, kinds, how)


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kinds=st.lists(KINDS, min_size=5, max_size=25), how=DELIVERIES)
def test_counters_on_dynamodb_equal_what_the_ledger_says(
    aws: None, make_tables: MakeTables, kinds: list[Any], how: Delivery
) -> None:
    live_equals_rebuilt(on_tables(make_tables()), kinds, how)


def test_a_rebuild_takes_whole_hours(it: Folding) -> None:
    for _ in range(4):
        it.happens()
        it.clock.advance(HOUR)
    half = timedelta(minutes=30)
    some = it.rebuilding.rebuild(SHOP, since=NOON + half, until=NOON + 2 * HOUR + half)
    assert some[LIFE].shown == 2


def test_what_is_busy_comes_again_and_the_rest_is_counted() -> None:
    counters, store = InMemoryCounterStore(), InMemoryEngagementStore()
    it = Folding(counters=counters, store=store, ledger=InMemoryAdLedger(store.events))
    batch = in_shard([it.happens(), it.happens(flight_id=OTHER), it.happens(contact_id=BOB)])
    counters.busy.add(replace(LIFE, flight_id=OTHER))
    it.pressure.busy.add(BOB)
    assert it.fold(batch) == {batch[1].position, batch[2].position}
    assert (it.of().shown, it.of(replace(LIFE, flight_id=OTHER)).shown) == (2, 0)
    counters.busy.clear()
    it.pressure.busy.clear()
    assert it.fold(batch[1:]) == set()
    assert (it.of().shown, it.of(replace(LIFE, flight_id=OTHER)).shown) == (2, 1)


def test_what_was_shown_is_noted_for_lazy_caps(it: Folding) -> None:
    shown = it.happens()
    it.fold(in_shard([shown, it.happens(Engagement.CLICK), it.happens(reason=Rejection.LATE)]))
    assert set(it.seen.seen) == {ADA}
    (sighting,) = it.seen.seen[ADA].values()
    assert (sighting.token_id, sighting.at) == (shown.data["token_id"], shown.time)
    it.seen.busy.add(ADA)
    again = in_shard([it.happens()], first=9)
    assert it.fold(again) == {again[0].position}


def test_the_ads_of_an_hour_are_one_touch_whatever_batches_they_come_in(it: Folding) -> None:
    events = []
    for _ in range(3):
        events.append(it.happens())
        it.clock.advance(timedelta(minutes=25))
    events.append(it.happens(purpose=Purpose.SERVICE))
    batch = in_shard(events)
    for some in (batch[:1], batch[1:], batch):
        it.fold(some)
    told = sorted(it.pressure.hours.values(), key=lambda one: (one.hour, one.purpose))
    assert [(one.hour, one.purpose, one.impressions) for one in told] == [
        (NOON, Purpose.MARKETING, 3),
        (NOON + HOUR, Purpose.SERVICE, 1),
    ]
    assert told[0].latest == events[2].time


def test_what_the_stream_lost_is_had_from_the_ledger_once(it: Folding) -> None:
    batch = in_shard([it.happens() for _ in range(5)])
    it.fold([batch[0], batch[4]])
    day = it.clock().date()
    it.clock.advance(2 * DAY)
    assert {mend.added["shown"] for mend in it.mending.mend(SHOP, day, dry_run=True)} == {3}
    assert it.of().shown == 2
    mends = it.mending.mend(SHOP, day)
    assert all(mend.is_done for mend in mends)
    assert {mend.key for mend in mends} == it.counters.counters_of(FLIGHT, app_id=SHOP).keys()
    assert {one.shown for one in it.counters.counters_of(FLIGHT, app_id=SHOP).values()} == {5}
    assert it.mending.mend(SHOP, day) == []


def test_a_counter_that_was_lost_is_made_again(it: Folding) -> None:
    it.happens()
    day = it.clock().date()
    it.clock.advance(2 * DAY)
    assert all(mend.is_done for mend in it.mending.mend(SHOP, day))
    rebuilt = it.rebuilding.rebuild(SHOP, since=NOON, until=it.clock())
    assert it.counters.counters_of(FLIGHT, app_id=SHOP) == rebuilt


def test_what_is_counted_beside_a_mend_is_counted_once(it: Folding) -> None:
    lost = it.happens()
    day = it.clock().date()
    it.clock.advance(2 * DAY)
    today = in_shard([it.happens() for _ in range(2)])
    it.fold(today[:1])
    it.mending.mend(SHOP, day)
    it.fold(today)
    assert lost.data["flight_id"] == FLIGHT
    assert it.of().shown == 3
    assert it.mending.mend(SHOP, day) == []


def test_a_life_waits_while_it_is_behind_its_days() -> None:
    store, counters = InMemoryEngagementStore(), InMemoryCounterStore()
    it = Folding(counters=counters, store=store, ledger=InMemoryAdLedger(store.events))
    it.happens()
    day = it.clock().date()
    it.clock.advance(2 * DAY)
    today = in_shard([it.happens()])
    counters.busy.add(LIFE)
    assert it.fold(today) == {today[0].position}
    (life,) = [mend for mend in it.mending.mend(SHOP, day) if mend.key == LIFE]
    assert (life.is_done, it.of().shown) == (False, 0)
    counters.busy.clear()
    it.fold(today)
    (life,) = it.mending.mend(SHOP, day)
    assert (life.key, life.is_done, it.of().shown) == (LIFE, True, 2)


def test_a_counter_that_went_on_is_not_set(it: Folding) -> None:
    batch = in_shard([it.happens() for _ in range(2)])
    it.fold(batch[:1])
    before = it.counters.counted_of(FLIGHT, app_id=SHOP)[LIFE]
    assert not it.counters.set_right(LIFE, Figures(shown=9), before=Counted())
    it.fold(batch)
    assert not it.counters.set_right(LIFE, Figures(shown=9), before=before)
    assert it.of().shown == 2


def test_what_was_erased_from_the_ledger_stays_counted(it: Folding) -> None:
    it.fold(in_shard([it.happens()]))
    day = it.clock().date()
    life = it.counters.counted_of(FLIGHT, app_id=SHOP)[LIFE]
    assert it.counters.set_right(LIFE, replace(life.figures, shown=4), before=life)
    it.clock.advance(2 * DAY)
    assert it.mending.mend(SHOP, day) == []
    assert it.of().shown == 4


def test_a_flight_is_set_right_alone(it: Folding) -> None:
    for flight_id in (FLIGHT, OTHER):
        it.happens(flight_id=flight_id)
    day = it.clock().date()
    it.clock.advance(2 * DAY)
    it.mending.mend(SHOP, day, flight_id=OTHER)
    assert (it.of().shown, it.of(replace(LIFE, flight_id=OTHER)).shown) == (0, 1)


def test_a_day_that_is_not_settled_is_left_alone(it: Folding) -> None:
    it.happens()
    day = it.clock().date()
    it.clock.advance(DAY)
    with pytest.raises(DayNotSettledError):
        it.mending.mend(SHOP, day)


def test_an_update_of_a_counter_takes_one_unit(aws: None, make_tables: MakeTables) -> None:
    from tests.capacity import metered  # noqa: PLC0415

    it = on_tables(make_tables(indexed=False))
    it.fold(in_shard([it.happens()]))
    events = [it.happens() for _ in range(100)]
    changes_of_a_flight = 4
    with metered() as meter:
        it.fold(in_shard(events, first=2))
    assert meter.writes == changes_of_a_flight


def test_a_counter_forgets_shards_of_two_days_ago_when_it_meets_a_new_one(
    tables: dict[str, str], dynamodb_client: Any
) -> None:
    it = on_tables(tables)

    def remembered() -> int:
        key = {"pk": {"S": f"APP#{SHOP}#CNT#{FLIGHT}"}, "sk": {"S": "LIFE"}}
        item = dynamodb_client.get_item(TableName=tables["placements"], Key=key)["Item"]
        return len(item["seen"]["M"])

    for day, expected in enumerate([1, 2, 3, 3, 3]):
        it.fold(in_shard([it.happens()]), f"shard of day {day}")
        assert remembered() == expected
        it.clock.advance(DAY)
    assert it.of().shown == 5

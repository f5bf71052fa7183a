"""A range goes out again whole, in order and in time: the same on the fake and on DynamoDB."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from shared.contact_events.errors import (
    ReplayChangedError,
    ReplayDoneError,
    ReplayNotFoundError,
    ReplayRunningError,
    StaleError,
    SubscriptionNotFoundError,
)
from shared.contact_events.model.deliveries import Attempted, DeliveryState
from shared.contact_events.model.hours import SETTLED
from shared.contact_events.model.resending import (
    HIGHEST_RATE,
    KEPT,
    LEDGER_KEPT,
    PAUSE,
    Outlook,
    Replay,
    ReplayState,
)
from shared.contact_events.model.subscriptions import (
    MessageMode,
    PauseReason,
    SigningSecret,
    Subscription,
    SubscriptionState,
)
from shared.contact_events.ports import EventStore, HasTime, ReplayStore
from shared.contact_events.service.deliveries import DeliveryService
from shared.contact_events.service.messages import Messenger
from shared.contact_events.service.replays import ReplayReader
from shared.contact_events.service.resending import (
    AT_A_TIME,
    MOST_LOOKED_AT,
    ReplayService,
    ReplayTerms,
    Resender,
)
from shared.contact_events.store import DynamoEventStore, DynamoReplayStore
from shared.kernel.envelope import Envelope
from shared.kernel.errors import InvalidFieldsError
from shared.kernel.events import Subject
from shared.kernel.idempotency import Attempt, IdempotencyKeyReusedError
from shared.kernel.ids import Ids
from shared.platform.dynamodb import commit
from shared.platform.encryption import DataKeyCipher
from shared.platform.ledger import RETENTION, Ledger
from tests.fakes.clock import NOON, ManualClock
from tests.fakes.contact_events import InMemoryEventStore, SomeApps
from tests.fakes.subscriptions import (
    AnsweringCourier,
    InMemoryDeliveryStore,
    InMemoryReplayStore,
    InMemorySubscriptionStore,
)

APP = "app_01JD8ZA0000000000000000000"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
ALL = ReplayTerms(since=NOON)


def answering(status: int) -> Callable[[str], Attempted]:
    return lambda _url: Attempted(status=status)


class Crash(BaseException):
    """The process is gone."""


@dataclass(kw_only=True)
class It:
    """Replays on one kind of store, into a receiver that answers as told."""

    store: ReplayStore
    events: EventStore
    put: Callable[[Envelope], None]
    told: Callable[[], list[str]]
    clock: ManualClock = field(default_factory=ManualClock)
    courier: AnsweringCourier = field(default_factory=AnsweringCourier)
    subscriptions: InMemorySubscriptionStore = field(default_factory=InMemorySubscriptionStore)
    waiting: InMemoryDeliveryStore = field(default_factory=InMemoryDeliveryStore)

    def __post_init__(self) -> None:
        self.ids = Ids(clock=self.clock)
        self.apps = SomeApps(ids=[APP])
        self.reader = ReplayReader(events=self.events, clock=self.clock)
        self.cipher = DataKeyCipher(keys=lambda: [b"the deployment's secret"])
        self.deliveries = DeliveryService(
            subscriptions=self.subscriptions,
            deliveries=self.waiting,
            events=self.events,
            apps=self.apps,
            messenger=Messenger(keys=self.cipher, courier=self.courier, clock=self.clock),
            clock=self.clock,
            ids=self.ids,
            share=lambda: 1.0,
        )
        self.service = ReplayService(
            store=self.store,
            subscriptions=self.subscriptions,
            reader=self.reader,
            apps=self.apps,
            clock=self.clock,
            ids=self.ids,
        )
        self.resender = self.resender_on(self.store)
        self.subscription = self.subscribed()

    def resender_on(self, store: ReplayStore) -> Resender:
        return Resender(
            store=store,
            subscriptions=self.subscriptions,
            reader=self.reader,
            deliveries=self.deliveries,
            apps=self.apps,
            clock=self.clock,
            ids=self.ids,
        )

    def subscribed(self, **said: Any) -> Subscription:
        _, sealed = self.cipher.new_key(app_id=APP, about="whs_1")
        secret = SigningSecret(secret_id="whs_1", sealed=sealed, created_at=self.clock())
        made = Subscription(
            **{
                "app_id": APP,
                "subscription_id": self.ids.new("sub"),
                "url": "https://hooks.example.com/in",
                "filter": None,
                "mode": MessageMode.STRUCTURED,
                "description": "",
                "secrets": (secret,),
                "created_at": self.clock(),
                "updated_at": self.clock(),
                **said,
            }
        )
        self.subscriptions.put_subscription(made, self.event())
        return made

    def event(self, kind: str = "purchase.completed.v1", number: int = 0) -> Envelope:
        return Envelope(
            app_id=APP,
            sequence=self.ids.sequence(),
            type=kind,
            source="shop",
            time=self.clock(),
            subject=Subject(kind="contact", id="con_1"),
            data={"number": number},
        )

    def record(self, count: int = 1, kind: str = "purchase.completed.v1") -> list[str]:
        """Record events, let them settle, and return their ids."""
        recorded = [self.event(kind, number) for number in range(count)]
        for event in recorded:
            self.put(event)
        self.clock.advance(HOUR)
        return [event.id for event in recorded]

    def begin(self, terms: ReplayTerms = ALL, **options: Any) -> Replay:
        who = self.subscription.subscription_id
        terms = replace(terms, until=terms.until or self.clock() - SETTLED)
        return self.service.begin(who, terms, app_id=APP, by="ada", **options).replay

    def standing(self, replay: Replay) -> Replay:
        return self.service.get(
            replay.replay_id, subscription_id=replay.subscription_id, app_id=APP
        )

    def cancel(self, replay: Replay) -> Replay:
        return self.service.cancel(
            replay.replay_id, subscription_id=replay.subscription_id, app_id=APP, by="bob"
        )

    def look(self, terms: ReplayTerms = ALL) -> Outlook:
        return self.service.look(self.subscription.subscription_id, terms, app_id=APP)

    def a_minute(self, has_time: HasTime = lambda: True, resender: Resender | None = None) -> None:
        """Do what is done each minute."""
        self.clock.advance(MINUTE)
        standing = self.subscriptions.subscription(self.subscription.subscription_id, app_id=APP)
        if standing and standing.state is SubscriptionState.ACTIVE:
            self.deliveries.retry(standing, has_time=has_time)
        chosen = resender or self.resender
        for replay in chosen.running(APP):
            chosen.go_on(replay, has_time=has_time)

    def sent(self) -> list[str]:
        """Return the ids of the events that were carried, in their order."""
        bodies = [json.loads(body) for _, _, body in self.courier.carried]
        return [
            event["id"] for one in bodies for event in (one if isinstance(one, list) else [one])
        ]


@pytest.fixture(params=["memory", "dynamodb"])
def it(request: pytest.FixtureRequest) -> It:
    if request.param == "memory":
        memory, events = InMemoryReplayStore(), InMemoryEventStore()
        return It(
            store=memory,
            events=events,
            put=events.events.append,
            told=lambda: [event.type for event in memory.told],
        )
    table = request.getfixturevalue("tables")["contact_events"]
    client = request.getfixturevalue("dynamodb_client")
    ledger = Ledger(table=table)

    def told() -> list[str]:
        rows = [row for row in client.scan(TableName=table)["Items"] if "sequence" in row]
        ours = [row for row in rows if row["source"]["S"] == "contact_events"]
        return [row["type"]["S"] for row in sorted(ours, key=lambda row: row["sequence"]["S"])]

    return It(
        store=DynamoReplayStore(table=table),
        events=DynamoEventStore(table=table),
        put=lambda event: commit({"event": ledger.record(event)}),
        told=told,
    )


def test_a_replay_is_read_back_as_it_was_begun(it: It) -> None:
    it.record()
    begun = it.begin(replace(ALL, types=frozenset({"b.v1", "a.v1"}), per_minute=7))
    assert it.standing(begun) == begun
    assert [*it.store.running(APP)] == [begun]
    assert it.told() == ["subscription.replayed.v1"]


def test_each_event_of_the_range_is_sent_once_and_in_order(it: It) -> None:
    early = it.record(3)
    since = it.clock()
    wanted = it.record(4) + it.record(3)
    until = it.clock()
    it.record(2)
    begun = it.begin(ReplayTerms(since=since, until=until))
    it.a_minute()
    done = it.standing(begun)
    assert it.sent() == wanted
    assert not set(early) & set(it.sent())
    assert (done.state, done.read, done.sent, done.ended_at) == (
        ReplayState.DONE,
        7,
        7,
        it.clock(),
    )
    it.a_minute()
    assert it.sent() == wanted
    assert [*it.store.running(APP)] == []
    assert it.told() == ["subscription.replayed.v1", "subscription.replay_ended.v1"]


def test_only_so_many_are_sent_in_a_minute(it: It) -> None:
    wanted = it.record(7)
    it.begin(replace(ALL, per_minute=3))
    for minute in (3, 6, 7, 7):
        it.a_minute()
        assert it.sent() == wanted[:minute]


def test_what_nobody_wants_is_passed_over_at_no_cost_to_the_rate(it: It) -> None:
    it.subscription = it.subscribed(filter="type LIKE '%.purchase.completed.v1'")
    wanted = it.record(2)
    it.record(2 * AT_A_TIME, "page.viewed.v1")
    wanted += it.record(1)
    begun = it.begin(replace(ALL, per_minute=3))
    it.a_minute()
    it.a_minute()
    done = it.standing(begun)
    assert it.sent() == wanted
    assert (done.state, done.read, done.sent) == (ReplayState.DONE, 2 * AT_A_TIME + 3, 3)


def test_only_the_types_that_were_asked_for_are_sent(it: It) -> None:
    it.record(2)
    opened = it.record(2, "message.opened.v1")
    it.begin(replace(ALL, types=frozenset({"message.opened.v1"})))
    it.a_minute()
    assert it.sent() == opened


def test_an_event_has_the_webhook_id_that_it_had_when_it_happened(it: It) -> None:
    it.record(1)
    it.begin()
    it.a_minute()
    it.begin()
    it.a_minute()
    first, second = [headers["webhook-id"] for _, headers, _ in it.courier.carried]
    assert first == second


def test_batches_are_no_larger_than_those_of_the_bus(it: It) -> None:
    it.subscription = it.subscribed(mode=MessageMode.BATCH)
    wanted = it.record(23)
    it.begin()
    it.a_minute()
    assert it.sent() == wanted
    assert [len(json.loads(body)) for _, _, body in it.courier.carried] == [10, 10, 3]


def test_what_was_recorded_just_now_is_sent_when_it_is_settled(it: It) -> None:
    early = it.record(1)
    late = it.event()
    it.put(late)
    it.clock.advance(MINUTE)
    begun = it.begin(replace(ALL, until=it.clock()))
    it.a_minute()
    assert it.sent() == early
    assert it.standing(begun).is_running
    for _ in range(SETTLED // MINUTE):
        it.a_minute()
    assert it.sent() == [*early, late.id]
    assert it.standing(begun).state is ReplayState.DONE


def test_a_crash_before_the_place_is_noted_sends_again_and_loses_nothing(it: It) -> None:
    wanted = it.record(AT_A_TIME + 20)
    begun = it.begin()
    with pytest.raises(Crash):
        it.a_minute(resender=it.resender_on(CrashingStore(it.store, writes=2)))
    assert it.sent() == wanted
    assert it.standing(begun).sent == AT_A_TIME
    it.a_minute()
    assert it.sent() == wanted + wanted[AT_A_TIME:]
    assert it.standing(begun).state is ReplayState.DONE


def test_of_two_calls_of_one_minute_one_sends(it: It) -> None:
    wanted = it.record(3)
    begun = it.begin(replace(ALL, per_minute=2))
    it.resender.go_on(begun, has_time=lambda: True)
    it.resender.go_on(begun, has_time=lambda: True)
    assert it.resender.running(APP) == []
    assert it.sent() == wanted[:2]
    it.clock.advance(PAUSE)
    assert it.resender.running(APP) == [it.standing(begun)]


def test_a_failure_ends_the_minute_and_what_failed_arrives_later(it: It) -> None:
    wanted = it.record(5)
    begun = it.begin(replace(ALL, per_minute=2))
    it.courier.answer = answering(500)
    it.a_minute()
    assert it.sent() == wanted[:1]
    assert (it.standing(begun).sent, len(it.waiting.kept)) == (2, 2)
    it.courier.answer = answering(204)
    it.courier.carried.clear()
    for _ in range(4):
        it.a_minute()
    assert sorted(it.sent()) == wanted
    assert not it.waiting.kept
    assert it.standing(begun).state is ReplayState.DONE


def test_a_receiver_that_stays_down_is_tried_by_one_event_a_minute_and_loses_none(it: It) -> None:
    wanted = it.record(40)
    it.begin()
    it.courier.answer = answering(500)
    for _ in range(30):
        it.a_minute()
    assert len(it.courier.carried) <= 2 * 30
    it.courier.answer = answering(204)
    it.courier.carried.clear()
    for _ in range(200):
        it.a_minute()
    assert sorted(it.sent()) == wanted


def test_a_dead_delivery_of_the_same_event_begins_anew(it: It) -> None:
    it.record(1)
    it.begin()
    it.courier.answer = answering(500)
    it.a_minute()
    ((key, waiting),) = it.waiting.kept.items()
    it.waiting.kept[key] = replace(waiting, state=DeliveryState.DEAD, attempts=10)
    it.begin()
    it.a_minute()
    (again,) = it.waiting.kept.values()
    assert (again.state, again.attempts) == (DeliveryState.WAITING, 1)


def test_without_time_nothing_is_begun_and_in_the_midst_the_rest_waits(it: It) -> None:
    wanted = it.record(3)
    begun = it.begin()
    it.a_minute(has_time=lambda: False)
    assert it.standing(begun) == begun
    left = iter([True, True, True])
    it.clock.advance(MINUTE)
    it.resender.go_on(begun, has_time=lambda: next(left, False))
    assert it.sent() == wanted[:1]
    assert len(it.waiting.kept) == 2
    it.a_minute()
    assert it.sent() == wanted


def test_a_paused_subscription_is_waited_for(it: It) -> None:
    wanted = it.record(2)
    begun = it.begin()
    paused = it.subscription.paused(PauseReason.BY_HAND, at=it.clock())
    it.subscriptions.put_subscription(paused, it.event())
    it.a_minute()
    assert it.sent() == []
    assert it.standing(begun) == begun
    active = replace(paused, state=SubscriptionState.ACTIVE, reason=None, version=3)
    it.subscriptions.put_subscription(active, it.event())
    it.a_minute()
    assert it.sent() == wanted


def test_without_its_subscription_a_replay_ends(it: It) -> None:
    it.record(2)
    begun = it.begin()
    it.subscriptions.delete_subscription(it.subscription, it.event())
    it.a_minute()
    assert it.sent() == []
    found = it.store.find(begun.replay_id, subscription_id=begun.subscription_id, app_id=APP)
    assert found
    assert found.state is ReplayState.CANCELLED
    assert it.store.running(APP) == []
    with pytest.raises(SubscriptionNotFoundError):
        it.standing(begun)


def test_a_cancelled_replay_sends_nothing_more(it: It) -> None:
    wanted = it.record(4)
    begun = it.begin(replace(ALL, per_minute=2))
    it.a_minute()
    cancelled = it.cancel(begun)
    assert (cancelled.state, cancelled.sent) == (ReplayState.CANCELLED, 2)
    assert it.cancel(begun) == cancelled == it.standing(begun)
    it.a_minute()
    it.resender.go_on(begun, has_time=lambda: True)
    assert it.sent() == wanted[:2]
    assert it.told().count("subscription.replay_ended.v1") == 1


def test_a_replay_that_is_cancelled_while_it_goes_on_stays_so(it: It) -> None:
    wanted = it.record(AT_A_TIME + 5)
    begun = it.begin()

    def cancelling(_url: str) -> Attempted:
        it.cancel(begun)
        return Attempted(status=204)

    it.courier.answer = cancelling
    it.a_minute()
    assert it.standing(begun).state is ReplayState.CANCELLED
    assert it.sent() == wanted[:AT_A_TIME]


def test_what_is_done_cannot_be_cancelled(it: It) -> None:
    it.record(1)
    begun = it.begin()
    it.a_minute()
    with pytest.raises(ReplayDoneError):
        it.cancel(begun)


def test_who_never_comes_first_is_told_to_try_again(it: It) -> None:
    it.record(1)
    begun = it.begin()
    service = replace(it.service, store=CrashingStore(it.store, writes=0, error=StaleError))
    with pytest.raises(ReplayChangedError):
        service.cancel(begun.replay_id, subscription_id=begun.subscription_id, app_id=APP, by="bob")


def test_a_subscription_has_one_replay_at_a_time(it: It) -> None:
    it.record(1)
    begun = it.begin()
    with pytest.raises(ReplayRunningError):
        it.begin()
    it.subscription, before = it.subscribed(), it.subscription
    other = it.begin()
    assert {one.replay_id for one in it.store.running(APP)} == {begun.replay_id, other.replay_id}
    it.subscription = before
    it.cancel(begun)
    assert it.begin().is_running


def test_the_same_attempt_begins_one_replay(it: It) -> None:
    it.record(1)
    attempt = Attempt(caller="ada", key="k1", fingerprint="f1")
    who = it.subscription.subscription_id
    first = it.service.begin(who, ALL, app_id=APP, by="ada", attempt=attempt)
    again = it.service.begin(who, ALL, app_id=APP, by="ada", attempt=attempt)
    assert again == replace(first, replayed=True)
    with pytest.raises(IdempotencyKeyReusedError):
        it.begin(attempt=replace(attempt, fingerprint="f2"))
    racing = replace(it.service, store=ForgetfulStore(it.store))
    raced = racing.begin(who, ALL, app_id=APP, by="ada", attempt=attempt)
    assert raced == again


def test_of_two_who_change_one_write_one_is_refused(it: It) -> None:
    it.record(1)
    begun = it.begin()
    it.store.replace(begun.claimed(at=it.clock()))
    with pytest.raises(StaleError):
        it.store.replace(begun.cancelled(at=it.clock()))
    assert it.standing(begun).is_running


def test_replays_are_listed_newest_first(it: It) -> None:
    it.record(1)
    made = []
    for _ in range(5):
        made.append(it.begin().replay_id)
        it.a_minute()
    found: list[str] = []
    cursor, whole = None, False
    while not whole:
        page = it.service.page(it.subscription.subscription_id, app_id=APP, cursor=cursor, limit=2)
        found += [one.replay_id for one in page.items]
        cursor = page.next_cursor
        whole = cursor is None
    assert found == made[::-1]
    with pytest.raises(ReplayNotFoundError):
        it.service.get("rpl_1", subscription_id=it.subscription.subscription_id, app_id=APP)


def test_a_look_counts_what_would_be_sent_and_sends_nothing(it: It) -> None:
    it.subscription = it.subscribed(filter="type LIKE '%.purchase.completed.v1'")
    it.record(3)
    it.record(2, "page.viewed.v1")
    assert it.look() == Outlook(read=5, wanted=3, is_whole=True)
    it.a_minute()
    assert (it.sent(), it.told()) == ([], [])


def test_a_look_that_takes_too_long_says_so(it: It) -> None:
    it.record(1)
    it.record(1)
    ticking = SlowClock(it.clock)
    service = replace(it.service, clock=ticking)
    found = service.look(it.subscription.subscription_id, ALL, app_id=APP)
    assert found == Outlook(read=1, wanted=1, is_whole=False)


@pytest.mark.parametrize(
    ("since", "until", "pointers"),
    [
        (timedelta(0), timedelta(0), ["/to"]),
        (timedelta(0), -HOUR, ["/to"]),
        (-HOUR, MINUTE, ["/to"]),
        (-LEDGER_KEPT - MINUTE, timedelta(0), ["/from"]),
        (MINUTE, HOUR, ["/to"]),
    ],
)
def test_a_range_that_cannot_be_sent_is_refused(
    since: timedelta, until: timedelta, pointers: list[str]
) -> None:
    it = in_memory()
    terms = ReplayTerms(since=it.clock() + since, until=it.clock() + until)
    for refused in (it.begin, it.look):
        with pytest.raises(InvalidFieldsError) as error:
            refused(terms)
        assert [one.pointer for one in error.value.fields] == pointers


@pytest.mark.parametrize("rate", [0, HIGHEST_RATE + 1])
def test_a_rate_has_its_bounds(rate: int) -> None:
    with pytest.raises(InvalidFieldsError):
        in_memory().begin(ReplayTerms(since=NOON - HOUR, per_minute=rate))


def test_a_look_takes_in_so_many_events_and_no_more() -> None:
    it = in_memory()
    it.record(MOST_LOOKED_AT + 1)
    assert it.look() == Outlook(read=MOST_LOOKED_AT, wanted=MOST_LOOKED_AT, is_whole=False)


def test_events_can_be_sent_again_for_as_long_as_the_ledger_keeps_them() -> None:
    assert LEDGER_KEPT == RETENTION


def test_a_replay_is_forgotten_some_time_after_its_end() -> None:
    it = in_memory()
    it.record(1)
    begun = it.begin()
    assert begun.expires_at is None
    assert it.cancel(begun).expires_at == it.clock() + KEPT


@given(
    per_minute=st.integers(1, 12),
    answers=st.lists(st.sampled_from([204, 204, 500, 503]), max_size=30),
    gaps=st.lists(st.integers(0, 90), min_size=1, max_size=8),
)
def test_whatever_a_receiver_answers_it_gets_every_event_in_the_end(
    per_minute: int, answers: list[int], gaps: list[int]
) -> None:
    it = in_memory()
    recorded = []
    for gap in gaps:
        event = it.event()
        it.put(event)
        recorded.append(event.id)
        it.clock.advance(gap * MINUTE)
    it.clock.advance(HOUR)
    arrived: set[str] = set()
    left = iter(answers)

    def answer(_url: str) -> Attempted:
        status = next(left, 204)
        if status < 300:
            arrived.add(it.sent()[-1])
        return Attempted(status=status)

    it.courier.answer = answer
    begun = it.begin(replace(ALL, per_minute=per_minute))
    for _ in range(60 * 24):
        if arrived == set(recorded) and not it.standing(begun).is_running:
            break
        it.a_minute()
    assert arrived == set(recorded)
    assert it.standing(begun).sent == len(recorded)


def in_memory() -> It:
    memory, events = InMemoryReplayStore(), InMemoryEventStore()
    return It(
        store=memory,
        events=events,
        put=events.events.append,
        told=lambda: [event.type for event in memory.told],
    )


@dataclass
class Passing(ReplayStore):
    """Passes all on to another store."""

    store: ReplayStore

    @override
    def add(self, replay: Replay, *, event: Envelope, attempt: Attempt | None = None) -> None:
        self.store.add(replay, event=event, attempt=attempt)

    @override
    def find(self, replay_id: str, *, subscription_id: str, app_id: str) -> Replay | None:
        return self.store.find(replay_id, subscription_id=subscription_id, app_id=app_id)

    @override
    def page(
        self, subscription_id: str, *, app_id: str, before: str | None, limit: int
    ) -> Sequence[Replay]:
        return self.store.page(subscription_id, app_id=app_id, before=before, limit=limit)

    @override
    def running(self, app_id: str) -> Sequence[Replay]:
        return self.store.running(app_id)

    @override
    def replace(self, replay: Replay, *, event: Envelope | None = None) -> None:
        self.store.replace(replay, event=event)

    @override
    def recall(self, attempt: Attempt, *, app_id: str) -> Any:
        return self.store.recall(attempt, app_id=app_id)


@dataclass
class CrashingStore(Passing):
    """Stores so many changes; then the process is gone, or what else ``error`` says."""

    writes: int = 0
    error: type[BaseException] = Crash

    @override
    def replace(self, replay: Replay, *, event: Envelope | None = None) -> None:
        if not self.writes:
            raise self.error
        self.writes -= 1
        super().replace(replay, event=event)


@dataclass
class ForgetfulStore(Passing):
    """Sees an attempt only when it is asked again: another call made it in between."""

    asked: bool = False

    @override
    def recall(self, attempt: Attempt, *, app_id: str) -> Any:
        before, self.asked = self.asked, True
        return super().recall(attempt, app_id=app_id) if before else None


@dataclass
class SlowClock:
    """Goes on by three seconds each time that it is asked."""

    clock: ManualClock

    def __call__(self) -> datetime:
        self.clock.advance(timedelta(seconds=3))
        return self.clock()

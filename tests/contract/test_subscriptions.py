"""Subscriptions and their deliveries: the same on the fake stores and on DynamoDB."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook
from typing_extensions import override

from shared.contact_events.errors import (
    CesqlSyntaxError,
    DeliveryNotFoundError,
    SubscriptionNotFoundError,
    SubscriptionRotatingError,
    SubscriptionStaleError,
    TooManySubscriptionsError,
)
from shared.contact_events.model.deliveries import (
    SCHEDULE,
    Attempted,
    Delivery,
    DeliveryState,
    first_delivery,
)
from shared.contact_events.model.subscriptions import (
    MOST_SUBSCRIPTIONS,
    OVERLAP,
    PATIENCE,
    MessageMode,
    PauseReason,
    Subscription,
    SubscriptionState,
)
from shared.contact_events.ports import Apps, Courier, DeliveryStore, SubscriptionStore
from shared.contact_events.service.deliveries import DeliveryService, SubscriptionCache, wanted
from shared.contact_events.service.messages import Messenger
from shared.contact_events.service.subscriptions import Changes, SubscriptionService, Terms
from shared.contact_events.store.courier import HttpCourier, wait_of
from shared.kernel.envelope import Envelope, cloudevent
from shared.kernel.events import Subject
from shared.kernel.idempotency import Attempt, IdempotencyKeyReusedError
from shared.kernel.ids import Ids
from shared.kernel.targets import ForbiddenTargetError, LocalHosts
from shared.platform.auth.webhooks import secret_text
from shared.platform.encryption import DataKeyCipher
from shared.platform.outbound import Outbound, Patience
from tests.fakes.clock import ManualClock
from tests.fakes.contact_events import InMemoryEventStore
from tests.fakes.subscriptions import (
    AnsweringCourier,
    InMemoryDeliveryStore,
    InMemorySubscriptionStore,
)
from tests.receivers import receiver

APP = "app_01JD8ZA0000000000000000000"
URL = "https://hooks.example.com/in"
LOCAL = LocalHosts(names=frozenset({"localhost"}))
TERMS = Terms(url=URL, filter="type LIKE '%.purchase.%'", description="the warehouse")
MINUTE = timedelta(minutes=1)


class OneApp(Apps):
    @override
    def app_ids(self) -> Sequence[str]:
        return [APP]

    @override
    def org_of(self, app_id: str) -> str:
        return "com.example"


@dataclass(kw_only=True)
class Channel:
    """The services on one kind of store, with a courier that answers as told."""

    store: SubscriptionStore
    deliveries: DeliveryStore
    courier: Courier
    clock: ManualClock
    told: Callable[[], list[str]]
    events: InMemoryEventStore = field(default_factory=InMemoryEventStore)

    def __post_init__(self) -> None:
        self.ids = Ids(clock=self.clock)
        keys = DataKeyCipher(keys=lambda: [b"the deployment's secret"])
        messenger = Messenger(keys=keys, courier=self.courier, clock=self.clock)
        self.service = SubscriptionService(
            store=self.store,
            apps=OneApp(),
            keys=keys,
            messenger=messenger,
            clock=self.clock,
            ids=self.ids,
            local=LOCAL,
        )
        self.outgoing = DeliveryService(
            subscriptions=self.store,
            deliveries=self.deliveries,
            events=self.events,
            apps=OneApp(),
            messenger=messenger,
            clock=self.clock,
            ids=self.ids,
            share=lambda: 1.0,
        )

    def subscribed(self, terms: Terms = TERMS) -> Subscription:
        return self.service.create(terms, app_id=APP, by="ada").subscription

    def standing(self, subscription: Subscription) -> Subscription:
        return self.service.get(subscription.subscription_id, app_id=APP)

    def event(self, event_type: str = "purchase.completed.v1", **data: Any) -> dict[str, Any]:
        envelope = Envelope(
            app_id=APP,
            sequence=self.ids.sequence(),
            type=event_type,
            source="shop",
            time=self.clock(),
            subject=Subject(kind="contact", id="con_1"),
            data=data,
        )
        self.events.events.append(envelope)
        return cloudevent(envelope, org="com.example")

    def send(self, subscription: Subscription, *events: dict[str, Any]) -> None:
        self.outgoing.deliver(self.standing(subscription), events, has_time=lambda: True)

    def retry(self, subscription: Subscription) -> int:
        return self.outgoing.retry(self.standing(subscription), has_time=lambda: True)

    def kept(
        self, subscription: Subscription, state: DeliveryState = DeliveryState.WAITING
    ) -> Sequence[Delivery]:
        page = self.outgoing.page(
            subscription.subscription_id, app_id=APP, state=state, cursor=None, limit=50
        )
        return page.items


Make = Callable[[Courier], Channel]


@pytest.fixture(params=["memory", "dynamodb"])
def make(request: pytest.FixtureRequest) -> Make:
    if request.param == "memory":
        memory = InMemorySubscriptionStore()
        return lambda courier: Channel(
            store=memory,
            deliveries=InMemoryDeliveryStore(),
            courier=courier,
            clock=ManualClock(),
            told=lambda: [event.type for event in memory.told],
        )
    from shared.contact_events.store import (  # noqa: PLC0415 - needs the environment's tables
        DynamoDeliveryStore,
        DynamoSubscriptionStore,
    )
    from shared.platform.ledger import Ledger  # noqa: PLC0415

    table = request.getfixturevalue("tables")["contact_events"]
    client = request.getfixturevalue("dynamodb_client")

    def told() -> list[str]:
        rows = [row for row in client.scan(TableName=table)["Items"] if "sequence" in row]
        return [row["type"]["S"] for row in sorted(rows, key=lambda row: row["sequence"]["S"])]

    return lambda courier: Channel(
        store=DynamoSubscriptionStore(table=table, ledger=Ledger(table=table)),
        deliveries=DynamoDeliveryStore(table=table),
        courier=courier,
        clock=ManualClock(),
        told=told,
    )


@pytest.fixture
def courier() -> AnsweringCourier:
    return AnsweringCourier()


@pytest.fixture
def it(make: Make, courier: AnsweringCourier) -> Channel:
    return make(courier)


def answering(status: int, *, retry_after: timedelta | None = None) -> Callable[[str], Attempted]:
    return lambda _url: Attempted(status=status, retry_after=retry_after)


def test_a_subscription_is_read_back_as_it_was_made(it: Channel) -> None:
    made = it.subscribed()
    assert it.standing(made) == made
    assert [*it.service.subscriptions(APP)] == [made]
    assert it.told() == ["subscription.created.v1"]


def test_the_same_attempt_makes_one_subscription_and_tells_its_secret_again(it: Channel) -> None:
    attempt = Attempt(caller="ada", key="k1", fingerprint="f1")
    first = it.service.create(TERMS, app_id=APP, by="ada", attempt=attempt)
    again = it.service.create(TERMS, app_id=APP, by="ada", attempt=attempt)
    assert again == replace(first, replayed=True)
    with pytest.raises(IdempotencyKeyReusedError):
        it.service.create(TERMS, app_id=APP, by="ada", attempt=replace(attempt, fingerprint="f2"))


@pytest.mark.parametrize(
    ("terms", "error"),
    [
        (replace(TERMS, url="https://10.0.0.1/"), ForbiddenTargetError),
        (replace(TERMS, filter="type ="), CesqlSyntaxError),
    ],
)
def test_what_cannot_be_sent_to_or_read_is_refused(
    it: Channel, terms: Terms, error: type[Exception]
) -> None:
    with pytest.raises(error):
        it.subscribed(terms)
    assert it.told() == []


def test_an_app_has_so_many_subscriptions_and_no_more(it: Channel) -> None:
    for _ in range(MOST_SUBSCRIPTIONS):
        it.subscribed()
    with pytest.raises(TooManySubscriptionsError):
        it.subscribed()


def test_a_change_names_the_version_that_it_changes(it: Channel) -> None:
    made = it.subscribed()
    changes = Changes(filter="", mode=MessageMode.BATCH, state=SubscriptionState.PAUSED)
    after = it.service.update(made.subscription_id, changes, version=1, app_id=APP, by="ada")
    assert it.standing(made) == after
    assert (after.filter, after.mode, after.reason, after.version) == (
        None,
        MessageMode.BATCH,
        PauseReason.BY_HAND,
        2,
    )
    with pytest.raises(SubscriptionStaleError):
        it.service.update(made.subscription_id, changes, version=1, app_id=APP, by="ada")
    same = it.service.update(made.subscription_id, changes, version=2, app_id=APP, by="ada")
    assert same == after
    assert it.told() == ["subscription.created.v1", "subscription.updated.v1"]


def test_of_two_who_change_one_version_one_is_refused(it: Channel) -> None:
    made = it.subscribed()
    first, second = made.paused(PauseReason.GONE, at=it.clock()), replace(made, version=2)
    it.store.put_subscription(first, _told(it))
    with pytest.raises(SubscriptionStaleError):
        it.store.put_subscription(second, _told(it))
    with pytest.raises(SubscriptionStaleError):
        it.store.delete_subscription(made, _told(it))


def _told(it: Channel) -> Envelope:
    it.event()
    return it.events.events[-1]


def test_a_deleted_subscription_is_gone(it: Channel) -> None:
    made = it.subscribed()
    it.service.delete(made.subscription_id, app_id=APP, by="ada")
    with pytest.raises(SubscriptionNotFoundError):
        it.service.get(made.subscription_id, app_id=APP)
    with pytest.raises(SubscriptionNotFoundError):
        it.service.test(made.subscription_id, app_id=APP, by="ada")
    it.store.note_failing(made, since=it.clock())
    assert [*it.service.subscriptions(APP)] == []


def test_a_filter_lets_through_what_it_names(it: Channel) -> None:
    made = it.subscribed()
    bought, opened = it.event(), it.event("message.opened.v1")
    assert wanted([made], [bought, opened]) == [(made, [bought])]
    assert wanted([made], [opened]) == []


def test_what_arrives_leaves_nothing_behind(it: Channel, courier: AnsweringCourier) -> None:
    made = it.subscribed()
    it.send(made, it.event(), it.event())
    assert len(courier.carried) == 2
    assert [*it.kept(made)] == []


def test_a_message_keeps_its_id_over_all_attempts_and_is_dead_after_the_last(
    it: Channel, courier: AnsweringCourier
) -> None:
    courier.answer = answering(500)
    made = it.subscribed()
    it.send(made, it.event())
    for wait in SCHEDULE:
        it.clock.advance(wait - timedelta(milliseconds=1))
        assert it.retry(made) == 0
        it.clock.advance(timedelta(milliseconds=1))
        assert it.retry(made) == 1
    (dead,) = it.kept(made, DeliveryState.DEAD)
    assert (dead.attempts, dead.outcome, it.kept(made)) == (len(SCHEDULE) + 1, "500", [])
    assert len({headers["webhook-id"] for _, headers, _ in courier.carried}) == 1
    assert len(courier.carried) == len(SCHEDULE) + 1

    courier.answer = answering(204)
    it.outgoing.redeliver(dead.delivery_id, subscription_id=made.subscription_id, app_id=APP)
    assert it.retry(made) == 1
    assert it.kept(made, DeliveryState.DEAD) == []
    with pytest.raises(DeliveryNotFoundError):
        it.outgoing.redeliver(dead.delivery_id, subscription_id=made.subscription_id, app_id=APP)


def test_after_a_failure_the_others_wait_and_are_not_tried(
    it: Channel, courier: AnsweringCourier
) -> None:
    courier.answer = lambda _url: Attempted(failure="timeout")
    made = it.subscribed()
    it.send(made, it.event(), it.event(), it.event())
    assert len(courier.carried) == 1
    assert len(it.kept(made)) == 3
    it.clock.advance(MINUTE)
    assert it.retry(made) == 1
    courier.answer = answering(204)
    it.clock.advance(timedelta(minutes=6))
    assert it.retry(made) == 3
    assert [*it.kept(made)] == []


def test_without_time_nothing_is_begun_and_nothing_is_lost(
    it: Channel, courier: AnsweringCourier
) -> None:
    made = it.subscribed()
    it.outgoing.deliver(made, [it.event()], has_time=lambda: False)
    assert it.outgoing.retry(made, has_time=lambda: False) == 0
    assert courier.carried == []
    assert it.retry(made) == 1
    assert len(courier.carried) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_a_receiver_that_asks_to_wait_is_heeded(
    it: Channel, courier: AnsweringCourier, status: int
) -> None:
    courier.answer = answering(status, retry_after=timedelta(hours=1))
    made = it.subscribed()
    it.send(made, it.event())
    (waiting,) = it.kept(made)
    assert waiting.due_at == it.clock() + timedelta(hours=1)


def test_others_than_those_who_may_are_not_heeded(it: Channel, courier: AnsweringCourier) -> None:
    courier.answer = answering(500, retry_after=timedelta(hours=1))
    made = it.subscribed()
    it.send(made, it.event())
    (waiting,) = it.kept(made)
    assert waiting.due_at == it.clock() + SCHEDULE[0]


def test_a_receiver_that_is_gone_is_sent_nothing_more(
    it: Channel, courier: AnsweringCourier
) -> None:
    courier.answer = answering(410)
    made = it.subscribed()
    it.send(made, it.event())
    after = it.standing(made)
    assert (after.state, after.reason) == (SubscriptionState.PAUSED, PauseReason.GONE)
    assert it.told()[-1] == "subscription.paused.v1"
    assert SubscriptionCache(store=it.store, elapsed=lambda: 0.0).active(APP) == []


def test_a_receiver_that_fails_for_days_is_paused_and_begins_anew_when_resumed(
    it: Channel, courier: AnsweringCourier
) -> None:
    courier.answer = answering(500)
    made = it.subscribed()
    it.send(made, it.event())
    assert it.standing(made).failing_since == it.clock()
    it.clock.advance(PATIENCE)
    it.send(made, it.event())
    assert it.standing(made).state is SubscriptionState.ACTIVE
    it.clock.advance(MINUTE)
    it.send(made, it.event())
    paused = it.standing(made)
    assert (paused.state, paused.reason) == (SubscriptionState.PAUSED, PauseReason.FAILING)
    resumed = Changes(state=SubscriptionState.ACTIVE)
    it.service.update(made.subscription_id, resumed, version=paused.version, app_id=APP, by="ada")
    assert it.standing(made).failing_since is None


def test_one_success_ends_a_time_of_failures(it: Channel, courier: AnsweringCourier) -> None:
    courier.answer = answering(500)
    made = it.subscribed()
    it.send(made, it.event())
    courier.answer = answering(200)
    it.send(made, it.event())
    assert it.standing(made).failing_since is None


def test_what_waits_of_an_erased_person_is_not_sent(it: Channel, courier: AnsweringCourier) -> None:
    courier.answer = answering(500)
    made = it.subscribed()
    it.send(made, it.event())
    it.events.erase("con_1", app_id=APP)
    it.clock.advance(MINUTE)
    assert it.retry(made) == 1
    assert len(courier.carried) == 1
    assert [*it.kept(made)] == []


def test_of_two_who_try_a_delivery_one_does(it: Channel) -> None:
    made = it.subscribed()
    delivery = first_delivery(
        [it.event()["sequence"]],
        app_id=APP,
        subscription_id=made.subscription_id,
        at=it.clock(),
    )
    assert it.deliveries.exchange(None, delivery)
    assert not it.deliveries.exchange(None, delivery)
    begun = delivery.begun(at=it.clock(), share=0.5)
    assert it.deliveries.exchange(delivery, begun)
    assert not it.deliveries.exchange(delivery, begun)
    assert it.deliveries.exchange(begun, None)
    assert not it.deliveries.exchange(begun, None)


def test_deliveries_are_listed_page_by_page(it: Channel, courier: AnsweringCourier) -> None:
    courier.answer = answering(500)
    made = it.subscribed()
    it.send(made, *(it.event() for _ in range(5)))
    found: list[str] = []
    cursor: str | None = None
    for _ in range(3):
        page = it.outgoing.page(
            made.subscription_id,
            app_id=APP,
            state=DeliveryState.WAITING,
            cursor=cursor,
            limit=2,
        )
        found += [one.delivery_id for one in page.items]
        cursor = page.next_cursor
    assert cursor is None
    assert found == [one.delivery_id for one in it.kept(made)]
    assert len(found) == 5


@pytest.mark.parametrize("mode", MessageMode)
def test_a_receiver_of_standard_webhooks_accepts_every_delivery(
    make: Make, mode: MessageMode
) -> None:
    clock = ManualClock()
    http = HttpCourier(outbound=Outbound(local=LOCAL), clock=clock)
    it = make(http)
    with receiver() as there:
        issued = it.service.create(Terms(url=there.url(), mode=mode), app_id=APP, by="ada")
        made = issued.subscription
        it.send(made, it.event(amount=1299, raw={"secret": 1}), it.event(text="Grüezi"))
        it.service.test(made.subscription_id, app_id=APP, by="ada")
        rotated = it.service.rotate(made.subscription_id, app_id=APP, by="ada")
        with pytest.raises(SubscriptionRotatingError):
            it.service.rotate(made.subscription_id, app_id=APP, by="ada")
        it.send(made, it.event())
        both = there.got[-1]
        it.clock.advance(OVERLAP)
        it.send(made, it.event())
        last = there.got[-1]

    def verified(key: bytes, got: Any) -> Any:
        # The library asks the machine's clock, this test has its own: the signature alone counts.
        webhook = Webhook(secret_text(key))
        webhook._Webhook__verify_timestamp = lambda header: datetime.fromtimestamp(int(header), UTC)  # type: ignore[attr-defined]
        return webhook.verify(got.body, dict(got.headers))

    told = [verified(issued.key, got) for got in there.got[:-1]]
    verified(rotated.key, both)
    verified(rotated.key, last)
    with pytest.raises(Exception, match="No matching signature"):
        verified(issued.key, last)
    sent = [event for one in told for event in (one if mode is MessageMode.BATCH else [one])]
    assert [event["data"] for event in sent][:2] == [{"amount": 1299}, {"text": "Grüezi"}]
    assert sent[2]["type"] == "com.example.subscription.tested.v1"
    assert (
        there.got[0]
        .headers["content-type"]
        .startswith(
            "application/cloudevents-batch+json"
            if mode is MessageMode.BATCH
            else "application/cloudevents+json"
        )
    )
    assert len({got.headers["webhook-id"] for got in there.got}) == len(there.got)


def test_a_batch_that_waited_is_sent_whole_to_who_gets_events_alone_since(make: Make) -> None:
    courier = AnsweringCourier(answer=lambda _url: Attempted(status=500))
    it = make(courier)
    made = it.subscribed(Terms(url=URL, mode=MessageMode.BATCH))
    events = [it.event(), it.event()]
    it.send(made, *events)
    alone = Changes(mode=MessageMode.STRUCTURED)
    it.service.update(made.subscription_id, alone, version=1, app_id=APP, by="ada")
    courier.answer = lambda _url: Attempted(status=204)
    it.clock.advance(10 * MINUTE)
    assert it.retry(made) == 1
    _, headers, body = courier.carried[-1]
    assert headers["content-type"].startswith("application/cloudevents-batch+json")
    assert [one["id"] for one in json.loads(body)] == [one["id"] for one in events]
    assert not it.kept(made)


def test_a_receiver_that_hangs_redirects_or_is_not_public_waits_with_its_reason(
    make: Make,
) -> None:
    outbound = Outbound(
        local=LOCAL,
        patience=Patience(connect=0.2, total=0.2),
        resolve=lambda host, _port: ["127.0.0.1"] if host == "localhost" else ["10.0.0.1"],
    )
    it = make(HttpCourier(outbound=outbound, clock=ManualClock()))
    with receiver() as there:
        near, far = it.subscribed(Terms(url=there.url())), it.subscribed(Terms(url=URL))
        there.status = 302
        it.send(near, it.event())
        there.hangs = True
        it.send(near, it.event())
        it.send(far, it.event())
    assert [one.outcome for one in it.kept(near)] == ["302", "timeout"]
    assert [one.outcome for one in it.kept(far)] == ["forbidden_target"]


def test_a_cache_believes_for_ten_seconds_what_it_read(it: Channel) -> None:
    seconds = [0.0]
    cache = SubscriptionCache(store=it.store, elapsed=lambda: seconds[0])
    assert cache.active(APP) == []
    made = it.subscribed()
    seconds[0] = 9.9
    assert cache.active(APP) == []
    seconds[0] = 10.0
    assert cache.active(APP) == [made]


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("120", timedelta(minutes=2)),
        ("999999999999999", timedelta(seconds=10_000_000)),
        ("", None),
        ("soon", None),
        ("-5", None),
    ],
)
def test_what_a_header_asks_to_wait_is_read_if_it_can_be(
    header: str, wait: timedelta | None
) -> None:
    assert wait_of(header, at=ManualClock()()) == wait


@given(st.integers(0, 12), st.floats(0, 1))
def test_waits_stay_between_the_one_before_and_their_own(attempts: int, share: float) -> None:
    at = ManualClock()()
    delivery = first_delivery(["0" * 26], app_id=APP, subscription_id="sub_1", at=at)
    wait = replace(delivery, attempts=attempts).begun(at=at, share=share).due_at - at
    step = min(attempts, len(SCHEDULE) - 1)
    shortest = SCHEDULE[step - 1] if step else timedelta(0)
    assert shortest - timedelta(milliseconds=1) <= wait <= SCHEDULE[step]

"""A subscription is sent a range of the ledger again, minute by minute, by the function itself."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook
from typing_extensions import override

from functions.deliver_webhooks import wiring
from shared.contact_events.model.resending import Replay
from shared.contact_events.store import DynamoReplayStore
from shared.kernel.clock import rfc3339
from shared.kernel.envelope import Envelope
from shared.platform.dynamodb import commit
from shared.platform.ledger import Ledger
from tests.deployment import Answer
from tests.fakes.told import an_event
from tests.functional.shops import Shop
from tests.receivers import Receiver, receiver

BOUGHT, OPENED = "purchase.completed.v1", "message.opened.v1"
FOR_PURCHASES = {"filter": "type LIKE '%.purchase.completed.v1'"}
HOUR = timedelta(hours=1)


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


def subscribed(shop: Shop, there: Receiver, **said: Any) -> dict[str, Any]:
    answer = shop.call("POST /subscriptions", {"url": there.url(), **said})
    assert answer.status == 201, answer.body
    shop.clock.advance(HOUR)  # that one subscribed is an event too
    made: dict[str, Any] = answer.body
    return made


def recorded(shop: Shop, count: int, event_type: str = BOUGHT) -> list[str]:
    """Record events of another system in one hour, and return their ids; that hour is over then."""
    ledger = Ledger(table=shop.deployed.tables["contact_events"])
    events = [
        an_event(
            event_type, number, app_id=shop.app_id, contact_id=shop.contact_id, at=shop.clock()
        )
        for number in range(count)
    ]
    for event in events:
        commit({"event": ledger.record(event)})
    shop.clock.advance(HOUR)
    return [event.id for event in events]


def begin(
    shop: Shop,
    made: dict[str, Any],
    *,
    since: datetime,
    headers: dict[str, str] | None = None,
    **said: Any,
) -> Answer:
    body = {"from": rfc3339(since), "to": rfc3339(shop.clock() - HOUR / 2), **said}
    path = f"/subscriptions/{made['subscription_id']}/replay"
    return shop.call(f"POST {path}", body, headers=headers)


def replay_of(shop: Shop, begun: Answer, verb: str = "GET", word: str = "") -> Answer:
    who, which = begun.body["subscription_id"], begun.body["replay_id"]
    return shop.call(f"{verb} /subscriptions/{who}/replays/{which}{word}")


def a_minute_later(shop: Shop) -> dict[str, Any]:
    shop.clock.advance(timedelta(minutes=1))
    return shop.deployed.invoke("deliver_webhooks", {})


def got(there: Receiver) -> list[str]:
    return [json.loads(one.body)["id"] for one in there.got]


def verified(secret: str, there: Receiver) -> list[Any]:
    """Return what the stock library reads of all that came."""
    webhook = Webhook(secret)
    # The library asks the machine's clock, this test has its own: the signature alone counts.
    webhook._Webhook__verify_timestamp = lambda header: datetime.fromtimestamp(int(header), UTC)  # type: ignore[attr-defined]
    return [webhook.verify(one.body, dict(one.headers)) for one in there.got]


def test_each_event_of_the_range_comes_once_in_order_filtered_and_in_time(
    shop: Shop, there: Receiver
) -> None:
    made = subscribed(shop, there, **FOR_PURCHASES)
    recorded(shop, 1)
    since = shop.clock()
    wanted = recorded(shop, 3)
    recorded(shop, 2, OPENED)
    wanted += recorded(shop, 2)
    begun = begin(shop, made, since=since, per_minute=3)
    assert begun.status == 201, begun.body
    assert a_minute_later(shop) == {"subscriptions": 1, "replays": 1, "whole": True}
    assert got(there) == wanted[:3]
    a_minute_later(shop)
    assert got(there) == wanted
    done = replay_of(shop, begun).body
    assert (done["state"], done["sent"], done["read"]) == ("done", 5, 7)
    assert a_minute_later(shop) == {"subscriptions": 1, "replays": 0, "whole": True}
    assert [told["id"] for told in verified(made["secret"], there)] == wanted
    assert len({one.headers["webhook-id"] for one in there.got}) == len(wanted)


def test_a_dry_run_counts_and_begins_nothing(shop: Shop, there: Receiver) -> None:
    made = subscribed(shop, there, **FOR_PURCHASES)
    since = shop.clock()
    recorded(shop, 3)
    recorded(shop, 2, OPENED)
    told = begin(shop, made, since=since, dry_run=True)
    assert (told.status, told.body) == (200, {"read": 5, "wanted": 3, "is_whole": True})
    a_minute_later(shop)
    assert there.got == []
    listed = shop.call(f"GET /subscriptions/{made['subscription_id']}/replays")
    assert listed.body == {"items": [], "next_cursor": None}


def test_types_choose_and_the_range_is_told_as_it_was_asked(shop: Shop, there: Receiver) -> None:
    made = subscribed(shop, there)
    since = shop.clock()
    recorded(shop, 1)
    opened = recorded(shop, 2, OPENED)
    begun = begin(shop, made, since=since, types=[OPENED])
    a_minute_later(shop)
    assert got(there) == opened
    assert (begun.body["from"], begun.body["types"]) == (
        since.isoformat().replace("+00:00", "Z"),
        [OPENED],
    )


def test_after_a_crash_before_the_mark_events_come_again_and_none_is_lost(
    shop: Shop, there: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = subscribed(shop, there)
    since = shop.clock()
    wanted = recorded(shop, 3)
    begun = begin(shop, made, since=since)
    crashing = CrashingStore(table=shop.deployed.tables["contact_events"])
    monkeypatch.setattr(wiring, "DynamoReplayStore", lambda **_: crashing)
    wiring.resender.cache_clear()
    assert a_minute_later(shop)["whole"] is False
    assert replay_of(shop, begun).body["sent"] == 0
    crashing.crashes = False
    a_minute_later(shop)
    assert got(there) == wanted + wanted
    assert replay_of(shop, begun).body["state"] == "done"


def test_a_cancelled_replay_stops_and_another_one_may_begin(shop: Shop, there: Receiver) -> None:
    made = subscribed(shop, there)
    since = shop.clock()
    wanted = recorded(shop, 4)
    begun = begin(shop, made, since=since, per_minute=2)
    refused = begin(shop, made, since=since)
    assert (refused.status, refused.body["code"]) == (409, "replay_running")
    a_minute_later(shop)
    cancelled = replay_of(shop, begun, "POST", "/cancel")
    assert (cancelled.status, cancelled.body["state"]) == (200, "cancelled")
    a_minute_later(shop)
    assert got(there) == wanted[:2]
    assert begin(shop, made, since=since).status == 201


def test_what_is_not_taken_waits_and_comes_when_the_receiver_is_back(
    shop: Shop, there: Receiver
) -> None:
    made = subscribed(shop, there)
    since = shop.clock()
    wanted = recorded(shop, 2)
    begin(shop, made, since=since)
    there.status = 503
    a_minute_later(shop)
    assert got(there) == wanted[:1]
    there.status = 204
    there.got.clear()
    a_minute_later(shop)
    assert sorted(got(there)) == wanted


def test_the_same_key_begins_one_replay(shop: Shop, there: Receiver) -> None:
    made = subscribed(shop, there)
    since = shop.clock()
    recorded(shop, 1)
    key = {"Idempotency-Key": "once"}
    first = begin(shop, made, since=since, headers=key)
    again = begin(shop, made, since=since, headers=key)
    assert (again.status, again.body) == (201, first.body)
    assert again.headers["Idempotent-Replayed"] == "true"
    other = begin(shop, made, since=since, headers=key, per_minute=1)
    assert (other.status, other.body["code"]) == (422, "idempotency_key_reused")


def test_a_range_that_is_no_range_is_refused_by_its_field(shop: Shop, there: Receiver) -> None:
    made = subscribed(shop, there)
    for wrong, field in (
        ({"to": rfc3339(shop.clock() + HOUR)}, "/to"),
        ({"from": "2020-01-01T00:00:00Z"}, "/from"),
        ({"per_minute": 6_001}, "/per_minute"),
    ):
        refused = begin(shop, made, since=shop.clock() - 2 * HOUR, **wrong)
        assert refused.status == 422, refused.body
        assert [one["pointer"] for one in refused.body["errors"]] == [field]


class CrashingStore(DynamoReplayStore):
    """Cannot say how far a replay is, for as long as ``crashes``."""

    crashes = True

    @override
    def replace(self, replay: Replay, *, event: Envelope | None = None) -> None:
        if self.crashes and replay.read:
            raise ConnectionError
        super().replace(replay, event=event)

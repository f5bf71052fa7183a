"""What the bus brings goes to whoever subscribed, and comes again until it arrives."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import WebhookVerificationError

from shared.kernel.clock import system_clock
from shared.kernel.envelope import cloudevent
from shared.platform.dynamodb import commit
from shared.platform.ledger import Ledger
from tests.fakes.told import an_event
from tests.functional.bus import records
from tests.functional.shops import Shop
from tests.receivers import Receiver, receiver

FOR_PURCHASES = {"filter": "type LIKE '%.purchase.completed.v1'"}
ALL_DONE: dict[str, list[str]] = {"batchItemFailures": []}


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


def subscribed(shop: Shop, there: Receiver, **said: Any) -> dict[str, Any]:
    answer = shop.call("POST /subscriptions", {"url": there.url(), **said})
    assert answer.status == 201, answer.body
    made: dict[str, Any] = answer.body
    return made


def recorded(shop: Shop, event_type: str, number: int = 1) -> dict[str, Any]:
    """Record an event of another system, and return it as the bus has it."""
    event = an_event(
        event_type, number, app_id=shop.app_id, contact_id=shop.contact_id, at=shop.clock()
    )
    commit({"event": Ledger(table=shop.deployed.tables["contact_events"]).record(event)})
    return cloudevent(event, org="com.example")


def bring(shop: Shop, *events: dict[str, Any]) -> dict[str, Any]:
    return shop.deployed.invoke("deliver_webhooks", records(list(events)))


def a_minute_later(shop: Shop) -> dict[str, Any]:
    shop.clock.advance(timedelta(minutes=1))
    return shop.deployed.invoke("deliver_webhooks", {})


@pytest.mark.parametrize("form", ["structured", "batch"])
def test_the_receiver_of_the_page_takes_each_event_once(
    shop: Shop, there: Receiver, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    page = (Path(__file__).parents[3] / "docs" / "channels.md").read_text()
    program = page.partition("```python receiver\n")[2].partition("```")[0]
    shop.clock.advance(system_clock() - shop.clock())  # the library asks the machine's clock
    given: dict[str, Any] = {"SECRET": subscribed(shop, there, mode=form)["secret"]}
    exec(compile(program, "docs/channels.md", "exec"), given)  # noqa: S102 - our own page
    bought = recorded(shop, "purchase.completed.v1")
    bring(shop, bought)
    (got,) = there.got
    capsys.readouterr()
    for _ in range(2):
        given["receive"](got.body, got.headers)
    assert capsys.readouterr().out == f"{bought['type']} {json.dumps(bought['data'])}\n"
    with pytest.raises(WebhookVerificationError):
        given["receive"](got.body + b" ", got.headers)


def test_an_event_that_is_wanted_arrives_and_others_do_not(shop: Shop, there: Receiver) -> None:
    subscribed(shop, there, **FOR_PURCHASES)
    bought = recorded(shop, "purchase.completed.v1")
    assert bring(shop, bought, recorded(shop, "message.opened.v1", 2)) == ALL_DONE
    (got,) = there.got
    assert json.loads(got.body)["id"] == bought["id"]


def test_what_fails_is_listed_and_arrives_when_the_receiver_is_back(
    shop: Shop, there: Receiver
) -> None:
    there.status = 500
    made = subscribed(shop, there)
    assert bring(shop, recorded(shop, "purchase.completed.v1")) == ALL_DONE
    path = f"/subscriptions/{made['subscription_id']}/deliveries"
    (waiting,) = shop.call(f"GET {path}", query={"state": "waiting"}).body["items"]
    assert (waiting["attempts"], waiting["outcome"]) == (1, "500")
    there.status = 204
    assert a_minute_later(shop) == {"subscriptions": 1, "replays": 0, "whole": True}
    assert shop.call(f"GET {path}", query={"state": "waiting"}).body["items"] == []
    first, second = there.got
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body


def test_without_subscriptions_nothing_is_sent(shop: Shop, there: Receiver) -> None:
    assert bring(shop, recorded(shop, "purchase.completed.v1")) == ALL_DONE
    nothing = {"subscriptions": 0, "replays": 0, "whole": True}
    assert shop.deployed.invoke("deliver_webhooks", {}) == nothing
    assert there.got == []

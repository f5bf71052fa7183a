"""What other systems tell reaches decisions by the bus, once, and our own events do not."""

import json
from datetime import timedelta
from typing import Any

from shared.kernel.envelope import Envelope, cloudevent
from shared.platform.dynamodb import commit
from shared.platform.ledger import Ledger
from tests.fakes.told import an_event
from tests.functional.bus import ORG, records, told
from tests.functional.shops import Shop

SENT, COMPLAINED = "message.sent.v1", "contact.complained.v1"


def of_ada(shop: Shop, event_type: str, number: int = 1, **said: Any) -> Envelope:
    whom: dict[str, Any] = {
        "app_id": shop.app_id,
        "contact_id": shop.contact_id,
        "at": shop.clock(),
    }
    return an_event(event_type, number, **whom, **said)


def bring(shop: Shop, dynamodb: Any, *events: Envelope) -> None:
    """Record events, and have the bus bring them: in their order, and against it."""
    ledger = Ledger(table=shop.deployed.tables["contact_events"])
    for event in events:
        commit({"event": ledger.record(event)})
    found = told(shop.deployed, dynamodb, *{event.type for event in events})
    assert {one["id"] for one in found} >= {event.id for event in events}
    for batch in (found, found[::-1]):
        answer = shop.deployed.invoke("apply_contact_events", records(batch))
        assert answer == {"batchItemFailures": []}


def test_after_a_complaint_elsewhere_a_push_is_refused_and_names_the_case(
    shop: Shop, dynamodb_client: Any
) -> None:
    assert shop.ask().body["decision"] == "allow"
    complaint = of_ada(shop, COMPLAINED, channel="email", direction="in", source="ses")
    bring(shop, dynamodb_client, complaint)
    shop.clock.advance(timedelta(seconds=1))
    refused = shop.ask().body
    assert refused["decision"] == "drop"
    assert complaint.id in json.dumps(refused["because"])


def test_a_text_of_another_system_takes_the_last_place_under_the_cap(
    shop: Shop, dynamodb_client: Any
) -> None:
    shop.put_policy(caps=[{"id": "one", "limit": 1, "window": {"rolling": 24}}])
    texts = [
        of_ada(shop, SENT, channel="sms", direction="out", source="twilio"),
        of_ada(shop, SENT, 2, channel="push", direction="out", source="cloudevents//suite/push"),
    ]
    bring(shop, dynamodb_client, texts[0])
    assert shop.ask().body["decision"] == "defer"
    shop.put_policy(caps=[{"id": "two", "limit": 2, "window": {"rolling": 24}}])
    shop.clock.advance(timedelta(seconds=11))
    assert shop.ask().body["decision"] == "allow"
    bring(shop, dynamodb_client, texts[1])
    assert shop.ask().body["decision"] == "defer"


def test_what_we_send_ourselves_was_counted_before(shop: Shop, dynamodb_client: Any) -> None:
    shop.put_policy(caps=[{"id": "one", "limit": 1, "window": {"rolling": 24}}])
    bring(shop, dynamodb_client, of_ada(shop, SENT, channel="push", direction="out", source="push"))
    assert shop.ask().body["decision"] == "allow"


def test_what_cannot_be_read_comes_again_alone(shop: Shop) -> None:
    complaint = of_ada(shop, COMPLAINED, channel="email", source="ses")
    batch = records([cloudevent(complaint, org=ORG)])
    batch["Records"].append({"messageId": "7", "body": "{}"})
    answer = shop.deployed.invoke("apply_contact_events", batch)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "7"}]}
    assert shop.ask().body["decision"] == "drop"

"""Where people are, learnt from the events that the bus brings, is heeded by decisions."""

import json
from datetime import datetime, timedelta
from typing import Any

from tests.fakes.clock import NOON
from tests.functional.bus import records, told
from tests.functional.conftest import Deployment
from tests.functional.shops import AUDIENCE, Shop

LEARNT_FROM = (
    "device.registered.v1",
    "device.updated.v1",
    "device.logged_out.v1",
    "device.unregistered.v1",
    "contact.identified.v1",
    "contact.updated.v1",
)
FRENCH = "+33612345678"
SECOND = "second-phone"
EVENING = NOON + timedelta(hours=8)
"""20:00 UTC: open by default hours in London, not in Zurich."""


def learn(deployed: Deployment, dynamodb: Any) -> None:
    batch = records(told(deployed, dynamodb, *LEARNT_FROM))
    assert batch["Records"]
    assert deployed.invoke("note_whereabouts", batch) == {"batchItemFailures": []}


def decided(shop: Shop, at: datetime) -> str:
    shop.clock.at = at
    decision: str = shop.ask().body["decision"]
    return decision


def second_phone(shop: Shop, **state: Any) -> str:
    """Have Ada log in with a second phone; return its token."""
    device = shop.deployed.a_device(shop.app_id, SECOND, **state)
    known = shop.deployed.log_in(device, "ada", audience=AUDIENCE)
    token: str = known["device_token"]
    return token


def test_the_zone_of_a_phone_moves_the_quiet_hours(shop: Shop, dynamodb_client: Any) -> None:
    assert decided(shop, EVENING) == "allow"
    second_phone(shop, timezone="Europe/Zurich")
    for _ in range(2):  # each event may come twice
        learn(shop.deployed, dynamodb_client)
        assert decided(shop, EVENING) == "defer"
        assert decided(shop, EVENING - timedelta(hours=1)) == "allow"


def test_a_phone_that_travels_leaves_no_zone_behind(shop: Shop, dynamodb_client: Any) -> None:
    token = second_phone(shop, timezone="Asia/Tokyo")
    learn(shop.deployed, dynamodb_client)
    assert decided(shop, NOON) == "defer"
    travelled = shop.deployed.request(
        f"PUT /v1/apps/{shop.app_id}/devices/{SECOND}",
        {"platform": "android", "client_seq": 2, "timezone": "Europe/London"},
        bearer=token,
    )
    assert travelled.status == 200
    learn(shop.deployed, dynamodb_client)
    assert decided(shop, NOON) == "allow"


def test_a_phone_that_went_tells_nothing_more(shop: Shop, dynamodb_client: Any) -> None:
    token = second_phone(shop, timezone="Asia/Tokyo")
    learn(shop.deployed, dynamodb_client)
    assert decided(shop, NOON) == "defer"  # 21:00 in Tokyo
    gone = shop.deployed.request(f"DELETE /v1/apps/{shop.app_id}/devices/{SECOND}", bearer=token)
    assert gone.status < 300
    learn(shop.deployed, dynamodb_client)
    assert decided(shop, NOON) == "allow"


def test_a_number_that_leaves_several_zones_is_never_outside_one(
    shop: Shop, dynamodb_client: Any
) -> None:
    added = shop.of_ada("PATCH ", {"add_identifiers": [{"namespace": "phone", "value": FRENCH}]})
    assert added.status == 200, added.body
    learn(shop.deployed, dynamodb_client)
    assert decided(shop, EVENING) == "defer"
    assert decided(shop, EVENING - timedelta(hours=1)) == "allow"


def test_an_event_that_is_none_of_these_comes_again(shop: Shop) -> None:
    event = {"type": "com.example.app.created.v1", "source": f"/apps/{shop.app_id}/registrations"}
    record = {"messageId": "7", "body": json.dumps({"detail": event})}
    answer = shop.deployed.invoke("note_whereabouts", {"Records": [record]})
    assert answer == {"batchItemFailures": [{"itemIdentifier": "7"}]}

"""No push without the contact policy's leave: put off, decided again, or not sent at all."""

import json
from datetime import timedelta
from typing import Any

from infra.local.fcm.faults import Fault, FaultPlan
from infra.local.fcm.running import RunningStandin
from shared.kernel.clock import from_rfc3339, rfc3339
from tests.fakes.clock import NOON
from tests.functional.bus import records, told
from tests.functional.shops import Shop

BEFORE_EIGHT = NOON.replace(hour=7, minute=50)
CAPPED: dict[str, Any] = {"caps": [{"id": "one", "limit": 1, "window": {"rolling": 24}}]}


def push(shop: Shop, dynamodb: Any, **terms: Any) -> str:
    """Queue a marketing push to Ada, have the sender work on it, and return the message's id."""
    body = {
        "recipients": [{"contact_id": shop.contact_id}],
        "content": {"title": "Hello"},
        "purpose": "marketing",
        **terms,
    }
    sent = shop.call("POST /messages", body)
    assert sent.status == 202, sent.body
    queued = told(shop.deployed, dynamodb, "message.queued.v1")[-1:]
    assert shop.deployed.invoke("send_push", records(queued)) == {"batchItemFailures": []}
    message_id: str = sent.body["messages"][0]["message_id"]
    return message_id


def state(shop: Shop, message_id: str) -> str:
    found: str = shop.call(f"GET /messages/{message_id}").body["state"]
    return found


def suppressed(shop: Shop, dynamodb: Any) -> list[dict[str, Any]]:
    return [event["data"] for event in told(shop.deployed, dynamodb, "message.suppressed.v1")]


def work_on_jobs(shop: Shop) -> None:
    """Hand the sender what waits in its queue."""
    jobs, shop.deployed.aws.jobs[:] = list(shop.deployed.aws.jobs), []
    for job in jobs:
        record = {"messageId": "1", "body": json.dumps(job["MessageBody"])}
        answer = shop.deployed.invoke("send_push", {"Records": [record]})
        assert answer == {"batchItemFailures": []}


def test_a_push_in_quiet_hours_is_put_off_told_and_sent_after_its_release(
    pushing: Shop, fcm: RunningStandin, dynamodb_client: Any
) -> None:
    pushing.clock.at = BEFORE_EIGHT
    message_id = push(pushing, dynamodb_client)
    assert (state(pushing, message_id), fcm.received()) == ("pending", [])
    (event,) = suppressed(pushing, dynamodb_client)
    assert (event["decision"], event["reason"]) == ("defer", "quiet_hours")
    assert event["message_id"] == message_id
    assert from_rfc3339(event["until"]) == NOON.replace(hour=8)
    assert pushing.deployed.aws.jobs == []

    assert pushing.deployed.invoke("release_deferrals", {}) == {"released": 0}
    pushing.clock.at = NOON.replace(hour=8, minute=20)
    assert pushing.deployed.invoke("release_deferrals", {}) == {"released": 1}
    assert pushing.deployed.invoke("release_deferrals", {}) == {"released": 0}
    work_on_jobs(pushing)
    assert (state(pushing, message_id), len(fcm.received())) == ("sent", 1)


def test_what_is_released_is_decided_again(
    pushing: Shop, fcm: RunningStandin, dynamodb_client: Any
) -> None:
    pushing.clock.at = BEFORE_EIGHT
    message_id = push(pushing, dynamodb_client, topic="news")
    pushing.of_ada("PUT /preferences", {"topics_off": ["news"]})
    pushing.clock.at = NOON.replace(hour=8, minute=20)
    pushing.deployed.invoke("release_deferrals", {})
    work_on_jobs(pushing)
    assert (state(pushing, message_id), fcm.received()) == ("skipped", [])
    put_off, dropped = suppressed(pushing, dynamodb_client)
    assert (put_off["decision"], dropped["decision"]) == ("defer", "drop")
    assert dropped["because"][0]["rule"] == "topic_off"


def test_what_expired_before_its_release_is_never_sent(
    pushing: Shop, fcm: RunningStandin, dynamodb_client: Any
) -> None:
    pushing.clock.at = BEFORE_EIGHT
    until = NOON.replace(hour=8, minute=5)
    message_id = push(pushing, dynamodb_client, send_until=rfc3339(until))
    pushing.clock.at = NOON.replace(hour=8, minute=20)
    assert pushing.deployed.invoke("release_deferrals", {}) == {"released": 1}
    work_on_jobs(pushing)
    assert (state(pushing, message_id), fcm.received()) == ("expired", [])


def test_a_second_push_over_the_cap_is_skipped_with_the_reason(
    pushing: Shop, fcm: RunningStandin, dynamodb_client: Any
) -> None:
    pushing.put_policy(**CAPPED)
    soon = rfc3339(NOON + timedelta(hours=1))
    first, second = (push(pushing, dynamodb_client, send_until=soon) for _ in range(2))
    assert (state(pushing, first), state(pushing, second)) == ("sent", "skipped")
    assert len(fcm.received()) == 1
    (event,) = suppressed(pushing, dynamodb_client)
    assert (event["message_id"], event["decision"], event["reason"]) == (second, "drop", "cap")
    assert event["because"][0]["rule"] == "one"
    # Another channel that asks is told of the push, too.
    assert pushing.ask(channel="email").body["because"][0]["rule"] == "one"


def test_what_must_be_told_is_sent_whatever_the_hour_and_counted(
    pushing: Shop, fcm: RunningStandin, dynamodb_client: Any
) -> None:
    pushing.put_policy(**CAPPED)
    pushing.clock.at = NOON.replace(hour=3)
    message_id = push(pushing, dynamodb_client, purpose="transactional")
    assert (state(pushing, message_id), len(fcm.received())) == ("sent", 1)


def test_a_push_that_fcm_refuses_is_counted_no_more(
    pushing: Shop, fcm: RunningStandin, dynamodb_client: Any
) -> None:
    pushing.put_policy(**CAPPED)
    fcm.fail(FaultPlan(rates={Fault.UNREGISTERED: 1.0}))
    try:
        message_id = push(pushing, dynamodb_client)
    finally:
        fcm.fail(FaultPlan())
    assert state(pushing, message_id) == "invalid"
    assert pushing.ask().body["decision"] == "allow"

"""What happens on one channel moves the next: once, by the bus, the sweep and the policy."""

from datetime import timedelta
from typing import Any

import pytest

from shared.kernel.envelope import Envelope
from shared.platform.dynamodb import bind, commit
from shared.platform.ledger import EventRow, Ledger, from_row
from tests.fakes.told import an_event
from tests.functional.bus import records, told
from tests.functional.shops import Shop

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
SENT, OPENED = "message.sent.v1", "message.opened.v1"
REMINDER: dict[str, Any] = {
    "name": "unopened push",
    "when": {"type": SENT, "filter": "channel = 'push'"},
    "after": "PT1H",
    "unless": [{"type": OPENED, "same": "message"}],
    "then": {"request": {"channel": "email", "purpose": "transactional", "text": "spring-offer"}},
}


def in_force(shop: Shop, **changes: Any) -> str:
    """Draft a trigger, and have another marketer approve it."""
    made = shop.call("POST /triggers", {"document": {**REMINDER, **changes}})
    assert made.status == 201, made.body
    trigger_id: str = made.body["trigger_id"]
    own = shop.call(f"POST /triggers/{trigger_id}/approve", {"version": 1})
    assert (own.status, own.body["code"]) == (403, "own_approval")
    sender = shop.deployed.marketer(shop.app_id, "sender")
    approved = shop.call(f"POST /triggers/{trigger_id}/approve", {"version": 1}, bearer=sender)
    assert approved.body["in_force"] == 1, approved.body
    shop.clock.advance(timedelta(seconds=10))
    return trigger_id


def happens(shop: Shop, dynamodb: Any, event_type: str, number: int = 1, **data: Any) -> Envelope:
    """Record an event of Ada's, and have the bus bring it, twice."""
    event = an_event(
        event_type,
        number,
        app_id=shop.app_id,
        contact_id=shop.contact_id,
        at=shop.clock(),
        channel="push",
        source="suite",
        data=data,
    )
    commit({"event": Ledger(table=shop.deployed.tables["contact_events"]).record(event)})
    for _ in range(2):
        bring(shop, dynamodb, event_type)
    return event


def bring(shop: Shop, dynamodb: Any, *types: str) -> None:
    answer = shop.deployed.invoke("follow_triggers", records(told(shop.deployed, dynamodb, *types)))
    assert answer == {"batchItemFailures": []}


def recorded(shop: Shop, event_type: str) -> list[Envelope]:
    rows = bind(EventRow, table=shop.deployed.tables["contact_events"])
    found = map(from_row, rows.scan(rows.type == event_type))
    return [one for one in found if one.app_id == shop.app_id]


def sweep(shop: Shop, *, after: timedelta) -> dict[str, int]:
    shop.clock.advance(after)
    answer: dict[str, int] = shop.deployed.invoke("fire_triggers", {})
    return answer


def instances(shop: Shop, trigger_id: str) -> list[dict[str, Any]]:
    query = {"contact_id": shop.contact_id}
    answer = shop.call(f"GET /triggers/{trigger_id}/instances", query=query)
    assert answer.status == 200, answer.body
    items: list[dict[str, Any]] = answer.body["items"]
    return items


def test_a_push_unopened_for_an_hour_has_an_e_mail_requested_once(
    shop: Shop, dynamodb_client: Any
) -> None:
    trigger_id = in_force(shop)
    cause = happens(shop, dynamodb_client, SENT, message_id="msg_1")
    (waiting,) = instances(shop, trigger_id)
    assert (waiting["state"], waiting["cause"]) == ("waiting", cause.id)
    assert sweep(shop, after=HOUR) == {}
    assert sweep(shop, after=3 * MINUTE) == {"fired": 1}
    assert sweep(shop, after=3 * MINUTE) == {}
    (request,) = recorded(shop, "contact.requested.v1")
    assert (request.channel, request.cause) == ("email", cause.id)
    assert request.data["text"] == "spring-offer"
    (published,) = told(shop.deployed, dynamodb_client, "contact.requested.v1")
    assert published["data"]["reservation_id"] == request.data["reservation_id"]
    committed = shop.call(f"POST /contact-decisions/{request.data['reservation_id']}/commit")
    assert committed.status < 300, committed.body


def test_a_push_opened_at_59_minutes_has_none_requested(shop: Shop, dynamodb_client: Any) -> None:
    trigger_id = in_force(shop)
    happens(shop, dynamodb_client, SENT, message_id="msg_1")
    shop.clock.advance(59 * MINUTE)
    opened = happens(shop, dynamodb_client, OPENED, 2, message_id="msg_1")
    assert sweep(shop, after=HOUR) == {}
    assert recorded(shop, "contact.requested.v1") == []
    query = {"contact_id": shop.contact_id}
    (why,) = shop.call(f"GET /triggers/{trigger_id}/explain", query=query).body["items"]
    assert (why["instance"]["state"], why["instance"]["because"]) == ("cancelled", opened.id)
    assert [(one["event_id"], one["cancels"]) for one in why["considered"]] == [(opened.id, True)]
    assert why["document"]["after"] == "PT1H"


def test_a_purchase_on_another_channel_cancels_the_reminder_of_a_coupon(
    shop: Shop, dynamodb_client: Any
) -> None:
    trigger_id = in_force(
        shop,
        name="claimed and not used",
        when={"type": "coupon.claimed.v1"},
        after="P3D",
        unless=[
            {"type": "coupon.redeemed.v1", "same": "coupon"},
            {"type": "purchase.completed.v1"},
        ],
        reentry="once",
    )
    happens(shop, dynamodb_client, "coupon.claimed.v1", coupon_id="cpn_1")
    shop.clock.advance(HOUR)
    purchase = happens(shop, dynamodb_client, "purchase.completed.v1", 2, order_id="17")
    (reminder,) = instances(shop, trigger_id)
    assert (reminder["state"], reminder["because"]) == ("cancelled", purchase.id)
    # A sweep looks at each minute that passed: so let there be few.
    assert sweep(shop, after=3 * MINUTE) == {}
    assert recorded(shop, "contact.requested.v1") == []


def test_what_the_policy_refuses_is_told_with_its_rule(shop: Shop, dynamodb_client: Any) -> None:
    request = {**REMINDER["then"]["request"], "purpose": "marketing"}
    in_force(shop, then={"request": request})
    consent = {"status": "withdrawn", "obtained_by": "a form", "channel": "email"}
    assert shop.of_ada("PUT /consents", consent).status < 300
    happens(shop, dynamodb_client, SENT, message_id="msg_1")
    assert sweep(shop, after=HOUR + 3 * MINUTE) == {"suppressed": 1}
    (suppressed,) = recorded(shop, "trigger.suppressed.v1")
    assert suppressed.data["because"][0]["gate"] == "consent"
    assert recorded(shop, "contact.requested.v1") == []


def test_a_simulation_tells_what_would_have_fired(shop: Shop, dynamodb_client: Any) -> None:
    happens(shop, dynamodb_client, SENT, message_id="msg_1")
    happens(shop, dynamodb_client, SENT, 2, message_id="msg_2")
    shop.clock.advance(MINUTE)
    happens(shop, dynamodb_client, OPENED, 3, message_id="msg_2")
    body = {
        "document": REMINDER,
        "from": (shop.clock() - HOUR).isoformat(),
        "to": (shop.clock() + 2 * HOUR).isoformat(),
    }
    found = shop.call("POST /triggers/simulate", body)
    assert found.body["counts"] == {"fired": 1, "cancelled": 1}, found.body
    assert {one["contact_id"] for one in found.body["samples"]} == {shop.contact_id}


def test_what_cannot_be_read_comes_again_alone(shop: Shop) -> None:
    batch = {"Records": [{"messageId": "7", "body": "{}"}]}
    answer = shop.deployed.invoke("follow_triggers", batch)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "7"}]}


def test_a_trigger_is_changed_paused_resumed_and_deleted_over_http(shop: Shop) -> None:
    trigger_id = in_force(shop)
    path = f"/triggers/{trigger_id}"
    changed = {"version": 1, "document": {**REMINDER, "after": "PT2H"}}
    assert shop.call(f"PUT {path}", changed).body["version"] == 2
    stale = shop.call(f"PUT {path}", {**changed, "document": REMINDER})
    assert (stale.status, stale.body["code"]) == (409, "trigger_changed")
    found = shop.call(f"GET {path}").body
    assert (found["state"], found["in_force"]) == ("draft", 1)
    assert shop.call(f"POST {path}/pause").body["state"] == "paused"
    assert shop.call(f"POST {path}/resume").body["in_force"] == 1
    assert [one["trigger_id"] for one in shop.call("GET /triggers").body["items"]] == [trigger_id]
    assert shop.call(f"DELETE {path}").status == 204
    assert shop.call(f"GET {path}").status == 404
    refused = shop.call("POST /triggers", {"document": {"name": "x"}})
    assert (refused.status, refused.body["code"]) == (422, "trigger_invalid")


@pytest.mark.parametrize("is_reserved", [True, False])
def test_a_purchase_gives_a_reservation_back(
    shop: Shop, dynamodb_client: Any, is_reserved: bool
) -> None:
    in_force(
        shop,
        when={"type": "purchase.completed.v1"},
        after="PT0S",
        unless=[],
        then={"release_reservations": {}},
    )
    held = ["red_" + "0" * 26] if is_reserved else []
    for redemption_id in held:
        happens(shop, dynamodb_client, "coupon.reserved.v1", redemption_id=redemption_id)
    happens(shop, dynamodb_client, "purchase.completed.v1", 2)
    state = "fired" if is_reserved else "suppressed"
    assert sweep(shop, after=4 * MINUTE) == {state: 1}
    # What is not held any more stays as it is.
    bring(shop, dynamodb_client, "trigger.fired.v1")


def test_nothing_fires_for_who_was_erased(shop: Shop, dynamodb_client: Any) -> None:
    in_force(shop)
    happens(shop, dynamodb_client, SENT, message_id="msg_1")
    assert shop.of_ada("DELETE ").status == 202
    asked = told(shop.deployed, dynamodb_client, "contact.erasure_requested.v1")
    shop.deployed.invoke("settle_contacts", records(asked))
    assert sweep(shop, after=HOUR + 3 * MINUTE) == {}
    assert recorded(shop, "contact.requested.v1") == []

"""Inboxes over HTTP: of whoever uses the device, on all their devices, and gone with them."""

from typing import Any

from tests.functional.shops import AUDIENCE, Shop

OFFER = {"title": "An offer", "body": "for you", "link": "shop://spring", "data": {"k": "v"}}


def ada_on(shop: Shop, device: dict[str, Any] | None = None) -> dict[str, Any]:
    """Log Ada in on a device, a new one unless told otherwise, and return it with its token."""
    device = device or shop.deployed.a_device(shop.app_id, "another-phone")
    return {**device, **shop.deployed.log_in(device, "ada", audience=AUDIENCE)}


def place(shop: Shop, *contact_ids: str, **terms: Any) -> list[dict[str, Any]]:
    """Put a message into inboxes, and return what became of each."""
    body = {"contact_ids": list(contact_ids), "content": OFFER, **terms}
    answer = shop.call("POST /inbox-messages", body)
    assert answer.status == 200, answer.body
    items: list[dict[str, Any]] = answer.body["items"]
    return items


def look(shop: Shop, device: dict[str, Any], **query: str) -> dict[str, Any]:
    """Return a page of the inbox that a device shows."""
    route = f"GET /devices/{device['device_id']}/inbox"
    answer = shop.call(route, query=query, bearer=device["device_token"])
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.body
    return found


def mark(shop: Shop, device: dict[str, Any], message_id: str, state: str) -> Any:
    route = f"PATCH /devices/{device['device_id']}/inbox/{message_id}"
    return shop.call(route, {"state": state}, bearer=device["device_token"])


def test_a_message_stands_in_the_inbox_until_it_is_put_away(shop: Shop) -> None:
    ada = ada_on(shop)
    (placed,) = place(shop, shop.contact_id, purpose="service")
    assert placed["state"] == "placed"
    page = look(shop, ada)
    (message,) = page["items"]
    assert (page["unseen"], page["unread"], page["next_cursor"]) == (1, 1, None)
    assert {name: message[name] for name in OFFER} == OFFER
    assert (message["message_id"], message["state"]) == (placed["message_id"], "unseen")
    assert mark(shop, ada, message["message_id"], "read").body["state"] == "read"
    assert (look(shop, ada)["unseen"], look(shop, ada)["unread"]) == (0, 0)
    refused = mark(shop, ada, message["message_id"], "seen")
    assert (refused.status, refused.body["code"]) == (409, "inbox_state")
    mark(shop, ada, message["message_id"], "archived")
    assert look(shop, ada)["items"] == []
    assert len(look(shop, ada, archived="true")["items"]) == 1


def test_what_became_of_it_stands_on_the_timeline(shop: Shop) -> None:
    ada = ada_on(shop)
    (placed,) = place(shop, shop.contact_id)
    for state in ("seen", "read", "read", "interacted"):
        assert mark(shop, ada, placed["message_id"], state).status == 200
    items = shop.of_ada("GET /timeline", query={"channel": "inapp"}).body["items"]
    assert [one["type"].removeprefix("com.example.") for one in items] == [
        "message.sent.v1",
        "message.seen.v1",
        "message.opened.v1",
        "message.clicked.v1",
    ]


def test_an_inbox_follows_its_person_to_another_device(shop: Shop) -> None:
    ada, guest = ada_on(shop), shop.deployed.a_device(shop.app_id, "tablet-01")
    place(shop, shop.contact_id)
    place(shop, guest["contact_id"])
    assert len(look(shop, guest)["items"]) == 1
    known = ada_on(shop, guest)
    assert known["contact_id"] == shop.contact_id
    for device in (ada, known):
        assert len(look(shop, device)["items"]) == 2
    (_, other) = look(shop, known)["items"]
    mark(shop, known, other["message_id"], "read")
    assert [one["state"] for one in look(shop, ada)["items"]] == ["unseen", "read"]


def test_nobody_reads_the_inbox_of_another_device(shop: Shop) -> None:
    ada, guest = ada_on(shop), shop.deployed.a_device(shop.app_id, "tablet-01")
    (placed,) = place(shop, shop.contact_id)
    stolen = {**guest, "device_id": ada["device_id"]}
    route = f"GET /devices/{stolen['device_id']}/inbox"
    assert shop.call(route, bearer=guest["device_token"]).status == 404
    refused = mark(shop, guest, placed["message_id"], "read")
    assert (refused.status, refused.body["code"]) == (404, "message_not_found")


def test_who_objected_gets_nothing_and_the_sender_is_told_why(shop: Shop) -> None:
    ada = ada_on(shop)
    objected = {"status": "withdrawn", "purpose": "marketing", "channel": "inapp"}
    assert shop.of_ada("PUT /consents", {**objected, "obtained_by": "the app"}).status < 300
    (placed,) = place(shop, shop.contact_id, purpose="marketing")
    assert (placed["state"], placed["reason"]) == ("refused", "consent")
    assert placed["message_id"] is None
    assert look(shop, ada)["items"] == []
    (nobody,) = place(shop, f"con_{'0' * 26}")
    assert (nobody["state"], nobody["reason"]) == ("refused", "contact_not_found")


def test_a_retry_with_the_same_key_gets_the_first_answer(shop: Shop) -> None:
    ada = ada_on(shop)
    body = {"contact_ids": [shop.contact_id], "content": OFFER}
    key = {"Idempotency-Key": "k"}
    first = shop.call("POST /inbox-messages", body, headers=key)
    again = shop.call("POST /inbox-messages", body, headers=key)
    assert (again.status, again.body) == (200, first.body)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(look(shop, ada)["items"]) == 1
    other = {**body, "purpose": "service"}
    reused = shop.call("POST /inbox-messages", other, headers=key)
    assert reused.body["code"] == "idempotency_key_reused"


def test_pages_follow_each_other(shop: Shop) -> None:
    ada = ada_on(shop)
    for _ in range(3):
        place(shop, shop.contact_id)
    first = look(shop, ada, limit="2")
    second = look(shop, ada, limit="2", cursor=first["next_cursor"])
    ids = {one["message_id"] for one in (*first["items"], *second["items"])}
    assert (len(ids), second["next_cursor"], second["unread"]) == (3, None, 3)


def test_an_export_has_the_inbox(shop: Shop) -> None:
    ada_on(shop)
    place(shop, shop.contact_id)
    found: list[dict[str, Any]] = []
    query = {"limit": "100"}
    while True:
        page = shop.of_ada("GET /export", query=query).body
        found += [one["data"] for one in page["items"] if one["kind"] == "inbox"]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert [(one["title"], one["state"]) for one in found] == [(OFFER["title"], "unseen")]

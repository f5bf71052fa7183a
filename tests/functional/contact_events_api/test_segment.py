"""The wire of Segment's libraries: same paths, same proof, same answers."""

import gzip
import json
from base64 import b64encode
from typing import Any

import pytest

from tests.deployment import Answer, Deployment
from tests.functional.contact_events_api.test_events import rejects_of


def a_write_key(deployed: Deployment, app_id: str, name: str = "shop") -> str:
    made = deployed.request(
        f"POST /v1/apps/{app_id}/write-keys", {"name": name}, bearer=deployed.operator()
    )
    assert made.status == 201, made.body
    key: str = made.body["write_key"]
    return key


def basic(key: str) -> dict[str, str]:
    return {"authorization": f"Basic {b64encode(f'{key}:'.encode()).decode()}"}


def send(deployed: Deployment, path: str, body: Any, headers: dict[str, str]) -> Answer:
    sent = body if isinstance(body, bytes) else json.dumps(body)
    return deployed.request(f"POST /v1/{path}", sent, headers=headers)


def call(id_: str, **other: Any) -> dict[str, Any]:
    return {
        "type": "track",
        "event": "Product Viewed",
        "messageId": id_,
        "userId": "C-17",
        "timestamp": "2026-11-23T09:00:00Z",
        **other,
    }


def recorded(deployed: Deployment, dynamodb_client: Any) -> list[str]:
    """Return the types of all events that came over this wire."""
    rows = dynamodb_client.scan(TableName=deployed.tables["contact_events"])["Items"]
    return sorted(row["type"]["S"] for row in rows if row.get("source") == {"S": "segment"})


def test_a_batch_is_taken_once_plain_or_in_gzip(deployed: Deployment, dynamodb_client: Any) -> None:
    app_id = deployed.an_app()
    headers = basic(a_write_key(deployed, app_id))
    batch = {"batch": [call("1"), call("2", type="page", name="Home"), call("3", type="?")]}
    small = gzip.compress(json.dumps(batch).encode())
    for body, more in ((batch, {}), (small, {"content-encoding": "gzip"})):
        answer = send(deployed, "batch", body, {**headers, **more})
        assert (answer.status, answer.body) == (200, {"success": True})
    assert recorded(deployed, dynamodb_client) == ["page.viewed.v1", "product.viewed.v1"]
    refused = {(one["wire"], one["code"], one["index"]) for one in rejects_of(deployed, app_id)}
    assert refused == {("segment", "type", 2)}


@pytest.mark.parametrize(
    ("path", "body", "type_"),
    [
        ("track", {"event": "Product Viewed"}, "product.viewed.v1"),
        ("t", {"event": "Product Viewed"}, "product.viewed.v1"),
        ("identify", {"traits": {"plan": "gold"}}, "contact.described.v1"),
        ("i", {"traits": {"plan": "gold"}}, "contact.described.v1"),
        ("page", {"name": "Home"}, "page.viewed.v1"),
        ("p", {"name": "Home"}, "page.viewed.v1"),
        ("screen", {"name": "Home"}, "screen.viewed.v1"),
        ("group", {"groupId": "club"}, "group.joined.v1"),
        ("alias", {"previousId": "a-1"}, "contact.aliased.v1"),
    ],
)
def test_each_path_takes_its_call(
    deployed: Deployment, dynamodb_client: Any, path: str, body: dict[str, Any], type_: str
) -> None:
    headers = basic(a_write_key(deployed, deployed.an_app()))
    sent = {"userId": "C-17", "messageId": "1", **body}
    assert send(deployed, path, sent, headers).status == 200
    assert recorded(deployed, dynamodb_client) == [type_]


def test_a_library_in_a_page_writes_its_key_into_the_body(
    deployed: Deployment, dynamodb_client: Any
) -> None:
    key = a_write_key(deployed, deployed.an_app())
    plain = {"content-type": "text/plain"}
    assert send(deployed, "t", call("1", writeKey=key), plain).status == 200
    assert recorded(deployed, dynamodb_client) == ["product.viewed.v1"]
    assert send(deployed, "t", call("1", writeKey="wk_of_nobody_at_all"), plain).status == 401


def test_without_a_write_key_nothing_is_taken(deployed: Deployment, dynamodb_client: Any) -> None:
    app_id = deployed.an_app()
    key = a_write_key(deployed, app_id)
    bearer = {"authorization": f"Bearer {deployed.operator()}"}
    wrong: tuple[dict[str, str], ...] = (
        {},
        basic(""),
        basic(f"{key}x"),
        {"authorization": "Basic ?"},
        bearer,
    )
    for headers in wrong:
        answer = send(deployed, "track", call("1"), headers)
        assert (answer.status, answer.body["code"]) == (401, "unauthenticated"), headers
    listed = deployed.request(f"GET /v1/apps/{app_id}/write-keys", bearer=deployed.operator()).body
    gone = f"DELETE /v1/apps/{app_id}/write-keys/{listed['items'][0]['write_key_id']}"
    assert deployed.request(gone, bearer=deployed.operator()).status == 204
    assert send(deployed, "track", call("1"), basic(key)).status == 401
    assert recorded(deployed, dynamodb_client) == []


def test_what_inflates_beyond_500_kb_is_refused(deployed: Deployment, dynamodb_client: Any) -> None:
    headers = basic(a_write_key(deployed, deployed.an_app()))
    bomb = gzip.compress(b" " * 200_000_000)
    for body, more in ((bomb, {"content-encoding": "gzip"}), (b" " * 600_000, {})):
        answer = send(deployed, "batch", body, {**headers, **more})
        assert (answer.status, answer.body["code"]) == (413, "body_too_large")
    for broken in (b"no gzip", gzip.compress(b"{}")[:-4]):
        answer = send(deployed, "batch", broken, {**headers, "content-encoding": "gzip"})
        assert (answer.status, answer.body["code"]) == (400, "malformed_body")
    assert recorded(deployed, dynamodb_client) == []


def test_a_mobile_library_is_told_to_send_here(deployed: Deployment) -> None:
    key = a_write_key(deployed, deployed.an_app())
    answer = deployed.request(
        f"GET /v1/projects/{key}/settings", headers={"host": "api.shop.example"}
    )
    told = answer.body["integrations"]["Segment.io"]
    assert told == {"apiKey": key, "apiHost": "api.shop.example/v1"}
    assert deployed.request("GET /v1/projects/wk_of_nobody/settings").status == 404


def test_a_write_key_is_shown_once(deployed: Deployment, dynamodb_client: Any) -> None:
    app_id = deployed.an_app()
    route, once = f"POST /v1/apps/{app_id}/write-keys", {"Idempotency-Key": "k"}
    operator = deployed.operator()
    first, again = (
        deployed.request(route, {"name": "shop"}, bearer=operator, headers=once) for _ in range(2)
    )
    assert again.body == {**first.body, "write_key": None}
    assert again.headers["Idempotent-Replayed"] == "true"
    tables = [dynamodb_client.scan(TableName=name)["Items"] for name in deployed.tables.values()]
    assert first.body["write_key"] not in json.dumps(tables, default=str)
    a_write_key(deployed, app_id)
    third = deployed.request(route, {"name": "shop"}, bearer=operator)
    assert (third.status, third.body["code"]) == (422, "write_key_rotating")

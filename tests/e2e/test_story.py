"""The main job, end to end: HTTP in, real templates and functions, FCM's wire, the bus."""

import json
import subprocess
from collections import Counter
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from infra.local.aws import Cloud
from infra.local.fcm.received import accepted, standin_client
from infra.local.processes import wait_for
from infra.local.story_stage import plain
from shared.kernel.clock import rfc3339, system_clock
from tests.e2e.calls import PATIENCE, register
from tests.e2e.conftest import Engage

HTTP_2 = "h2"
"""HTTP/2 over TLS, as ALPN calls it (RFC 9113, section 3.2)."""
TIMELINE = ("device.registered", "message.sent", "message.opened")
"""What the contact's timeline holds at the end: each once, in this order."""
PHONES = 1_000
OUTCOMES = ("sent", "invalid", "skipped", "held_out", "expired", "failed", "unknown")


def test_a_push_reaches_a_phone_and_each_step_is_one_event(
    stack: dict[str, Any], http: httpx.Client, sender: dict[str, str]
) -> None:
    app = f"/v1/apps/{stack['app_id']}"
    phone = register(http, stack["app_id"])

    message = {
        "recipients": [{"device_id": phone["device_id"]}],
        "content": {"title": "Hello", "body": "It is a test."},
    }
    queued = http.post(f"{app}/messages", json=message, headers=sender)
    assert queued.status_code == 202, queued.text

    (received,) = accepted_by_fcm(stack, phone["address"]["value"])
    assert received["protocol"] == HTTP_2
    assert received["body"]["message"]["notification"]["title"] == "Hello"

    message_id = queued.json()["messages"][0]["message_id"]
    receipt = {"message_id": message_id, "type": "opened", "at": rfc3339(system_clock())}
    token = {"Authorization": f"Bearer {phone['device_token']}"}
    first, again = (
        http.post(f"{app}/receipts", json={"receipts": [receipt]}, headers=token) for _ in range(2)
    )
    assert (first.json()["accepted"], again.json()["accepted"]) == (1, 0)

    timeline = f"{app}/contacts/{phone['contact_id']}/timeline"

    def told() -> list[dict[str, Any]] | None:
        events = http.get(timeline, headers=sender).json()["items"]
        return events if len(events) >= len(TIMELINE) else None

    events = wait_for(told, within=PATIENCE) or []
    assert tuple(plain(event["type"]) for event in events) == TIMELINE
    assert len({event["id"] for event in events}) == len(TIMELINE)


def test_the_demos_numbers_add_up_by_the_servers_own_answers(
    stack: dict[str, Any], engage: Engage, http: httpx.Client, cloud: Cloud
) -> None:
    told = engage.run("demo", "--port", "0")
    assert told["base_url"] == stack["base_url"]
    story = {name: value for chapter in told["story"] for name, value in chapter.items()}
    admin = {"Authorization": f"Bearer {stack['role_tokens']['admin']}"}
    app = f"/v1/apps/{story['app_id']}"

    def ask(path: str) -> dict[str, Any]:
        return dict(http.get(app + path, headers=admin).raise_for_status().json())

    books = ask(f"/campaigns/{story['campaign_id']}/results")["books"]
    assert books == story["campaign"]
    assert books["planned"] == sum(books[outcome] for outcome in OUTCOMES)
    assert books["held_out"] > 0
    assert books["because"]["skipped"]["cap"] > 0

    ledger = rows_of_app(cloud, stack["tables"]["contact_events"], story["app_id"])
    events = Counter(row["type"]["S"] for row in ledger if "type" in row)
    assert events["device.registered.v1"] == PHONES
    assert events["coupon.redeemed.v1"] == story["coupon_redeemed"] > 0
    pushed = [row for row in ledger if is_push(row)]
    assert len(pushed) == books["sent"] == story["accepted_by_fcm"]

    (limit,) = ask(f"/coupons/{story['coupon_id']}/audit")["items"]
    assert (limit["granted"], limit["is_balanced"]) == (events["coupon.redeemed.v1"], True)
    ads = ask(f"/flights/{story['flight_id']}/results")["total"]
    assert ads["impressions"] == events["ad.shown.v1"] > 0
    assert ads["clicks"] == events["ad.clicked.v1"]
    assert (story["push"], story["because"]) == ("drop", ["case"])
    assert not [row for row in pushed if story["complained_by"] in row["pk"]["S"]]

    place = f"/contacts/{story['contact_id']}/timeline?limit=200"
    timeline = {(one["time"], plain(one["type"])) for one in ask(place)["items"]}
    shown = {(one["time"], one["type"]) for one in story["events"]}
    assert shown <= timeline
    # The bus may tell ads of a redemption after the demo has closed its books.
    assert {type_ for _, type_ in timeline - shown} <= {"ad.converted"}
    assert {"email", "ad"} <= {one["channel"] for one in story["events"]}
    assert story["total_usd"] > story["campaign_usd"] > 0


def rows_of_app(cloud: Cloud, table: str, app_id: str) -> list[dict[str, Any]]:
    """Return all of an app that lies in a table."""
    pages = cloud.client("dynamodb").get_paginator("scan").paginate(TableName=table)
    return [row for page in pages for row in page["Items"] if app_id in row["pk"]["S"]]


def is_push(row: dict[str, Any]) -> bool:
    """Say whether a row of the ledger is a push that was sent."""
    return row.get("type") == {"S": "message.sent.v1"} and row.get("channel") == {"S": "push"}


def test_up_is_idempotent(stack: dict[str, Any], engage: Engage) -> None:
    again = engage.run("up", "--port", "0")
    for same in ("base_url", "app_id", "tables", "function_urls", "fcm"):
        assert again[same] == stack[same]
    assert again["device"]["device_id"] == stack["device"]["device_id"]


@pytest.mark.parametrize(("line", "status"), [("device", 200), ("push", 202)])
def test_the_printed_curl_lines_work_as_pasted(
    stack: dict[str, Any], line: str, status: int
) -> None:
    pasted = stack["curl"][line] + ' -w "\\n%{http_code}"'
    done = subprocess.run(
        ["bash", "-c", pasted], capture_output=True, text=True, check=True, timeout=60
    )
    body, _, code = done.stdout.rpartition("\n")
    assert int(code) == status, body
    assert isinstance(json.loads(body), dict)


def test_the_page_and_the_document_are_served(stack: dict[str, Any], http: httpx.Client) -> None:
    assert "text/html" in http.get("/docs").headers["content-type"]
    document = http.get("/openapi.json").json()
    assert document["servers"][0]["url"] == stack["base_url"]
    assert "/v1/apps/{app_id}/messages" in document["paths"]


def test_an_unknown_path_is_a_problem_of_ours(http: httpx.Client) -> None:
    answer = http.get("/v1/nothing-here")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def accepted_by_fcm(stack: dict[str, Any], address: str) -> list[Mapping[str, Any]]:
    """Return what the stand-in accepted for an address, once there is anything."""
    with standin_client(stack["fcm"]) as client:

        def sent() -> list[Mapping[str, Any]]:
            return list(accepted(client, address=address))

        return wait_for(sent, within=PATIENCE) or []

"""The main job, end to end: HTTP in, real templates and functions, FCM's wire, the bus."""

import json
import ssl
import subprocess
from typing import Any

import httpx
import pytest

from infra.local.processes import wait_for
from infra.local.story import HTTP_2, TIMELINE, plain
from shared.kernel.clock import rfc3339, system_clock
from tests.e2e.calls import PATIENCE, register
from tests.e2e.conftest import Engage


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


def test_the_demo_tells_the_same_story(stack: dict[str, Any], engage: Engage) -> None:
    told = engage.run("demo", "--port", "0")
    assert told["base_url"] == stack["base_url"]
    assert len(told["story"]) == 5


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


def accepted_by_fcm(stack: dict[str, Any], address: str) -> list[dict[str, Any]]:
    """Return what the stand-in accepted for an address, once there is anything."""
    trust = ssl.create_default_context(cafile=stack["fcm"]["ca"])
    with httpx.Client(base_url=stack["fcm"]["endpoint"], verify=trust, timeout=10) as client:

        def sent() -> list[dict[str, Any]]:
            answer = client.get("/_standin/messages", params={"address": address})
            return [each for each in answer.json()["messages"] if each["outcome"] == "sent"]

        return wait_for(sent, within=PATIENCE) or []

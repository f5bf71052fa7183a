"""In-app messages over HTTP: written by marketers, judged by devices, counted when shown."""

from typing import Any

from shared.kernel.clock import rfc3339
from shared.kernel.ids import ulid_of
from tests.functional.push_api.test_inbox import ada_on
from tests.functional.shops import Shop

HELLO: dict[str, Any] = {
    "name": "hello",
    "purpose": "marketing",
    "content": {
        "layout": "modal",
        "title": "Spring",
        "buttons": [{"id": "see", "title": "See", "url": "shop://spring"}],
        "config": {"theme": "dark"},
    },
    "trigger": {
        "event": "com.example.basket.filled",
        "filters": [{"attribute": "lines", "comparison": "from", "values": [2]}],
    },
    "caps": {"per_day": 1, "total": 3},
    "quiet_time": {"start": "22:00", "end": "07:30"},
    "priority": 70,
}


def draft(shop: Shop, **terms: Any) -> dict[str, Any]:
    answer = shop.call("POST /in-app-messages", {**HELLO, **terms})
    assert answer.status == 201, answer.body
    made: dict[str, Any] = answer.body
    return made


def activate(shop: Shop, made: dict[str, Any]) -> dict[str, Any]:
    route = f"POST /in-app-messages/{made['in_app_id']}/activate"
    answer = shop.call(route, {"version": made["version"]})
    assert answer.status == 200, answer.body
    active: dict[str, Any] = answer.body
    return active


def rules(shop: Shop, device: dict[str, Any]) -> list[dict[str, Any]]:
    route = f"GET /devices/{device['device_id']}/in-app"
    answer = shop.call(route, bearer=device["device_token"])
    assert answer.status == 200, answer.body
    items: list[dict[str, Any]] = answer.body["items"]
    return items


def report(shop: Shop, device: dict[str, Any], in_app_id: str, *kinds: str, chance: int = 1) -> Any:
    receipts = [
        {
            "in_app_id": in_app_id,
            "display_id": ulid_of(shop.clock(), chance=chance),
            "type": kind,
            "at": rfc3339(shop.clock()),
        }
        for kind in kinds
    ]
    answer = shop.call("POST /receipts", {"receipts": receipts}, bearer=device["device_token"])
    assert answer.status == 202, answer.body
    return answer.body


def test_a_message_is_written_read_changed_and_listed(shop: Shop) -> None:
    made = draft(shop)
    assert {name: made[name] for name in ("state", "version")} == {"state": "draft", "version": 1}
    path = f"/in-app-messages/{made['in_app_id']}"
    assert shop.call(f"GET {path}").body == made
    assert made["trigger"] == HELLO["trigger"]
    changed = shop.call(f"PUT {path}", {**HELLO, "priority": 90, "version": 1})
    assert (changed.status, changed.body["priority"], changed.body["version"]) == (200, 90, 2)
    stale = shop.call(f"PUT {path}", {**HELLO, "version": 1})
    assert (stale.status, stale.body["code"]) == (409, "in_app_changed")
    assert [one["version"] for one in shop.call("GET /in-app-messages").body["items"]] == [2]


def test_a_device_gets_the_rules_while_the_message_is_active(shop: Shop) -> None:
    ada = ada_on(shop)
    active = activate(shop, draft(shop))
    (rule,) = rules(shop, ada)
    for name in ("content", "trigger", "caps", "quiet_time", "priority", "in_app_id"):
        assert rule[name] == active[name]
    path = f"POST /in-app-messages/{active['in_app_id']}/pause"
    assert shop.call(path, {"version": active["version"]}).body["state"] == "paused"
    assert rules(shop, ada) == []


def test_a_segment_says_for_whom_it_is(shop: Shop) -> None:
    segment = {"name": "vips", "rule": {"tag": "vip"}}
    segment_id = shop.call("POST /segments", segment).body["segment_id"]
    ada = ada_on(shop)
    activate(shop, draft(shop, segment_id=segment_id))
    assert rules(shop, ada) == []
    assert shop.of_ada("PATCH ", {"add_tags": ["vip"]}).status == 200
    assert len(rules(shop, ada)) == 1
    missing = shop.call("POST /in-app-messages", {**HELLO, "segment_id": f"seg_{'0' * 26}"})
    assert (missing.status, missing.body["code"]) == (404, "segment_not_found")


def test_who_complained_or_objected_is_shown_no_marketing(shop: Shop) -> None:
    ada = ada_on(shop)
    activate(shop, draft(shop))
    service = activate(shop, draft(shop, purpose="service"))
    assert len(rules(shop, ada)) == 2
    case = shop.of_ada("POST /cases", {"kind": "complaint"})
    assert case.status < 300, case.body
    assert [one["in_app_id"] for one in rules(shop, ada)] == [service["in_app_id"]]


def test_a_display_counts_once_and_stands_on_the_timeline(shop: Shop) -> None:
    ada = ada_on(shop)
    shown = activate(shop, draft(shop))["in_app_id"]
    heard = report(shop, ada, shown, "displayed", "clicked", "displayed")
    assert (heard["accepted"], heard["duplicates"]) == (2, 1)
    assert report(shop, ada, shown, "displayed")["duplicates"] == 1
    items = shop.of_ada("GET /timeline", query={"channel": "inapp"}).body["items"]
    assert [one["type"].removeprefix("com.example.") for one in items] == [
        "message.sent.v1",
        "message.clicked.v1",
    ]
    assert {one["data"]["in_app_id"] for one in items} == {shown}


def test_displays_use_up_the_caps_of_every_channel(shop: Shop) -> None:
    shop.put_policy(caps=[{"id": "two", "limit": 2, "window": {"rolling": 24}}])
    ada = ada_on(shop)
    shown = activate(shop, draft(shop))["in_app_id"]
    for chance in (1, 2, 2):
        report(shop, ada, shown, "displayed", chance=chance)
        assert shop.ask(purpose="marketing").body["decision"] == (
            "allow" if chance == 1 else "defer"
        )
    assert rules(shop, ada) == []


def test_receipts_of_pushes_and_displays_are_not_mixed_up(shop: Shop) -> None:
    ada = ada_on(shop)
    at = rfc3339(shop.clock())
    display = {"in_app_id": f"iam_{'0' * 26}", "display_id": "0" * 26, "at": at}
    push = {"message_id": f"msg_{'0' * 26}_0", "at": at}
    body = {"receipts": [{**push, "type": "opened"}, {**display, "type": "displayed"}]}
    answer = shop.call("POST /receipts", body, bearer=ada["device_token"])
    assert [one["index"] for one in answer.body["rejected"]] == [0, 1]
    for wrong in (
        {**push, "type": "displayed"},
        {**display, "type": "opened"},
        {**push, **display, "type": "clicked"},
        {"in_app_id": display["in_app_id"], "type": "clicked", "at": at},
        {**display, "display_id": "U" * 26, "type": "clicked"},
    ):
        refused = shop.call("POST /receipts", {"receipts": [wrong]}, bearer=ada["device_token"])
        assert (refused.status, refused.body["code"]) == (422, "invalid_fields"), wrong


def test_who_edits_does_not_activate(shop: Shop) -> None:
    made = draft(shop)
    editor = shop.deployed.marketer(shop.app_id, "editor")
    route = f"POST /in-app-messages/{made['in_app_id']}/activate"
    assert shop.call(route, {"version": 1}, bearer=editor).status == 403

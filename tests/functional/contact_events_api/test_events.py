"""Events come in as CloudEvents, from devices, other systems and marketers; each is once there."""

import json
from typing import Any

import pytest

from shared.kernel.clock import rfc3339, system_clock
from tests.deployment import Answer, Deployment

STRUCTURED, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"


def letter(id_: str = "1", **other: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": id_,
        "source": "/letters",
        "type": "message.sent.v1",
        "channel": "post",
        "direction": "out",
        "purpose": "marketing",
        "subject": "customer/C-17",
        "time": rfc3339(system_clock()),
        "data": {"campaign_id": "spring"},
        **other,
    }


def tell(
    deployed: Deployment, app_id: str, body: Any, *, bearer: str, media_type: str = STRUCTURED
) -> Answer:
    text = body if isinstance(body, str | bytes) else json.dumps(body)
    return deployed.request(
        f"POST /v1/apps/{app_id}/events",
        text,
        bearer=bearer,
        headers={"content-type": media_type},
    )


def a_system(deployed: Deployment, app_id: str, *channels: str) -> str:
    made = deployed.request(
        f"POST /v1/apps/{app_id}/webhook-secrets",
        {"name": "suite", "channels": channels},
        bearer=deployed.operator(),
    )
    secret: str = made.body["secret"]
    return secret


def timeline_of(deployed: Deployment, app_id: str, contact_id: str) -> list[dict[str, Any]]:
    path = f"/v1/apps/{app_id}/contacts/{contact_id}/timeline"
    items: list[dict[str, Any]] = deployed.request(f"GET {path}", bearer=deployed.operator()).body[
        "items"
    ]
    return items


def rejects_of(deployed: Deployment, app_id: str) -> list[dict[str, Any]]:
    path = f"GET /v1/apps/{app_id}/ingest-rejects"
    items: list[dict[str, Any]] = deployed.request(path, bearer=deployed.operator()).body["items"]
    return items


def test_a_batch_keeps_its_good_events_and_names_the_others(deployed: Deployment) -> None:
    app_id = deployed.an_app()
    bearer = a_system(deployed, app_id, "post")
    batch = [
        letter("1"),
        letter("2", time="yesterday"),
        letter("3", channel="sms"),
        letter("4", channel=None),
        letter("5"),
    ]
    first = tell(deployed, app_id, batch, bearer=bearer, media_type=BATCH)
    assert first.status == 202
    assert (first.body["accepted"], first.body["duplicates"]) == (2, 0)
    assert [(one["index"], one["code"], one["pointer"]) for one in first.body["rejected"]] == [
        (1, "time", "/1/time"),
        (2, "channel", "/2/channel"),
        (3, "channel", "/3/channel"),
    ]
    again = tell(deployed, app_id, batch, bearer=bearer, media_type=BATCH)
    assert (again.body["accepted"], again.body["duplicates"]) == (0, 2)
    kept = rejects_of(deployed, app_id)
    assert [(one["wire"], one["code"]) for one in kept] == [
        ("cloudevents", code) for code in ("channel", "channel", "time")
    ] * 2


def test_the_three_modes_of_one_event_are_one_event(deployed: Deployment) -> None:
    app_id = deployed.an_app()
    editor = deployed.marketer(app_id, "editor")
    event = letter()
    attributes = {f"ce-{name}": value for name, value in event.items() if name != "data"}
    binary = deployed.request(
        f"POST /v1/apps/{app_id}/events",
        json.dumps(event["data"]),
        bearer=editor,
        headers={"content-type": "application/json", **attributes},
    )
    assert (binary.status, binary.body["accepted"]) == (202, 1), binary.body
    structured = tell(deployed, app_id, event, bearer=editor)
    batched = tell(deployed, app_id, [event], bearer=editor, media_type=BATCH)
    assert [answer.body["duplicates"] for answer in (structured, batched)] == [1, 1]


def test_an_event_can_be_read_by_its_id(deployed: Deployment) -> None:
    app_id, other = deployed.an_app(), deployed.an_app()
    device = deployed.a_device(app_id)
    tell(deployed, app_id, letter(subject=None), bearer=device["device_token"])
    told = timeline_of(deployed, app_id, device["contact_id"])[-1]
    viewer = deployed.marketer(app_id, "viewer")
    path = f"events/{told['id']}"
    found = deployed.request(f"GET /v1/apps/{app_id}/{path}", bearer=viewer)
    assert (found.status, found.body) == (200, told)
    for wrong in (f"{other}/{path}", f"{app_id}/events/evt_{'0' * 26}"):
        answer = deployed.request(f"GET /v1/apps/{wrong}", bearer=deployed.operator())
        assert (answer.status, answer.body["code"]) == (404, "event_not_found")
    for never in ("7" * 26, "Z" * 26):
        answer = deployed.request(
            f"GET /v1/apps/{app_id}/events/evt_{never}", bearer=deployed.operator()
        )
        assert answer.status == 404


def test_a_device_speaks_of_its_own_contact_under_its_own_name(deployed: Deployment) -> None:
    app_id = deployed.an_app()
    ada, eve = deployed.a_device(app_id), deployed.a_device(app_id, "phone-002")
    of_eve = letter("1", subject=f"contact/{eve['contact_id']}")
    others = (of_eve, letter("2"), letter("3", subject=None, data={"identifiers": []}))
    answers = [tell(deployed, app_id, event, bearer=ada["device_token"]).body for event in others]
    assert [(one["accepted"], [r["code"] for r in one["rejected"]]) for one in answers] == [
        (0, ["not_yours"]),
        (0, ["not_yours"]),
        (1, []),
    ]
    sources = [event["source"] for event in timeline_of(deployed, app_id, ada["contact_id"])]
    assert sources[-1].endswith("device/phone-001")
    assert len(timeline_of(deployed, app_id, eve["contact_id"])) == 1


def test_two_apps_keep_the_same_event_each_for_itself(deployed: Deployment) -> None:
    apps = [deployed.an_app(), deployed.an_app()]
    answers = [tell(deployed, app, letter(), bearer=deployed.operator()).body for app in apps]
    assert [answer["accepted"] for answer in answers] == [1, 1]


def test_what_cannot_be_read_is_a_reject_and_nothing_else(deployed: Deployment) -> None:
    app_id = deployed.an_app()
    for body in ("{", "[[]]", b"\xff", "[" * 100_000, '"text"', ""):
        answer = tell(deployed, app_id, body, bearer=deployed.operator())
        assert answer.status == 202, (body, answer.body)
        assert (answer.body["accepted"], len(answer.body["rejected"])) == (0, 1)


def test_a_body_larger_than_256_kb_is_refused(deployed: Deployment) -> None:
    app_id = deployed.an_app()
    answer = tell(deployed, app_id, " " * 300 * 1024, bearer=deployed.operator())
    assert (answer.status, answer.body["code"]) == (413, "body_too_large")


@pytest.mark.parametrize("cursor", ["x", "\0", "Nzd6"])
def test_a_cursor_of_another_list_leads_nowhere_among_rejects(
    deployed: Deployment, cursor: str
) -> None:
    app_id = deployed.an_app()
    answer = deployed.request(
        f"GET /v1/apps/{app_id}/ingest-rejects",
        bearer=deployed.operator(),
        query={"cursor": cursor},
    )
    assert answer.status == 422

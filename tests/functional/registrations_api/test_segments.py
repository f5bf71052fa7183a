"""Segments over HTTP."""

from typing import Any

import pytest

from tests.functional.conftest import Answer, Deployment

VIP: dict[str, Any] = {"name": "vips", "rule": {"tag": "vip"}}
IOS = {"device": "platform", "is": "ios"}


@pytest.fixture
def app_id(deployed: Deployment) -> str:
    return deployed.an_app()


def call(
    deployed: Deployment,
    app_id: str,
    route: str,
    body: Any = None,
    *,
    role: str = "viewer",
    **options: Any,
) -> Answer:
    method, _, path = route.partition(" ")
    return deployed.request(
        f"{method} /v1/apps/{app_id}/segments{path}",
        body,
        bearer=deployed.marketer(app_id, role),
        **options,
    )


def create(deployed: Deployment, app_id: str, body: Any = VIP, **options: Any) -> Answer:
    return call(deployed, app_id, "POST ", body, role="editor", **options)


def test_a_segment_is_defined_read_changed_and_deleted(deployed: Deployment, app_id: str) -> None:
    made = create(deployed, app_id)
    assert (made.status, made.body["version"], made.body["rule"]) == (201, 1, {"tag": "vip"})
    path = f"/{made.body['segment_id']}"
    assert call(deployed, app_id, f"GET {path}").body == made.body
    listed = call(deployed, app_id, "GET ").body
    assert listed == {"items": [made.body], "next_cursor": None}

    change = {"name": "phones", "rule": {"not": IOS}, "version": 1}
    changed = call(deployed, app_id, f"PUT {path}", change, role="editor")
    assert (changed.status, changed.body["version"], changed.body["rule"]) == (200, 2, {"not": IOS})
    stale = call(deployed, app_id, f"PUT {path}", change, role="editor")
    assert (stale.status, stale.body["code"]) == (409, "segment_changed")
    assert call(deployed, app_id, f"GET {path}", query={"version": "1"}).body == made.body

    assert call(deployed, app_id, f"DELETE {path}", role="editor").status == 204
    gone = call(deployed, app_id, f"GET {path}")
    assert (gone.status, gone.body["code"]) == (404, "segment_not_found")
    assert call(deployed, app_id, f"GET {path}", query={"version": "2"}).body == changed.body


def test_a_key_defines_one_segment(deployed: Deployment, app_id: str) -> None:
    key = {"Idempotency-Key": "k"}
    made = create(deployed, app_id, headers=key)
    again = create(deployed, app_id, headers=key)
    assert (again.status, again.body) == (201, made.body)
    assert again.headers["Idempotent-Replayed"] == "true"
    other = create(deployed, app_id, {**VIP, "name": "other"}, headers=key)
    assert (other.status, other.body["code"]) == (422, "idempotency_key_reused")
    taken = create(deployed, app_id)
    assert (taken.status, taken.body["code"]) == (409, "segment_name_taken")


def test_a_rule_is_refused_with_every_place_that_is_wrong(
    deployed: Deployment, app_id: str
) -> None:
    rule = {"all": [{"tag": ""}, {"seen": {"within_days": 0}}]}
    for answer in (
        create(deployed, app_id, {**VIP, "rule": rule}),
        call(deployed, app_id, "POST /estimate", {"rule": rule}),
    ):
        assert (answer.status, answer.body["code"]) == (422, "segment_invalid")
        assert [(one["pointer"], one["code"]) for one in answer.body["errors"]] == [
            ("/rule/all/0/tag", "pattern"),
            ("/rule/all/1/seen/within_days", "number"),
        ]


def test_all_segments_name_at_most_twenty_types_of_events(
    deployed: Deployment, app_id: str
) -> None:
    many = {"any": [{"event": {"type": f"thing.done{number}.v1"}} for number in range(21)]}
    refused = create(deployed, app_id, {**VIP, "rule": many})
    assert (refused.status, refused.body["code"]) == (422, "too_many_event_types")


def test_a_viewer_reads_and_an_editor_writes(deployed: Deployment, app_id: str) -> None:
    path = f"/{create(deployed, app_id).body['segment_id']}"
    for route, body in (
        ("POST ", VIP),
        (f"PUT {path}", {**VIP, "version": 1}),
        (f"DELETE {path}", None),
    ):
        assert call(deployed, app_id, route, body, role="viewer").status == 403, route
    assert call(deployed, app_id, f"POST {path}/estimate", role="viewer").status == 200


def test_an_audience_is_estimated_before_and_after_its_segment_is_saved(
    deployed: Deployment, app_id: str
) -> None:
    address = {"kind": "fid", "value": "fid-of-phone-001"}
    phone = deployed.a_device(app_id, "phone-001", platform="ios", address=address)
    deployed.a_device(app_id, "phone-002", platform="ios")
    deployed.a_device(app_id, "phone-003")
    asked = call(deployed, app_id, "POST /estimate", {"rule": IOS})
    saved = create(deployed, app_id, {"name": "phones", "rule": IOS}).body["segment_id"]
    again = call(deployed, app_id, f"POST /{saved}/estimate")
    assert asked.status == again.status == 200
    sample = sorted(asked.body.pop("sample"), key=lambda one: str(one["device_id"]))
    assert [one["device_id"] for one in sample] == ["phone-001", "phone-002"]
    assert sample[0]["contact_id"] == phone["contact_id"]
    assert asked.body == {
        "size": 2,
        "low": 2,
        "high": 2,
        "is_exact": True,
        "by_platform": {"ios": 2},
        "reachable": 1,
        "devices_read": 3,
        "shards_read": 64,
    }
    assert {**again.body, "sample": None} == {**asked.body, "sample": None}


def test_a_version_of_the_past_is_estimated_as_it_was(deployed: Deployment, app_id: str) -> None:
    deployed.a_device(app_id)
    path = f"/{create(deployed, app_id).body['segment_id']}"
    everybody = {"name": "all", "rule": {"all": []}, "version": 1}
    call(deployed, app_id, f"PUT {path}", everybody, role="editor")
    sizes = [
        call(deployed, app_id, f"POST {path}/estimate", query=query).body["size"]
        for query in ({}, {"version": "1"})
    ]
    assert sizes == [1, 0]

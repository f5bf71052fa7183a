"""Templates over HTTP."""

from typing import Any

import pytest

from tests.functional.conftest import Answer, Deployment

SALE: dict[str, Any] = {
    "name": "sale",
    "default_locale": "en",
    "contents": {
        "en": {"title": "{{ percent }} % off"},
        "de": {"title": "{{ percent }} % weniger"},
    },
    "variables": {"percent": "20"},
}
PERSONAL = {
    "name": "personal",
    "default_locale": "en",
    "contents": {"en": {"title": "Hello {{ contact.attributes.name | default: 'you' }}"}},
}


@pytest.fixture
def app_id(deployed: Deployment) -> str:
    return deployed.an_app(fcm={"project_id": "engage-local", "secret": "engage/fcm/local"})


def call(
    deployed: Deployment, app_id: str, route: str, body: Any = None, *, role: str, **options: Any
) -> Answer:
    method, _, path = route.partition(" ")
    return deployed.request(
        f"{method} /v1/apps/{app_id}/templates{path}",
        body,
        bearer=deployed.marketer(app_id, role),
        **options,
    )


def create(deployed: Deployment, app_id: str, body: Any = SALE, **options: Any) -> Answer:
    return call(deployed, app_id, "POST ", body, role="editor", **options)


def test_a_template_is_written_read_replaced_and_deleted(deployed: Deployment, app_id: str) -> None:
    made = create(deployed, app_id)
    assert (made.status, made.body["version"], made.body["purpose"]) == (201, 1, "marketing")
    path = f"/{made.body['template_id']}"
    assert call(deployed, app_id, f"GET {path}", role="viewer").body == made.body

    listed = call(deployed, app_id, "GET ", role="viewer").body
    assert [one["locales"] for one in listed["items"]] == [["en", "de"]]
    assert listed["next_cursor"] is None

    change = {**SALE, "name": "big sale", "version": 1}
    changed = call(deployed, app_id, f"PUT {path}", change, role="editor")
    assert (changed.status, changed.body["version"], changed.body["name"]) == (200, 2, "big sale")
    stale = call(deployed, app_id, f"PUT {path}", change, role="editor")
    assert (stale.status, stale.body["code"]) == (409, "template_changed")

    assert call(deployed, app_id, f"DELETE {path}", role="editor").status == 204
    gone = call(deployed, app_id, f"GET {path}", role="viewer")
    assert (gone.status, gone.body["code"]) == (404, "template_not_found")


def test_everything_that_is_written_is_read_again(deployed: Deployment, app_id: str) -> None:
    full = {
        **SALE,
        "purpose": "service",
        "topic": "offers",
        "image": "https://x.example/i.png",
        "link": "shop://{{ percent }}",
        "buttons": [{"id": "a", "title": {"en": "A", "de": "B"}, "link": None}],
        "data": {"k": "v"},
        "data_only": True,
        "android": {
            "channel_id": "c",
            "priority": "normal",
            "ttl_seconds": 0,
            "collapse_key": "k",
        },
        "apns": {
            "sound": "s",
            "badge": 0,
            "category": "c",
            "thread_id": "t",
            "interruption_level": "time-sensitive",
        },
    }
    made = create(deployed, app_id, full)
    assert made.status == 201, made.body
    read = call(deployed, app_id, f"GET /{made.body['template_id']}", role="viewer").body
    assert {name: read[name] for name in full if name != "contents"} == {
        name: value for name, value in full.items() if name != "contents"
    }
    assert read["contents"]["de"] == {"title": "{{ percent }} % weniger", "body": None}


def test_a_retry_with_the_same_key_gets_the_first_answer(deployed: Deployment, app_id: str) -> None:
    key = {"Idempotency-Key": "template-1"}
    first, again = (create(deployed, app_id, headers=key) for _ in range(2))
    assert (again.status, again.body) == (201, first.body)
    assert again.headers["Idempotent-Replayed"] == "true"
    taken = create(deployed, app_id)
    assert (taken.status, taken.body["code"]) == (409, "template_name_taken")


def test_each_problem_points_to_its_place(deployed: Deployment, app_id: str) -> None:
    broken = {
        **SALE,
        "contents": {"en": {"title": "{{ city }}"}, "de": {"title": "{% if %}"}},
    }
    answer = create(deployed, app_id, broken)
    assert (answer.status, answer.body["code"]) == (422, "template_invalid")
    assert [(one["pointer"], one["code"]) for one in answer.body["errors"]] == [
        ("/contents/en/title", "unknown_variable"),
        ("/contents/de/title", "liquid"),
    ]
    large = {**SALE, "contents": {**SALE["contents"], "de": {"body": "ä" * 2_100}}}
    (problem,) = create(deployed, app_id, large).body["errors"]
    assert (problem["pointer"], problem["code"]) == ("/contents/de", "too_large")


def test_a_preview_speaks_to_one_contact(deployed: Deployment, app_id: str) -> None:
    device = deployed.a_device(app_id, locale="de-CH")
    deployed.request(
        f"PATCH /v1/apps/{app_id}/contacts/{device['contact_id']}",
        {"attributes": {"name": "Ada"}},
        bearer=deployed.marketer(app_id, "editor"),
    )
    path = f"POST /{create(deployed, app_id, PERSONAL).body['template_id']}/preview"
    for whom in ({"contact_id": device["contact_id"]}, {"device_id": device["device_id"]}):
        answer = call(deployed, app_id, path, whom, role="editor")
        assert (answer.status, answer.body["title"]) == (200, "Hello Ada")
        assert 0 < answer.body["size_bytes"] <= answer.body["largest_bytes"] == 4_096
        refused = call(deployed, app_id, path, whom, role="viewer")
        assert (refused.status, refused.body["code"]) == (403, "forbidden")
    assert call(deployed, app_id, path, {}, role="viewer").body["title"] == "Hello you"
    for whom, code in (
        ({"contact_id": f"con_{'0' * 26}"}, "contact_not_found"),
        ({"device_id": "phone-404"}, "device_not_found"),
    ):
        unknown = call(deployed, app_id, path, whom, role="editor")
        assert (unknown.status, unknown.body["code"]) == (404, code)


def test_a_preview_takes_the_devices_language(deployed: Deployment, app_id: str) -> None:
    device = deployed.a_device(app_id, locale="de-CH")
    path = f"POST /{create(deployed, app_id).body['template_id']}/preview"
    whom = {"device_id": device["device_id"], "variables": {"percent": "50"}}
    answer = call(deployed, app_id, path, whom, role="editor")
    assert (answer.body["locale"], answer.body["title"]) == ("de", "50 % weniger")
    english = call(deployed, app_id, path, {**whom, "locale": "en-GB"}, role="editor")
    assert english.body["title"] == "50 % off"


def send(deployed: Deployment, app_id: str, body: dict[str, Any], **options: Any) -> Answer:
    bearer = deployed.marketer(app_id, "sender")
    sent = {"recipients": [{"device_id": "phone-001"}], **body}
    return deployed.request(f"POST /v1/apps/{app_id}/messages", sent, bearer=bearer, **options)


def test_a_message_is_made_of_a_template_once(deployed: Deployment, app_id: str) -> None:
    deployed.a_device(app_id)
    template_id = create(deployed, app_id, {**SALE, "topic": "offers"}).body["template_id"]
    body = {"template_id": template_id, "variables": {"percent": "30"}}
    key = {"Idempotency-Key": "send-1"}
    first = send(deployed, app_id, body, headers=key)
    assert first.status == 202, first.body
    call(deployed, app_id, f"DELETE /{template_id}", role="editor")
    again = send(deployed, app_id, body, headers=key)
    assert (again.status, again.body) == (202, first.body)
    gone = send(deployed, app_id, body)
    assert (gone.status, gone.body["code"]) == (404, "template_not_found")


def test_what_was_sent_of_a_template_is_what_it_says(
    deployed: Deployment, app_id: str, dynamodb_client: Any
) -> None:
    deployed.a_device(app_id)
    template_id = create(deployed, app_id, {**SALE, "topic": "offers"}).body["template_id"]
    assert send(deployed, app_id, {"template_id": template_id}).status == 202
    rows = dynamodb_client.scan(TableName=deployed.tables["push"])["Items"]
    chunk, told = sorted(
        (row for row in rows if "#K#" in row["pk"]["S"]), key=lambda row: row["sk"]["S"]
    )
    assert "20 % off" in told["content"]["S"]
    assert chunk["purpose"]["S"] == "marketing"
    assert "offers" in chunk["terms"]["S"]


def test_a_template_that_speaks_of_its_contact_is_not_sent_to_many(
    deployed: Deployment, app_id: str
) -> None:
    deployed.a_device(app_id)
    template_id = create(deployed, app_id, PERSONAL).body["template_id"]
    answer = send(deployed, app_id, {"template_id": template_id})
    assert (answer.status, answer.body["code"]) == (422, "template_needs_recipient")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"content": {"title": "a"}, "template_id": f"tpl_{'0' * 26}"},
        {"content": {"title": "a"}, "variables": {"a": "b"}},
    ],
)
def test_a_message_has_content_or_a_template(
    deployed: Deployment, app_id: str, body: dict[str, Any]
) -> None:
    assert send(deployed, app_id, body).status == 422

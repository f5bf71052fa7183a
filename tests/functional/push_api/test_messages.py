"""Messages and receipts over HTTP."""

from typing import Any

from tests.functional.conftest import Deployment

FCM = {"project_id": "engage-local", "secret": "engage/fcm/local"}
HELLO = {"title": "Hello", "body": "there"}


def send(deployed: Deployment, app_id: str, body: dict[str, Any], **options: Any) -> Any:
    bearer = options.pop("bearer", None) or deployed.marketer(app_id, "sender")
    return deployed.request(f"POST /v1/apps/{app_id}/messages", body, bearer=bearer, **options)


def test_a_message_is_queued_for_each_device(deployed: Deployment) -> None:
    app_id = deployed.an_app(fcm=FCM)
    device = deployed.a_device(app_id)
    body = {
        "recipients": [{"device_id": "phone-001"}, {"device_id": "phone-404"}],
        "content": HELLO,
    }
    answer = send(deployed, app_id, body)
    assert answer.status == 202
    (message,) = answer.body["messages"]
    assert (message["contact_id"], message["state"]) == (device["contact_id"], "pending")
    assert answer.body["unreached"] == [{"index": 1, "code": "no_device"}]
    read = deployed.request(
        f"GET /v1/apps/{app_id}/messages/{message['message_id']}", bearer=deployed.operator()
    )
    assert read.body == message


def test_a_retry_with_the_same_key_gets_the_first_answer(deployed: Deployment) -> None:
    app_id = deployed.an_app(fcm=FCM)
    deployed.a_device(app_id)
    body = {"recipients": [{"device_id": "phone-001"}], "content": HELLO}
    bearer = deployed.marketer(app_id, "sender")
    key = {"Idempotency-Key": "order-17"}
    first = send(deployed, app_id, body, bearer=bearer, headers=key)
    again = send(deployed, app_id, body, bearer=bearer, headers=key)
    assert (again.status, again.body) == (first.status, first.body)
    assert again.headers["Idempotent-Replayed"] == "true"
    other = send(deployed, app_id, {**body, "purpose": "service"}, bearer=bearer, headers=key)
    assert (other.status, other.body["code"]) == (422, "idempotency_key_reused")


def test_a_viewer_does_not_send(deployed: Deployment) -> None:
    app_id = deployed.an_app(fcm=FCM)
    bearer = deployed.marketer(app_id, "viewer")
    body = {"recipients": [{"device_id": "phone-001"}], "content": HELLO}
    answer = send(deployed, app_id, body, bearer=bearer)
    assert (answer.status, answer.body["code"]) == (403, "forbidden")


def test_what_fcm_would_refuse_is_refused_before_anything_is_stored(deployed: Deployment) -> None:
    app_id = deployed.an_app(fcm=FCM)
    deployed.a_device(app_id)
    content = {"title": "x", "data": {"google.c": "1", "from": "2"}, "image": "http://i"}
    answer = send(
        deployed, app_id, {"recipients": [{"device_id": "phone-001"}], "content": content}
    )
    assert answer.status == 422
    assert {problem["pointer"] for problem in answer.body["errors"]} == {
        "/content/data/google.c",
        "/content/data/from",
        "/content/image",
    }


def test_an_app_without_fcm_cannot_push(deployed: Deployment) -> None:
    app_id = deployed.an_app()
    deployed.a_device(app_id)
    answer = send(deployed, app_id, {"recipients": [{"device_id": "phone-001"}], "content": HELLO})
    assert (answer.status, answer.body["code"]) == (422, "push_not_configured")


def test_receipts_count_once(deployed: Deployment) -> None:
    app_id = deployed.an_app(fcm=FCM)
    device = deployed.a_device(app_id)
    sent = send(deployed, app_id, {"recipients": [{"device_id": "phone-001"}], "content": HELLO})
    message_id = sent.body["messages"][0]["message_id"]
    opened = {"message_id": message_id, "type": "opened", "at": "2026-11-22T12:00:00Z"}
    unknown = {**opened, "message_id": f"msg_{'0' * 26}_0"}
    route = f"POST /v1/apps/{app_id}/receipts"
    answer = deployed.request(
        route, {"receipts": [opened, opened, unknown]}, bearer=device["device_token"]
    )
    assert (answer.status, answer.body["accepted"], answer.body["duplicates"]) == (202, 1, 1)
    assert answer.body["rejected"][0]["index"] == 2
    again = deployed.request(route, {"receipts": [opened]}, bearer=device["device_token"])
    assert (again.body["accepted"], again.body["duplicates"]) == (0, 1)

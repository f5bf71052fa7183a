"""Files over HTTP: announced, uploaded by their URL, started, worked on by the real worker."""

import json
from typing import Any

import httpx
import pytest

from tests.deployment import Answer, Context, Deployment
from tests.functional.relay_events.test_relay import stream_batch
from tests.functional.tenants import stored

ROWS = b"""identifier.customer,tags,attributes.plan
4711,vip,gold
,vip,gold
12,vip|new,silver
"""


@pytest.fixture
def app_id(deployed: Deployment) -> str:
    return deployed.an_app()


def call(deployed: Deployment, app_id: str, route: str, body: Any = None) -> Answer:
    method, _, path = route.partition(" ")
    bearer = deployed.operator()
    return deployed.request(f"{method} /v1/apps/{app_id}{path}", body, bearer=bearer)


def started(deployed: Deployment, app_id: str, content: bytes = ROWS, **settings: Any) -> str:
    import_id: str = deployed.an_import(app_id, content, **settings)["import_id"]
    answer = call(deployed, app_id, f"POST /imports/{import_id}/start")
    assert (answer.status, answer.body["state"]) == (202, "started"), answer.body
    return import_id


def job(app_id: str, import_id: str) -> dict[str, Any]:
    body = json.dumps({"app_id": app_id, "import_id": import_id})
    return {"Records": [{"messageId": "1", "body": body}]}


def test_a_file_is_imported_and_its_rejects_can_be_fetched(
    deployed: Deployment, dynamodb_client: Any, app_id: str
) -> None:
    import_id = started(deployed, app_id)
    deployed.invoke("relay_events", stream_batch(deployed, dynamodb_client))
    (detail,) = [
        entry["Detail"]
        for entry in deployed.aws.published
        if entry["DetailType"] == "import.started.v1"
    ]
    record = {"messageId": "1", "body": json.dumps({"detail": detail})}
    assert deployed.invoke("run_import", {"Records": [record]}) == {"batchItemFailures": []}

    done = call(deployed, app_id, f"GET /imports/{import_id}").body
    assert done["state"] == "done"
    assert done["progress"] == {"read": 3, "accepted": 2, "unchanged": 0, "rejected": 1}
    (reject,) = httpx.get(done["rejects_url"]).text.splitlines()
    assert json.loads(reject)["line"] == 3
    assert json.loads(reject)["problems"][0]["code"] == "missing"
    listed = call(deployed, app_id, "GET /imports").body["items"]
    assert [one["import_id"] for one in listed] == [import_id]


def test_a_dry_run_writes_no_contact(
    deployed: Deployment, dynamodb_client: Any, app_id: str
) -> None:
    import_id = started(deployed, app_id, dry_run=True)
    deployed.invoke("run_import", job(app_id, import_id))
    done = call(deployed, app_id, f"GET /imports/{import_id}").body
    assert (done["state"], done["progress"]["accepted"]) == ("done", 2)
    assert stored(deployed, dynamodb_client, about="vip") == []


def test_a_job_that_comes_again_changes_nothing(deployed: Deployment, app_id: str) -> None:
    import_id = started(deployed, app_id)
    for _ in range(2):
        assert deployed.invoke("run_import", job(app_id, import_id)) == {"batchItemFailures": []}
    done = call(deployed, app_id, f"GET /imports/{import_id}").body
    assert done["progress"]["accepted"] == 2


def test_a_job_without_a_started_import_comes_again(deployed: Deployment, app_id: str) -> None:
    import_id = deployed.an_import(app_id, ROWS)["import_id"]
    again = {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert deployed.invoke("run_import", job(app_id, import_id)) == again


def test_a_worker_without_time_calls_the_next(
    deployed: Deployment, app_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = started(deployed, app_id)
    with monkeypatch.context() as late:
        late.setattr(Context, "get_remaining_time_in_millis", lambda _: 29_000)
        assert deployed.invoke("run_import", job(app_id, import_id)) == {"batchItemFailures": []}
    (called,) = deployed.aws.jobs
    assert called["MessageBody"] == {"app_id": app_id, "import_id": import_id}
    deployed.invoke("run_import", job(app_id, import_id))
    assert call(deployed, app_id, f"GET /imports/{import_id}").body["state"] == "done"


def test_an_upload_that_is_replaced_ends_the_import(deployed: Deployment, app_id: str) -> None:
    import_id = started(deployed, app_id)
    (place,) = deployed.aws.objects
    deployed.aws.objects[place] = ROWS.replace(b"4711", b"4712")
    deployed.invoke("run_import", job(app_id, import_id))
    done = call(deployed, app_id, f"GET /imports/{import_id}").body
    assert (done["state"], done["failure"]["code"]) == ("failed", "upload_changed")


def test_an_import_whose_file_is_not_there_does_not_start(
    deployed: Deployment, app_id: str
) -> None:
    import_id = deployed.an_import(app_id, ROWS)["import_id"]
    deployed.aws.objects.clear()
    answer = call(deployed, app_id, f"POST /imports/{import_id}/start")
    assert (answer.status, answer.body["code"]) == (422, "upload_missing")


def test_the_same_key_announces_once(deployed: Deployment, app_id: str) -> None:
    def announce(size: int) -> Answer:
        return deployed.request(
            f"POST /v1/apps/{app_id}/imports",
            {"kind": "devices", "size": size},
            bearer=deployed.operator(),
            headers={"Idempotency-Key": "k"},
        )

    first, again = announce(7), announce(7)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.body["import_id"] == first.body["import_id"]
    assert announce(8).body["code"] == "idempotency_key_reused"


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "devices"},
        {"kind": "devices", "size": 500_000_001},
        {"kind": "devices", "size": 1, "list_name": "vip"},
        {"kind": "members", "size": 1},
        {"kind": "members", "size": 1, "list_name": "no spaces"},
        {"kind": "contacts", "size": 1, "as_of": "2999-01-01T00:00:00Z"},
    ],
)
def test_a_file_that_makes_no_sense_is_refused(
    deployed: Deployment, app_id: str, body: dict[str, Any]
) -> None:
    answer = call(deployed, app_id, "POST /imports", body)
    assert (answer.status, answer.body["code"]) == (422, "invalid_fields")


def test_an_imported_device_registers_itself_with_its_address(
    deployed: Deployment, app_id: str
) -> None:
    content = b"device_id,platform,fcm_token,identifier.customer\nphone-001,ios,token-001,4711\n"
    deployed.invoke("run_import", job(app_id, started(deployed, app_id, content, kind="devices")))
    route = f"PUT /v1/apps/{app_id}/devices/phone-001"
    body: dict[str, Any] = {"platform": "ios", "client_seq": 0}
    stranger = deployed.request(route, body)
    assert (stranger.status, stranger.body["code"]) == (401, "device_token_required")
    body["address"] = {"kind": "fcm_token", "value": "token-001"}
    known = deployed.request(route, body)
    assert (known.status, known.body["is_anonymous"]) == (200, False)
    mine = deployed.request(route.replace("PUT", "GET"), bearer=known.body["device_token"])
    assert mine.status == 200

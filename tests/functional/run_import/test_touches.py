"""Files of touches over HTTP, worked on by the real worker: recorded once, and heeded."""

import json
from typing import Any

import httpx
import pytest

from functions.run_import import wiring
from shared.registrations.service import import_runs
from shared.registrations.service.import_runs import LEASE
from shared.registrations.store import DynamoImportStore
from tests.contract.test_imports import KilledError
from tests.deployment import Answer, Deployment
from tests.fakes.clock import ManualClock
from tests.functional.bus import records, told
from tests.functional.run_import.test_run_import import call, job, started
from tests.functional.shops import Shop

ROWS = b"""channel,time,identifier.customer,purpose,outcome,cost,currency
post,2026-03-01,4711,marketing,,0.85,CHF
phone,2026-03-01T09:30:00+01:00,4711,service,reached,,
f2f,yesterday,4711,,met,,
f2f,2026-03-01,12,,met,,
"""


@pytest.fixture
def app_id(deployed: Deployment) -> str:
    return deployed.an_app()


def imported(deployed: Deployment, app_id: str, content: bytes, **settings: Any) -> dict[str, Any]:
    """Import a file of touches to its end."""
    import_id = started(deployed, app_id, content, kind="touches", **settings)
    assert deployed.invoke("run_import", job(app_id, import_id)) == {"batchItemFailures": []}
    done: dict[str, Any] = call(deployed, app_id, f"GET /imports/{import_id}").body
    assert done["state"] == "done", done
    return done


def counts(done: dict[str, Any]) -> tuple[int, int, int]:
    progress = done["progress"]
    return progress["accepted"], progress["unchanged"], progress["rejected"]


def test_a_file_of_touches_is_rehearsed_recorded_and_recorded_once(
    deployed: Deployment, dynamodb_client: Any, app_id: str
) -> None:
    assert counts(imported(deployed, app_id, ROWS, dry_run=True)) == (3, 0, 1)
    assert told(deployed, dynamodb_client, "message.sent.v1") == []

    assert counts(imported(deployed, app_id, ROWS)) == (3, 0, 1)
    (letter,) = told(deployed, dynamodb_client, "message.sent.v1")
    assert (letter["channel"], letter["direction"], letter["purpose"]) == (
        "post",
        "out",
        "marketing",
    )
    assert letter["data"] == {"cost": {"amount": 850_000, "currency": "CHF"}}
    person = call(deployed, app_id, f"GET /contacts/{letter['subject'].split('/')[1]}/timeline")
    types = [event["type"].removeprefix("com.example.") for event in person.body["items"]]
    assert {"message.sent.v1", "call.ended.v1"} <= set(types)

    assert counts(imported(deployed, app_id, ROWS)) == (0, 3, 1)
    assert counts(imported(deployed, app_id, ROWS, dry_run=True)) == (0, 3, 1)
    assert len(told(deployed, dynamodb_client, "message.sent.v1", "call.ended.v1")) == 2


def test_a_reject_names_line_column_and_code(deployed: Deployment, app_id: str) -> None:
    done = imported(deployed, app_id, ROWS, dry_run=True)
    (reject,) = httpx.get(done["rejects_url"]).text.splitlines()
    assert json.loads(reject) == {
        "line": 4,
        "problems": [
            {
                "pointer": "time",
                "code": "time",
                "detail": "a day, or an instant of RFC 3339 with its zone",
            }
        ],
    }


def test_a_worker_that_dies_half_way_leaves_the_rest_to_the_next(
    deployed: Deployment, dynamodb_client: Any, app_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ManualClock()
    monkeypatch.setattr(wiring, "system_clock", clock)
    monkeypatch.setattr(import_runs, "BATCH", 2)
    rows = "".join(f"post,2026-03-01,C-{number}\n" for number in range(7))
    content = f"channel,time,identifier.customer\n{rows}".encode()
    assert counts(imported(deployed, app_id, content)) == (7, 0, 0)

    import_id = started(deployed, app_id, content, kind="touches")
    with monkeypatch.context() as dying:
        saves = iter([DynamoImportStore.save_import] * 2)  # taken, and one batch

        def save_import(store: DynamoImportStore, moved: Any, **other: Any) -> None:
            save = next(saves, None)
            if save is None:
                raise KilledError
            save(store, moved, **other)

        dying.setattr(DynamoImportStore, "save_import", save_import)
        with pytest.raises(KilledError):
            deployed.invoke("run_import", job(app_id, import_id))
    again = {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert deployed.invoke("run_import", job(app_id, import_id)) == again
    clock.advance(LEASE)
    assert deployed.invoke("run_import", job(app_id, import_id)) == {"batchItemFailures": []}

    done = call(deployed, app_id, f"GET /imports/{import_id}").body
    assert (done["state"], counts(done)) == ("done", (0, 7, 0))
    assert len(told(deployed, dynamodb_client, "message.sent.v1")) == 7


def test_a_letter_of_a_file_takes_the_last_place_under_the_cap(
    shop: Shop, dynamodb_client: Any
) -> None:
    shop.put_policy(caps=[{"id": "one", "limit": 1, "window": {"rolling": 24}}])
    assert shop.ask().body["decision"] == "allow"
    imported(shop.deployed, shop.app_id, of_ada(shop, "sent"))
    batch = records(told(shop.deployed, dynamodb_client, "message.sent.v1"))
    assert shop.deployed.invoke("apply_contact_events", batch) == {"batchItemFailures": []}
    assert shop.ask().body["decision"] == "defer"


def test_a_complaint_in_a_file_is_heeded_at_once(shop: Shop, dynamodb_client: Any) -> None:
    for _ in range(2):
        imported(shop.deployed, shop.app_id, of_ada(shop, "complained"))
    (complaint,) = told(shop.deployed, dynamodb_client, "contact.complained.v1")
    refused = shop.ask().body
    assert refused["decision"] == "drop"
    assert complaint["id"] in json.dumps(refused["because"])


def of_ada(shop: Shop, outcome: str) -> bytes:
    """Return a file of one letter to Ada, at noon of the shop's day."""
    row = f"post,2026-03-01,{shop.contact_id},marketing,{outcome}"
    return f"channel,time,contact_id,purpose,outcome\n{row}\n".encode()


@pytest.mark.parametrize("other", [{"format": "jsonl"}, {"as_of": "2026-03-01T00:00:00Z"}])
def test_touches_come_as_csv_and_have_their_own_times(
    deployed: Deployment, app_id: str, other: dict[str, Any]
) -> None:
    body = {"kind": "touches", "size": 1, **other}
    answer: Answer = call(deployed, app_id, "POST /imports", body)
    (pointer,) = (f"/{name}" for name in other)
    assert (answer.status, answer.body["code"]) == (422, "invalid_fields")
    assert [field["pointer"] for field in answer.body["errors"]] == [pointer]

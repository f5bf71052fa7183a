"""The relay as Lambda calls it: batches of the ledger's stream, and audits."""

import json
from typing import Any

import pytest

from shared.contact_events.model.hours import HOUR, hour_of
from shared.kernel.clock import rfc3339, system_clock
from tests.functional.conftest import Deployment


def stream_batch(deployed: Deployment, dynamodb: Any) -> dict[str, Any]:
    """Return the stream's records of all that was recorded so far."""
    rows = dynamodb.scan(TableName=deployed.tables["contact_events"])["Items"]
    events = sorted(
        (row for row in rows if "sequence" in row), key=lambda row: row["sequence"]["S"]
    )
    return {
        "Records": [
            {
                "eventName": "INSERT",
                "dynamodb": {
                    "Keys": {"pk": row["pk"], "sk": row["sk"]},
                    "NewImage": row,
                    "SequenceNumber": str(place),
                },
            }
            for place, row in enumerate(events)
        ]
    }


def test_a_batch_is_published_as_cloudevents(deployed: Deployment, dynamodb_client: Any) -> None:
    app_id = deployed.an_app()
    device = deployed.a_device(app_id)
    batch = stream_batch(deployed, dynamodb_client)
    assert deployed.invoke("relay_events", batch) == {"batchItemFailures": []}
    created, registered = deployed.aws.published
    assert created["DetailType"] == "app.created.v1"
    assert registered["EventBusName"] == "contact-events"
    assert registered["Source"] == "engage"
    detail = registered["Detail"]
    assert detail["specversion"] == "1.0"
    assert detail["type"] == "com.example.device.registered.v1"
    assert detail["subject"] == f"contact/{device['contact_id']}"
    assert detail["source"] == f"/apps/{app_id}/registrations"
    assert detail["data"]["device_id"] == "phone-001"


@pytest.mark.parametrize("place", range(12))
def test_each_entry_that_the_bus_refuses_comes_again(
    deployed: Deployment, dynamodb_client: Any, place: int
) -> None:
    app_id = deployed.an_app()
    for number in range(11):
        deployed.a_device(app_id, f"phone-{number:03d}")
    batch = stream_batch(deployed, dynamodb_client)
    # Ten entries a call: the last two of twelve are in the second call.
    if place < 10:
        deployed.aws.failing_entries = {place}
        answer = deployed.invoke("relay_events", batch)
        assert answer == {"batchItemFailures": [{"itemIdentifier": str(place)}]}
        assert len(deployed.aws.published) == 11
    else:
        assert deployed.invoke("relay_events", {"Records": batch["Records"][place:]}) == {
            "batchItemFailures": []
        }


def test_a_record_that_cannot_be_read_does_not_hide_the_others(
    deployed: Deployment, dynamodb_client: Any
) -> None:
    deployed.an_app()
    batch = stream_batch(deployed, dynamodb_client)
    poison = {"eventName": "INSERT", "dynamodb": {"NewImage": {}, "SequenceNumber": "poison"}}
    answer = deployed.invoke("relay_events", {"Records": [poison, *batch["Records"]]})
    assert answer == {"batchItemFailures": [{"itemIdentifier": "poison"}]}
    assert len(deployed.aws.published) == 1


def test_an_audit_by_hand_publishes_what_the_stream_forgot(deployed: Deployment) -> None:
    began = hour_of(system_clock())
    app_id = deployed.an_app()
    for number in range(20):
        deployed.a_device(app_id, f"phone-{number:03d}")
    asked = {"audit": {"from": rfc3339(began), "to": rfc3339(system_clock() + HOUR)}}
    assert deployed.invoke("relay_events", asked)["republished"] == 21
    assert len({entry["Detail"]["id"] for entry in deployed.aws.published}) == 21
    assert deployed.invoke("relay_events", asked)["republished"] == 0


def test_a_look_counts_what_the_stream_forgot_and_mends_nothing(
    deployed: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    app_id = deployed.an_app()
    for number in range(3):
        deployed.a_device(app_id, f"phone-{number:03d}")
    now = system_clock()
    span = {"from": rfc3339(hour_of(now)), "to": rfc3339(now + HOUR)}
    assert deployed.invoke("relay_events", {"look": span}) == {"unpublished": 0}, "on their way"
    assert deployed.aws.published == []

    assert deployed.invoke("relay_events", {"audit": span})["republished"] == 4
    (counted,) = (
        json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line
    )
    assert (counted["Unpublished"], counted["service"]) == (4, "relay_events")


def test_the_schedule_audits_what_is_due(deployed: Deployment) -> None:
    deployed.an_app()
    answer = deployed.invoke("relay_events", {"detail-type": "Scheduled Event"})
    assert (answer["recorded"], answer["failed"]) == (0, 0)

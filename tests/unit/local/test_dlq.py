"""`engage dlq` shows dead letters, and sends each back its own way."""

import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner, Result

from infra.local.cli import app
from tests.fakes.dead_letters import DeployedQueues, function_arn, queue_arn

ON_AWS = ("--stack", "EngageService")
CONTACT = "con_01KAS0000000000000000000AB"
APP = "app_01KAS0000000000000000000AA"
EVENT_ID = "evt_01KAS0000000000000000000AC"
ADDRESS = "ada@example.com"
EVENT: dict[str, Any] = {
    "detail-type": "com.example.order.placed.v1",
    "source": "engage",
    "detail": {
        "id": EVENT_ID,
        "source": f"/apps/{APP}/shop",
        "subject": f"contact/{CONTACT}",
        "data": {"email": ADDRESS},
    },
}
SCHEDULED = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}


def failed_call(function: str, payload: Any) -> dict[str, Any]:
    return {
        "version": "1.0",
        "requestContext": {
            "functionArn": f"{function_arn(function)}:$LATEST",
            "condition": "RetriesExhausted",
        },
        "requestPayload": payload,
        "responsePayload": {"errorType": "KeyError", "errorMessage": f"no {ADDRESS}"},
    }


def failed_batch(function: str, *, at: str = "2026-11-22T08:59:58Z") -> dict[str, Any]:
    return {
        "requestContext": {
            "functionArn": f"{function_arn(function)}:$LATEST",
            "condition": "RetryAttemptsExhausted",
        },
        "DDBStreamBatchInfo": {
            "shardId": "shardId-1",
            "startSequenceNumber": "100",
            "endSequenceNumber": "200",
            "approximateArrivalOfFirstRecord": at,
            "approximateArrivalOfLastRecord": "2026-11-22T09:02:00Z",
            "batchSize": 7,
        },
    }


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> DeployedQueues:
    made = DeployedQueues(
        names=("PushQueue", "PushDeadLetters", "ContactEventsRelayDeadLetters"),
        functions=("ContactEventsRelay", "PlacementsFolder", "RegistrationsSettler"),
    )
    monkeypatch.setattr(boto3, "Session", lambda **_: made)
    return made


def engage(folder: Path, *arguments: str) -> Result:
    command = ["--state", str(folder), "dlq", *arguments]
    return CliRunner().invoke(app, command, env={"COLUMNS": "250"})


def told(folder: Path, *arguments: str, exit_code: int = 0) -> dict[str, Any]:
    result = engage(folder, *arguments, *ON_AWS, "--json")
    assert result.exit_code == exit_code, result.output
    return dict(json.loads(result.stdout))


def one_of_each(deployed: DeployedQueues) -> None:
    deployed.put("PushDeadLetters", EVENT, source="PushQueue")
    target = {"TARGET_ARN": queue_arn("PushQueue"), "ERROR_CODE": "NO_PERMISSIONS"}
    deployed.put("PushDeadLetters", EVENT, attributes=target)
    deployed.put("PushDeadLetters", failed_call("RegistrationsSettler", EVENT))
    deployed.put("PushDeadLetters", failed_call("RegistrationsSettler", SCHEDULED))
    deployed.put("PushDeadLetters", failed_batch("ContactEventsRelay"))
    deployed.put("PushDeadLetters", failed_batch("PlacementsFolder"))
    deployed.put("PushDeadLetters", ["what is this"])


def test_each_queue_is_listed_with_its_depth_and_since_when(
    tmp_path: Path, deployed: DeployedQueues
) -> None:
    for _ in range(12):
        deployed.put("PushDeadLetters", EVENT, source="PushQueue")

    assert told(tmp_path, "ls")["queues"] == [
        {"name": "ContactEventsRelay", "letters": 0, "oldest": None},
        {"name": "Push", "letters": 12, "oldest": "2026-11-24T06:00:00.001Z"},
    ]
    assert len(deployed.in_queue("PushDeadLetters")) == 12, "all stay visible"
    assert "2026-11-24" in engage(tmp_path, "ls", *ON_AWS).output


def test_a_letter_is_shown_by_what_is_ours(tmp_path: Path, deployed: DeployedQueues) -> None:
    one_of_each(deployed)

    found = told(tmp_path, "peek", "Push")["letters"]

    about = {
        "type": "com.example.order.placed.v1",
        "event": EVENT_ID,
        "subject": f"contact/{CONTACT}",
        "app_id": APP,
    }
    assert [(one["kind"], one["of"], one["reason"]) for one in found] == [
        ("job", "PushQueue", "taken too often, 6 times"),
        ("event", "PushQueue", "NO_PERMISSIONS"),
        ("call", "RegistrationsSettler", "KeyError, RetriesExhausted"),
        ("call", "RegistrationsSettler", "KeyError, RetriesExhausted"),
        ("batch", "ContactEventsRelay", "RetryAttemptsExhausted"),
        ("batch", "PlacementsFolder", "RetryAttemptsExhausted"),
        ("unknown", "", ""),
    ]
    assert [one["about"] for one in found[:3]] == [about] * 3
    assert found[4]["about"]["records"] == "7"
    assert len(deployed.held) == 1
    assert not deployed.hidden, "all stay visible"


def test_nothing_of_a_person_is_shown(tmp_path: Path, deployed: DeployedQueues) -> None:
    one_of_each(deployed)
    foreign = {**EVENT, "detail": {"id": ADDRESS, "subject": f"contact/{ADDRESS}", "source": "/"}}
    deployed.put("PushDeadLetters", foreign, source="PushQueue")
    deployed.put("PushDeadLetters", {"device_id": ADDRESS, "name": ADDRESS}, source="PushQueue")
    deployed.put("PushDeadLetters", {**EVENT, "detail-type": ADDRESS}, source="PushQueue")

    shown = engage(tmp_path, "peek", "Push", *ON_AWS).output
    as_json = engage(tmp_path, "peek", "Push", *ON_AWS, "--json").output

    assert ADDRESS not in shown + as_json
    assert "device_id=…" in shown


def test_a_dry_run_says_what_goes_where_and_changes_nothing(
    tmp_path: Path, deployed: DeployedQueues
) -> None:
    one_of_each(deployed)

    found = told(tmp_path, "redrive", "Push", "--dry-run")

    assert (found["dry_run"], found["no_longer_needed"]) == (True, 1)
    assert {(one["kind"], one["way"], one["to"], one["letters"]) for one in found["letters"]} == {
        ("job", "send", "PushQueue", 1),
        ("event", "send", "PushQueue", 1),
        ("call", "call", "RegistrationsSettler", 1),
        ("call", "drop", "RegistrationsSettler", 1),
        ("batch", "audit", "ContactEventsRelay", 1),
        ("batch", "keep", "PlacementsFolder", 1),
        ("unknown", "keep", "", 1),
    }
    assert len(deployed.in_queue("PushDeadLetters")) == 7
    assert (deployed.in_queue("PushQueue"), deployed.invoked) == ([], [])
    assert (
        "Nothing was changed." in engage(tmp_path, "redrive", "Push", "--dry-run", *ON_AWS).output
    )


def test_each_letter_goes_its_own_way(tmp_path: Path, deployed: DeployedQueues) -> None:
    one_of_each(deployed)

    told(tmp_path, "redrive", "Push")

    settler, relay = (
        f"{function_arn(name)}:$LATEST" for name in ("RegistrationsSettler", "ContactEventsRelay")
    )
    span = {"from": "2026-11-22T08:54:58.000Z", "to": "2026-11-22T09:07:00.000Z"}
    assert deployed.in_queue("PushQueue") == [EVENT, EVENT]
    assert deployed.invoked == [
        (settler, "Event", EVENT),
        (relay, "RequestResponse", {"audit": span}),
    ]
    left = deployed.in_queue("PushDeadLetters")
    assert left == [failed_batch("PlacementsFolder"), ["what is this"]]
    assert not deployed.hidden, "what stays is visible"


def test_many_batches_of_one_hour_are_one_audit(tmp_path: Path, deployed: DeployedQueues) -> None:
    for at in ("2026-11-22T09:00:00Z", "2026-11-22T09:01:00Z", "2026-11-22T07:30:00Z"):
        deployed.put("ContactEventsRelayDeadLetters", failed_batch("ContactEventsRelay", at=at))

    told(tmp_path, "redrive", "ContactEventsRelay")

    assert len(deployed.invoked) == 2
    assert deployed.in_queue("ContactEventsRelayDeadLetters") == []


def test_an_audit_that_could_not_publish_all_leaves_its_letter(
    tmp_path: Path, deployed: DeployedQueues
) -> None:
    deployed.put("ContactEventsRelayDeadLetters", failed_batch("ContactEventsRelay"))
    deployed.answers[f"{function_arn('ContactEventsRelay')}:$LATEST"] = {"failed": 3}

    found = told(tmp_path, "redrive", "ContactEventsRelay", exit_code=1)

    assert found["letters"][0]["failed"] == 1
    assert len(deployed.in_queue("ContactEventsRelayDeadLetters")) == 1


def test_what_is_refused_stays(tmp_path: Path, deployed: DeployedQueues) -> None:
    deployed.put("PushDeadLetters", EVENT, source="PushQueue")
    deployed.refuses.add("PushQueue")

    found = told(tmp_path, "redrive", "Push", exit_code=1)

    assert found["letters"] == [
        {"kind": "job", "way": "send", "to": "PushQueue", "letters": 1, "failed": 1}
    ]
    assert deployed.in_queue("PushDeadLetters") == [EVENT]
    assert "1 of them were refused" in engage(tmp_path, "redrive", "Push", *ON_AWS).output


def test_no_more_letters_are_taken_than_was_said(tmp_path: Path, deployed: DeployedQueues) -> None:
    for _ in range(25):
        deployed.put("PushDeadLetters", EVENT, source="PushQueue")

    told(tmp_path, "redrive", "Push", "--limit", "13")

    assert len(deployed.in_queue("PushDeadLetters")) == 12
    assert len(deployed.in_queue("PushQueue")) == 13


@pytest.mark.parametrize(
    ("arguments", "fact", "fix"),
    [
        (("peek", "Nobody", *ON_AWS), "no dead-letter queue 'Nobody'", "ContactEventsRelay, Push"),
        (("ls", "--stack", "Elsewhere"), "The stack Elsewhere cannot be read", "--stack"),
        (("ls",), "The stack is not up.", "engage up"),
    ],
)
def test_what_stands_in_the_way_is_said(
    arguments: tuple[str, ...], fact: str, fix: str, tmp_path: Path, deployed: DeployedQueues
) -> None:
    result = engage(tmp_path, *arguments)
    assert result.exit_code == 1
    assert fact in result.stderr
    assert fix in result.stderr

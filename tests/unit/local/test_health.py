"""`engage doctor` says what a deployment suffers from, here or on AWS."""

import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner, Result

from infra.local.cli import app
from tests.fakes.dead_letters import DeployedQueues, physical


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> DeployedQueues:
    made = DeployedQueues(
        names=("PushDeadLetters", "CouponsDeadLetters"),
        functions=("ContactEventsRelay",),
        logs={"PushAdvancerLogs": ['{"message": "advanced"}']},
    )
    made.answers[physical("ContactEventsRelay")] = {"unpublished": 0}
    monkeypatch.setattr(boto3, "Session", lambda **_: made)
    return made


def doctor(folder: Path, *arguments: str) -> Result:
    command = ["--state", str(folder), "doctor", "--stack", "EngageService", *arguments]
    return CliRunner().invoke(app, command, env={"COLUMNS": "200"})


def found(folder: Path) -> dict[str, tuple[str, str]]:
    told = json.loads(doctor(folder, "--json").stdout)
    return {one["name"]: (one["verdict"], one["found"]) for one in told["findings"]}


def test_all_is_well(tmp_path: Path, deployed: DeployedQueues) -> None:
    assert found(tmp_path) == {
        "dead letters": ("good", "none in 2 queues"),
        "ledger": ("good", "all that is due is on the bus"),
        "books": ("good", "campaigns of a day balance"),
        "alarms": ("good", "none rings"),
    }
    assert doctor(tmp_path).exit_code == 0


def test_each_trouble_is_told_with_what_cures_it(tmp_path: Path, deployed: DeployedQueues) -> None:
    deployed.put("PushDeadLetters", {})
    deployed.answers[physical("ContactEventsRelay")] = {"unpublished": 7}
    deployed.logs["PushAdvancerLogs"] += ['{"message": "books out of balance", "run": "r"}']
    of_another_stage = "EngageService-dev-PushBooks-x1"
    ours = ["EngageService-PushBooks-x1", "EngageOps-Slow-x1"]
    deployed.ringing += [*ours, of_another_stage]

    assert found(tmp_path) == {
        "dead letters": ("bad", "Push 1"),
        "ledger": ("bad", "7 events of the last 3 hours are not on the bus"),
        "books": ("bad", "1 times in a day a campaign's books did not balance"),
        "alarms": ("bad", "EngageOps-Slow-x1, EngageService-PushBooks-x1"),
    }
    result = doctor(tmp_path)
    assert result.exit_code == 1
    assert "engage dlq peek Push" in result.stdout


def test_a_stack_without_functions_is_named(tmp_path: Path, deployed: DeployedQueues) -> None:
    deployed.functions = ()
    result = doctor(tmp_path)
    assert result.exit_code == 1
    assert "The stack has no ContactEventsRelay." in result.stderr


def test_what_may_not_be_looked_at_is_said(tmp_path: Path, deployed: DeployedQueues) -> None:
    deployed.refuses.add(physical("ContactEventsRelay"))
    verdict, said = found(tmp_path)["ledger"]
    assert verdict == "later"
    assert "could not be looked at" in said


def test_a_relay_that_fails_is_said(
    tmp_path: Path, deployed: DeployedQueues, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = deployed.invoke

    def fails(**asked: Any) -> dict[str, Any]:
        return {**answered(**asked), "FunctionError": "Unhandled"}

    monkeypatch.setattr(deployed, "invoke", fails)
    assert found(tmp_path)["ledger"] == ("bad", "relay_events failed")

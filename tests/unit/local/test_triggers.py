"""Triggers on the command line: the API is played, and its answers are held to its document."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner, Result

from infra.local.cli import app
from infra.local.state import StateFolder

FACTS = {"base_url": "http://api.example", "app_id": "app_1", "role_tokens": {"editor": "e"}}
DOCUMENT = json.loads((Path(__file__).parents[3] / "docs" / "openapi.json").read_text())
TRIGGERS = "/v1/apps/{app_id}/triggers"
AT = "2026-11-23T12:00:00.000Z"
REMINDER = {
    "name": "unopened push",
    "when": {"type": "message.sent.v1"},
    "then": {"request": {"channel": "email", "purpose": "marketing", "text": "spring"}},
}
LISTED: dict[str, Any] = {
    "items": [
        {
            "trigger_id": "trg_1",
            "version": 2,
            "state": "draft",
            "in_force": 1,
            "document": REMINDER,
            "authors": ["ann"],
            "approved_by": "ben",
            "approved_at": AT,
            "created_at": AT,
            "updated_at": AT,
        }
    ]
}
SIMULATED: dict[str, Any] = {
    "events": 7,
    "people": 1,
    "counts": {"fired": 1, "cancelled": 2},
    "samples": [
        {
            "instance_id": "tri_1",
            "trigger_version": 1,
            "contact_id": "con_1",
            "cause": "evt_1",
            "caused_at": AT,
            "started_at": AT,
            "due_at": AT,
            "state": "fired",
            "ended_at": AT,
            "because": None,
        }
    ],
}


def schema_of(method: str, path: str, part: str) -> Draft202012Validator:
    operation = DOCUMENT["paths"][path][method]
    found = operation["requestBody"] if part == "request" else operation["responses"]["200"]
    schema = found["content"]["application/json"]["schema"]
    return Draft202012Validator({**schema, "components": DOCUMENT["components"]})


def api(request: httpx.Request) -> httpx.Response:
    if request.method == "GET":
        schema_of("get", TRIGGERS, "answer").validate(LISTED)
        return httpx.Response(200, json=LISTED)
    assert request.url.path == "/v1/apps/app_1/triggers/simulate"
    schema_of("post", f"{TRIGGERS}/simulate", "request").validate(json.loads(request.content))
    schema_of("post", f"{TRIGGERS}/simulate", "answer").validate(SIMULATED)
    return httpx.Response(200, json=SIMULATED)


@pytest.fixture(autouse=True)
def played(monkeypatch: pytest.MonkeyPatch) -> None:
    client = partial(httpx.Client, transport=httpx.MockTransport(api))
    monkeypatch.setattr(httpx, "Client", client)


def engage(folder: Path, *arguments: str) -> Result:
    StateFolder(folder).note({"facts": FACTS})
    command = ["--state", str(folder), "trigger", *arguments]
    result = CliRunner().invoke(app, command, env={"COLUMNS": "160"})
    assert result.exit_code == 0, result.output
    return result


def test_triggers_are_listed_with_what_is_in_force(tmp_path: Path) -> None:
    told = engage(tmp_path, "ls").stdout
    assert ["trg_1", "unopened", "push", "message.sent.v1", "2", "draft", "1"] in [
        line.split() for line in told.splitlines()
    ]
    assert json.loads(engage(tmp_path, "ls", "--json").stdout) == LISTED


def test_a_simulation_is_told_in_one_sentence_and_by_its_first_starts(tmp_path: Path) -> None:
    file = tmp_path / "reminder.yaml"
    file.write_text(json.dumps(REMINDER))
    span = ("--from", "2026-11-22T00:00:00Z", "--to", "2026-11-23T00:00:00Z")
    told = engage(tmp_path, "simulate", str(file), *span).stdout
    assert "7 events, 1 contacts: 2 cancelled, 1 fired." in told
    assert "evt_1" in told

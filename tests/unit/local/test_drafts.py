"""Drafts of a policy on the command line; the API is played, its answers held to its document."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from typer.testing import CliRunner, Result

from infra.local.cli import app
from infra.local.state import StateFolder
from tests.unit.local.test_triggers import FACTS, schema_of

SIMULATE = "/v1/apps/{app_id}/policy/simulate"
AT, LATER = "2026-11-17T12:00:00.000Z", "2026-11-24T12:00:00.000Z"
REASON = {
    "gate": "cap",
    "rule": "weekly",
    "detail": "In the last 168 hours 3 of 3 is used | and this weighs 1.",
    "limit": 3.0,
    "count": 3.0,
    "until": LATER,
    "reference": None,
}
SPLIT = {"allowed": 9, "deferred": 1, "refused": 0}
ROW = {
    "gate": None,
    "rule": None,
    "channel": "push",
    "before": SPLIT,
    "after": {"allowed": 7, "deferred": 3, "refused": 0},
    "newly_refused": 0,
    "newly_deferred": 2,
    "newly_allowed": 0,
    "contacts": 1,
}
SIMULATED: dict[str, Any] = {
    "since": AT,
    "until": LATER,
    "version": 4,
    "differences": [
        {
            "section": "caps",
            "name": "weekly",
            "kind": "changed",
            "before": {"id": "weekly", "limit": 4.0},
            "after": {"id": "weekly", "limit": 3.0},
        },
        {"section": "laws", "name": "fr-phone", "kind": "added", "before": None, "after": True},
        {"section": "topics", "name": "news", "kind": "removed", "before": "News", "after": None},
        {"section": "description", "name": None, "kind": "changed", "before": "", "after": "Ours."},
    ],
    "is_whole": False,
    "events": 20,
    "contacts_found": 12,
    "contacts": 5,
    "touches": 10,
    "changed": 2,
    "contacts_changed": 1,
    "untold": {"topic": 10, "offer_key": 3, "priority": 0},
    "effects": [ROW, {**ROW, "gate": "cap", "rule": "weekly"}],
    "examples": [
        {
            "contact_id": "con_1",
            "event_id": "evt_1",
            "at": AT,
            "channel": "push",
            "purpose": "marketing",
            "before": {"decision": "allow", "until": None, "because": []},
            "after": {"decision": "defer", "until": LATER, "because": [REASON]},
        }
    ],
}
MARKDOWN = """\
## Contact policy: policy.yaml against version 4

- **caps/weekly** changed: limit `4.0` → `3.0`
- **laws/fr-phone** added
- **topics/news** removed: `"News"`
- **description** changed: `""` → `"Ours."`

### Effect from 2026-11-17T12:00:00.000Z to 2026-11-24T12:00:00.000Z

10 touches of 5 contacts of 12 found: a sample; 2 are answered otherwise, of 1 contacts. \
Of the touches 10 tell no topic, 3 tell no offer key.

| rule | channel | allowed | deferred | refused | newly | contacts |
| --- | --- | ---: | ---: | ---: | --- | ---: |
| all rules | push | 9 → 7 | 1 → 3 | 0 | 2 deferred | 1 |
| cap: weekly | push | 9 → 7 | 1 → 3 | 0 | 2 deferred | 1 |

### Examples

| event | at | channel | before | after | because |
| --- | --- | --- | --- | --- | --- |
| `evt_1` | 2026-11-17T12:00:00.000Z | push | allow | defer | weekly: In the last 168 hours 3 of 3 \
is used \\| and this weighs 1. |
"""


class Asked:
    bodies: list[dict[str, Any]]

    def __init__(self) -> None:
        self.bodies = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/v1/apps/app_1/policy/simulate"
        self.bodies.append(json.loads(request.content))
        schema_of("post", SIMULATE, "request").validate(self.bodies[-1])
        schema_of("post", SIMULATE, "answer").validate(SIMULATED)
        return httpx.Response(200, json=SIMULATED)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Asked:
    asked = Asked()
    client = partial(httpx.Client, transport=httpx.MockTransport(asked))
    monkeypatch.setattr(httpx, "Client", client)
    return asked


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "policy.yaml"
    made.write_text("quiet_hours: [{id: day, allowed: [{from: 10:00, to: 20:00}]}]\n")
    return made


def engage(folder: Path, *arguments: str, code: int = 0) -> Result:
    StateFolder(folder).note({"facts": FACTS})
    command = ["--state", str(folder), "policy", *arguments]
    result = CliRunner().invoke(app, command, env={"COLUMNS": "200"})
    assert result.exit_code == code, result.output
    return result


def test_a_draft_is_simulated_as_it_is_read_by_lint(api: Asked, tmp_path: Path, file: Path) -> None:
    told = engage(tmp_path, "simulate", str(file), "--days", "3", "--history", "played").stdout
    (body,) = api.bodies
    assert body["document"]["quiet_hours"][0]["allowed"] == [{"from": "10:00", "to": "20:00"}]
    assert (body["days"], body["contacts"], body["history"]) == (3, 200, "played")
    lines = [line.split() for line in told.splitlines()]
    assert [
        "cap:",
        "weekly",
        "push",
        "9",
        "→",
        "7",
        "1",
        "→",
        "3",
        "0",
        "2",
        "deferred",
        "1",
    ] in lines
    assert "evt_1 of con_1 by push: allow → defer, weekly: In the last 168 hours 3 of 3" in told
    assert "10 touches of 5 contacts of 12 found: a sample; 2 are answered otherwise" in told
    found = engage(tmp_path, "simulate", str(file), "--refused", "--json").stdout
    assert json.loads(found) == SIMULATED
    assert api.bodies[-1]["with_refused"]


def test_a_difference_can_stand_in_a_pull_request(api: Asked, tmp_path: Path, file: Path) -> None:
    assert engage(tmp_path, "diff", str(file)).stdout == MARKDOWN


def test_what_is_no_document_is_told_before_it_is_sent(api: Asked, tmp_path: Path) -> None:
    wrong = tmp_path / "policy.yaml"
    for text in ("caps: [", "- caps"):
        wrong.write_text(text)
        assert str(wrong) in engage(tmp_path, "simulate", str(wrong), code=1).output.replace(
            "\n", ""
        )
    assert not api.bodies


def test_law_packs_are_listed_and_shown(tmp_path: Path) -> None:
    told = engage(tmp_path, "laws", "ls").stdout
    assert "us-fl-ftsa/calls" in told
    assert "2023-03-01, 2026-08-11" in told
    shown = json.loads(engage(tmp_path, "laws", "show", "fr-phone", "--json").stdout)
    assert shown["rules"]["caps"][0]["limit"] == 4.0
    assert shown["sources"][0]["in_force"] == "2023-03-01"
    assert (
        "No law pack is called de-phone"
        in engage(tmp_path, "laws", "show", "de-phone", code=1).output
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("caps: []  # none\n", "caps: []  # none\nlaws: [us-tcpa, us-fl-ftsa]\n"),
        (
            "# ours\nlaws: [fr-phone] # reviewed\ncaps: []\n",
            "# ours\nlaws: [fr-phone, us-tcpa, us-fl-ftsa]\ncaps: []\n",
        ),
        (
            "laws:\n  - fr-phone\n  - us-tcpa\ncaps: []\n",
            "laws: [fr-phone, us-tcpa, us-fl-ftsa]\ncaps: []\n",
        ),
        ("laws:\n- us-tcpa\ntopics: {}", "laws: [us-tcpa, us-fl-ftsa]\ntopics: {}"),
    ],
)
def test_laws_are_joined_to_a_file_that_stays_as_it_is(
    tmp_path: Path, before: str, after: str
) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(before)
    engage(tmp_path, "laws", "join", str(file), "us-tcpa", "us-fl-ftsa")
    assert file.read_text() == after
    engage(tmp_path, "laws", "join", str(file), "us-tcpa")
    assert yaml.safe_load(file.read_text()) == yaml.safe_load(after)
    engage(tmp_path, "lint", str(file))


def test_laws_are_joined_to_json_too(tmp_path: Path) -> None:
    file = tmp_path / "policy.json"
    file.write_text('{"caps": []}')
    engage(tmp_path, "laws", "join", str(file), "fr-phone")
    assert json.loads(file.read_text()) == {"caps": [], "laws": ["fr-phone"]}


def test_what_cannot_be_changed_safely_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text('"laws": [fr-phone]\n')
    told = engage(tmp_path, "laws", "join", str(file), "us-tcpa", code=1).output
    assert "laws: [fr-phone, us-tcpa]" in told
    assert file.read_text() == '"laws": [fr-phone]\n'

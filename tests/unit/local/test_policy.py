import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from infra.local.cli import app
from shared.contact_policy.model.defaults import DEFAULT_DOCUMENT
from shared.contact_policy.model.schema import schema


def engage(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["policy", *arguments])


def linted(*files: Path) -> tuple[int, list[list[dict[str, Any]]]]:
    result = engage("lint", *map(str, files), "--json")
    told = json.loads(result.stdout)
    assert told["valid"] == (result.exit_code == 0)
    return result.exit_code, [one["findings"] for one in told["files"]]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "policy.yaml"


def test_the_default_policy_is_printed_and_linted_without_a_finding(file: Path) -> None:
    file.write_text(engage("default").stdout)
    assert linted(file) == (0, [[]])


def test_the_default_policy_reads_alike_for_readers_of_old_and_new_yaml(file: Path) -> None:
    import yaml  # noqa: PLC0415 - its own reader keeps to YAML 1.1

    document = json.loads(json.dumps(DEFAULT_DOCUMENT))
    assert yaml.safe_load(engage("default").stdout) == document


def test_the_schema_is_printed() -> None:
    assert json.loads(engage("schema").stdout) == schema()


def test_errors_are_told_with_their_place_and_fail_the_command(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps(DEFAULT_DOCUMENT))
    bad.write_text('{"gaps": [{"id": "g", "minutes": 0}]}')
    detail = "a whole number from 1 to 527040 is needed"
    place = {"pointer": "/gaps/0/minutes", "code": "number", "detail": detail}
    assert linted(good, bad) == (1, [[], [{"severity": "error", **place}]])
    shown = engage("lint", str(bad))
    assert shown.exit_code == 1
    assert "/gaps/0/minutes" in shown.stdout


def test_a_document_with_notes_alone_passes(file: Path) -> None:
    file.write_text("gaps: []")
    code, (findings,) = linted(file)
    assert code == 0
    assert {finding["severity"] for finding in findings} == {"note"}


def test_plain_times_are_times(file: Path) -> None:
    file.write_text("quiet_hours: [{id: day, allowed: [{from: 10:00, to: 20:00}]}]")
    assert linted(file)[0] == 0


@pytest.mark.parametrize(
    ("name", "text", "detail"),
    [
        ("policy.yaml", "caps: []\ncaps: []", "the field caps stands twice"),
        ("policy.json", '{"caps": [], "caps": []}', "the field caps stands twice"),
        ("policy.yaml", "caps: [", "line 1"),
        ("policy.json", "{", "line 1"),
        ("policy.yaml", "&a [*a]", "Circular"),
        ("policy.yaml", "!!python/name:os.system", "could not determine a constructor"),
    ],
)
def test_what_cannot_be_read_is_an_error(tmp_path: Path, name: str, text: str, detail: str) -> None:
    file = tmp_path / name
    file.write_text(text)
    code, ((finding,),) = linted(file)
    assert (code, finding["code"], finding["pointer"]) == (1, "unreadable", "")
    assert detail in finding["detail"]


def test_a_file_that_is_not_there_is_wrong_use(file: Path) -> None:
    assert engage("lint", str(file)).exit_code == 2

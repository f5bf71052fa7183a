import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from infra.local.cli import app


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def engage(state: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["--state", str(state), *arguments])


def test_status_of_nothing_says_so(state: Path) -> None:
    result = engage(state, "status", "--json")
    parts = json.loads(result.stdout)["parts"]
    assert {part["condition"] for part in parts.values()} == {"never started"}
    assert not state.exists()


def test_down_of_nothing_succeeds(state: Path) -> None:
    result = engage(state, "down", "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (0, {"stopped": [], "purged": False})


def test_what_stands_in_the_way_is_said_with_the_way_out(state: Path) -> None:
    result = engage(state, "logs")
    assert result.exit_code == 1
    assert "The stack is not up." in result.stderr
    assert "Run `engage up`." in result.stderr
    assert result.stdout == ""


def test_machines_get_the_same_as_json(state: Path) -> None:
    result = engage(state, "logs", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {"error": "The stack is not up.", "fix": "Run `engage up`."}


def test_a_state_folder_that_cannot_be_made_is_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = engage(tmp_path / "file" / "state", "down")
    assert result.exit_code == 1
    assert "The system refused" in result.stderr

from pathlib import Path

import pytest

from infra.local.errors import LocalStackError
from infra.local.state import StateFolder


def test_two_commands_at_once_do_not_meet(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / "state")
    with (
        folder.locked(),
        pytest.raises(LocalStackError, match="Another engage command"),
        folder.locked(),
    ):
        pass
    with folder.locked():
        pass


def test_notes_add_up_and_are_for_us_alone(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path)
    folder.note({"a": 1, "b": 1})
    folder.note({"b": 2})
    assert folder.notes() == {"a": 1, "b": 2}
    assert (tmp_path / "notes.json").stat().st_mode & 0o077 == 0


def test_unreadable_notes_count_as_none(tmp_path: Path) -> None:
    (tmp_path / "notes.json").write_text("{")
    assert StateFolder(tmp_path).notes() == {}


def test_a_purge_forgets_the_state_and_keeps_the_caches(tmp_path: Path) -> None:
    for name in ("emulator", "run", "bundles", "cache"):
        (tmp_path / name).mkdir()
    folder = StateFolder(tmp_path)
    folder.note({"a": 1})
    folder.purge()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundles", "cache"]

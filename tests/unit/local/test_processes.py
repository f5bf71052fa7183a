import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.errors import LocalStackError
from infra.local.processes import Condition, Daemon, birth_of, clean_environment, wait_for

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    daemon = Daemon(
        name="sleeper",
        program="time.sleep",
        record=tmp_path / "run" / "sleeper.json",
        log=tmp_path / "logs" / "sleeper.log",
    )
    yield daemon
    daemon.stop(within=5)


def start(daemon: Daemon, command: list[str] = SLEEPER) -> int:
    return daemon.start(command, port=1, environment=clean_environment()).pid


def test_a_process_is_known_by_its_birth(daemon: Daemon) -> None:
    assert birth_of(os.getpid()) == birth_of(os.getpid())
    assert birth_of(start(daemon)) not in {None, birth_of(os.getpid())}


def test_a_process_that_is_no_more_has_no_birth() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    assert birth_of(ended.pid) is None


def test_a_daemon_outlives_its_record_only_until_it_is_stopped(daemon: Daemon) -> None:
    assert daemon.condition() is Condition.NEVER_STARTED
    pid = start(daemon)
    assert daemon.condition() is Condition.RUNNING
    assert os.getsid(pid) == pid
    assert daemon.stop(within=5)
    assert daemon.condition() is Condition.STOPPED
    assert not daemon.stop(within=5)


def test_a_killed_daemon_is_told_from_a_stopped_one(daemon: Daemon) -> None:
    os.kill(start(daemon), signal.SIGKILL)
    assert wait_for(lambda: daemon.condition() is Condition.DIED, within=5)


def test_a_stranger_with_the_recorded_id_is_left_alone(daemon: Daemon) -> None:
    daemon.record.parent.mkdir()
    me = {"pid": os.getpid(), "birth": "another", "port": 1, "program": "python"}
    daemon.record.write_text(json.dumps(me))
    assert daemon.running() is None
    assert not daemon.stop(within=1)


def test_a_broken_record_counts_as_none(daemon: Daemon) -> None:
    daemon.record.parent.mkdir()
    daemon.record.write_text('{"pid": ')
    assert daemon.condition() is Condition.NEVER_STARTED


def test_a_child_that_outlived_its_killed_parent_is_ended_before_the_next_start(
    daemon: Daemon,
) -> None:
    parent = (
        f"import subprocess as s, time; print(s.Popen({SLEEPER!r}).pid, flush=True); time.sleep(60)"
    )
    pid = start(daemon, [sys.executable, "-c", parent])
    child = int(wait_for(daemon.last_words, within=5) or 0)
    os.kill(pid, signal.SIGKILL)
    assert wait_for(lambda: daemon.condition() is Condition.DIED, within=5)
    assert birth_of(child)
    daemon.end_orphans()
    assert birth_of(child) is None


def test_a_daemon_that_ends_before_it_serves_is_quoted(daemon: Daemon) -> None:
    start(daemon, [sys.executable, "-c", "raise SystemExit('no port for me')"])
    with pytest.raises(LocalStackError, match="no port for me"):
        daemon.wait_until(lambda: None, within=5)


def test_a_daemon_that_never_serves_is_given_up(daemon: Daemon) -> None:
    start(daemon)
    with pytest.raises(LocalStackError, match="did not answer"):
        daemon.wait_until(lambda: None, within=0.2)


def test_children_do_not_see_the_developers_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://elsewhere")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("UV_INDEX_URL", "https://mirror")
    environment = clean_environment(PORT="1")
    assert not {"AWS_ENDPOINT_URL", "PYTHONPATH"} & environment.keys()
    assert environment["UV_INDEX_URL"] == "https://mirror"
    assert environment["PORT"] == "1"

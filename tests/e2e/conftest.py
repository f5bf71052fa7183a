"""The stack of this run: the real command, a state folder and ports of its own, up once."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.local.aws import Cloud

ENGAGE = Path(sys.executable).with_name("engage")


class Engage:
    """The ``engage`` command on one state folder."""

    def __init__(self, state: Path) -> None:
        self.state = state

    def run(self, *arguments: str, exit_code: int = 0) -> dict[str, Any]:
        """Run a command with ``--json`` and return what it prints; it must end as expected."""
        done = subprocess.run(
            [str(ENGAGE), "--state", str(self.state), *arguments, "--json"],
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == exit_code, f"engage {arguments}: {done.stdout}\n{done.stderr}"
        return dict(json.loads(done.stdout))


@pytest.fixture(scope="session")
def engage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engage]:
    command = Engage(tmp_path_factory.mktemp("engage"))
    try:
        yield command
    finally:
        command.run("down", "--purge")


@pytest.fixture(scope="session")
def stack(engage: Engage) -> dict[str, Any]:
    """What ``engage up --json`` says: base_url, app_id, role_tokens, emulator, ..."""
    return engage.run("up", "--port", "0")


@pytest.fixture(scope="session")
def cloud(stack: dict[str, Any]) -> Cloud:
    return Cloud(stack["emulator"]["endpoint"])


@pytest.fixture(scope="session")
def http(stack: dict[str, Any]) -> Iterator[httpx.Client]:
    """A client of the API; at most 16 requests at once, which is what the emulator bears."""
    limits = httpx.Limits(max_connections=16)
    with httpx.Client(base_url=stack["base_url"], timeout=60, limits=limits) as client:
        yield client


@pytest.fixture(scope="session")
def sender(stack: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {stack['role_tokens']['sender']}"}

"""Runs the processes that are measured, and counts their CPU: user and system, never the clock."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".engage" / "cache"


class ChildFailedError(RuntimeError):
    """A measured process did not end well; the message is its own."""


def cpu_seconds(command: Sequence[str], *, environment: Mapping[str, str] | None = None) -> float:
    """Run a process to its end, in ``environment`` or else ours; return the CPU of its life.

    Raises:
        ChildFailedError: it failed.
    """
    with subprocess.Popen(  # noqa: S603 - our own benchmarks
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise ChildFailedError(said.decode()[-3000:])
    return used.ru_utime + used.ru_stime


def answer_of(command: Sequence[str], *, environment: Mapping[str, str] | None = None) -> Any:
    """Run a process to its end; return what the last line of its output says in JSON.

    Raises:
        ChildFailedError: it failed.
    """
    done = subprocess.run(  # noqa: S603 - our own benchmarks
        command,
        env={**os.environ, **(environment or {})},  # noqa: TID251 - a child needs its PATH
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ChildFailedError((done.stderr or done.stdout)[-2000:])
    return json.loads(done.stdout.splitlines()[-1])


def python(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module of this checkout."""
    return [sys.executable, "-m", module, *arguments]

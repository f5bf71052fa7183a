"""Processes that outlive the command that started them, found again and never mistaken."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from http import HTTPStatus
from pathlib import Path
from typing import TypeVar

from infra.local.errors import LocalStackError

_T = TypeVar("_T")
_ORPHAN_SECONDS = 20
_INHERITED = ("PATH", "HOME", "USER", "LANG", "LC_", "UV_", "XDG_", "SSL_CERT_", "NODE_EXTRA_CA_")
"""How the names begin that children may see: who and where we are, and how to reach PyPI."""


def clean_environment(**extra: str) -> dict[str, str]:
    """Return the little of this shell's environment that children may see, and ``extra``.

    An AWS_ENDPOINT_URL, a profile or a PYTHONPATH of the developer's would reach every Lambda
    worker; loopback never goes through a proxy.
    """
    inherited = {
        name: value
        for name, value in os.environ.items()  # noqa: TID251 - the one place that reads the shell
        if name.startswith(_INHERITED) or name.lower() in {"http_proxy", "https_proxy"}
    }
    direct = {"NO_PROXY": "localhost,127.0.0.1", "no_proxy": "localhost,127.0.0.1"}
    return inherited | direct | extra


def wait_for(found: Callable[[], _T | None], *, within: float, every: float = 0.05) -> _T | None:
    """Ask ``found`` until it answers something true, for at most ``within`` seconds."""
    deadline = time.monotonic() + within
    while not (answer := found()) and time.monotonic() < deadline:
        time.sleep(every)
    return answer or None


def is_free(port: int) -> bool:
    """Say whether nobody serves ``port`` on this machine's loopback, old or new protocol."""
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.settimeout(1)
            if probe.connect_ex((host, port)) == 0:
                return False
    return True


def free_port(*preferred: int) -> int:
    """Return the first of ``preferred`` that is free, else a port that the system picks."""
    for port in preferred:
        if is_free(port):
            return port
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return int(port)


def answers(url: str) -> bool:
    """Say whether a server on loopback answers ``url`` with 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - loopback
            return bool(answer.status == HTTPStatus.OK)
    except OSError:
        return False


def birth_of(pid: int) -> str | None:
    """Return when the living process ``pid`` was born, exact enough to tell it from a later one.

    Linux counts ticks since boot (proc_pid_stat(5), field 22); elsewhere ``ps`` knows the second.
    """
    if Path("/proc/self/stat").exists():
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return None if fields[0] == "Z" else f"{boot}/{fields[19]}"
    ps = subprocess.run(
        ["/bin/ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return ps.stdout.strip() or None


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A process that we started: who it is, and where it listens.

    ``birth`` is empty once we have ended it. ``program`` is a word of its command line.
    """

    pid: int
    birth: str
    port: int
    program: str


class Condition(StrEnum):
    """What became of a daemon."""

    RUNNING = "running"
    STOPPED = "stopped"
    DIED = "died"
    NEVER_STARTED = "never started"


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    """One of the stack's processes: started once, detached, with a record and a log of its own."""

    name: str
    program: str
    record: Path
    log: Path

    def remembered(self) -> Running | None:
        """Return the record of the last start, whether or not that process still lives."""
        try:
            return Running(**json.loads(self.record.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def running(self) -> Running | None:
        """Return the process, if it lives and is the very one that we started."""
        known = self.remembered()
        return known if known and birth_of(known.pid) == known.birth else None

    def condition(self) -> Condition:
        """Say whether it runs, and whether we or something else ended it."""
        known = self.remembered()
        if known is None:
            return Condition.NEVER_STARTED
        if self.running():
            return Condition.RUNNING
        return Condition.DIED if known.birth else Condition.STOPPED

    def choose_port(self, *preferred: int) -> int:
        """Return where to listen next: as the last time, else as preferred, else anywhere free."""
        self.end_orphans()
        known = self.remembered()
        return free_port(*([known.port] if known else []), *preferred)

    def start(
        self, command: Sequence[str], *, port: int, environment: Mapping[str, str]
    ) -> Running:
        """Start ``command`` in a session of its own, so that it outlives this terminal."""
        for file in (self.log, self.record):
            file.parent.mkdir(parents=True, exist_ok=True)
        fresh = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        pid = os.posix_spawn(
            command[0],
            list(command),
            environment,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(self.log), fresh, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
        )
        birth = birth_of(pid) or ""
        running = Running(pid=pid, birth=birth, port=port, program=self.program)
        self.record.write_text(json.dumps(asdict(running)))
        return running

    def wait_until(self, ready: Callable[[], _T | None], *, within: float) -> _T:
        """Return what ``ready`` answers once the process serves.

        Raises:
            LocalStackError: it ended, or did not serve in time; its last lines are in the text.
        """
        deadline = time.monotonic() + within
        while not (answer := ready()):
            if self.running() is None:
                raise self._failure("ended before it served")
            if time.monotonic() > deadline:
                raise self._failure(f"did not answer within {within:.0f} s")
            time.sleep(0.05)
        return answer

    def stop(self, *, within: float) -> bool:
        """End the process as it likes (TERM), and by force only past ``within`` seconds.

        Returns whether there was one to end. A recorded id that now belongs to a stranger is
        left alone.
        """
        running = self.running()
        if running:
            os.kill(running.pid, signal.SIGTERM)
            if not wait_for(lambda: not self.running(), within=within):
                os.killpg(running.pid, signal.SIGKILL)
            self.record.write_text(json.dumps(asdict(replace(running, birth=""))))
        return running is not None

    def end_orphans(self) -> None:
        """End what a killed process left in its group: it would hold the port and the state.

        The group's number is not given to another process while a member lives (kill(2),
        setsid(2)); the program's name makes sure.
        """
        known = self.remembered()
        if known is None or self.condition() is not Condition.DIED or birth_of(known.pid):
            return
        if self._group_is_ours(known):
            os.killpg(known.pid, signal.SIGTERM)
            if not wait_for(lambda: not self._group_is_ours(known), within=_ORPHAN_SECONDS):
                os.killpg(known.pid, signal.SIGKILL)

    def _group_is_ours(self, known: Running) -> bool:
        listing = subprocess.run(
            ["/bin/ps", "-Ao", "pgid=,stat=,command="], capture_output=True, text=True, check=True
        )
        members = [line.split(None, 2) for line in listing.stdout.splitlines()]
        return any(
            group == str(known.pid) and not state.startswith("Z") and known.program in command
            for group, state, command in (member for member in members if len(member) == 3)  # noqa: PLR2004
        )

    def last_words(self, lines: int = 12) -> str:
        """Return the end of the log."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return "(no log)"

    def _failure(self, fact: str) -> LocalStackError:
        return LocalStackError(
            f"The {self.name} {fact}. Its last words:\n{self.last_words()}",
            fix=f"The whole log is {self.log}. `engage doctor` checks what it needs.",
        )

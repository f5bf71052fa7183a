"""The folder that holds everything a local stack must remember, and the lock on it."""

import fcntl
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.local.errors import LocalStackError
from infra.local.processes import Daemon

PROGRAMS = {
    "fcm": "infra.local.fcm",
    "emulator": "ministack",
    "proxy": "infra.local.proxy",
}
"""The stack's processes and their programs, each before those that hold connections to it."""


@dataclass(frozen=True, slots=True)
class StateFolder:
    """A git-ignored folder, ``.engage`` of the checkout unless a run chooses its own."""

    path: Path

    @property
    def emulator(self) -> Path:
        """Where the emulator keeps its own."""
        return self.path / "emulator"

    @property
    def fcm(self) -> Path:
        """Where the FCM stand-in keeps its own."""
        return self.path / "fcm"

    @property
    def assembly(self) -> Path:
        """The last synthesised cloud assembly."""
        return self.path / "assembly"

    def daemon(self, name: str) -> Daemon:
        """Return the record of one of the stack's processes."""
        return Daemon(
            name=name,
            program=PROGRAMS[name],
            record=self.path / "run" / f"{name}.json",
            log=self.path / "logs" / f"{name}.log",
        )

    def notes(self) -> dict[str, Any]:
        """Return what the last commands noted; empty at first and when the file is unreadable."""
        try:
            return dict(json.loads((self.path / "notes.json").read_text()))
        except (OSError, ValueError):
            return {}

    def note(self, facts: Mapping[str, Any]) -> None:
        """Remember ``facts`` beside what was noted before; only we may read: tokens are in it."""
        target, draft = self.path / "notes.json", self.path / "notes.json.new"
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(self.notes() | dict(facts), indent=1))
        draft.replace(target)

    def purge(self) -> None:
        """Forget everything but caches; the stack must be down."""
        for name in ("emulator", "fcm", "assembly", "logs", "run"):
            shutil.rmtree(self.path / name, ignore_errors=True)
        (self.path / "notes.json").unlink(missing_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for one command at a time.

        Raises:
            LocalStackError: another command holds it; the system frees it when that one dies.
        """
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.path / "lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise LocalStackError(
                    f"Another engage command is at work on {self.path}.",
                    fix="Wait until it has ended, then run this one again.",
                ) from None
            yield

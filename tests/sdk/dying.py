"""Processes that end between any two of their effects."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typing_extensions import override

from engage_mobile import Engage, Operation, Outcome, Request, Response, SqliteQueue
from engage_mobile.operations import SECOND, Instant
from tests.sdk.phones import TurnedClock, counted, phone
from tests.sdk.servers import Server


class Killed(BaseException):
    """The process is over; nothing of it may catch this."""


class Fate:
    """Lets a process live for so many effects."""

    def __init__(self, effects: int | None = None) -> None:
        self.left = effects
        self.lived = 0

    def effect(self) -> None:
        """Count the next effect, or end the process before it."""
        if self.left == 0:
            raise Killed
        self.left = None if self.left is None else self.left - 1
        self.lived += 1


class DyingConnection(sqlite3.Connection):
    """A connection of a process that may end before any of its statements."""

    fate = Fate()

    @override
    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        self.fate.effect()
        return super().execute(sql, parameters)

    @override
    def executemany(self, sql: str, parameters: Any, /) -> sqlite3.Cursor:
        self.fate.effect()
        return super().executemany(sql, parameters)


@dataclass(frozen=True, kw_only=True)
class DyingNetwork:
    """A network to which a process may be lost before it sends, and before it hears."""

    server: Server
    fate: Fate

    def send(self, request: Request) -> Response | None:
        self.fate.effect()
        answer = self.server.send(request)
        self.fate.effect()
        return answer


@dataclass
class Phone:
    """A phone whose process ends and begins again; its file and its clock go on."""

    path: Path
    server: Server
    clock: TurnedClock
    config: dict[str, Any]

    def __post_init__(self) -> None:
        self._new_key: Callable[[], str] = counted()
        self._connection: sqlite3.Connection | None = None
        self.outcomes: list[tuple[Operation, Outcome]] = []

    def start(self, fate: Fate) -> Engage:
        """Begin a process."""
        connection = sqlite3.connect(self.path, isolation_level=None, factory=DyingConnection)
        assert isinstance(connection, DyingConnection)
        self._connection = connection
        connection.fate = fate

        def settled(operation: Operation, outcome: Outcome) -> None:
            fate.effect()
            self.outcomes.append((operation, outcome))

        return phone(
            DyingNetwork(server=self.server, fate=fate),
            self.clock,
            queue=SqliteQueue(connection),
            settled=settled,
            new_key=self._new_key,
            **self.config,
        )

    def end(self) -> None:
        """End the process: what was not committed is gone."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


Step = Callable[[Engage], object]


def lived_through(
    here: Phone, steps: Sequence[Step], fates: Sequence[Fate], *, first: Step, is_online: bool
) -> set[int]:
    """Let an app take its steps, under one fate after the other; return those it died in.

    After each end the process begins again and goes on with the next step: the app cannot know
    whether the last one was done. ``first`` it takes at every start. Where it ``is_online``
    it pumps between steps; at the end it does until nothing waits.
    """
    waiting, at, died_in = list(fates), 0, set[int]()
    while True:
        fate = waiting.pop(0) if waiting else Fate()
        try:
            engage = here.start(fate)
            first(engage)
            while at < len(steps):
                died_in.add(at)
                steps[at](engage)
                died_in.remove(at)
                at += 1
                if is_online:
                    engage.pump(here.clock.now)
                here.clock.go_on(SECOND)
            _pumped_out(engage, here.clock)
        except Killed:
            here.end()
            at += at in died_in
        else:
            here.end()
            return died_in


def _pumped_out(engage: Engage, clock: TurnedClock) -> None:
    engage.enter_background()
    for _ in range(200):
        due_at: Instant | None = engage.pump(clock.now)
        if engage.waiting == 0:
            return
        clock.now = max(clock.now + 1, due_at or 0)
    raise AssertionError(f"{engage.waiting} still wait")

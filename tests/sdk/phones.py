"""Phones for tests: a clock that is turned by hand, keys that count, and what became of things."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from engage_mobile import Config, Engage, MemoryQueue, Operation, Outcome, Request, Response
from engage_mobile.operations import Instant
from engage_mobile.queue import OperationQueue

NOON: Instant = 1_795_435_200_000
"""2026-11-23T12:00:00Z."""

STATE = {"platform": "android", "locale": "de-CH", "push_permission": "granted"}


class TurnedClock:
    """Shows what it is set to."""

    def __init__(self, now: Instant = NOON) -> None:
        self.now = now

    def __call__(self) -> Instant:
        return self.now

    def go_on(self, milliseconds: int) -> None:
        self.now += milliseconds


def counted(prefix: str = "key") -> Callable[[], str]:
    """Return what names one thing after the other."""
    numbers: Iterator[int] = count(1)
    return lambda: f"{prefix}-{next(numbers):06}"


@dataclass
class Told:
    """Hears what became of operations, by their keys."""

    outcomes: list[tuple[Operation, Outcome]] = field(default_factory=list)

    def __call__(self, operation: Operation, outcome: Outcome) -> None:
        self.outcomes.append((operation, outcome))


class Offline:
    """A network that is not there."""

    def __init__(self) -> None:
        self.asked = 0

    def send(self, request: Request) -> Response | None:
        self.asked += 1
        return None


class Scripted:
    """Answers what it was told to, in turn, then nothing; remembers what it was asked."""

    def __init__(self, *answers: Response | None) -> None:
        self.answers = list(answers)
        self.requests: list[Request] = []

    def send(self, request: Request) -> Response | None:
        self.requests.append(request)
        return self.answers.pop(0) if self.answers else None


def phone(
    transport: Any,
    clock: TurnedClock,
    *,
    queue: OperationQueue | None = None,
    **config: Any,
) -> Engage:
    """Return a client whose chances and keys repeat."""
    given: dict[str, Any] = {
        "app_id": "app_1",
        "clock": clock,
        "random": lambda: 0.5,
        "new_key": counted(),
        **config,
    }
    return Engage(MemoryQueue() if queue is None else queue, transport, Config(**given))


def basket(mark: str) -> dict[str, Any]:
    """Return a basket that can be told from others by its line."""
    line = {"line_id": mark, "product_id": "shoe", "quantity": 1, "unit_price": 5000}
    return {"currency": "CHF", "lines": [line]}


def settle(engage: Engage, clock: TurnedClock, *, most: int = 200) -> None:
    """Pump until nothing waits: each time when the client says."""
    engage.enter_background()
    for _ in range(most):
        due_at = engage.pump(clock.now)
        if engage.waiting == 0:
            return
        clock.now = max(clock.now + 1, due_at or clock.now)
    raise AssertionError(f"{engage.waiting} still wait")

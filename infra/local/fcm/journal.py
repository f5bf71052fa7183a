"""Remembers what the stand-in received: the last messages, and exact counts of all."""

import json
import time
from collections import Counter, deque
from collections.abc import Iterator
from typing import Any, NamedTuple

MAX_MESSAGES = 200_000
MAX_BYTES = 256 * 1024 * 1024


class Received(NamedTuple):
    """One attempt to send one message.

    ``outcome`` is ``sent``, ``validated``, ``refused`` (by FCM's rules) or the name of the fault it
    met; ``at`` is in seconds since 1970.
    """

    sequence: int
    at: float
    protocol: str
    project: str
    kind: str
    address: str
    outcome: str
    name: str | None
    body: bytes

    def as_json(self) -> dict[str, Any]:
        """Return the attempt in plain values, the message as it came."""
        parts = self._asdict()
        return {**parts, "body": json.loads(parts.pop("body"))}


class Journal:
    """The attempts received; the oldest are forgotten beyond ``MAX_MESSAGES`` or ``MAX_BYTES``."""

    def __init__(self) -> None:
        self._received: deque[Received] = deque()
        self._bytes = 0
        self._sequence = 0
        self.outcomes: Counter[str] = Counter()

    def record(
        self,
        *,
        protocol: str,
        project: str,
        kind: str,
        address: str,
        outcome: str,
        name: str | None,
        body: bytes,
    ) -> None:
        """Remember one attempt."""
        self._sequence += 1
        self.outcomes[outcome] += 1
        self._received.append(
            Received(
                self._sequence, time.time(), protocol, project, kind, address, outcome, name, body
            )
        )
        self._bytes += len(body)
        while len(self._received) > MAX_MESSAGES or self._bytes > MAX_BYTES:
            self._bytes -= len(self._received.popleft().body)

    def received(
        self, *, project: str | None = None, address: str | None = None, after: int = 0
    ) -> Iterator[Received]:
        """Yield the attempts remembered, oldest first; those of one project, address, or later."""
        return (
            attempt
            for attempt in self._received
            if attempt.sequence > after
            and project in (None, attempt.project)
            and address in (None, attempt.address)
        )

    def forget(self) -> None:
        """Forget every attempt and start the counts anew; sequences go on."""
        self._received.clear()
        self._bytes = 0
        self.outcomes.clear()

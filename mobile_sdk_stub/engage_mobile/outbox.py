"""All that waits to be told, and what is known of this installation: every change in one commit."""

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from heapq import merge
from threading import RLock
from typing import Any, Final, TypeAlias

from engage_mobile.clock import ServerClock
from engage_mobile.identity import Identity
from engage_mobile.operations import (
    TRAITS,
    Importance,
    Instant,
    Kind,
    Operation,
)
from engage_mobile.outcomes import Because, Dropped, Outcome
from engage_mobile.pipe import Pipe
from engage_mobile.queue import Change, OperationQueue

MOST_OPERATIONS: Final = 10_000
PATIENCE: Final = 30_000
"""Milliseconds after which nobody waits for the answer to a question any more."""

_LOGGER: Final = logging.getLogger(__name__)

Settled: TypeAlias = Callable[[Operation, Outcome], None]
"""Hears what became of an operation; twice if the process ends just then."""


class Outbox:
    """The queue and the questions, who waits for them, and the notes that change with them.

    Safe for threads: each method holds the lock for as long as one small commit takes.
    """

    def __init__(
        self,
        queue: OperationQueue,
        *,
        new_key: Callable[[], str],
        settled: Settled,
        most: int = MOST_OPERATIONS,
    ) -> None:
        self.lock = RLock()
        self._queue = queue
        self._questions: dict[int, Operation] = {}
        self._heard: dict[str, list[Future[Outcome]]] = {}
        self._settled = settled
        self.new_key = new_key
        self._most = most
        self._number = queue.last_number()
        notes = queue.notes()
        self.pipe = Pipe.of_text(notes["pipe"]) if "pipe" in notes else Pipe()
        self.clock = ServerClock(offset=int(notes.get("offset", "0")))
        if "identity" in notes:
            self.identity = Identity.of_text(notes["identity"])
        else:
            self.identity = Identity(device_id=new_key())
            self._commit(Change(), identity=self.identity)

    def add(
        self,
        kind: Kind,
        method: str,
        path: str,
        *,
        at: Instant,
        body: Mapping[str, Any] | None = None,
        merge_key: str | None = None,
        key: str | None = None,
        identity: Identity | None = None,
    ) -> Future[Outcome]:
        """Put an operation into the queue, or ask a question; ``identity`` changes along with it.

        ``key`` is one that ``new_key`` made, where the body names it. An operation
        that was never sent gives way to a later one of the same merge key: who waits for it waits
        for that.
        """
        heard: Future[Outcome] = Future()
        heard.set_running_or_notify_cancel()  # what is told to the server cannot be called off
        with self.lock:
            is_question = TRAITS[kind].importance is Importance.QUESTION
            operation = Operation(
                number=self._number + 1,
                key=key or self.new_key(),
                kind=kind,
                method=method,
                path=path,
                login=(identity or self.identity).login,
                enqueued_at=at,
                body=None if body is None else _json(body),
                merge_key=merge_key,
                expires_at=at + PATIENCE if is_question else None,
            )
            crowded_out = self._put(operation, heard, identity)
        for one in crowded_out:
            self.tell(one, Dropped(because=Because.QUEUE_FULL))
        return heard

    def note(self, name: str) -> str | None:
        """Return a note of somebody else's, as it was kept last."""
        with self.lock:
            return self._queue.notes().get(name)

    def put_note(self, name: str, text: str) -> None:
        """Keep a note of somebody else's; it outlives the process."""
        with self.lock:
            self._queue.commit(Change(notes={name: text}))

    def window(self, limit: int) -> Sequence[Operation]:
        """Return the oldest operations and all questions, in their order."""
        with self.lock:
            return sorted([*self._queue.first(limit), *self._questions.values()], key=_number)

    def everything(self, page: int) -> Iterator[Operation]:
        """Yield all operations and questions in their order, reading so many at once."""
        with self.lock:
            questions = sorted(self._questions.values(), key=_number)
        yield from merge(self._pages(page), questions, key=_number)

    def newest_of(self, merge_key: str) -> Operation | None:
        """Return the operation that was put last under a merge key."""
        with self.lock:
            return self._queue.newest_of(merge_key)

    def update(self, operations: Sequence[Operation], *, pipe: Pipe | None = None) -> None:
        """Note what changed about operations that wait, if they still do."""
        with self.lock:
            for one in operations:
                if one.number in self._questions:
                    self._questions[one.number] = one
            stored = [one for one in operations if one.number in self._queue]
            self._commit(Change(put=stored), pipe=pipe)

    def keep(
        self,
        *,
        becomes: Callable[[Identity], Identity] | None = None,
        clock: ServerClock | None = None,
    ) -> None:
        """Note what is known now; ``becomes`` is asked what the identity is from now on."""
        with self.lock:
            identity = None if becomes is None else becomes(self.identity)
            self._commit(Change(), identity=identity, clock=clock)

    def settle(
        self,
        outcomes: Sequence[tuple[Operation, Outcome]],
        *,
        becomes: Callable[[Identity], Identity] | None = None,
        pipe: Pipe | None = None,
    ) -> None:
        """Tell what became of operations, then take them out, with what changes along with that.

        Whoever hears of it may log somebody in: so the identity is asked for last.
        """
        with self.lock:
            waiting = [one for one in outcomes if self._waits(one[0].number)]
        for operation, outcome in waiting:
            self.tell(operation, outcome)
        with self.lock:
            numbers = [one.number for one, _ in outcomes]
            for number in numbers:
                self._questions.pop(number, None)
            stored = [number for number in numbers if number in self._queue]
            identity = None if becomes is None else becomes(self.identity)
            self._commit(Change(remove=stored), identity=identity, pipe=pipe)

    def tell(self, operation: Operation, outcome: Outcome) -> None:
        """Tell whoever waits for an operation what became of it."""
        with self.lock:
            waiting = self._heard.pop(operation.key, [])
        for heard in waiting:
            heard.set_result(outcome)
        try:
            self._settled(operation, outcome)
        except Exception:  # an app's mistake must not hold up what it did not make
            _LOGGER.exception("the app failed to hear of %s", operation.key)

    def __len__(self) -> int:
        """Return how many operations wait, without the questions."""
        with self.lock:
            return len(self._queue)

    def _pages(self, size: int) -> Iterator[Operation]:
        after = 0
        while True:
            with self.lock:
                found = self._queue.first(size, after=after)
            if not found:
                return
            yield from found
            after = found[-1].number

    def _waits(self, number: int) -> bool:
        return number in self._queue or number in self._questions

    def _put(
        self, operation: Operation, heard: Future[Outcome], identity: Identity | None
    ) -> Sequence[Operation]:
        """Put an operation in its place; return what had to give way to it, or itself."""
        self._heard.setdefault(operation.key, []).append(heard)
        if operation.importance is Importance.QUESTION:
            self._questions[operation.number] = operation
            self._number = operation.number
            return ()
        replaced = self._unsent(operation.merge_key)
        crowded_out = self._crowded_out(operation) if replaced is None else None
        if crowded_out is operation:
            return (operation,)
        gone = [one for one in (replaced, crowded_out) if one is not None]
        self._commit(
            Change(put=(operation,), remove=[one.number for one in gone]), identity=identity
        )
        self._number = operation.number
        if replaced is not None:
            self._heard[operation.key] += self._heard.pop(replaced.key, [])
        return () if crowded_out is None else (crowded_out,)

    def _unsent(self, merge_key: str | None) -> Operation | None:
        if merge_key is None:
            return None
        found = self._queue.newest_of(merge_key)
        return found if found is not None and found.attempts == 0 else None

    def _crowded_out(self, operation: Operation) -> Operation | None:
        """Return what gives way where there is no room: the oldest telemetry, or the new one.

        Registrations, logins and log-outs always have room: there are few, and a person who logged
        out must not go on being told of.
        """
        has_room = len(self._queue) < self._most
        if has_room or operation.kind is Kind.REGISTER or TRAITS[operation.kind].is_barrier:
            return None
        return self._queue.oldest_telemetry() or operation

    def _commit(
        self,
        change: Change,
        *,
        identity: Identity | None = None,
        pipe: Pipe | None = None,
        clock: ServerClock | None = None,
    ) -> None:
        notes: dict[str, str] = {}
        if identity is not None:
            notes["identity"] = identity.to_text()
        if pipe is not None:
            notes["pipe"] = pipe.to_text()
        if clock is not None:
            notes["offset"] = str(clock.offset)
        if change.put or change.remove or notes:
            self._queue.commit(replace(change, notes=notes))
        self.identity = identity or self.identity
        self.pipe = pipe or self.pipe
        self.clock = clock or self.clock


def _number(operation: Operation) -> int:
    return operation.number


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))

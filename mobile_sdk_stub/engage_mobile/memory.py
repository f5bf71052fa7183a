"""A queue in memory: for tests, and for apps that want to keep nothing."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from engage_mobile.operations import Importance, Operation
from engage_mobile.queue import Change


class MemoryQueue:
    """Keeps operations as long as the process lives."""

    def __init__(self) -> None:
        self._operations: dict[int, Operation] = {}
        self._notes: dict[str, str] = {}

    def commit(self, change: Change) -> None:
        """Make a change."""
        for number in change.remove:
            self._operations.pop(number, None)
        self._operations.update({operation.number: operation for operation in change.put})
        self._notes.update(change.notes)

    def first(self, limit: int, *, after: int = 0) -> Sequence[Operation]:
        """Return up to ``limit`` operations behind the number ``after``, in their order."""
        return list(islice((one for one in self._ordered() if one.number > after), limit))

    def oldest_telemetry(self) -> Operation | None:
        """Return the telemetry that waits longest."""
        waiting = (one for one in self._ordered() if one.importance is Importance.TELEMETRY)
        return next(waiting, None)

    def newest_of(self, merge_key: str) -> Operation | None:
        """Return the operation that was put last under a merge key."""
        found = [one for one in self._ordered() if one.merge_key == merge_key]
        return found[-1] if found else None

    def last_number(self) -> int:
        """Return the highest number in the queue; 0 where it is empty."""
        return max(self._operations, default=0)

    def notes(self) -> Mapping[str, str]:
        """Return all notes, by their names."""
        return dict(self._notes)

    def __contains__(self, number: int) -> bool:
        """Say whether an operation of this number waits."""
        return number in self._operations

    def __len__(self) -> int:
        """Return how many operations wait."""
        return len(self._operations)

    def _ordered(self) -> Iterator[Operation]:
        return (self._operations[number] for number in sorted(self._operations))

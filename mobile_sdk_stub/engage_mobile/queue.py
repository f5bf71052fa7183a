"""Where operations wait: in their order, until the server knows of them, whatever happens here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from engage_mobile.operations import Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """All that one step changes: it happens as a whole, or not at all.

    Operations are put in the place of those of the same number; ``remove`` names numbers, also of
    some that are gone; ``notes`` are small texts that belong to the same step.
    """

    put: Sequence[Operation] = ()
    remove: Sequence[int] = ()
    notes: Mapping[str, str] = field(default_factory=dict)


class OperationQueue(Protocol):
    """Operations and notes of one installation; nobody else has them open meanwhile."""

    def commit(self, change: Change) -> None:
        """Make a change durable, in one transaction."""
        ...

    def first(self, limit: int, *, after: int = 0) -> Sequence[Operation]:
        """Return up to ``limit`` operations behind the number ``after``, in their order."""
        ...

    def oldest_telemetry(self) -> Operation | None:
        """Return the telemetry that waits longest."""
        ...

    def newest_of(self, merge_key: str) -> Operation | None:
        """Return the operation that was put last under a merge key."""
        ...

    def last_number(self) -> int:
        """Return the highest number in the queue; 0 where it is empty."""
        ...

    def notes(self) -> Mapping[str, str]:
        """Return all notes, by their names."""
        ...

    def __contains__(self, number: int) -> bool:
        """Say whether an operation of this number waits."""
        ...

    def __len__(self) -> int:
        """Return how many operations wait."""
        ...

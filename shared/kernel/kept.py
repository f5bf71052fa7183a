"""What a process keeps of what it read, for as long as it may be behind."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Value = TypeVar("Value")


@dataclass(slots=True, kw_only=True)
class Kept(Generic[Value]):
    """A value for each key, read again once it is ``seconds`` old.

    Its age counts from before it was read. ``elapsed`` counts seconds and never goes back.
    """

    read: Callable[[str], Value]
    seconds: float
    elapsed: Callable[[], float]
    _values: dict[str, tuple[float, Value]] = field(default_factory=dict)

    def of(self, key: str) -> Value:
        """Return the value of a key; what ``read`` raises leaves what was kept."""
        at = self.elapsed()
        kept = self._values.get(key)
        if kept is None or at - kept[0] >= self.seconds:
            kept = self._values[key] = at, self.read(key)
        return kept[1]

    def forget(self, key: str) -> None:
        """Read a key again when it is next asked for."""
        self._values.pop(key, None)

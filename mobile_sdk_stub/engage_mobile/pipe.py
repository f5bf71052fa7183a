"""Whether the server can be asked at all: what holds for every operation, across restarts."""

import json
from dataclasses import asdict, dataclass
from typing import Self

from engage_mobile.operations import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipe:
    """``failures`` in a row; nothing is sent before ``until``."""

    failures: int = 0
    until: Instant = 0

    def blocked(self, until: Instant) -> Self:
        """Return it after one more failure."""
        return type(self)(failures=self.failures + 1, until=until)

    def to_text(self) -> str:
        """Return it as JSON text."""
        return json.dumps(asdict(self))

    @classmethod
    def of_text(cls, text: str) -> Self:
        """Return what ``to_text`` wrote."""
        return cls(**json.loads(text))

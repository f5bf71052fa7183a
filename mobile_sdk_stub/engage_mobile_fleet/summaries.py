"""What a fleet did, and how it was answered."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Counts of all phones.

    ``deeds`` is what people did, by its name; ``answers`` what became of it: by kind of operation,
    then ``answered`` or why it was dropped. ``requests`` went out, ``most_in_flight`` at once;
    ``unanswered`` of them met no server. ``waiting`` is not told yet.
    """

    phones: int
    logged_in: int
    deeds: Counter[str] = field(default_factory=Counter)
    answers: dict[str, Counter[str]] = field(default_factory=dict)
    requests: int
    unanswered: int
    most_in_flight: int
    waiting: int

    def as_json(self) -> dict[str, Any]:
        """Return it in plain values, names in their order."""
        return {
            "phones": self.phones,
            "logged_in": self.logged_in,
            "deeds": dict(sorted(self.deeds.items())),
            "answers": {
                kind: dict(sorted(counts.items())) for kind, counts in sorted(self.answers.items())
            },
            "requests": self.requests,
            "unanswered": self.unanswered,
            "most_in_flight": self.most_in_flight,
            "waiting": self.waiting,
        }

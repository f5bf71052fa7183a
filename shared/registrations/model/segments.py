"""A segment: a named rule for an audience, whose every version is kept."""

from dataclasses import dataclass, replace
from datetime import datetime

from shared.registrations.model.rules import Rule, event_types

MOST_EVENT_TYPES = 20
"""That all segments of an app name together: each is remembered of every person it happens to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One version of a segment. ``version`` counts its writes; campaigns pin one."""

    app_id: str
    segment_id: str
    name: str
    rule: Rule
    version: int = 1
    created_at: datetime
    updated_at: datetime

    @property
    def event_types(self) -> frozenset[str]:
        """Return the types of events that it asks for."""
        return event_types(self.rule)

    def changed_to(self, *, name: str, rule: Rule, at: datetime) -> "Segment":
        """Return the segment's next version."""
        return replace(self, name=name, rule=rule, version=self.version + 1, updated_at=at)

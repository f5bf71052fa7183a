"""When an in-app message is shown: rules, what happened, the time, and what was shown before.

Pure: the same four give the same answer in every language. What a port must do is in
``tests/sdk/scenarios/in_app``.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

from engage_mobile.clock import instant_of_text
from engage_mobile.operations import DAY, Instant

MINUTE: Final = 60_000
MOST_COUNTED: Final = 100
"""Messages whose displays are remembered: of those before, none is told of any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What is asked of one attribute of what happened."""

    attribute: str
    comparison: str
    values: tuple[Any, ...] = ()

    def holds(self, data: Mapping[str, Any]) -> bool:
        """Say whether an attribute passes; one that is not there passes ``not_in`` alone.

        A comparison that this client does not know does not hold: it is newer than the client.
        """
        found = data.get(self.attribute)
        is_there = found is not None
        match self.comparison:
            case "exists":
                return is_there
            case "in":
                return is_there and _is_among(found, self.values)
            case "not_in":
                return not is_there or not _is_among(found, self.values)
            case "from":
                return _is_number(found) and found >= self.values[0]
            case "to":
                return _is_number(found) and found <= self.values[0]
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A message that may be shown, and when; instants are the server's."""

    in_app_id: str
    content: Mapping[str, Any]
    event: str | None
    filters: tuple[Filter, ...]
    priority: int
    per_session: int | None
    per_day: int | None
    total: int | None
    quiet_time: tuple[int, int] | None
    """Minutes after midnight."""
    starts_at: Instant | None
    ends_at: Instant | None

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> Self:
        """Return a rule as the API describes it."""
        trigger, caps, quiet = document["trigger"], document["caps"], document["quiet_time"]
        return cls(
            in_app_id=document["in_app_id"],
            content=document["content"],
            event=trigger["event"],
            filters=tuple(
                Filter(
                    attribute=one["attribute"],
                    comparison=one["comparison"],
                    values=tuple(one["values"]),
                )
                for one in trigger["filters"]
            ),
            priority=document["priority"],
            per_session=caps["per_session"],
            per_day=caps["per_day"],
            total=caps["total"],
            quiet_time=(_minutes(quiet["start"]), _minutes(quiet["end"])) if quiet else None,
            starts_at=_instant(document["starts_at"]),
            ends_at=_instant(document["ends_at"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """What happened: an event of a type with its data, or (``None``) the start of a session."""

    event: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When: the server's time, and how far the clock on the wall is ahead of UTC, in minutes."""

    now: Instant
    utc_offset: int = 0

    @property
    def minute(self) -> int:
        """Return the minutes after midnight on the clock on the wall."""
        return (self.now + self.utc_offset * MINUTE) % DAY // MINUTE

    @property
    def day(self) -> int:
        """Return the number of the day in the device's own calendar."""
        return (self.now + self.utc_offset * MINUTE) // DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How often a message was shown: in all, on the day of its last display, in the session."""

    total: int = 0
    day: int = 0
    on_day: int = 0
    in_session: int = 0

    def shown(self, day: int) -> Self:
        """Return the count after one display more."""
        on_day = self.on_day if self.day == day else 0
        return replace(
            self,
            total=self.total + 1,
            day=day,
            on_day=on_day + 1,
            in_session=self.in_session + 1,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """How often each message was shown on this device, by its id; it is stored whole."""

    counts: Mapping[str, Count] = field(default_factory=dict)

    def of(self, in_app_id: str) -> Count:
        """Return how often a message was shown."""
        return self.counts.get(in_app_id, Count())

    def shown(self, in_app_id: str, *, day: int) -> Self:
        """Return the counters after a display; the message shown longest ago may be forgotten."""
        others = {name: one for name, one in self.counts.items() if name != in_app_id}
        while len(others) >= MOST_COUNTED:
            del others[next(iter(others))]
        return replace(self, counts={**others, in_app_id: self.of(in_app_id).shown(day)})

    def in_new_session(self) -> Self:
        """Return the counters when a session begins."""
        fresh = {name: replace(one, in_session=0) for name, one in self.counts.items()}
        return replace(self, counts=fresh)

    def to_text(self) -> str:
        """Return them as JSON text."""
        told = {
            name: [one.total, one.day, one.on_day, one.in_session]
            for name, one in self.counts.items()
        }
        return json.dumps(told, separators=(",", ":"))

    @classmethod
    def of_text(cls, text: str) -> Self:
        """Return what ``to_text`` wrote."""
        return cls(
            counts={
                name: Count(total=total, day=day, on_day=on_day, in_session=in_session)
                for name, (total, day, on_day, in_session) in json.loads(text).items()
            }
        )


def chosen(
    rules: Iterable[Rule], happening: Happening, *, moment: Moment, counters: Counters
) -> Rule | None:
    """Return which message is shown; of several the highest priority, then the smallest id."""
    fitting = [
        rule
        for rule in rules
        if _is_triggered(rule, happening)
        and _is_time(rule, moment)
        and _is_below_caps(rule, counters.of(rule.in_app_id), moment.day)
    ]
    return min(fitting, key=lambda rule: (-rule.priority, rule.in_app_id), default=None)


def _is_triggered(rule: Rule, happening: Happening) -> bool:
    is_it = rule.event == happening.event
    return is_it and all(one.holds(happening.data) for one in rule.filters)


def _is_time(rule: Rule, moment: Moment) -> bool:
    if rule.starts_at is not None and moment.now < rule.starts_at:
        return False
    if rule.ends_at is not None and moment.now >= rule.ends_at:
        return False
    return rule.quiet_time is None or not _is_quiet(rule.quiet_time, moment.minute)


def _is_quiet(quiet_time: tuple[int, int], minute: int) -> bool:
    start, end = quiet_time
    if start < end:
        return start <= minute < end
    return minute >= start or minute < end


def _is_below_caps(rule: Rule, count: Count, day: int) -> bool:
    on_day = count.on_day if count.day == day else 0
    caps = (
        (rule.total, count.total),
        (rule.per_day, on_day),
        (rule.per_session, count.in_session),
    )
    return all(cap is None or shown < cap for cap, shown in caps)


def _is_among(found: Any, values: Sequence[Any]) -> bool:
    """Say whether a value is one of several; true and 1 are two values, 1 and 1.0 are one."""
    return any(found == one and isinstance(found, bool) == isinstance(one, bool) for one in values)


def _is_number(found: Any) -> bool:
    return isinstance(found, int | float) and not isinstance(found, bool)


def _minutes(text: str) -> int:
    hours, _, minutes = text.partition(":")
    return int(hours) * 60 + int(minutes)


def _instant(text: str | None) -> Instant | None:
    return None if text is None else instant_of_text(text)

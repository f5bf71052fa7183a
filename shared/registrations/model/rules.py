"""A segment's rule: a tree of questions about one device and the person who uses it.

A question about something unknown is answered no; what was asked is not asked of the opposite, so
``Not`` of it is yes. Whatever is asked, there is an answer: nothing here fails on a device.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any, TypeAlias

from shared.kernel.events import Channel, Purpose
from shared.registrations.model.audience import DeviceFacts
from shared.registrations.model.devices import AttributeValue

Known: TypeAlias = AttributeValue | None

_LEADING_NUMBERS = re.compile(r"\d+(?:\.\d+)*")
_REGION = re.compile(r"[A-Za-z]{2}")


class DeviceField(StrEnum):
    """What a rule may ask of a device; language and country are those of its locale."""

    PLATFORM = "platform"
    LOCALE = "locale"
    LANGUAGE = "language"
    TIMEZONE = "timezone"
    COUNTRY = "country"
    APP_VERSION = "app_version"
    OS_VERSION = "os_version"
    MODEL = "model"
    PUSH_PERMISSION = "push_permission"
    IS_ANONYMOUS = "is_anonymous"
    HAS_ADDRESS = "has_address"


VERSIONS = frozenset({DeviceField.APP_VERSION, DeviceField.OS_VERSION})
FLAGS = frozenset({DeviceField.IS_ANONYMOUS, DeviceField.HAS_ADDRESS})


class Bound(StrEnum):
    """How a value compares; ``from`` and ``to`` include the value itself."""

    ABOVE = "above"
    FROM = "from"
    BELOW = "below"
    TO = "to"

    def holds(self, found: Any, value: Any) -> bool:
        """Say whether ``found`` lies on this side of ``value``; both are of one kind."""
        match self:
            case Bound.ABOVE:
                return bool(found > value)
            case Bound.FROM:
                return bool(found >= value)
            case Bound.BELOW:
                return bool(found < value)
            case Bound.TO:
                return bool(found <= value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What is asked of a value: all that is named must hold.

    ``one_of`` are values that it may equal. ``bounds`` compare numbers with numbers and texts with
    texts, by their characters. ``exists`` asks only whether there is a value.
    """

    one_of: tuple[AttributeValue, ...] | None = None
    bounds: Mapping[Bound, AttributeValue] | None = None
    starts_with: str | None = None
    exists: bool | None = None

    def holds(self, found: Known, *, as_version: bool = False) -> bool:
        """Say whether a value passes; ``None`` is no value. Versions compare by their numbers."""
        if found is None or self.exists is not None:
            return self.exists is (found is not None)
        if self.one_of is not None and not any(_equal(found, value) for value in self.one_of):
            return False
        if self.starts_with is not None and not _begins(found, self.starts_with):
            return False
        compare = _compare_versions if as_version else _compare
        return all(compare(found, bound, value) for bound, value in (self.bounds or {}).items())

    def document(self) -> dict[str, Any]:
        """Return the comparison in the words of a rule's document."""
        written: dict[str, Any] = {}
        if self.one_of is not None:
            written["is"] = self.one_of[0] if len(self.one_of) == 1 else list(self.one_of)
        if self.starts_with is not None:
            written["starts_with"] = self.starts_with
        if self.exists is not None:
            written["exists"] = self.exists
        return written | {bound.value: value for bound, value in (self.bounds or {}).items()}


@dataclass(frozen=True, slots=True)
class HasTag:
    """Does the contact have this tag?"""

    tag: str

    def reads(self, facts: DeviceFacts, _: datetime) -> bool:
        """Return whether the contact has it."""
        return self.tag in facts.tags

    def holds(self, found: Any) -> bool:
        """Say whether what was read is enough."""
        return bool(found)

    def document(self) -> dict[str, Any]:
        """Return the question as a rule's document asks it."""
        return {"tag": self.tag}


@dataclass(frozen=True, slots=True)
class AttributeIs:
    """Does an attribute of the contact, or else of the device, pass a comparison?"""

    name: str
    comparison: Comparison

    def reads(self, facts: DeviceFacts, _: datetime) -> Known:
        """Return the attribute's value."""
        return facts.attributes.get(self.name)

    def holds(self, found: Any) -> bool:
        """Say whether the value passes."""
        return self.comparison.holds(found)

    def document(self) -> dict[str, Any]:
        """Return the question as a rule's document asks it."""
        return {"attribute": self.name, **self.comparison.document()}


@dataclass(frozen=True, slots=True)
class DeviceIs:
    """Does something of the device itself pass a comparison?"""

    field: DeviceField
    comparison: Comparison

    def reads(self, facts: DeviceFacts, _: datetime) -> Known:
        """Return what the device says of itself."""
        return _READ[self.field](facts)

    def holds(self, found: Any) -> bool:
        """Say whether the value passes."""
        return self.comparison.holds(found, as_version=self.field in VERSIONS)

    def document(self) -> dict[str, Any]:
        """Return the question as a rule's document asks it."""
        return {"device": self.field.value, **self.comparison.document()}


class Moment(StrEnum):
    """What a rule may ask the age of."""

    SEEN = "seen"
    REGISTERED = "registered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recency:
    """Was the device seen, or registered, within so many days, or longer ago?"""

    moment: Moment
    days: int
    is_within: bool

    def reads(self, facts: DeviceFacts, now: datetime) -> float:
        """Return how many days ago it was."""
        at = facts.last_seen_at if self.moment is Moment.SEEN else facts.registered_at
        return (now - at) / timedelta(days=1)

    def holds(self, found: Any) -> bool:
        """Say whether that is recent, or long ago, as was asked."""
        return (found <= self.days) is self.is_within

    def document(self) -> dict[str, Any]:
        """Return the question as a rule's document asks it."""
        word = "within_days" if self.is_within else "before_days"
        return {self.moment.value: {word: self.days}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Consented:
    """Did the person agree to pushes of a purpose, about a topic or (``None``) in general?"""

    purpose: Purpose
    topic: str | None

    def reads(self, facts: DeviceFacts, _: datetime) -> bool:
        """Return whether they agreed, as far as it was copied to the device."""
        consent = facts.consents.get(self.purpose)
        return consent is not None and consent.covers(self.topic)

    def holds(self, found: Any) -> bool:
        """Say whether what was read is enough."""
        return bool(found)

    def document(self) -> dict[str, Any]:
        """Return the question as a rule's document asks it."""
        asked = {"purpose": self.purpose.value, "channel": Channel.PUSH.value, "topic": self.topic}
        return {"consent": asked}


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """Did an event happen to the person so often, within so many days or (``None``) ever?

    ``type`` is without the app's organisation. Events count from when a segment first names them.
    """

    type: str
    within_days: int | None
    at_least: int

    def reads(self, facts: DeviceFacts, now: datetime) -> int:
        """Return how often it happened, up to as often as is remembered."""
        instants = facts.happened.get(self.type, ())
        if self.within_days is None:
            return len(instants)
        return sum((now - at) / timedelta(days=1) <= self.within_days for at in instants)

    def holds(self, found: Any) -> bool:
        """Say whether that is often enough."""
        return bool(found >= self.at_least)

    def document(self) -> dict[str, Any]:
        """Return the question as a rule's document asks it."""
        within = {} if self.within_days is None else {"within_days": self.within_days}
        return {"event": {"type": self.type, **within, "at_least": self.at_least}}


@dataclass(frozen=True, slots=True)
class All:
    """Every one of some rules; of none, everybody."""

    rules: tuple["Rule", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of some rules; of none, nobody."""

    rules: tuple["Rule", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Whoever a rule does not match."""

    rule: "Rule"


Leaf: TypeAlias = HasTag | AttributeIs | DeviceIs | Recency | Consented | Happened
Rule: TypeAlias = All | AnyOf | Not | Leaf


def matches(rule: Rule, facts: DeviceFacts, now: datetime) -> bool:
    """Say whether a device belongs to a segment at an instant."""
    match rule:
        case All(rules):
            return all(matches(inner, facts, now) for inner in rules)
        case AnyOf(rules):
            return any(matches(inner, facts, now) for inner in rules)
        case Not(inner):
            return not matches(inner, facts, now)
    return rule.holds(rule.reads(facts, now))


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafAnswer:
    """What one question found and answered; ``pointer`` is its place in the rule (RFC 6901)."""

    pointer: str
    leaf: Leaf
    found: Known
    answer: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Whether a device belongs to a segment, and the answer to every question of its rule."""

    matches: bool
    leaves: tuple[LeafAnswer, ...]


def explain(rule: Rule, facts: DeviceFacts, now: datetime) -> Explanation:
    """Return why a device does or does not belong to a segment at an instant."""
    leaves = tuple(
        LeafAnswer(pointer=pointer, leaf=leaf, found=found, answer=leaf.holds(found))
        for pointer, leaf in leaves_of(rule)
        for found in [leaf.reads(facts, now)]
    )
    return Explanation(matches=matches(rule, facts, now), leaves=leaves)


def leaves_of(rule: Rule, pointer: str = "") -> Iterator[tuple[str, Leaf]]:
    """Yield every question of a rule, after the JSON pointer to it."""
    match rule:
        case All(rules):
            yield from _leaves_within(rules, f"{pointer}/all")
        case AnyOf(rules):
            yield from _leaves_within(rules, f"{pointer}/any")
        case Not(inner):
            yield from leaves_of(inner, f"{pointer}/not")
        case _:
            yield pointer, rule


def event_types(rule: Rule) -> frozenset[str]:
    """Return the types of events that a rule asks for."""
    return frozenset(leaf.type for _, leaf in leaves_of(rule) if isinstance(leaf, Happened))


def tag_of_locale(locale: str) -> str:
    """Return a locale as it compares: case and separator do not matter (RFC 5646, 2.1.1)."""
    return locale.replace("_", "-").lower()


@lru_cache(maxsize=1_024)
def version_of(text: str) -> tuple[int, ...] | None:
    """Return the numbers with which a version begins, zeros at the end left out: 1.10.0 is 1.10.

    ``None``: it does not begin with a number.
    """
    found = _LEADING_NUMBERS.match(text)
    if found is None:
        return None
    numbers = [int(part) for part in found[0].split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def _leaves_within(rules: tuple[Rule, ...], pointer: str) -> Iterator[tuple[str, Leaf]]:
    for place, inner in enumerate(rules):
        yield from leaves_of(inner, f"{pointer}/{place}")


def _language(facts: DeviceFacts) -> str | None:
    return tag_of_locale(facts.locale).split("-")[0] if facts.locale else None


def _country(facts: DeviceFacts) -> str | None:
    parts = tag_of_locale(facts.locale or "").split("-")[1:]
    return next((part.upper() for part in parts if _REGION.fullmatch(part)), None)


_READ: Mapping[DeviceField, Callable[[DeviceFacts], Known]] = {
    DeviceField.PLATFORM: lambda facts: facts.platform.value,
    DeviceField.LOCALE: lambda facts: tag_of_locale(facts.locale) if facts.locale else None,
    DeviceField.LANGUAGE: _language,
    DeviceField.TIMEZONE: lambda facts: facts.timezone,
    DeviceField.COUNTRY: _country,
    DeviceField.APP_VERSION: lambda facts: facts.app_version,
    DeviceField.OS_VERSION: lambda facts: facts.os_version,
    DeviceField.MODEL: lambda facts: facts.model,
    DeviceField.PUSH_PERMISSION: lambda facts: facts.push_permission.value,
    DeviceField.IS_ANONYMOUS: lambda facts: facts.is_anonymous,
    DeviceField.HAS_ADDRESS: lambda facts: facts.has_address,
}


def _equal(found: AttributeValue, value: AttributeValue) -> bool:
    """Say whether two values are the same; true and 1 are not."""
    return isinstance(found, bool) is isinstance(value, bool) and found == value


def _begins(found: AttributeValue, start: str) -> bool:
    return isinstance(found, str) and found.startswith(start)


def _compare(found: AttributeValue, bound: Bound, value: AttributeValue) -> bool:
    if isinstance(found, bool) or isinstance(found, str) is not isinstance(value, str):
        return False
    return bound.holds(found, value)


def _compare_versions(found: AttributeValue, bound: Bound, value: AttributeValue) -> bool:
    version, limit = version_of(str(found)), version_of(str(value))
    return version is not None and limit is not None and bound.holds(version, limit)

"""The policy as one reviewed document: a mapping as JSON and YAML write it.

Reading collects every problem of a document, with its place, and raises them together. A section of
rules that is missing has none; ``weights`` and ``bypass`` that are missing are the defaults.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from shared.contact_policy.errors import PolicyInvalidError
from shared.contact_policy.model.laws import LAWS
from shared.contact_policy.model.limits import check_size
from shared.contact_policy.model.policy import (
    BYPASSABLE,
    DEFAULT_BYPASS,
    DEFAULT_WEIGHTS,
    MINUTES_OF_DAY,
    Calendar,
    CapRule,
    ConsentRule,
    CooldownCause,
    CooldownRule,
    DedupeRule,
    GapRule,
    Hours,
    Period,
    Policy,
    QuietHoursRule,
    Requirement,
    Reserved,
    Rolling,
    Scope,
    Weekday,
    Window,
)
from shared.contact_policy.model.schema import (
    ID_PATTERN,
    LONGEST_DESCRIPTION,
    LONGEST_NAME,
    LONGEST_TOPIC,
    MOST_DAYS,
    MOST_LIMIT,
    MOST_RULES,
    MOST_TOPICS,
    MOST_WEIGHT,
    TIME_PATTERN,
    TOPIC_PATTERN,
)
from shared.kernel.decisions import HIGHEST_PRIORITY, LOWEST_PRIORITY, Gate
from shared.kernel.errors import FieldProblem
from shared.kernel.events import Channel, Purpose

WordT = TypeVar("WordT", bound=StrEnum)

_BYPASSING = (Purpose.TRANSACTIONAL, Purpose.SERVICE)
_SECTIONS = ("consent", "cooldowns", "quiet_hours", "dedupe", "gaps", "caps")


def policy_of(document: Any) -> Policy:
    """Return the policy that a document describes.

    Raises:
        PolicyInvalidError: it breaks a rule of documents; ``fields`` has every problem.
        PolicyTooLargeError: what it makes us remember of a person could pass an item's size.
    """
    problems: list[FieldProblem] = []
    policy = _policy(_Reader(document, "", problems))
    if problems:
        raise PolicyInvalidError("the policy document has problems", fields=problems)
    check_size(policy)
    return policy


def document_of(policy: Policy) -> dict[str, Any]:
    """Return the document of a policy, every default written out: ``policy_of`` reads it back."""
    return {
        "description": policy.description,
        "weights": {channel.value: policy.weights[channel] / 100 for channel in Channel},
        "channel_order": [channel.value for channel in policy.channel_order],
        "topics": dict(policy.topics),
        "consent": [
            {
                **_scoped(rule.id, rule.scope),
                **({} if rule.topics is None else {"topics": sorted(rule.topics)}),
                "requires": rule.requires.value,
            }
            for rule in policy.consent
        ],
        "cooldowns": [
            {**_scoped(rule.id, rule.scope), "after": rule.after.value, "days": rule.days}
            for rule in policy.cooldowns
        ],
        "quiet_hours": [
            {
                **_scoped(rule.id, rule.scope),
                "allowed": [_window(window) for window in rule.hours.windows],
                "holidays": rule.hours.holidays,
            }
            for rule in policy.quiet_hours
        ],
        "dedupe": [{**_scoped(rule.id, rule.scope), "hours": rule.hours} for rule in policy.dedupe],
        "gaps": [{**_scoped(rule.id, rule.scope), "minutes": rule.minutes} for rule in policy.gaps],
        "caps": [_cap(rule) for rule in policy.caps],
        "bypass": {
            purpose.value: _in_order(Gate, policy.bypassed(purpose)) for purpose in _BYPASSING
        },
        "laws": list(policy.laws),
    }


@dataclass(frozen=True, slots=True)
class _Reader:
    """One place of a document. What is wrong there is noted, and a stand-in is read instead."""

    value: Any
    pointer: str
    problems: list[FieldProblem]

    def refuse(self, code: str, detail: str) -> None:
        self.problems.append(FieldProblem(pointer=self.pointer, code=code, detail=detail))

    def fields(self, *known: str, required: Sequence[str] = ()) -> Mapping[str, "_Reader"]:
        """Return the fields that are there; note those that are unknown or missing."""
        if not isinstance(self.value, Mapping):
            self.refuse("type", "an object is needed")
            return {}
        for name in self.value:
            if name not in known:
                self._below(name).refuse("unknown", "there is no such field")
        for name in required:
            if name not in self.value:
                self._below(name).refuse("missing", "this field is required")
        return {name: self._below(name) for name in known if name in self.value}

    def items(self, *, most: int, least: int = 0) -> Sequence["_Reader"]:
        if not isinstance(self.value, list | tuple):
            self.refuse("type", "a list is needed")
            return ()
        if not least <= len(self.value) <= most:
            self.refuse("length", f"from {least} to {most} entries")
            return ()
        return [
            _Reader(value, f"{self.pointer}/{place}", self.problems)
            for place, value in enumerate(self.value)
        ]

    def text(self, *, most: int) -> str:
        if not isinstance(self.value, str) or not len(self.value) <= most:
            self.refuse("text", f"a text of at most {most} characters is needed")
            return ""
        return self.value

    def matched(self, pattern: str, detail: str) -> str:
        if not isinstance(self.value, str) or not re.fullmatch(pattern, self.value):
            self.refuse("pattern", detail)
            return ""
        return self.value

    def number(self, *, least: int, most: int) -> int:
        whole = isinstance(self.value, int) and not isinstance(self.value, bool)
        if not whole or not least <= self.value <= most:
            self.refuse("number", f"a whole number from {least} to {most} is needed")
            return least
        return int(self.value)

    def hundredths(self, *, most: int) -> int:
        """Return a number with at most two decimals, above 0, in hundredths."""
        known = isinstance(self.value, int | float) and not isinstance(self.value, bool)
        if not known or not 0 < self.value <= most or round(self.value * 100, 6) % 1:
            self.refuse("number", f"a number from 0.01 to {most} with two decimals is needed")
            return 1
        amount: float = self.value
        return round(amount * 100)

    def flag(self) -> bool:
        if not isinstance(self.value, bool):
            self.refuse("type", "true or false is needed")
        return self.value is True

    def word(self, words: Iterable[WordT]) -> WordT | None:
        found = next((word for word in words if word.value == self.value), None)
        if found is None:
            self.refuse("word", f"one of {', '.join(words)} is needed")
        return found

    def named(self, pattern: str, *, most: int) -> Mapping[str, "_Reader"]:
        """Return fields of any name that matches; note the others, and too many of them."""
        if not isinstance(self.value, Mapping):
            self.refuse("type", "an object is needed")
            return {}
        if len(self.value) > most:
            self.refuse("length", f"at most {most}")
        found = {}
        for name in self.value:
            if isinstance(name, str) and re.fullmatch(pattern, name):
                found[name] = self._below(name)
            else:
                self._below(name).refuse("pattern", f"a name matches {pattern}")
        return found

    def words(self, words: Sequence[WordT], *, least: int = 1) -> tuple[WordT, ...]:
        read = [item.word(words) for item in self.items(least=least, most=len(words))]
        found = tuple(word for word in read if word is not None)
        if len(set(found)) < len(found):
            self.refuse("twice", "every word stands once")
        return found

    def _below(self, name: object) -> "_Reader":
        escaped = str(name).replace("~", "~0").replace("/", "~1")
        value = self.value.get(name)
        return _Reader(value, f"{self.pointer}/{escaped}", self.problems)


def _policy(reader: _Reader) -> Policy:
    fields = reader.fields(
        *("description", "weights", "channel_order", "topics", *_SECTIONS, "bypass", "laws")
    )
    _check_ids(fields)
    empty = _Reader([], "", [])

    def rules(section: str) -> Sequence[_Reader]:
        return fields.get(section, empty).items(most=MOST_RULES)

    return Policy(
        description=fields["description"].text(most=LONGEST_DESCRIPTION)
        if "description" in fields
        else "",
        weights=_read_weights(fields.get("weights")),
        channel_order=fields.get("channel_order", empty).words(tuple(Channel), least=0),
        topics=_read_topics(fields.get("topics")),
        consent=tuple(map(_read_consent, rules("consent"))),
        cooldowns=tuple(map(_read_cooldown, rules("cooldowns"))),
        quiet_hours=tuple(map(_read_quiet_hours, rules("quiet_hours"))),
        dedupe=tuple(map(_read_dedupe, rules("dedupe"))),
        gaps=tuple(map(_read_gap, rules("gaps"))),
        caps=tuple(map(_read_cap, rules("caps"))),
        bypass=_read_bypass(fields.get("bypass")),
        laws=_read_laws(fields.get("laws", empty)),
    )


def _check_ids(fields: Mapping[str, _Reader]) -> None:
    """Note ids that stand twice in the document: reasons name rules by them."""
    seen: set[str] = set()
    for section in _SECTIONS:
        rules = fields[section].value if section in fields else ()
        for place, rule in enumerate(rules if isinstance(rules, list | tuple) else ()):
            name = rule.get("id") if isinstance(rule, Mapping) else None
            if isinstance(name, str) and name in seen:
                pointer = f"/{section}/{place}/id"
                _Reader(name, pointer, fields[section].problems).refuse("twice", "an id is unique")
            elif isinstance(name, str):
                seen.add(name)


def _read_weights(reader: _Reader | None) -> Mapping[Channel, int]:
    fields = reader.fields(*(channel.value for channel in Channel)) if reader else {}
    own = {Channel(name): field.hundredths(most=MOST_WEIGHT) for name, field in fields.items()}
    return {**DEFAULT_WEIGHTS, **own}


def _read_topics(reader: _Reader | None) -> Mapping[str, str]:
    if reader is None:
        return {}
    topics = reader.named(TOPIC_PATTERN, most=MOST_TOPICS)
    return {topic: name.text(most=LONGEST_NAME) for topic, name in topics.items()}


def _read_bypass(reader: _Reader | None) -> Mapping[Purpose, frozenset[Gate]]:
    fields = reader.fields(*(purpose.value for purpose in _BYPASSING)) if reader else {}
    gates = [gate for gate in Gate if gate in BYPASSABLE]
    own = {Purpose(name): frozenset(field.words(gates, least=0)) for name, field in fields.items()}
    return {**DEFAULT_BYPASS, **own}


def _read_laws(reader: _Reader) -> tuple[str, ...]:
    names = []
    for item in reader.items(most=len(LAWS)):
        if not isinstance(item.value, str) or item.value not in LAWS or item.value in names:
            item.refuse("word", f"one of {', '.join(LAWS)}, each once, is needed")
        else:
            names.append(item.value)
    return tuple(names)


def _rule(
    reader: _Reader, *required: str, optional: Sequence[str] = ()
) -> tuple[str, Scope, Mapping[str, _Reader]]:
    """Return the id and scope that every rule has, and its own fields."""
    fields = reader.fields(
        *("id", "channels", "purposes", *required, *optional), required=("id", *required)
    )
    name = ""
    if "id" in fields:
        name = fields["id"].matched(ID_PATTERN, "an id of lower case letters, digits, - and _")
    channels: tuple[Channel, ...] = tuple(Channel)
    purposes: tuple[Purpose, ...] = (Purpose.MARKETING,)
    if "channels" in fields:
        channels = fields["channels"].words(channels)
    if "purposes" in fields:
        purposes = fields["purposes"].words(tuple(Purpose))
    return name, Scope(channels=frozenset(channels), purposes=frozenset(purposes)), fields


def _whole(fields: Mapping[str, _Reader], name: str, *, most: int) -> int:
    return fields[name].number(least=1, most=most) if name in fields else 1


def _read_consent(reader: _Reader) -> ConsentRule:
    name, scope, fields = _rule(reader, "requires", optional=("topics",))
    requires = fields["requires"].word(tuple(Requirement)) if "requires" in fields else None
    topics = None
    if "topics" in fields:
        listed = fields["topics"].items(least=1, most=MOST_RULES)
        topics = frozenset(item.text(most=LONGEST_TOPIC) for item in listed)
    return ConsentRule(id=name, scope=scope, requires=requires or Requirement.OPT_IN, topics=topics)


def _read_cooldown(reader: _Reader) -> CooldownRule:
    name, scope, fields = _rule(reader, "after", "days")
    after = fields["after"].word(tuple(CooldownCause)) if "after" in fields else None
    days = _whole(fields, "days", most=MOST_DAYS)
    return CooldownRule(id=name, scope=scope, after=after or CooldownCause.COMPLAINT, days=days)


def _read_quiet_hours(reader: _Reader) -> QuietHoursRule:
    name, scope, fields = _rule(reader, "allowed", optional=("holidays",))
    listed = fields["allowed"].items(least=1, most=MOST_RULES) if "allowed" in fields else ()
    holidays = "holidays" in fields and fields["holidays"].flag()
    hours = Hours(windows=tuple(map(_read_window, listed)), holidays=holidays)
    return QuietHoursRule(id=name, scope=scope, hours=hours)


def _read_window(reader: _Reader) -> Window:
    fields = reader.fields("days", "from", "to", required=("from", "to"))
    days = fields["days"].words(tuple(Weekday)) if "days" in fields else tuple(Weekday)
    opens, closes = (_minutes(fields[name]) if name in fields else None for name in ("from", "to"))
    if opens is not None and opens == closes:
        reader.refuse("empty", "a window closes at another time than it opens")
    elif opens == MINUTES_OF_DAY:
        fields["from"].refuse("pattern", "a window opens at 00:00, not at 24:00")
    return Window(days=frozenset(days), opens=opens or 0, closes=closes or 0)


def _minutes(reader: _Reader) -> int | None:
    text = reader.matched(TIME_PATTERN, "a time such as 08:00, up to 24:00")
    hours, _, minutes = text.partition(":")
    return int(hours) * 60 + int(minutes) if text else None


def _read_dedupe(reader: _Reader) -> DedupeRule:
    name, scope, fields = _rule(reader, "hours")
    return DedupeRule(id=name, scope=scope, hours=_whole(fields, "hours", most=MOST_DAYS * 24))


def _read_gap(reader: _Reader) -> GapRule:
    name, scope, fields = _rule(reader, "minutes")
    minutes = _whole(fields, "minutes", most=MOST_DAYS * MINUTES_OF_DAY)
    return GapRule(id=name, scope=scope, minutes=minutes)


def _read_cap(reader: _Reader) -> CapRule:
    name, scope, fields = _rule(reader, "limit", "window", optional=("reserved",))
    limit = fields["limit"].hundredths(most=MOST_LIMIT) if "limit" in fields else 1
    window = _read_cap_window(fields["window"]) if "window" in fields else Rolling(hours=1)
    reserved: tuple[Reserved, ...] = ()
    if "reserved" in fields:
        reserved = tuple(map(_read_reserved, fields["reserved"].items(most=MOST_RULES)))
        if sum(part.slots for part in reserved) > limit:
            fields["reserved"].refuse("limit", "no more is reserved than the limit")
    return CapRule(id=name, scope=scope, limit=limit, window=window, reserved=reserved)


def _read_cap_window(reader: _Reader) -> Rolling | Calendar:
    fields = reader.fields("rolling", "calendar")
    if isinstance(reader.value, Mapping) and len(fields) != 1:
        reader.refuse("choice", "either rolling (hours) or calendar (day, week, month) is needed")
    if "calendar" in fields:
        return Calendar(period=fields["calendar"].word(tuple(Period)) or Period.DAY)
    return Rolling(hours=_whole(fields, "rolling", most=MOST_DAYS * 24))


def _read_reserved(reader: _Reader) -> Reserved:
    fields = reader.fields("priority", "slots", required=("priority", "slots"))
    priority, slots = LOWEST_PRIORITY, 1
    if "priority" in fields:
        priority = fields["priority"].number(least=LOWEST_PRIORITY, most=HIGHEST_PRIORITY)
    if "slots" in fields:
        slots = fields["slots"].hundredths(most=MOST_LIMIT)
    return Reserved(priority=priority, slots=slots)


def _scoped(name: str, scope: Scope) -> dict[str, Any]:
    return {
        "id": name,
        "channels": _in_order(Channel, scope.channels),
        "purposes": _in_order(Purpose, scope.purposes),
    }


def _window(window: Window) -> dict[str, Any]:
    times = {"from": window.opens, "to": window.closes}
    return {
        "days": _in_order(Weekday, window.days),
        **{name: f"{at // 60:02d}:{at % 60:02d}" for name, at in times.items()},
    }


def _cap(rule: CapRule) -> dict[str, Any]:
    window = (
        {"calendar": rule.window.period.value}
        if isinstance(rule.window, Calendar)
        else {"rolling": rule.window.hours}
    )
    return {
        **_scoped(rule.id, rule.scope),
        "limit": rule.limit / 100,
        "window": window,
        "reserved": [
            {"priority": part.priority, "slots": part.slots / 100} for part in rule.reserved
        ],
    }


def _in_order(words: type[WordT], chosen: frozenset[WordT]) -> list[str]:
    return [word.value for word in words if word in chosen]

"""The policy as one reviewed document: a mapping as JSON and YAML write it.

Reading collects every problem of a document, with its place, and raises them together. A section of
rules that is missing has none; ``weights`` and ``bypass`` that are missing are the defaults.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeVar

from shared.contact_policy.errors import PolicyInvalidError
from shared.contact_policy.model.laws import LAWS
from shared.contact_policy.model.limits import check_size
from shared.contact_policy.model.policy import (
    BYPASSABLE,
    DEFAULT_BYPASS,
    DEFAULT_WEIGHTS,
    MARKETING,
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
from shared.kernel.documents import Fields, Reader
from shared.kernel.events import Channel, Purpose

WordT = TypeVar("WordT", bound=StrEnum)
ReadT = TypeVar("ReadT")

_BYPASSING = (Purpose.TRANSACTIONAL, Purpose.SERVICE)
_EVERY_CHANNEL = frozenset(Channel)
_SECTIONS = ("consent", "cooldowns", "quiet_hours", "dedupe", "gaps", "caps")


def policy_of(document: Any) -> Policy:
    """Return the policy that a document describes.

    Raises:
        PolicyInvalidError: it breaks a rule of documents; ``fields`` has every problem.
        PolicyTooLargeError: what it makes us remember of a person could pass an item's size.
    """
    reader = Reader(document)
    policy = _policy(reader)
    if reader.problems:
        raise PolicyInvalidError("the policy document has problems", fields=reader.problems)
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


def _policy(reader: Reader) -> Policy:
    fields = reader.fields(
        *("description", "weights", "channel_order", "topics", *_SECTIONS, "bypass", "laws")
    )
    _check_ids(fields)
    return Policy(
        description=fields.read("description", _description, otherwise=""),
        weights={**DEFAULT_WEIGHTS, **fields.read("weights", _weights, otherwise={})},
        channel_order=tuple(fields.read("channel_order", _channels, otherwise=())),
        topics=fields.read("topics", _topics, otherwise={}),
        consent=_each(fields, "consent", _read_consent),
        cooldowns=_each(fields, "cooldowns", _read_cooldown),
        quiet_hours=_each(fields, "quiet_hours", _read_quiet_hours),
        dedupe=_each(fields, "dedupe", _read_dedupe),
        gaps=_each(fields, "gaps", _read_gap),
        caps=_each(fields, "caps", _read_cap),
        bypass={**DEFAULT_BYPASS, **fields.read("bypass", _bypass, otherwise={})},
        laws=fields.read("laws", _laws, otherwise=()),
    )


def _each(fields: Fields, name: str, reading: Callable[[Reader], ReadT]) -> tuple[ReadT, ...]:
    """Return what is read of each entry of a list, which may be left out."""
    listed = fields.read(name, lambda one: one.items(most=MOST_RULES), otherwise=())
    return tuple(map(reading, listed))


def _check_ids(fields: Fields) -> None:
    """Note ids that stand twice in the document: reasons name rules by them."""
    seen: set[str] = set()
    for section in (fields.found[name] for name in _SECTIONS if name in fields.found):
        rules = section.value if isinstance(section.value, list | tuple) else ()
        for place, rule in enumerate(rules):
            name = rule.get("id") if isinstance(rule, Mapping) else None
            if isinstance(name, str) and name in seen:
                section.below(place, rule).below("id", name).refuse("twice", "an id is unique")
            elif isinstance(name, str):
                seen.add(name)


def _description(reader: Reader) -> str:
    return reader.text(least=0, most=LONGEST_DESCRIPTION)


def _weights(reader: Reader) -> Mapping[Channel, int]:
    fields = reader.fields(*Channel)
    return {Channel(name): one.hundredths(most=MOST_WEIGHT) for name, one in fields.found.items()}


def _channels(reader: Reader) -> Sequence[Channel]:
    return reader.words(Channel)


def _topics(reader: Reader) -> Mapping[str, str]:
    topics = reader.named(pattern=TOPIC_PATTERN, most=MOST_TOPICS)
    return {topic: name.text(least=0, most=LONGEST_NAME) for topic, name in topics.items()}


def _bypass(reader: Reader) -> Mapping[Purpose, frozenset[Gate]]:
    fields = reader.fields(*_BYPASSING)
    gates = [gate for gate in Gate if gate in BYPASSABLE]
    return {Purpose(name): frozenset(one.words(gates)) for name, one in fields.found.items()}


def _laws(reader: Reader) -> tuple[str, ...]:
    names = []
    for item in reader.items(most=len(LAWS)):
        if not isinstance(item.value, str) or item.value not in LAWS or item.value in names:
            item.refuse("word", f"one of {', '.join(LAWS)}, each once, is needed")
        else:
            names.append(item.value)
    return tuple(names)


def _rule(
    reader: Reader, *required: str, optional: Sequence[str] = ()
) -> tuple[str, Scope, Fields]:
    """Return the id and scope that every rule has, and its own fields."""
    fields = reader.fields(
        *("id", "channels", "purposes", *required, *optional), required=("id", *required)
    )
    scope = Scope(
        channels=fields.read("channels", lambda one: _some(one, Channel), otherwise=_EVERY_CHANNEL),
        purposes=fields.read("purposes", lambda one: _some(one, Purpose), otherwise=MARKETING),
    )
    return fields.read("id", _id, otherwise=""), scope, fields


def _some(reader: Reader, words: type[WordT]) -> frozenset[WordT]:
    """Return a set of words that is not empty."""
    return frozenset(reader.words(words, least=1))


def _id(reader: Reader) -> str:
    return reader.matched(ID_PATTERN, "an id of lower case letters, digits, - and _")


def _whole(fields: Fields, name: str, *, most: int) -> int:
    return fields.read(name, lambda one: one.whole(least=1, most=most), otherwise=1)


def _read_consent(reader: Reader) -> ConsentRule:
    name, scope, fields = _rule(reader, "requires", optional=("topics",))
    return ConsentRule(
        id=name,
        scope=scope,
        requires=fields.read(
            "requires", lambda one: one.word(Requirement), otherwise=Requirement.OPT_IN
        ),
        topics=fields.read("topics", _topics_of_rule, otherwise=None),
    )


def _topics_of_rule(reader: Reader) -> frozenset[str]:
    listed = reader.items(least=1, most=MOST_RULES)
    return frozenset(topic.text(least=0, most=LONGEST_TOPIC) for topic in listed)


def _read_cooldown(reader: Reader) -> CooldownRule:
    name, scope, fields = _rule(reader, "after", "days")
    return CooldownRule(
        id=name,
        scope=scope,
        after=fields.read(
            "after", lambda one: one.word(CooldownCause), otherwise=CooldownCause.COMPLAINT
        ),
        days=_whole(fields, "days", most=MOST_DAYS),
    )


def _read_quiet_hours(reader: Reader) -> QuietHoursRule:
    name, scope, fields = _rule(reader, "allowed", optional=("holidays",))
    listed = fields.read("allowed", lambda one: one.items(least=1, most=MOST_RULES), otherwise=())
    hours = Hours(
        windows=tuple(map(_read_window, listed)),
        holidays=fields.read("holidays", Reader.flag, otherwise=False),
    )
    return QuietHoursRule(id=name, scope=scope, hours=hours)


def _read_window(reader: Reader) -> Window:
    fields = reader.fields("days", "from", "to", required=("from", "to"))
    days = fields.read("days", lambda one: _some(one, Weekday), otherwise=frozenset(Weekday))
    opens = fields.read("from", _minutes, otherwise=None)
    closes = fields.read("to", _minutes, otherwise=None)
    if opens is not None and opens == closes:
        reader.refuse("empty", "a window closes at another time than it opens")
    elif opens == MINUTES_OF_DAY:
        fields.found["from"].refuse("pattern", "a window opens at 00:00, not at 24:00")
    return Window(days=days, opens=opens or 0, closes=closes or 0)


def _minutes(reader: Reader) -> int | None:
    text = reader.matched(TIME_PATTERN, "a time such as 08:00, up to 24:00")
    hours, _, minutes = text.partition(":")
    return int(hours) * 60 + int(minutes) if text else None


def _read_dedupe(reader: Reader) -> DedupeRule:
    name, scope, fields = _rule(reader, "hours")
    return DedupeRule(id=name, scope=scope, hours=_whole(fields, "hours", most=MOST_DAYS * 24))


def _read_gap(reader: Reader) -> GapRule:
    name, scope, fields = _rule(reader, "minutes")
    minutes = _whole(fields, "minutes", most=MOST_DAYS * MINUTES_OF_DAY)
    return GapRule(id=name, scope=scope, minutes=minutes)


def _read_cap(reader: Reader) -> CapRule:
    name, scope, fields = _rule(reader, "limit", "window", optional=("reserved",))
    limit = fields.read("limit", _slots, otherwise=1)
    reserved = _each(fields, "reserved", _read_reserved)
    if sum(part.slots for part in reserved) > limit:
        fields.found["reserved"].refuse("limit", "no more is reserved than the limit")
    window = fields.read("window", _read_cap_window, otherwise=Rolling(hours=1))
    return CapRule(id=name, scope=scope, limit=limit, window=window, reserved=reserved)


def _slots(reader: Reader) -> int:
    return reader.hundredths(most=MOST_LIMIT)


def _read_cap_window(reader: Reader) -> Rolling | Calendar:
    fields = reader.fields("rolling", "calendar")
    if isinstance(reader.value, Mapping) and len(fields.found) != 1:
        reader.refuse("choice", "either rolling (hours) or calendar (day, week, month) is needed")
    if "calendar" in fields.found:
        return Calendar(period=fields.found["calendar"].word(Period))
    return Rolling(hours=_whole(fields, "rolling", most=MOST_DAYS * 24))


def _read_reserved(reader: Reader) -> Reserved:
    fields = reader.fields("priority", "slots", required=("priority", "slots"))
    return Reserved(
        priority=fields.read("priority", _priority, otherwise=LOWEST_PRIORITY),
        slots=fields.read("slots", _slots, otherwise=1),
    )


def _priority(reader: Reader) -> int:
    return reader.whole(least=LOWEST_PRIORITY, most=HIGHEST_PRIORITY)


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

"""A segment's rule as a JSON document.

Reading collects every problem of a document, with its place, and raises them together.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from shared.kernel.documents import Reader
from shared.kernel.events import Channel, Purpose
from shared.registrations.errors import SegmentInvalidError
from shared.registrations.model.apps import Platform
from shared.registrations.model.audience import MOST_REMEMBERED
from shared.registrations.model.devices import AttributeValue, PushPermission
from shared.registrations.model.rules import (
    FLAGS,
    VERSIONS,
    All,
    AnyOf,
    AttributeIs,
    Bound,
    Comparison,
    Consented,
    DeviceField,
    DeviceIs,
    Happened,
    HasTag,
    Leaf,
    Moment,
    Not,
    Recency,
    Rule,
    tag_of_locale,
    version_of,
)

MOST_LEAVES = 50
DEEPEST = 5
"""Levels of a rule; a single question is one."""

LARGEST_RULE = 8_192
"""Bytes of compact JSON: every shard of a campaign reads the rule, and a person should, too."""

MOST_VALUES = 100
MOST_DAYS = 760
"""Two years and a bit, as long as events are kept."""

LONGEST_TEXT = 256


_EVERYBODY = All(())
_TAG = r"[A-Za-z0-9_.:-]{1,64}"
_EVENT_TYPE = r"[!-~]{1,200}"
_COMPARISONS = ("is", "starts_with", "exists", *(bound.value for bound in Bound))
_WORDS: Mapping[DeviceField, Collection[StrEnum]] = {
    DeviceField.PLATFORM: tuple(Platform),
    DeviceField.PUSH_PERMISSION: tuple(PushPermission),
}
_AS_COMPARED: Mapping[DeviceField, Callable[[str], str]] = {
    DeviceField.LOCALE: tag_of_locale,
    DeviceField.LANGUAGE: str.lower,
    DeviceField.COUNTRY: str.upper,
}


def rule_of(document: Any, *, pointer: str = "/rule") -> Rule:
    """Return the rule that a document describes; ``pointer`` is the document's own place.

    Raises:
        SegmentInvalidError: it breaks a rule of documents; ``fields`` has every problem.
    """
    whole, count = Reader(document, pointer), _Count()
    rule = _rule(whole, depth=1, count=count)
    if count.leaves > MOST_LEAVES:
        whole.refuse("leaves", f"at most {MOST_LEAVES} questions; these are {count.leaves}")
    size = len(json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode())
    if size > LARGEST_RULE:
        whole.refuse("too_large", f"at most {LARGEST_RULE} bytes; these are {size}")
    if whole.problems:
        raise SegmentInvalidError("the rule has problems", fields=whole.problems)
    return rule


def document_of(rule: Rule) -> dict[str, Any]:
    """Return the document of a rule; ``rule_of`` reads it back."""
    match rule:
        case All(rules):
            return {"all": [document_of(inner) for inner in rules]}
        case AnyOf(rules):
            return {"any": [document_of(inner) for inner in rules]}
        case Not(inner):
            return {"not": document_of(inner)}
    return rule.document()


@dataclass(slots=True)
class _Count:
    leaves: int = 0


def _rule(reader: Reader, *, depth: int, count: _Count) -> Rule:
    kind = _kind(reader)
    if kind is None:
        return _EVERYBODY
    if kind in _LEAVES:
        count.leaves += 1
        return _LEAVES[kind](reader)
    if depth == DEEPEST:
        reader.refuse("depth", f"at most {DEEPEST} levels")
        return _EVERYBODY
    inner = _fields(reader, kind)[kind]
    if kind == "not":
        return Not(_rule(inner, depth=depth + 1, count=count))
    # Of nothing at all, "all" is everybody, and says so; "any" would be nobody.
    listed = inner.items(least=0 if kind == "all" else 1, most=MOST_LEAVES)
    rules = tuple(_rule(one, depth=depth + 1, count=count) for one in listed)
    return All(rules) if kind == "all" else AnyOf(rules)


def _fields(reader: Reader, *known: str, required: Sequence[str] = ()) -> Mapping[str, Reader]:
    """Return the fields that are there, null or not: a null is hardly ever an answer."""
    return reader.fields(*known, required=required, keeps_null=True).found


def _kind(reader: Reader) -> str | None:
    """Return the one word that says what a rule is."""
    words = ("all", "any", "not", *_LEAVES)
    if not isinstance(reader.value, Mapping):
        reader.refuse("type", "an object is needed")
        return None
    found = [word for word in words if word in reader.value]
    if len(found) != 1:
        reader.refuse("kind", f"exactly one of {', '.join(words)} is needed")
        return None
    return found[0]


def _tag(reader: Reader) -> Leaf:
    return HasTag(_fields(reader, "tag")["tag"].matched(_TAG, "a tag: letters, digits and _.:-"))


def _attribute(reader: Reader) -> Leaf:
    fields = _fields(reader, "attribute", *_COMPARISONS)
    name = fields["attribute"].text(most=64)
    comparison = _comparison(reader, fields, value=_scalar, limit=_bound, start=_text)
    return AttributeIs(name, comparison)


def _device(reader: Reader) -> Leaf:
    place = reader.below("device", reader.value["device"])
    name = place.word(DeviceField)
    if name.value != place.value:  # what it may be compared with, nobody knows
        return DeviceIs(name, Comparison(exists=True))
    if name in FLAGS:
        fields = _fields(reader, "device", "is", required=("is",))
        flags = [fields["is"].flag()] if "is" in fields else []
        return DeviceIs(name, Comparison(one_of=tuple(flags)))
    text = _device_text(name)
    known: Sequence[str] = ("is", "starts_with", "exists")
    if name in VERSIONS:
        known = _COMPARISONS
    elif name in _WORDS:
        known = ("is", "exists")
    fields = _fields(reader, "device", *known)
    return DeviceIs(name, _comparison(reader, fields, value=text, limit=_version, start=text))


def _device_text(name: DeviceField) -> Callable[[Reader], str]:
    """Return how a text is read that a field of devices is held against."""

    def read(reader: Reader) -> str:
        if name in _WORDS:
            return reader.word(_WORDS[name])
        return _AS_COMPARED.get(name, str)(_text(reader))

    return read


def _comparison(
    reader: Reader,
    fields: Mapping[str, Reader],
    *,
    value: Callable[[Reader], AttributeValue],
    limit: Callable[[Reader], AttributeValue],
    start: Callable[[Reader], str],
) -> Comparison:
    """Return what a leaf asks of its value: at least one thing, of which all must hold.

    ``value``, ``limit`` and ``start`` read what it may equal, lie beyond, and begin with.
    """
    asked = [name for name in _COMPARISONS if name in fields]
    if not asked or ("exists" in asked and len(asked) > 1):
        reader.refuse(
            "comparison", f"exists alone, or some of {', '.join(_COMPARISONS)} are needed"
        )
        return Comparison(exists=True)
    if "exists" in fields:
        return Comparison(exists=fields["exists"].flag())
    bounds = {bound: limit(fields[bound.value]) for bound in Bound if bound.value in fields}
    if len({isinstance(one, str) for one in bounds.values()}) > 1:
        reader.refuse("mixed", "numbers compare with numbers, and texts with texts")
    return Comparison(
        one_of=_one_of(fields["is"], value) if "is" in fields else None,
        bounds=bounds or None,
        starts_with=start(fields["starts_with"]) if "starts_with" in fields else None,
    )


def _one_of(
    reader: Reader, value: Callable[[Reader], AttributeValue]
) -> tuple[AttributeValue, ...]:
    if not isinstance(reader.value, list | tuple):
        return (value(reader),)
    return tuple(value(one) for one in reader.items(least=1, most=MOST_VALUES))


def _text(reader: Reader) -> str:
    return reader.text(most=LONGEST_TEXT)


def _scalar(reader: Reader) -> AttributeValue:
    if isinstance(reader.value, bool | int | float):
        return reader.value
    if isinstance(reader.value, str) and len(reader.value) <= LONGEST_TEXT:
        return reader.value
    reader.refuse("value", f"a number, true, false or a text of {LONGEST_TEXT} characters")
    return ""


def _bound(reader: Reader) -> AttributeValue:
    if isinstance(reader.value, bool):
        reader.refuse("value", "a number or a text is needed")
        return ""
    return _scalar(reader)


def _version(reader: Reader) -> AttributeValue:
    text = reader.text(most=64)
    if text and version_of(text) is None:
        reader.refuse("version", "a version begins with a number: 2.10")
    return text


def _seen(reader: Reader) -> Leaf:
    return _recency(reader, Moment.SEEN)


def _registered(reader: Reader) -> Leaf:
    return _recency(reader, Moment.REGISTERED)


def _recency(reader: Reader, moment: Moment) -> Leaf:
    inner = _fields(reader, moment.value)[moment.value]
    fields = _fields(inner, "within_days", "before_days")
    days = 1
    if isinstance(inner.value, Mapping) and len(fields) != 1:
        inner.refuse("kind", "exactly one of within_days, before_days is needed")
    for found in fields.values():
        days = found.whole(least=1, most=MOST_DAYS)
    return Recency(moment=moment, days=days, is_within="within_days" in fields)


def _consent(reader: Reader) -> Leaf:
    inner = _fields(reader, "consent")["consent"]
    fields = _fields(inner, "purpose", "channel", "topic", required=("purpose",))
    purpose = fields["purpose"].word(Purpose) if "purpose" in fields else Purpose.MARKETING
    if "channel" in fields:
        fields["channel"].word((Channel.PUSH,))
    topic = None
    if "topic" in fields and fields["topic"].value is not None:
        topic = fields["topic"].text(most=64)
    return Consented(purpose=purpose, topic=topic)


def _event(reader: Reader) -> Leaf:
    inner = _fields(reader, "event")["event"]
    fields = _fields(inner, "type", "within_days", "at_least", required=("type",))
    detail = "a type of events such as order.placed.v1, without the app's organisation"
    return Happened(
        type=fields["type"].matched(_EVENT_TYPE, detail) if "type" in fields else "",
        within_days=fields["within_days"].whole(least=1, most=MOST_DAYS)
        if "within_days" in fields
        else None,
        at_least=fields["at_least"].whole(least=1, most=MOST_REMEMBERED)
        if "at_least" in fields
        else 1,
    )


_LEAVES: Mapping[str, Callable[[Reader], Leaf]] = {
    "tag": _tag,
    "attribute": _attribute,
    "device": _device,
    "seen": _seen,
    "registered": _registered,
    "consent": _consent,
    "event": _event,
}

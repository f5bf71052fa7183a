"""The targeting language: what a flight asks of a request and its person.

A rule is made of comparisons, joined by ``and``, ``or`` and ``not``. Names with a dollar sign are
known to us; any other name is an attribute that the app sends along. ``targeting_text`` and
``targeting_documents`` write and read rules, ``matching`` answers them.

A comparison with something unknown does not hold, whatever it asks: ``$country <> "FR"`` is false
where the country is not known. ``not`` turns the answer round, not the question: ``not $country =
"FR"`` is true there. So ``<>`` asks for somebody else who is known, ``not`` for everybody else.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from math import isfinite
from typing import TypeAlias

from shared.kernel.clock import EPOCH
from shared.placements.model.ad_state import CouponStanding
from shared.placements.model.versions import is_version

LONGEST_TEXT = 1_000
"""Letters of a rule as text, as Kevel's queries may have."""

DEEPEST = 10
"""Levels of a rule; a single comparison is one."""


class Field(StrEnum):
    """The names that are known to us."""

    PLATFORM = "$device.platform"
    OS_VERSION = "$device.os_version"
    LOCALE = "$device.locale"
    LANGUAGE = "$device.language"
    TIMEZONE = "$device.timezone"
    APP_VERSION = "$app.version"
    COUNTRY = "$country"
    SEGMENT = "$segment"
    TAG = "$tag"
    COUPON = "$coupon"
    """How the person stands to one coupon, which is named in brackets."""
    KEYWORDS = "$keywords"
    PLACEMENT = "$placement"


SETS = frozenset({Field.SEGMENT, Field.TAG, Field.KEYWORDS})
VERSIONS = frozenset({Field.OS_VERSION, Field.APP_VERSION})
PERSONAL = frozenset({Field.SEGMENT, Field.TAG, Field.COUPON})
"""What is known of the person alone; to ask for it needs their consent to personalisation."""


class Operator(StrEnum):
    """How a value is compared."""

    IS = "="
    IS_NOT = "<>"
    BELOW = "<"
    ABOVE = ">"
    UP_TO = "<="
    FROM = ">="
    CONTAINS = "contains"
    """A set has a member, a text has a part."""
    LIKE = "like"
    """A text has a form, in which ``*`` stands for any letters or none."""
    IN = "in"
    """It is one of a list."""


ORDERS = frozenset({Operator.BELOW, Operator.ABOVE, Operator.UP_TO, Operator.FROM})
_EXACT = frozenset({Operator.IS, Operator.IS_NOT, Operator.IN})
_ORDERED = _EXACT | ORDERS
_TEXTUAL = _EXACT | {Operator.CONTAINS, Operator.LIKE}


@dataclass(frozen=True, slots=True)
class Version:
    """A version in a rule, as it is written."""

    text: str


Single: TypeAlias = str | int | float | bool | Version | datetime
Value: TypeAlias = Single | tuple[Single, ...]
"""What is compared with: instants in UTC, from 1970, of whole milliseconds; a list of one kind."""


class Kind(StrEnum):
    """Kinds of values."""

    TEXT = "text"
    NUMBER = "number"
    FLAG = "true or false"
    VERSION = "version"
    INSTANT = "date"


_OPERATORS = {
    Kind.TEXT: _TEXTUAL,
    Kind.NUMBER: _ORDERED,
    Kind.FLAG: frozenset({Operator.IS, Operator.IS_NOT}),
    Kind.VERSION: _ORDERED,
    Kind.INSTANT: _ORDERED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One question. ``name`` is a ``Field`` or an attribute; ``coupon_id`` is of ``$coupon``."""

    name: str
    operator: Operator
    value: Value
    coupon_id: str | None = None


@dataclass(frozen=True, slots=True)
class All:
    """Every one of some rules, of two or more; ``EVERYBODY`` has none."""

    rules: tuple["Rule", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of some rules, of two or more."""

    rules: tuple["Rule", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Whatever a rule does not match."""

    rule: "Rule"


Rule: TypeAlias = All | AnyOf | Not | Comparison

EVERYBODY = All(())
"""The rule of an empty text; it is no part of another rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What must be known to answer a rule: names, and of the person which values."""

    names: frozenset[str] = frozenset()
    segments: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    coupons: frozenset[str] = frozenset()

    @property
    def is_personal(self) -> bool:
        """Say whether it asks what is known of the person alone."""
        return not self.names.isdisjoint(PERSONAL)


def comparisons_of(rule: Rule, pointer: str = "") -> Iterator[tuple[str, Comparison]]:
    """Yield every comparison of a rule, after the JSON pointer to it in the rule's document."""
    match rule:
        case All(rules):
            yield from _within(rules, f"{pointer}/and")
        case AnyOf(rules):
            yield from _within(rules, f"{pointer}/or")
        case Not(inner):
            yield from comparisons_of(inner, f"{pointer}/not")
        case Comparison():
            yield pointer, rule


def _within(rules: Sequence[Rule], pointer: str) -> Iterator[tuple[str, Comparison]]:
    for place, inner in enumerate(rules):
        yield from comparisons_of(inner, f"{pointer}/{place}")


def needs_of(rule: Rule) -> Needs:
    """Return what must be known to answer a rule."""
    asked = [comparison for _, comparison in comparisons_of(rule)]

    def named(field: Field) -> frozenset[str]:
        return frozenset(str(one.value) for one in asked if one.name == field)

    return Needs(
        names=frozenset(one.name for one in asked),
        segments=named(Field.SEGMENT),
        tags=named(Field.TAG),
        coupons=frozenset(one.coupon_id for one in asked if one.coupon_id is not None),
    )


def depth_of(rule: Rule) -> int:
    """Return how many levels a rule has."""
    match rule:
        case All(rules) | AnyOf(rules):
            return 1 + max(map(depth_of, rules), default=0)
        case Not(inner):
            return 1 + depth_of(inner)
    return 1


def kind_of(value: Single) -> Kind:
    """Return the kind of a value."""
    match value:
        case bool():
            return Kind.FLAG
        case int() | float():
            return Kind.NUMBER
        case Version():
            return Kind.VERSION
        case datetime():
            return Kind.INSTANT
    return Kind.TEXT


def problem_of(comparison: Comparison) -> str | None:
    """Return in one sentence why a comparison cannot be asked, or ``None``."""
    if comparison.name.startswith("$") and comparison.name not in set(Field):
        return f"there is no {comparison.name}; there are {', '.join(Field)}"
    if (comparison.name == Field.COUPON) is (comparison.coupon_id is None):
        return 'a coupon is named in brackets, as $coupon["cpn_..."]; nothing else is'
    singles = singles_of(comparison)
    if isinstance(comparison.value, tuple) is not (comparison.operator is Operator.IN):
        return "in takes a list, and every other operator takes one value"
    if len({kind_of(single) for single in singles}) != 1:
        return "a list has one value or more, all of one kind"
    wrong = map(_problem_of_single, (comparison.coupon_id or "", *singles))
    return (
        next((problem for problem in wrong if problem), None)
        or _problem_of_field(comparison)
        or _problem_of_operator(comparison)
    )


def singles_of(comparison: Comparison) -> tuple[Single, ...]:
    """Return the values that are compared with, one by one."""
    return comparison.value if isinstance(comparison.value, tuple) else (comparison.value,)


def _problem_of_single(value: Single) -> str | None:
    match value:
        case Version(text) if not is_version(text):
            return f"{text!r} is no version"
        case datetime() if value < EPOCH:
            return "a date is from 1970 on"
        case float() if not isfinite(value):
            return "a number is finite"
        case str() if any("\ud800" <= letter <= "\udfff" for letter in value):
            return "a text has a half of a letter"
    return None


def _problem_of_field(comparison: Comparison) -> str | None:
    """Return why a known name does not compare so; attributes compare with anything."""
    name = comparison.name
    if not name.startswith("$"):
        return None
    needed = Kind.VERSION if name in VERSIONS else Kind.TEXT
    if kind_of(singles_of(comparison)[0]) is not needed:
        return f"{name} compares with a {needed}" + (', as v"4.2"' if name in VERSIONS else "")
    if name in SETS and comparison.operator is not Operator.CONTAINS:
        return f"{name} is a set: ask whether it contains a text"
    return _problem_of_standing(comparison) if name == Field.COUPON else None


def _problem_of_standing(comparison: Comparison) -> str | None:
    words = set(singles_of(comparison))
    if comparison.operator not in _EXACT or not words <= set(CouponStanding):
        return f"a coupon is compared by =, <> or in with {' or '.join(CouponStanding)}"
    return None


def _problem_of_operator(comparison: Comparison) -> str | None:
    kind = kind_of(singles_of(comparison)[0])
    if comparison.operator not in _OPERATORS[kind]:
        return f"{comparison.operator} does not compare with a {kind}"
    return None

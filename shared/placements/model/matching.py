"""Answers rules of the targeting language: fast for decisions, at length for people.

A rule is compiled once to nested functions, the cheapest question of each group first. The order
changes no answer: a question neither fails nor changes anything.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from operator import eq, ge, gt, le, lt, ne
from typing import Any, TypeAlias

from shared.placements.model.ad_state import AdState
from shared.placements.model.requests import DecisionRequest
from shared.placements.model.targeting import (
    All,
    AnyOf,
    Comparison,
    Field,
    Kind,
    Not,
    Operator,
    Rule,
    Single,
    Version,
    comparisons_of,
    kind_of,
    singles_of,
)
from shared.placements.model.targeting_text import instant_of
from shared.placements.model.versions import version_key

Facts: TypeAlias = Mapping[str, Any]
"""What is known, by name: versions as their keys, sets, coupons' standings by id, attributes."""

Matches: TypeAlias = Callable[[Facts], bool]
_Asks: TypeAlias = Callable[[Any], bool]

_COMPARE: Mapping[Operator, Callable[[Any, Any], bool]] = {
    Operator.IS: eq,
    Operator.IS_NOT: ne,
    Operator.BELOW: lt,
    Operator.ABOVE: gt,
    Operator.UP_TO: le,
    Operator.FROM: ge,
}
_COST = {Operator.IN: 2, Operator.CONTAINS: 2, Operator.LIKE: 4}


def locale_tag(locale: str) -> str:
    """Return a locale as it compares: case and separator do not matter (RFC 5646, 2.1.1)."""
    return locale.replace("_", "-").lower()


def facts_of(request: DecisionRequest, state: AdState) -> Facts:
    """Return what a request and its person's state tell, whatever the placement.

    What the device says now goes before what is kept of the person. Without their consent to
    personalisation nothing of the state is told.
    """
    personal = request.consent.personalisation
    country = request.country or (state.country if personal else None)
    timezone = request.timezone or (state.timezone if personal else None)
    locale = locale_tag(request.locale) if request.locale else None
    told = {
        Field.PLATFORM: request.platform,
        Field.OS_VERSION: version_key(request.os_version or ""),
        Field.LOCALE: locale,
        Field.LANGUAGE: locale.split("-")[0] if locale else None,
        Field.TIMEZONE: timezone,
        Field.APP_VERSION: version_key(request.app_version or ""),
        Field.COUNTRY: country.upper() if country else None,
        Field.SEGMENT: state.segments if personal else None,
        Field.TAG: state.tags if personal else None,
        Field.COUPON: state.coupons if personal else None,
    }
    return {**request.attributes, **{name.value: value for name, value in told.items()}}


def compiled(rule: Rule) -> Matches:
    """Return a function that says whether the rule matches what is known."""
    match rule:
        case All(rules):
            return _all(tuple(map(compiled, sorted(rules, key=cost_of))))
        case AnyOf(rules):
            return _any(tuple(map(compiled, sorted(rules, key=cost_of))))
        case Not(inner):
            matches = compiled(inner)
            return lambda facts: not matches(facts)
    return _question(rule)


def cost_of(rule: Rule) -> int:
    """Return about how much work a rule is; a comparison with one known text is 1."""
    match rule:
        case All(rules) | AnyOf(rules):
            return sum(map(cost_of, rules))
        case Not(inner):
            return cost_of(inner)
    # What an app sends along must be looked at before it is compared.
    return _COST.get(rule.operator, 1) + (not rule.name.startswith("$"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonAnswer:
    """One comparison, its place in the rule's document, what was found, and whether it holds."""

    pointer: str
    comparison: Comparison
    found: object
    holds: bool


def answers_of(rule: Rule, facts: Facts) -> tuple[ComparisonAnswer, ...]:
    """Return the answer to every comparison of a rule, from left to right."""
    return tuple(
        ComparisonAnswer(
            pointer=pointer,
            comparison=comparison,
            found=_found(comparison, facts),
            holds=_question(comparison)(facts),
        )
        for pointer, comparison in comparisons_of(rule)
    )


def _found(comparison: Comparison, facts: Facts) -> object:
    found = facts.get(comparison.name)
    if comparison.coupon_id is not None and found is not None:
        return found.get(comparison.coupon_id)
    return found


def _all(tests: tuple[Matches, ...]) -> Matches:
    def matches(facts: Facts) -> bool:
        for test in tests:  # noqa: SIM110 - a generator costs more than the tests
            if not test(facts):
                return False
        return True

    return matches


def _any(tests: tuple[Matches, ...]) -> Matches:
    def matches(facts: Facts) -> bool:
        for test in tests:  # noqa: SIM110 - as above
            if test(facts):
                return True
        return False

    return matches


def _question(comparison: Comparison) -> Matches:
    name, asks, coupon_id = comparison.name, _asks(comparison), comparison.coupon_id
    if coupon_id is not None:

        def of_coupon(facts: Facts) -> bool:
            found = (facts.get(name) or {}).get(coupon_id)
            return found is not None and asks(found)

        return of_coupon

    def matches(facts: Facts) -> bool:
        found = facts.get(name)
        return found is not None and asks(found)

    return matches


def _asks(comparison: Comparison) -> _Asks:
    """Return what is asked of a value that is known."""
    asks = _asks_of_kind(comparison)
    if comparison.name.startswith("$"):
        return asks
    read = _READ[kind_of(singles_of(comparison)[0])]

    def asks_of_attribute(found: Any) -> bool:
        known = read(found)
        return known is not None and asks(known)

    return asks_of_attribute


def _asks_of_kind(comparison: Comparison) -> _Asks:
    operator, value = comparison.operator, comparison.value
    if isinstance(value, tuple):
        among = frozenset(_as_compared(comparison.name, single) for single in value)
        return lambda found: found in among
    wanted = _as_compared(comparison.name, value)
    if operator is Operator.CONTAINS:
        return lambda found: wanted in found
    if operator is Operator.LIKE:
        return _like(wanted)
    compare = _COMPARE[operator]
    return lambda found: compare(found, wanted)


def _as_compared(name: str, value: Single) -> Any:
    """Return a value of a rule in the form in which facts have it."""
    match value:
        case Version(text):
            return version_key(text)
        case str() if name in _FORMS:
            return _FORMS[name](value)
    return value


_FORMS: Mapping[str, Callable[[str], str]] = {
    Field.LOCALE: locale_tag,
    Field.LANGUAGE: str.lower,
    Field.COUNTRY: str.upper,
}


def _like(form: str) -> _Asks:
    """Return whether a text has a form: its parts, one after the other, each as early as can be.

    So it takes no longer than looking for each part once, whatever stands in the text.
    """
    first, *others = form.split("*")
    if not others:
        return lambda found: bool(found == form)
    *middle, last = others

    def asks(found: str) -> bool:
        if len(found) < len(first) + len(last):
            return False
        if not (found.startswith(first) and found.endswith(last)):
            return False
        at, end = len(first), len(found) - len(last)
        for part in middle:
            at = found.find(part, at, end)
            if at < 0:
                return False
            at += len(part)
        return True

    return asks


def _text(found: Any) -> str | None:
    return found if isinstance(found, str) else None


def _number(found: Any) -> float | None:
    return found if isinstance(found, int | float) and not isinstance(found, bool) else None


def _flag(found: Any) -> bool | None:
    return found if isinstance(found, bool) else None


def _version(found: Any) -> Any:
    return version_key(found) if isinstance(found, str) else None


def _instant(found: Any) -> datetime | None:
    return instant_of(found) if isinstance(found, str) else None


_READ: Mapping[Kind, Callable[[Any], Any]] = {
    Kind.TEXT: _text,
    Kind.NUMBER: _number,
    Kind.FLAG: _flag,
    Kind.VERSION: _version,
    Kind.INSTANT: _instant,
}

"""The targeting language as JSON: ``{"and": [...]}``, ``{"or": [...]}``, ``{"not": ...}``.

A comparison is ``{"name": "$country", "operator": "=", "value": "FR"}``. Versions are written
``{"version": "4.2"}``, dates ``{"date": "2026-11-23"}``; the coupon that ``$coupon`` is about
stands in ``coupon_id``. No rule at all, for everybody, is ``{}``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.kernel.clock import rfc3339
from shared.kernel.errors import FieldProblem
from shared.placements.errors import TargetingInvalidError
from shared.placements.model.targeting import (
    DEEPEST,
    EVERYBODY,
    LONGEST_TEXT,
    All,
    AnyOf,
    Comparison,
    Not,
    Operator,
    Rule,
    Single,
    Value,
    Version,
    problem_of,
)
from shared.placements.model.targeting_text import ATTRIBUTE, WORDS, instant_of, printed

_JOINED: Mapping[str, Callable[[tuple[Rule, ...]], Rule]] = {"and": All, "or": AnyOf}
_REQUIRED = {"name", "operator", "value"}


def rule_of(document: Any, *, pointer: str = "/targeting") -> Rule:
    """Return the rule that a document describes.

    Raises:
        TargetingInvalidError: it breaks a rule; ``fields`` has every problem with its pointer.
    """
    if document == {}:
        return EVERYBODY
    reader = _Reader()
    rule = reader.rule(document, pointer, depth=1)
    if not reader.problems and len(printed(rule)) > LONGEST_TEXT:
        reader.refuse(pointer, "too_long", f"as text it has more than {LONGEST_TEXT} letters")
    if reader.problems:
        raise TargetingInvalidError("the targeting has problems", fields=reader.problems)
    return rule


def document_of(rule: Rule) -> dict[str, Any]:
    """Return a rule as a document; ``rule_of`` reads it back."""
    if rule == EVERYBODY:
        return {}
    match rule:
        case All(rules):
            return {"and": [document_of(inner) for inner in rules]}
        case AnyOf(rules):
            return {"or": [document_of(inner) for inner in rules]}
        case Not(inner):
            return {"not": document_of(inner)}
    coupon = {} if rule.coupon_id is None else {"coupon_id": rule.coupon_id}
    written = {"operator": rule.operator.value, "value": _written(rule.value)}
    return {"name": rule.name, **coupon, **written}


def _written(value: Value) -> Any:
    match value:
        case tuple():
            return [_written(single) for single in value]
        case Version(text):
            return {"version": text}
        case datetime():
            return {"date": rfc3339(value)}
    return value


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads a document. What is wrong is noted, and a stand-in is read instead."""

    problems: list[FieldProblem] = field(default_factory=list)

    def refuse(self, pointer: str, code: str, detail: str) -> None:
        self.problems.append(FieldProblem(pointer=pointer, code=code, detail=detail))

    def rule(self, document: Any, pointer: str, *, depth: int) -> Rule:
        if depth > DEEPEST:
            self.refuse(pointer, "depth", f"at most {DEEPEST} levels")
            return EVERYBODY
        if not isinstance(document, Mapping):
            self.refuse(pointer, "type", "an object is needed")
            return EVERYBODY
        keys = set(document)
        if keys == {"not"}:
            return Not(self.rule(document["not"], f"{pointer}/not", depth=depth + 1))
        for word, made in _JOINED.items():
            if keys == {word}:
                return made(self.rules(document[word], f"{pointer}/{word}", depth=depth + 1))
        return self.comparison(document, pointer)

    def rules(self, documents: Any, pointer: str, *, depth: int) -> tuple[Rule, ...]:
        if not isinstance(documents, Sequence) or isinstance(documents, str) or len(documents) < 2:  # noqa: PLR2004 - one rule needs no joining
            self.refuse(pointer, "length", "a list of two or more is needed")
            return ()
        return tuple(
            self.rule(inner, f"{pointer}/{place}", depth=depth)
            for place, inner in enumerate(documents)
        )

    def comparison(self, document: Mapping[str, Any], pointer: str) -> Rule:
        keys = set(document)
        if not _REQUIRED <= keys <= _REQUIRED | {"coupon_id"}:
            self.refuse(pointer, "fields", "and, or, not; or name, operator and value")
            return EVERYBODY
        before = len(self.problems)
        read = Comparison(
            name=self.name(document["name"], f"{pointer}/name"),
            operator=self.operator(document["operator"], f"{pointer}/operator"),
            value=self.value(document["value"], f"{pointer}/value"),
            coupon_id=self.coupon_id(document, f"{pointer}/coupon_id"),
        )
        if len(self.problems) == before and (detail := problem_of(read)):
            self.refuse(pointer, "comparison", detail)
        return read

    def name(self, name: Any, pointer: str) -> str:
        if not isinstance(name, str):
            self.refuse(pointer, "type", "a name is needed")
            return "none"
        if not name.startswith("$") and (name in WORDS or not ATTRIBUTE.fullmatch(name)):
            self.refuse(
                pointer,
                "name",
                f"a name is no word of the language, and of the form {ATTRIBUTE.pattern}",
            )
        return name

    def operator(self, word: Any, pointer: str) -> Operator:
        found = next((known for known in Operator if known.value == word), None)
        if found is None:
            self.refuse(pointer, "word", f"one of {' '.join(Operator)} is needed")
        return found or Operator.IS

    def coupon_id(self, document: Mapping[str, Any], pointer: str) -> str | None:
        coupon_id = document.get("coupon_id")
        if coupon_id is None or isinstance(coupon_id, str):
            return coupon_id
        self.refuse(pointer, "type", "a text is needed")
        return None

    def value(self, value: Any, pointer: str) -> Value:
        if isinstance(value, list | tuple):
            return tuple(self.single(one, f"{pointer}/{place}") for place, one in enumerate(value))
        return self.single(value, pointer)

    def single(self, value: Any, pointer: str) -> Single:
        match value:
            case str() | bool() | int() | float():
                return value
            case {"version": str(text), **others} if not others:
                return Version(text)
            case {"date": str(text), **others} if not others and (at := instant_of(text)):
                return at
        self.refuse(pointer, "value", "a text, number, true, false, version or date is needed")
        return ""

"""The targeting language as text, near Kevel's Zerkel.

::

    $device.platform = "ios" and $app.version >= v"4.2" and not $coupon["cpn_1"] = "redeemed"
    ($tag contains "vip" or $keywords contains "sale") and $country in ("FR", "DE")
    signed_up >= d"2026-11-23" and visits > 3 and is_member = true and store like "paris-*"

``not`` binds closer than ``and``, ``and`` closer than ``or``. Texts stand in double quotes and are
escaped as in JSON; versions have a ``v`` before them, dates a ``d`` (ISO 8601, UTC where no zone is
named). Words are lower case.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache

from shared.kernel.clock import rfc3339, whole_milliseconds
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
    Version,
    depth_of,
    problem_of,
)

ATTRIBUTE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
"""What an attribute may be called, if it is no word of the language."""

_FLAGS = {"true": True, "false": False}
WORDS = frozenset({"and", "or", "not", *_FLAGS, *(word for word in Operator if word.isalpha())})

_END = "end"
_TOKEN = re.compile(
    r"""(?P<space>\s+)
    | (?P<text>"(?:[^"\\]|\\.)*")
    | (?P<version>v"[^"]*")
    | (?P<instant>d"[^"]*")
    | (?P<number>-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)
    | (?P<sign><>|<=|>=|[=<>()\[\],])
    | (?P<name>\$?[A-Za-z_][A-Za-z0-9_.-]*)""",
    re.VERBOSE,
)


def parse(text: str, *, pointer: str = "/targeting") -> Rule:
    """Return the rule that a text says; an empty one is ``EVERYBODY``.

    Raises:
        TargetingInvalidError: the text breaks a rule; ``fields`` says at which letter, from 1.
    """
    problems: list[FieldProblem] = []
    rule: Rule = EVERYBODY
    if len(text) > LONGEST_TEXT:
        detail = f"at most {LONGEST_TEXT} letters; these are {len(text)}"
        problems.append(FieldProblem(pointer=pointer, code="too_long", detail=detail))
    else:
        parser = _Parser(text=text, pointer=pointer, problems=problems)
        try:
            rule = parser.whole()
        except _NotReadableError as error:
            parser.refuse("syntax", error.detail, at=error.at)
    if problems:
        raise TargetingInvalidError("the targeting has problems", fields=problems)
    return rule


def printed(rule: Rule) -> str:
    """Return a rule as text, in its one canonical form; ``parse`` reads it back."""
    match rule:
        case All(rules):
            return " and ".join(map(_part, rules))
        case AnyOf(rules):
            return " or ".join(map(_part, rules))
        case Not(inner):
            return f"not {_part(inner)}"
    name = rule.name if rule.coupon_id is None else f"{rule.name}[{_single(rule.coupon_id)}]"
    return f"{name} {rule.operator} {_value(rule)}"


@lru_cache(maxsize=1_024)
def instant_of(text: str) -> datetime | None:
    """Return the instant that a text names by ISO 8601, in UTC without a zone; ``None``: none."""
    try:
        at = datetime.fromisoformat(text)
        return whole_milliseconds(at if at.tzinfo else at.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return None


def _part(rule: Rule) -> str:
    return f"({printed(rule)})" if isinstance(rule, All | AnyOf) else printed(rule)


def _value(comparison: Comparison) -> str:
    if isinstance(comparison.value, tuple):
        return f"({', '.join(map(_single, comparison.value))})"
    return _single(comparison.value)


def _single(value: Single) -> str:
    match value:
        case Version(text):
            return f'v"{text}"'
        case datetime():
            return f'd"{rfc3339(value)}"'
    return json.dumps(value, ensure_ascii=False)


class _NotReadableError(Exception):
    def __init__(self, detail: str, *, at: int) -> None:
        super().__init__(detail)
        self.detail = detail
        self.at = at


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def _tokens(text: str) -> list[_Token]:
    found, at = [], 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None or token.lastgroup is None:
            raise _NotReadableError(f"{text[at]!r} begins nothing known", at=at)
        if token.lastgroup != "space":
            found.append(_Token(token.lastgroup, token[0], at))
        at = token.end()
    return [*found, _Token(_END, "the end", at)]


@dataclass(slots=True)
class _Parser:
    """Reads from left to right; what cannot be asked is noted, what cannot be read ends it."""

    text: str
    pointer: str
    problems: list[FieldProblem]
    tokens: list[_Token] = field(default_factory=list)
    place: int = 0
    depth: int = 0

    def whole(self) -> Rule:
        self.tokens = _tokens(self.text)
        if self.next.kind == _END:
            return EVERYBODY
        rule = self.any_of()
        if self.next.kind != _END:
            raise self.unexpected("and, or, or the end")
        if depth_of(rule) > DEEPEST:
            self.refuse("depth", f"at most {DEEPEST} levels", at=0)
        return rule

    @property
    def next(self) -> _Token:
        return self.tokens[self.place]

    def take(self) -> _Token:
        token = self.next
        self.place += token.kind != _END
        return token

    def takes(self, text: str) -> bool:
        """Take the next token if it is this one."""
        found = self.next.kind in {"sign", "name"} and self.next.text == text
        self.place += found
        return found

    def expect(self, text: str) -> None:
        if not self.takes(text):
            raise self.unexpected(text)

    def unexpected(self, wanted: str) -> _NotReadableError:
        return _NotReadableError(f"{wanted} is needed, not {self.next.text}", at=self.next.at)

    def refuse(self, code: str, detail: str, *, at: int) -> None:
        told = f"at letter {at + 1}: {detail}"
        self.problems.append(FieldProblem(pointer=self.pointer, code=code, detail=told))

    def any_of(self) -> Rule:
        return self.joined("or", self.all_of, AnyOf)

    def all_of(self) -> Rule:
        return self.joined("and", self.one, All)

    def joined(
        self, word: str, part: Callable[[], Rule], made: Callable[[tuple[Rule, ...]], Rule]
    ) -> Rule:
        parts = [part()]
        while self.takes(word):
            parts.append(part())
        return made(tuple(parts)) if len(parts) > 1 else parts[0]

    def one(self) -> Rule:
        start = self.next.at
        if self.takes("not"):
            return Not(self.deeper(self.one, at=start))
        if self.takes("("):
            inner = self.deeper(self.any_of, at=start)
            self.expect(")")
            return inner
        return self.comparison()

    def deeper(self, part: Callable[[], Rule], *, at: int) -> Rule:
        """Read what stands within; one level less than ``DEEPEST``, for a comparison is one."""
        self.depth += 1
        if self.depth >= DEEPEST:
            raise _NotReadableError(f"at most {DEEPEST} levels", at=at)
        rule = part()
        self.depth -= 1
        return rule

    def comparison(self) -> Comparison:
        start = self.next.at
        name, coupon_id = self.name()
        operator = self.operator()
        value = self.list() if operator is Operator.IN else self.single()
        comparison = Comparison(name=name, operator=operator, value=value, coupon_id=coupon_id)
        if detail := problem_of(comparison):
            self.refuse("comparison", detail, at=start)
        return comparison

    def name(self) -> tuple[str, str | None]:
        token = self.next
        known = token.text.startswith("$") or ATTRIBUTE.fullmatch(token.text)
        if token.kind != "name" or token.text in WORDS or not known:
            raise self.unexpected("a name")
        self.take()
        if not self.takes("["):
            return token.text, None
        if self.next.kind != "text":
            raise self.unexpected("a coupon's id in quotes")
        coupon_id = _quoted(self.take())
        self.expect("]")
        return token.text, coupon_id

    def operator(self) -> Operator:
        found = next((word for word in Operator if self.takes(word)), None)
        if found is None:
            raise self.unexpected(f"one of {' '.join(Operator)}")
        return found

    def list(self) -> tuple[Single, ...]:
        self.expect("(")
        values = [self.single()]
        while self.takes(","):
            values.append(self.single())
        self.expect(")")
        return tuple(values)

    def single(self) -> Single:
        if self.next.kind not in _READ and self.next.text not in _FLAGS:
            raise self.unexpected("a value")
        token = self.take()
        return _FLAGS[token.text] if token.kind == "name" else _READ[token.kind](token)


def _quoted(token: _Token) -> str:
    try:
        text: str = json.loads(token.text)
    except ValueError as error:
        raise _NotReadableError("a text is escaped as in JSON", at=token.at) from error
    return text


def _number(token: _Token) -> float:
    return int(token.text) if token.text.lstrip("-").isdecimal() else float(token.text)


def _instant(token: _Token) -> datetime:
    at = instant_of(token.text[2:-1])
    if at is None:
        raise _NotReadableError(f"{token.text} is no date of ISO 8601", at=token.at)
    return at


_READ: dict[str, Callable[[_Token], Single]] = {
    "text": _quoted,
    "number": _number,
    "version": lambda token: Version(token.text[2:-1]),
    "instant": _instant,
}

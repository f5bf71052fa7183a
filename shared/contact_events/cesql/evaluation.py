"""What an expression comes to for an event.

A problem ends the evaluation, as the specification suggests for filters ("fail fast"): every
operator above it returns the zero value of its own kind. AND and OR ask their right side only
where the left has not decided.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from typing import cast as typed

from typing_extensions import override

from shared.contact_events.cesql.functions import function
from shared.contact_events.cesql.patterns import like
from shared.contact_events.cesql.printing import printed
from shared.contact_events.cesql.syntax import (
    Among,
    Attribute,
    Binary,
    Call,
    Exists,
    Like,
    Literal,
    Negative,
    Node,
    Not,
    Operator,
)
from shared.contact_events.cesql.values import (
    INTEGERS,
    Evaluated,
    Kind,
    Problem,
    Value,
    cast,
    failed,
    kind_of,
)

REQUIRED: Final = frozenset({"specversion", "id", "source", "type"})
"""The attributes that every event has."""
_LOGIC: Final = frozenset({Operator.AND, Operator.OR, Operator.XOR})
_EQUALITY: Final = frozenset({Operator.EQUAL, Operator.UNEQUAL})
_ORDER: Final = frozenset(
    {Operator.LESS, Operator.LESS_OR_EQUAL, Operator.MORE, Operator.MORE_OR_EQUAL}
)

Attributes = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Expression:
    """A condition or a value, made by `parse`; its text is the canonical one, in parentheses."""

    root: Node

    def evaluate(self, attributes: Attributes) -> Evaluated:
        """Return what it comes to for an event with these attributes; it never raises."""
        return _evaluate(self.root, attributes)

    def holds(self, attributes: Attributes) -> bool:
        """Return whether an event passes: only for true, and only if nothing went wrong."""
        evaluated = self.evaluate(attributes)
        return evaluated.value is True and not evaluated.problems

    @override
    def __str__(self) -> str:
        return printed(self.root)


def _evaluate(node: Node, attributes: Attributes) -> Evaluated:
    match node:
        case Literal(value):
            return Evaluated(value)
        case Attribute(name):
            return _attribute(name, attributes)
        case Exists(name):
            return Evaluated(name in attributes or name in REQUIRED)
        case Call():
            return _call(node, attributes)
        case Binary():
            return _binary(node, attributes)
        case _:
            return _unary(node, attributes)


def _attribute(name: str, attributes: Attributes) -> Evaluated:
    value = attributes.get(name)
    if value is None:
        # Of what kind it would have been nobody knows: then it is a truth (section 3.2).
        return failed(Kind.BOOLEAN, Problem.MISSING_ATTRIBUTE)
    fits = not isinstance(value, int) or value in INTEGERS
    return Evaluated(value if fits else str(value))


def _call(node: Call, attributes: Attributes) -> Evaluated:
    found = function(node.function, len(node.arguments))
    if found is None:
        return failed(Kind.BOOLEAN, Problem.MISSING_FUNCTION)
    arguments = []
    for argument, kind in zip(node.arguments, found.kinds(len(node.arguments)) or (), strict=True):
        one = _as(_evaluate(argument, attributes), kind)
        if one.problems:
            return failed(found.returns, *one.problems)
        arguments.append(one.value)
    return found.body(*arguments)


def _as(evaluated: Evaluated, kind: Kind) -> Evaluated:
    """Return a value as a kind; what went wrong with it stays."""
    if evaluated.problems:
        return failed(kind, *evaluated.problems)
    value = cast(evaluated.value, kind)
    return failed(kind, Problem.CAST) if value is None else Evaluated(value)


def _unary(node: Not | Negative | Like | Among, attributes: Attributes) -> Evaluated:
    operand = _evaluate(node.operand, attributes)
    if operand.problems:
        zero = Kind.INTEGER if isinstance(node, Negative) else Kind.BOOLEAN
        return failed(zero, *operand.problems)
    match node:
        case Not():
            return _not(operand.value)
        case Negative():
            negative = _as(operand, Kind.INTEGER)
            return negative if negative.problems else _number(-int(negative.value))
        case Like(_, pattern, negated):
            text = str(_as(operand, Kind.STRING).value)
            return Evaluated(like(text, pattern) is not negated)
        case Among(_, members, negated):
            return _among(operand.value, members, attributes, negated=negated)


def _not(value: Value) -> Evaluated:
    """An integer is not cast here, though the table of casts would: so the compliance kit has it.

    What cannot be cast is false, whose other is true.
    """
    truth = None if kind_of(value) is Kind.INTEGER else cast(value, Kind.BOOLEAN)
    if truth is None:
        return Evaluated(value=True, problems=(Problem.CAST,))
    return Evaluated(not truth)


def _among(
    value: Value, members: Sequence[Node], attributes: Attributes, *, negated: bool
) -> Evaluated:
    """Compare with one member after the other, each as the kind of what is looked for."""
    for member in members:
        one = _as(_evaluate(member, attributes), kind_of(value))
        if one.problems:
            return failed(Kind.BOOLEAN, *one.problems)
        if one.value == value:
            return Evaluated(not negated)
    return Evaluated(negated)


def _binary(node: Binary, attributes: Attributes) -> Evaluated:
    left = _evaluate(node.left, attributes)
    if node.operator in _LOGIC:
        return _logic(node, _as(left, Kind.BOOLEAN), attributes)
    kind = Kind.BOOLEAN if node.operator in _ORDER | _EQUALITY else Kind.INTEGER
    if left.problems:
        return failed(kind, *left.problems)
    right = _evaluate(node.right, attributes)
    if right.problems:
        return failed(kind, *right.problems)
    if node.operator in _EQUALITY:
        return _equality(node.operator, left, right)
    first, second = _as(left, Kind.INTEGER), _as(right, Kind.INTEGER)
    if problems := (first.problems or second.problems):
        return failed(kind, *problems)
    numbers = typed(int, first.value), typed(int, second.value)
    return (
        _order(node.operator, *numbers) if kind is Kind.BOOLEAN else _sum(node.operator, *numbers)
    )


def _logic(node: Binary, left: Evaluated, attributes: Attributes) -> Evaluated:
    if left.problems:
        return left
    if node.operator is not Operator.XOR and left.value is (node.operator is Operator.OR):
        return left
    right = _as(_evaluate(node.right, attributes), Kind.BOOLEAN)
    if right.problems or node.operator is not Operator.XOR:
        return right
    return Evaluated(left.value is not right.value)


def _equality(operator: Operator, left: Evaluated, right: Evaluated) -> Evaluated:
    """The right operand's kind is that of the comparison (section 3.7)."""
    same = _as(left, kind_of(right.value))
    if same.problems:
        return failed(Kind.BOOLEAN, *same.problems)
    return Evaluated((same.value == right.value) is (operator is Operator.EQUAL))


def _order(operator: Operator, left: int, right: int) -> Evaluated:
    match operator:
        case Operator.LESS:
            return Evaluated(left < right)
        case Operator.LESS_OR_EQUAL:
            return Evaluated(left <= right)
        case Operator.MORE:
            return Evaluated(left > right)
        case _:
            return Evaluated(left >= right)


def _sum(operator: Operator, left: int, right: int) -> Evaluated:
    match operator:
        case Operator.PLUS:
            return _number(left + right)
        case Operator.MINUS:
            return _number(left - right)
        case Operator.TIMES:
            return _number(left * right)
        case _:
            return _division(operator, left, right)


def _division(operator: Operator, left: int, right: int) -> Evaluated:
    """Divide as C does: rounded towards 0, and the remainder has the sign of what is divided."""
    if right == 0:
        return failed(Kind.INTEGER, Problem.MATH)
    quotient = abs(left) // abs(right) * (1 if (left < 0) is (right < 0) else -1)
    return _number(quotient if operator is Operator.DIVIDED else left - quotient * right)


def _number(number: int) -> Evaluated:
    """Return a number; one beyond 32 bits is a problem, though the language is silent on it."""
    if number not in INTEGERS:
        return failed(Kind.INTEGER, Problem.MATH)
    return Evaluated(number)

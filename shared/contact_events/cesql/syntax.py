"""The parts of which an expression is made. Two expressions are equal if their parts are."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.contact_events.cesql.values import Value


class Operator(StrEnum):
    """What stands between two operands."""

    TIMES = "*"
    DIVIDED = "/"
    REMAINDER = "%"
    PLUS = "+"
    MINUS = "-"
    EQUAL = "="
    UNEQUAL = "!="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    MORE = ">"
    MORE_OR_EQUAL = ">="
    AND = "AND"
    OR = "OR"
    XOR = "XOR"


LEVELS: Final = (
    (Operator.AND, Operator.OR, Operator.XOR),
    (
        Operator.EQUAL,
        Operator.UNEQUAL,
        Operator.LESS,
        Operator.LESS_OR_EQUAL,
        Operator.MORE,
        Operator.MORE_OR_EQUAL,
    ),
    (Operator.PLUS, Operator.MINUS),
    (Operator.TIMES, Operator.DIVIDED, Operator.REMAINDER),
)
"""Later levels bind closer (section 3.6); operators of one level are read from the left."""
LEVEL_OF: Final[dict[str, int]] = {
    operator: level for level, operators in enumerate(LEVELS) for operator in operators
}


@dataclass(frozen=True, slots=True)
class Literal:
    """A value that is written in the text."""

    value: Value


@dataclass(frozen=True, slots=True)
class Attribute:
    """The value of an event's attribute."""

    name: str


@dataclass(frozen=True, slots=True)
class Exists:
    """Whether the event has an attribute."""

    name: str


@dataclass(frozen=True, slots=True)
class Not:
    """The other truth."""

    operand: "Node"


@dataclass(frozen=True, slots=True)
class Negative:
    """The number with the other sign."""

    operand: "Node"


@dataclass(frozen=True, slots=True)
class Binary:
    """An operator between two operands."""

    operator: Operator
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Like:
    """Whether a string has a pattern's shape; the pattern is kept as it was written."""

    operand: "Node"
    pattern: str
    negated: bool


@dataclass(frozen=True, slots=True)
class Among:
    """Whether a value equals one of several."""

    operand: "Node"
    members: "tuple[Node, ...]"
    negated: bool


@dataclass(frozen=True, slots=True)
class Call:
    """What a function makes of its arguments; its name is in upper case."""

    function: str
    arguments: "tuple[Node, ...]"


Node = Literal | Attribute | Exists | Not | Negative | Binary | Like | Among | Call

"""The values of CESQL, what may go wrong with them, and how one kind is cast to another."""

import re
from dataclasses import dataclass
from enum import StrEnum

Value = str | int | bool

INTEGERS = range(-(2**31), 2**31)
"""CESQL's integers have 32 bits."""
_INTEGER = re.compile(r"[+-]?0*[0-9]{1,10}")
_TRUTHS = {"true": True, "false": False}


class Kind(StrEnum):
    """The three primitive types of the language."""

    STRING = "string"
    INTEGER = "integer"
    BOOLEAN = "boolean"

    @property
    def zero(self) -> Value:
        """Return what stands for a value of this kind that could not be had."""
        return _ZEROS[self]


_ZEROS: dict[Kind, Value] = {Kind.STRING: "", Kind.INTEGER: 0, Kind.BOOLEAN: False}


class Problem(StrEnum):
    """Why an evaluation is not to be relied on; the words are those of the compliance kit."""

    MATH = "math"
    CAST = "cast"
    MISSING_ATTRIBUTE = "missingAttribute"
    MISSING_FUNCTION = "missingFunction"
    FUNCTION_EVALUATION = "functionEvaluation"


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What an expression came to: a value always, and what went wrong on the way."""

    value: Value
    problems: tuple[Problem, ...] = ()


def failed(kind: Kind, *problems: Problem) -> Evaluated:
    """Return the zero value of a kind, and why it is that."""
    return Evaluated(kind.zero, problems)


def kind_of(value: Value) -> Kind:
    """Return the kind of a value."""
    if isinstance(value, bool):
        return Kind.BOOLEAN
    return Kind.INTEGER if isinstance(value, int) else Kind.STRING


def cast(value: Value, kind: Kind) -> Value | None:
    """Return a value as another kind, by the table of section 3.7; None: it cannot be cast."""
    if kind is Kind.STRING:
        return str(value).lower() if isinstance(value, bool) else str(value)
    if kind is Kind.INTEGER:
        return integer(value) if isinstance(value, str) else int(value)
    return _TRUTHS.get(value.lower()) if isinstance(value, str) else bool(value)


def integer(text: str) -> int | None:
    """Return the integer of 32 bits that a text in base 10 is; None: it is none."""
    if _INTEGER.fullmatch(text) is None:
        return None
    sign = -1 if text.startswith("-") else 1
    number = sign * int(text.lstrip("+-").lstrip("0") or "0")
    return number if number in INTEGERS else None

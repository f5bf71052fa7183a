"""The functions of the language (section 3.5); INT, BOOL and STRING are the casts themselves."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from shared.contact_events.cesql.values import INTEGERS, Evaluated, Kind, Problem, Value, failed

_WHITE_SPACE: Final = (
    "\t\n\x0b\x0c\r \x85\xa0\u1680"
    "\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""Unicode's White_Space; Python's ``strip`` takes U+001C to U+001F too, which are control alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """Parameters by kind, how many more there may be, and what it returns."""

    parameters: tuple[Kind, ...]
    further: Kind | None = None
    returns: Kind
    body: Callable[..., Evaluated]

    def kinds(self, count: int) -> list[Kind] | None:
        """Return the kinds of so many arguments; None: it does not take so many."""
        more = count - len(self.parameters)
        if more < 0 or (more and self.further is None):
            return None
        return [*self.parameters, *([self.further] * more if self.further else [])]


def function(name: str, count: int) -> Function | None:
    """Return the function of a name in upper case that takes so many arguments; None: none."""
    return next((one for one in _FUNCTIONS.get(name, ()) if one.kinds(count) is not None), None)


def _same(value: Value) -> Evaluated:
    return Evaluated(value)


def _length(text: str) -> Evaluated:
    return Evaluated(len(text))


def _concat(*texts: str) -> Evaluated:
    return Evaluated("".join(texts))


def _concat_with(delimiter: str, *texts: str) -> Evaluated:
    return Evaluated(delimiter.join(texts))


def _lower(text: str) -> Evaluated:
    return Evaluated(text.lower())


def _upper(text: str) -> Evaluated:
    return Evaluated(text.upper())


def _trim(text: str) -> Evaluated:
    return Evaluated(text.strip(_WHITE_SPACE))


def _left(text: str, count: int) -> Evaluated:
    if count < 0:
        return Evaluated(text, (Problem.FUNCTION_EVALUATION,))
    return Evaluated(text[:count])


def _right(text: str, count: int) -> Evaluated:
    if count < 0:
        return Evaluated(text, (Problem.FUNCTION_EVALUATION,))
    return Evaluated(text[max(len(text) - count, 0) :])


def _substring(text: str, position: int, length: int | None = None) -> Evaluated:
    """Positions are counted from 1, negative ones from the end."""
    outside = not -len(text) <= position <= len(text)
    if outside or (length is not None and length < 0):
        return failed(Kind.STRING, Problem.FUNCTION_EVALUATION)
    if position == 0:
        return Evaluated("")
    start = position - 1 if position > 0 else len(text) + position
    return Evaluated(text[start:] if length is None else text[start : start + length])


def _absolute(number: int) -> Evaluated:
    if number == INTEGERS.start:
        return Evaluated(INTEGERS.stop - 1, (Problem.MATH,))
    return Evaluated(abs(number))


def _of(
    returns: Kind, body: Callable[..., Evaluated], *parameters: Kind, further: Kind | None = None
) -> Function:
    return Function(parameters=parameters, further=further, returns=returns, body=body)


_S, _I, _B = Kind.STRING, Kind.INTEGER, Kind.BOOLEAN
_FUNCTIONS: Final[dict[str, Sequence[Function]]] = {
    "INT": [_of(_I, _same, _I)],
    "BOOL": [_of(_B, _same, _B)],
    "STRING": [_of(_S, _same, _S)],
    "LENGTH": [_of(_I, _length, _S)],
    "CONCAT": [_of(_S, _concat, further=_S)],
    "CONCAT_WS": [_of(_S, _concat_with, _S, further=_S)],
    "LOWER": [_of(_S, _lower, _S)],
    "UPPER": [_of(_S, _upper, _S)],
    "TRIM": [_of(_S, _trim, _S)],
    "LEFT": [_of(_S, _left, _S, _I)],
    "RIGHT": [_of(_S, _right, _S, _I)],
    "SUBSTRING": [_of(_S, _substring, _S, _I), _of(_S, _substring, _S, _I, _I)],
    "ABS": [_of(_I, _absolute, _I)],
}

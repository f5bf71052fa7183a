"""From a text to an expression: by descent, with the precedence of section 3.6."""

import re
from collections.abc import Callable
from typing import Final

from shared.contact_events.cesql.evaluation import Expression
from shared.contact_events.cesql.syntax import (
    LEVEL_OF,
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
from shared.contact_events.cesql.values import integer
from shared.contact_events.cesql.words import Sort, Word, words
from shared.contact_events.errors import CesqlSyntaxError, CesqlTooDeepError

MAX_NESTING: Final = 32
"""Parentheses, calls and prefixes within each other."""

_FUNCTION: Final = re.compile(r"[A-Za-z][A-Za-z_]*")


def parse(text: str) -> Expression:
    """Return the expression that a text is.

    Raises:
        CesqlSyntaxError: It is none; the error says where.
        CesqlTooLongError: It has more characters or words than we read.
        CesqlTooDeepError: It is nested deeper than we read.
    """
    parser = _Parser(words(text))
    node = parser.expression()
    parser.end()
    return Expression(node)


class _Parser:
    """Reads words one after the other."""

    def __init__(self, found: list[Word]) -> None:
        self._words = found
        self._at = 0
        self._nesting = 0

    def end(self) -> None:
        """Refuse what stands behind a whole expression."""
        if self._word.sort is not Sort.END:
            raise self._unexpected()

    def expression(self, level: int = 0) -> Node:
        """Read operands and the operators between them that bind at least this closely."""
        left = self._operand()
        while (found := LEVEL_OF.get(self._operator(), -1)) >= level:
            operator = Operator(self._next().text)
            left = Binary(operator, left, self.expression(found + 1))
        return left

    def _operator(self) -> str:
        return self._word.text if self._word.sort in {Sort.SIGN, Sort.KEYWORD} else ""

    def _operand(self) -> Node:
        """Read a part with its prefixes and with the LIKE and IN that follow it."""
        node = self._prefixed()
        while self._stands("NOT") or self._stands("LIKE") or self._stands("IN"):
            negated = self._take("NOT")
            if self._take("LIKE"):
                node = Like(node, self._expect(Sort.STRING).text, negated)
            elif self._take("IN"):
                node = Among(node, self._list(), negated)
            else:
                raise self._unexpected()
        return node

    def _prefixed(self) -> Node:
        if self._stands("NOT"):
            self._next()
            return Not(self._nested(self._prefixed))
        if self._stands("-") or self._stands("+"):
            return self._signed()
        return self._part()

    def _signed(self) -> Node:
        sign = self._next()
        adjoining = self._word.place == sign.place + 1
        if self._word.sort is Sort.INTEGER and adjoining:
            return self._integer(sign.text)
        if sign.text == "+":
            raise self._unexpected()
        return Negative(self._nested(self._prefixed))

    def _part(self) -> Node:
        if self._word.sort is Sort.INTEGER:
            return self._integer()
        if self._word.sort is Sort.STRING:
            return Literal(self._next().text)
        if self._word.sort is Sort.NAME:
            return self._named()
        if self._stands("TRUE") or self._stands("FALSE"):
            return Literal(self._next().text == "TRUE")
        if self._take("EXISTS"):
            return Exists(self._expect(Sort.NAME).text.lower())
        return self._parenthesised()

    def _parenthesised(self) -> Node:
        self._require("(")
        node = self._nested(self.expression)
        self._require(")")
        return node

    def _integer(self, sign: str = "") -> Literal:
        word = self._next()
        number = integer(sign + word.text)
        if number is None:
            raise CesqlSyntaxError("an integer has 32 bits", place=word.place)
        return Literal(number)

    def _named(self) -> Node:
        word = self._next()
        if not self._stands("("):
            return Attribute(word.text.lower())
        if _FUNCTION.fullmatch(word.text) is None:
            raise CesqlSyntaxError("a function's name has letters and _ alone", place=word.place)
        return Call(word.text.upper(), self._list(may_be_empty=True))

    def _list(self, *, may_be_empty: bool = False) -> tuple[Node, ...]:
        self._require("(")
        if may_be_empty and self._take(")"):
            return ()
        members = [self._nested(self.expression)]
        while self._take(","):
            members.append(self._nested(self.expression))
        self._require(")")
        return tuple(members)

    def _nested(self, read: Callable[[], Node]) -> Node:
        if self._nesting == MAX_NESTING:
            detail = f"nested more than {MAX_NESTING} deep"
            raise CesqlTooDeepError(detail, place=self._word.place)
        self._nesting += 1
        node = read()
        self._nesting -= 1
        return node

    @property
    def _word(self) -> Word:
        return self._words[self._at]

    def _next(self) -> Word:
        word = self._word
        self._at += 1
        return word

    def _stands(self, text: str) -> bool:
        return self._operator() == text

    def _take(self, text: str) -> bool:
        """Pass over a sign or keyword if it stands here, and say whether it did."""
        if not self._stands(text):
            return False
        self._next()
        return True

    def _require(self, text: str) -> None:
        if not self._take(text):
            raise self._unexpected(f", where {text} should stand")

    def _expect(self, sort: Sort) -> Word:
        if self._word.sort is not sort:
            raise self._unexpected(f", where a {sort} should stand")
        return self._next()

    def _unexpected(self, detail: str = "") -> CesqlSyntaxError:
        word = self._word
        what = "the end" if word.sort is Sort.END else repr(word.text)
        return CesqlSyntaxError(f"{what} is not expected here{detail}", place=word.place)

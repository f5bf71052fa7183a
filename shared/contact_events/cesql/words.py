"""A text cut into words: where each begins, and of what sort it is."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from shared.contact_events.errors import CesqlSyntaxError, CesqlTooLongError

MAX_LENGTH = 4096
"""Characters of an expression."""
MAX_WORDS = 300
"""Words of an expression, hence also how deep a chain of operators may be."""

_KEYWORDS = frozenset({"AND", "OR", "XOR", "NOT", "LIKE", "EXISTS", "IN", "TRUE", "FALSE"})


class Sort(StrEnum):
    """What a word is."""

    STRING = "string"
    KEYWORD = "keyword"
    INTEGER = "integer"
    NAME = "name"
    SIGN = "sign"
    END = "end"


_PATTERN = re.compile(
    r"""
    (?P<string>'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")
    |(?P<name>[A-Za-z0-9_]+)
    |(?P<sign><>|!=|<=|>=|[-+*/%=<>(),])
    """,
    re.VERBOSE | re.DOTALL,
)
_SPACE = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True, slots=True)
class Word:
    """A word; keywords and signs are in their one form: upper case, and != for <>."""

    sort: Sort
    text: str
    place: int


def words(text: str) -> list[Word]:
    """Return the words of a text, the last of which is its end.

    Raises:
        CesqlSyntaxError: Something in it is no word.
        CesqlTooLongError: It is longer than we read.
    """
    if len(text) > MAX_LENGTH:
        raise CesqlTooLongError(f"more than {MAX_LENGTH} characters", place=MAX_LENGTH)
    found: list[Word] = []
    for word in _cut(text):
        if len(found) == MAX_WORDS:
            raise CesqlTooLongError(f"more than {MAX_WORDS} words", place=word.place)
        found.append(word)
    return [*found, Word(Sort.END, "", len(text))]


def _cut(text: str) -> Iterator[Word]:
    place = _end_of_space(text, 0)
    while place < len(text):
        match = _PATTERN.match(text, place)
        if match is None:
            raise CesqlSyntaxError(f"{text[place]!r} begins no word", place=place)
        yield _word(Sort(str(match.lastgroup)), match.group(), place)
        place = _end_of_space(text, match.end())


def _end_of_space(text: str, place: int) -> int:
    match = _SPACE.match(text, place)
    return match.end() if match else place


def _word(sort: Sort, text: str, place: int) -> Word:
    if sort is Sort.STRING:
        return Word(sort, unquoted(text), place)
    if sort is Sort.SIGN:
        return Word(sort, "!=" if text == "<>" else text, place)
    if text.upper() in _KEYWORDS:
        return Word(Sort.KEYWORD, text.upper(), place)
    return Word(Sort.INTEGER if text.isdecimal() else Sort.NAME, text, place)


def unquoted(literal: str) -> str:
    """Return the string that a literal stands for: of escapes it knows its own quote's alone."""
    quote = literal[0]
    pairs = re.compile(r"\\(.)", re.DOTALL)
    return pairs.sub(lambda pair: quote if pair[1] == quote else pair[0], literal[1:-1])

"""How generated codes look, how many there can be, and what it takes to guess one."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil, log
from operator import add
from typing import TypeAlias

from shared.coupons.errors import WeakPatternError
from shared.kernel.errors import FieldProblem, InvalidFieldsError

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""31 letters, none of which looks like another: no 0 and O, no 1, I and L."""

DEFAULT_LENGTH = 13
"""12 places of chance and a check character."""

MOST_PLACES = 30
"""The check character's weights repeat after 30: it finds every swap among so many places."""

LONGEST = 64
"""Letters of a whole code, in its normal form."""

CHANCE_BYTES = 32
"""Bytes of chance for a code: 30 places need 149 bits, so no letter is likelier by 2^-107."""

ROOM = 10_000
"""So many times more codes must be possible than exist: one guess in ten thousand hits, at best."""

SHORT = 8
"""Places of chance up to which a code must be bound to a person: of a million such codes, 1,000
guessers with ten tries a minute each would find seventeen a day."""

PLACE = "#"
"""Where a pattern has a letter of chance."""

Spell: TypeAlias = Callable[[bytes], str]
"""Returns the code that 32 bytes of chance make."""

_VALUES = {letter: value for value, letter in enumerate(ALPHABET)}
_FIXED = re.compile(r"[0-9A-Za-z._%-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """How codes are written: ``prefix``, then ``pattern`` or ``length`` places, then ``postfix``.

    A ``#`` in ``pattern`` is a place; the rest of it stands in every code. Each place has a letter
    of ``charset`` by chance, but for the last one where ``check`` is set: that is a check character
    of the whole alphabet, reckoned from the other places. It finds any one wrong letter and any
    two letters in each other's place; it makes nothing harder to guess. The words are Voucherify's
    (``code_config``).
    """

    length: int = DEFAULT_LENGTH
    charset: str = ALPHABET
    prefix: str = ""
    postfix: str = ""
    pattern: str | None = None
    check: bool = True

    def __post_init__(self) -> None:
        problems = list(_problems(self))
        if problems:
            raise InvalidFieldsError("no codes can be written so", fields=problems)

    @property
    def template(self) -> str:
        """Return a code with ``#`` in each place."""
        middle = PLACE * self.length if self.pattern is None else self.pattern
        return self.prefix + middle + self.postfix

    @property
    def chances(self) -> int:
        """Return how many places have a letter by chance."""
        return self.template.count(PLACE) - self.check

    @property
    def space(self) -> int:
        """Return how many codes there can be."""
        return int(len(self.charset) ** self.chances)

    def speller(self) -> Spell:
        """Return what spells codes of this pattern.

        The chance is a number; its last digits, in base ``len(charset)``, are the letters.
        """
        charset, size, chances, space = self.charset, len(self.charset), self.chances, self.space
        pieces = self.template.split(PLACE)
        has_check = self.check

        def spell(chance: bytes) -> str:
            number = int.from_bytes(chance) % space
            letters = []
            for _ in range(chances):
                number, value = divmod(number, size)
                letters.append(charset[value])
            if has_check:
                letters.append(check_character(letters))
            return "".join(map(add, pieces, [*letters, ""]))

        return spell


@dataclass(frozen=True, slots=True, kw_only=True)
class Strength:
    """How long codes withstand guessing; ``guesses_a_day`` are all that the limits let through."""

    codes: int
    space: int
    guesses_a_day: float

    @property
    def hits_a_day(self) -> float:
        """Return how many codes a day of guessing is expected to find."""
        return self.codes / self.space * self.guesses_a_day


def check_character(letters: Sequence[str]) -> str:
    """Return the check character of letters: their values by their place (from 1), modulo 31.

    31 is prime, so with at most 29 letters every single error and every swap of two, also with the
    check character itself, gives another one.
    """
    weighed = sum(place * _VALUES[letter] for place, letter in enumerate(letters, 1))
    return ALPHABET[weighed % len(ALPHABET)]


def is_well_checked(letters: Sequence[str]) -> bool:
    """Say whether the last of the letters is the check character of those before it."""
    return check_character(letters[:-1]) == letters[-1]


def hold_strength(pattern: Pattern, *, codes: int, bound: bool, guesses_a_day: float) -> Strength:
    """Return how strong so many codes are; ``bound``: each is one person's.

    Raises:
        WeakPatternError: they could be guessed.
    """
    strength = Strength(codes=codes, space=pattern.space, guesses_a_day=guesses_a_day)
    is_short = pattern.chances <= SHORT and not bound
    if is_short or strength.space < ROOM * codes:
        least = _least_chances(codes, size=len(pattern.charset), bound=bound)
        raise WeakPatternError(
            f"{codes} of {strength.space} possible codes: of {guesses_a_day:.0f} guesses a day, as"
            f" many as the limits let through, {strength.hits_a_day:.2g} would find one; use"
            f" {least} places of chance or more, not {pattern.chances}"
        )
    return strength


def _least_chances(codes: int, *, size: int, bound: bool) -> int:
    """Return how many places are enough; a logarithm may be off by one, so it is checked."""
    least = max(ceil(log(ROOM * codes, size)) - 1, 1)
    while size**least < ROOM * codes:
        least += 1
    return least if bound else max(least, SHORT + 1)


def _problems(pattern: Pattern) -> Iterator[FieldProblem]:
    if (
        len(pattern.charset) < 2  # noqa: PLR2004 - one letter leaves nothing to chance
        or len(set(pattern.charset)) < len(pattern.charset)
        or not set(pattern.charset) <= set(ALPHABET)
    ):
        detail = f"2 or more different letters of {ALPHABET}"
        yield FieldProblem(pointer="/charset", code="charset", detail=detail)
    for name, text in _fixed(pattern).items():
        if not _FIXED.fullmatch(text):
            detail = "letters A to Z, digits, and . _ % -"
            yield FieldProblem(pointer=f"/{name}", code="letters", detail=detail)
    places = pattern.length if pattern.pattern is None else pattern.pattern.count(PLACE)
    least = 1 + pattern.check
    field = "/length" if pattern.pattern is None else "/pattern"
    if not least <= places <= MOST_PLACES:
        detail = f"{least} to {MOST_PLACES} places"
        yield FieldProblem(pointer=field, code="places", detail=detail)
    elif len(pattern.template.replace("-", "")) > LONGEST:
        detail = f"a code has at most {LONGEST} letters"
        yield FieldProblem(pointer=field, code="length", detail=detail)


def _fixed(pattern: Pattern) -> dict[str, str]:
    middle = (pattern.pattern or "").replace(PLACE, "")
    return {"prefix": pattern.prefix, "postfix": pattern.postfix, "pattern": middle}

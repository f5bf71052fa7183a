"""Reading a document: all its problems are noted, each with its place, and raised together."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from shared.kernel.errors import FieldProblem

WordT = TypeVar("WordT", bound=StrEnum)
ReadT = TypeVar("ReadT")
ElseT = TypeVar("ElseT")


@dataclass(frozen=True, slots=True)
class Reader:
    """One place of a document. What is wrong there is noted, and a stand-in is read instead."""

    value: Any
    pointer: str = ""
    problems: list[FieldProblem] = field(default_factory=list, repr=False)

    def refuse(self, code: str, detail: str) -> None:
        """Note a problem of this place."""
        self.problems.append(FieldProblem(pointer=self.pointer, code=code, detail=detail))

    def below(self, name: object, value: Any) -> "Reader":
        """Return a place within this one."""
        escaped = str(name).replace("~", "~0").replace("/", "~1")
        return Reader(value, f"{self.pointer}/{escaped}", self.problems)

    def fields(self, *known: str, required: Sequence[str] = ()) -> "Fields":
        """Return the fields that are there; note those that are unknown or missing."""
        if not isinstance(self.value, Mapping):
            self.refuse("type", "an object is needed")
            return Fields({})
        for name in self.value:
            if name not in known:
                self.below(name, None).refuse("unknown", "there is no such field")
        # A field that is null is as good as left out.
        there = {name: one for name, one in self.value.items() if one is not None}
        for name in required:
            if name not in there:
                self.below(name, None).refuse("missing", "this field is required")
        return Fields({name: self.below(name, there[name]) for name in known if name in there})

    def items(self, *, most: int) -> Sequence["Reader"]:
        """Return the places of a list."""
        if not isinstance(self.value, list | tuple):
            self.refuse("type", "a list is needed")
            return ()
        if len(self.value) > most:
            self.refuse("length", f"at most {most} entries")
            return ()
        return [self.below(place, value) for place, value in enumerate(self.value)]

    def named(self, *, most: int) -> Mapping[str, "Reader"]:
        """Return the fields of an object whose names are free."""
        if not isinstance(self.value, Mapping):
            self.refuse("type", "an object is needed")
            return {}
        if len(self.value) > most:
            self.refuse("length", f"at most {most} fields")
            return {}
        return {str(name): self.below(name, value) for name, value in self.value.items()}

    def text(self, *, most: int, least: int = 1) -> str:
        """Return a text of ``least`` to ``most`` characters."""
        if not isinstance(self.value, str) or not least <= len(self.value) <= most:
            self.refuse("text", f"a text of {least} to {most} characters is needed")
            return ""
        return self.value

    def matched(self, pattern: str, detail: str) -> str:
        """Return a text that matches a pattern wholly."""
        if not isinstance(self.value, str) or not re.fullmatch(pattern, self.value):
            self.refuse("pattern", detail)
            return ""
        return self.value

    def whole(self, *, least: int, most: int) -> int:
        """Return a whole number."""
        is_whole = isinstance(self.value, int) and not isinstance(self.value, bool)
        if not is_whole or not least <= self.value <= most:
            self.refuse("number", f"a whole number from {least} to {most} is needed")
            return least
        return int(self.value)

    def hundredths(self, *, most: int) -> int:
        """Return a number above 0 with two decimals, in hundredths."""
        known = isinstance(self.value, int | float) and not isinstance(self.value, bool)
        if not known or not 0 < self.value <= most or round(self.value * 100, 6) % 1:
            self.refuse("number", f"a number from 0.01 to {most} with two decimals is needed")
            return 1
        number: float = self.value
        return round(number * 100)

    def flag(self) -> bool:
        """Return true or false."""
        if not isinstance(self.value, bool):
            self.refuse("type", "true or false is needed")
        return self.value is True

    def word(self, words: type[WordT]) -> WordT:
        """Return one of some words; the stand-in is the first of them."""
        found = next((word for word in words if word.value == self.value), None)
        if found is None:
            self.refuse("word", f"one of {', '.join(words)} is needed")
            return next(iter(words))
        return found

    def texts(self, *, most: int, longest: int) -> frozenset[str]:
        """Return a set of texts."""
        return frozenset(one.text(most=longest) for one in self.items(most=most))

    def words(self, words: type[WordT]) -> frozenset[WordT]:
        """Return a set of words."""
        return frozenset(one.word(words) for one in self.items(most=len(words)))


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of an object that are there."""

    found: Mapping[str, Reader]

    def read(
        self, name: str, reading: Callable[[Reader], ReadT], *, otherwise: ElseT
    ) -> ReadT | ElseT:
        """Return what is read of a field, or something else where it is not there."""
        return reading(self.found[name]) if name in self.found else otherwise

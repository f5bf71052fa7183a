"""Reading a document: a value as JSON and YAML write it, checked while it is read.

A ``Reader`` is one place of a document. Each of its methods says what is needed at the place and
returns it. Where something else stands there, the problem is noted with its place and a stand-in is
returned, so that reading goes on and one answer names every problem::

    reader = Reader(document)
    fields = reader.fields("name", "weight", "days", required=("name",))
    flight = Flight(
        name=fields.read("name", lambda one: one.text(most=128), otherwise=""),
        weight=fields.read("weight", lambda one: one.whole(least=1, most=100), otherwise=1),
        days=frozenset(fields.read("days", lambda one: one.words(Weekday), otherwise=())),
    )
    if reader.problems:
        raise InvalidFieldsError("the flight has problems", fields=reader.problems)

Nothing that was read may be used before ``problems`` was asked. Codes of problems: ``type``,
``unknown`` and ``missing`` (of fields), ``length`` (of lists and objects), ``text``, ``pattern``,
``number``, ``word``, ``twice``; whoever reads adds its own with ``refuse``.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from shared.kernel.errors import FieldProblem

WordT = TypeVar("WordT", bound=StrEnum)
ReadT = TypeVar("ReadT")
ElseT = TypeVar("ElseT")


@dataclass(frozen=True, slots=True)
class Reader:
    """One place of a document: its value, and its JSON pointer (RFC 6901).

    All places of a document share one list of problems, in the order of their noting.
    """

    value: Any
    pointer: str = ""
    problems: list[FieldProblem] = field(default_factory=list, repr=False)

    def refuse(self, code: str, detail: str) -> None:
        """Note a problem of this place."""
        self.problems.append(FieldProblem(pointer=self.pointer, code=code, detail=detail))

    def below(self, name: object, value: Any) -> "Reader":
        """Return the place of a field's or an entry's value within this one."""
        escaped = str(name).replace("~", "~0").replace("/", "~1")
        return Reader(value, f"{self.pointer}/{escaped}", self.problems)

    def fields(
        self, *known: str, required: Sequence[str] = (), keeps_null: bool = False
    ) -> "Fields":
        """Return the fields of an object whose names are ``known``.

        A field that is null counts as left out; with ``keeps_null`` it is there, and whoever reads
        it says what null is to them. Unknown names and missing ones that are ``required`` are
        problems. Stand-in: no fields.
        """
        if not isinstance(self.value, Mapping):
            self.refuse("type", "an object is needed")
            return Fields({})
        for name in self.value:
            if name not in known:
                self.below(name, None).refuse("unknown", "there is no such field")
        there = {name: one for name, one in self.value.items() if keeps_null or one is not None}
        for name in required:
            if name not in there:
                self.below(name, None).refuse("missing", "this field is required")
        return Fields({name: self.below(name, there[name]) for name in known if name in there})

    def named(self, *, most: int, pattern: str | None = None) -> Mapping[str, "Reader"]:
        """Return the fields of an object whose names are free, at most ``most``, in their order.

        A name is a text and matches ``pattern`` wholly; fields of other names are left out. A null
        is a value like others here. Stand-in: no fields.
        """
        if not isinstance(self.value, Mapping):
            self.refuse("type", "an object is needed")
            return {}
        if len(self.value) > most:
            self.refuse("length", f"at most {most} fields")
            return {}
        found = {}
        for name, value in self.value.items():
            place = self.below(name, value)
            if not isinstance(name, str):
                place.refuse("type", "a name is a text")
            elif pattern is not None and not re.fullmatch(pattern, name):
                place.refuse("pattern", f"a name matches {pattern}")
            else:
                found[name] = place
        return found

    def items(self, *, most: int, least: int = 0) -> Sequence["Reader"]:
        """Return the places of a list of ``least`` to ``most`` entries. Stand-in: no entries."""
        if not isinstance(self.value, list | tuple):
            self.refuse("type", "a list is needed")
            return ()
        if not least <= len(self.value) <= most:
            self.refuse("length", f"from {least} to {most} entries")
            return ()
        return tuple(self.below(place, value) for place, value in enumerate(self.value))

    def text(self, *, most: int, least: int = 1) -> str:
        """Return a text of ``least`` to ``most`` characters. Stand-in: an empty one."""
        if not isinstance(self.value, str) or not least <= len(self.value) <= most:
            self.refuse("text", f"a text of {least} to {most} characters is needed")
            return ""
        return self.value

    def matched(self, pattern: str, detail: str) -> str:
        """Return a text that matches a pattern wholly. Stand-in: an empty one.

        ``detail`` says to people what is needed.
        """
        if not isinstance(self.value, str) or not re.fullmatch(pattern, self.value):
            self.refuse("pattern", detail)
            return ""
        return self.value

    def whole(self, *, least: int, most: int) -> int:
        """Return a whole number from ``least`` to ``most``. Stand-in: ``least``."""
        is_whole = isinstance(self.value, int) and not isinstance(self.value, bool)
        if not is_whole or not least <= self.value <= most:
            self.refuse("number", f"a whole number from {least} to {most} is needed")
            return least
        return int(self.value)

    def hundredths(self, *, most: int) -> int:
        """Return a number above 0, up to ``most``, in hundredths: 12.5 is 1,250. Stand-in: 1.

        It has at most two decimals.
        """
        is_number = isinstance(self.value, int | float) and not isinstance(self.value, bool)
        if not is_number or not 0 < self.value <= most or round(self.value * 100, 6) % 1:
            self.refuse("number", f"a number from 0.01 to {most} with two decimals is needed")
            return 1
        number: float = self.value
        return round(number * 100)

    def flag(self) -> bool:
        """Return true or false. Stand-in: false."""
        if not isinstance(self.value, bool):
            self.refuse("type", "true or false is needed")
        return self.value is True

    def word(self, words: Iterable[WordT]) -> WordT:
        """Return one of ``words``. Stand-in: the first of them."""
        known = tuple(words)
        found = next((word for word in known if word.value == self.value), None)
        if found is None:
            self.refuse("word", f"one of {', '.join(known)} is needed")
            return known[0]
        return found

    def words(self, words: Iterable[WordT], *, least: int = 0) -> Sequence[WordT]:
        """Return at least ``least`` of ``words``, each once, in the order of the document."""
        known = tuple(words)
        places = self.items(least=least, most=len(known))
        for place, one in enumerate(places):
            if any(one.value == earlier.value for earlier in places[:place]):
                one.refuse("twice", "every word stands once")
        return tuple(one.word(known) for one in places)

    def texts(self, *, most: int, longest: int, least: int = 0) -> frozenset[str]:
        """Return a set of texts of 1 to ``longest`` characters; one that stands twice counts once.

        The list has ``least`` to ``most`` entries.
        """
        return frozenset(one.text(most=longest) for one in self.items(least=least, most=most))


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of an object that are there, by their names."""

    found: Mapping[str, Reader]

    def read(
        self, name: str, reading: Callable[[Reader], ReadT], *, otherwise: ElseT
    ) -> ReadT | ElseT:
        """Return what is read of a field, or something else where it is not there."""
        return reading(self.found[name]) if name in self.found else otherwise

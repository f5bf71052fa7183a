"""Reading documents: what stands there is read, what does not is noted with its place."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.documents import Fields, Reader

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
)


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A way to read a place, and a value that it takes."""

    name: str
    read: Callable[[Reader], Any]
    takes: Any


READINGS = (
    Reading(name="fields", read=lambda one: one.fields("a", required=("a",)), takes={"a": 1}),
    Reading(name="named", read=lambda one: one.named(most=2, pattern=r"[a-z]"), takes={"a": 1}),
    Reading(name="items", read=lambda one: one.items(least=1, most=2), takes=[1]),
    Reading(name="text", read=lambda one: one.text(most=2), takes="a"),
    Reading(name="matched", read=lambda one: one.matched(r"[a-z]", "a letter"), takes="a"),
    Reading(name="whole", read=lambda one: one.whole(least=1, most=9), takes=1),
    Reading(name="hundredths", read=lambda one: one.hundredths(most=9), takes=0.5),
    Reading(name="flag", read=Reader.flag, takes=True),
    Reading(name="word", read=lambda one: one.word(Colour), takes="red"),
    Reading(name="words", read=lambda one: one.words(Colour), takes=["red"]),
    Reading(name="texts", read=lambda one: one.texts(most=2, longest=2), takes=["a"]),
)


def problems(reader: Reader) -> list[tuple[str, str]]:
    return [(problem.pointer, problem.code) for problem in reader.problems]


@pytest.mark.parametrize("reading", READINGS, ids=lambda reading: reading.name)
def test_what_is_needed_is_read_without_a_problem(reading: Reading) -> None:
    reader = Reader(reading.takes)
    assert reading.read(reader)
    assert reader.problems == []


@pytest.mark.parametrize("reading", READINGS, ids=lambda reading: reading.name)
@given(value=JSON)
def test_whatever_stands_there_reading_goes_on_with_a_value_of_the_same_kind(
    reading: Reading, value: Any
) -> None:
    reader = Reader(value, "/place")
    assert type(reading.read(reader)) is type(reading.read(Reader(reading.takes)))
    assert all(problem.pointer.startswith("/place") for problem in reader.problems)


def test_a_document_is_read_with_its_defaults() -> None:
    reader = Reader({"name": "Spring", "days": ["green", "red"], "weight": None})
    fields = reader.fields("name", "days", "weight", "notes", required=("name",))
    assert fields.read("name", lambda one: one.text(most=10), otherwise="") == "Spring"
    assert fields.read("days", lambda one: one.words(Colour), otherwise=()) == (
        Colour.GREEN,
        Colour.RED,
    )
    assert fields.read("weight", lambda one: one.whole(least=1, most=9), otherwise=5) == 5
    assert fields.read("notes", Reader.flag, otherwise=None) is None
    assert reader.problems == []


def test_all_problems_of_a_document_are_noted_together() -> None:
    reader = Reader({"colours": ["red", "blue"], "a/b~c": {"weight": 0}, "surprise": 1})
    fields = reader.fields("name", "colours", "a/b~c", required=("name",))
    fields.read("colours", lambda one: one.words(Colour), otherwise=())
    inner = fields.read("a/b~c", lambda one: one.fields("weight"), otherwise=Fields({}))
    inner.read("weight", lambda one: one.whole(least=1, most=9), otherwise=1)
    assert problems(reader) == [
        ("/surprise", "unknown"),
        ("/name", "missing"),
        ("/colours/1", "word"),
        ("/a~1b~0c/weight", "number"),
    ]


def test_a_null_is_as_good_as_a_field_left_out() -> None:
    reader = Reader({"name": None})
    assert not reader.fields("name", required=("name",)).found
    assert problems(reader) == [("/name", "missing")]


def test_a_null_that_is_kept_is_there_for_whoever_reads_it() -> None:
    reader = Reader({"name": None})
    fields = reader.fields("name", "weight", required=("name",), keeps_null=True)
    assert list(fields.found) == ["name"]
    fields.read("name", lambda one: one.text(most=9), otherwise="")
    assert problems(reader) == [("/name", "text")]


def test_a_null_under_a_free_name_is_a_value() -> None:
    found = Reader({"name": None}).named(most=1)
    assert found["name"].value is None


def test_free_names_match_their_pattern_wholly() -> None:
    reader = Reader({"news": 1, "News": 2, "news\n": 3, 4: 5})
    assert list(reader.named(most=4, pattern=r"[a-z]+")) == ["news"]
    assert problems(reader) == [("/News", "pattern"), ("/news\n", "pattern"), ("/4", "type")]


def test_an_object_of_too_many_names_is_not_read() -> None:
    reader = Reader({"a": 1, "b": 2, "c": 3})
    assert reader.named(most=2) == {}
    assert problems(reader) == [("", "length")]


@pytest.mark.parametrize(("entries", "is_read"), [(0, False), (1, True), (2, True), (3, False)])
def test_a_list_has_as_many_entries_as_it_may(entries: int, is_read: bool) -> None:
    reader = Reader([0] * entries)
    assert [one.pointer for one in reader.items(least=1, most=2)] == (
        [f"/{place}" for place in range(entries)] if is_read else []
    )
    assert bool(reader.problems) is not is_read


@pytest.mark.parametrize(
    ("text", "is_read"), [("", False), ("a", True), ("ab", True), ("abc", False)]
)
def test_a_text_has_as_many_characters_as_it_may(text: str, is_read: bool) -> None:
    reader = Reader(text)
    assert reader.text(most=2) == (text if is_read else "")
    assert bool(reader.problems) is not is_read


@pytest.mark.parametrize("value", [True, 1.0, "1", None, 0, 10])
def test_what_is_no_whole_number_of_the_range_is_refused(value: Any) -> None:
    reader = Reader(value)
    assert reader.whole(least=1, most=9) == 1
    assert problems(reader) == [("", "number")]


@given(st.integers(1, 1_000_000))
def test_two_decimals_are_read_exactly(hundredths: int) -> None:
    reader = Reader(hundredths / 100)
    assert reader.hundredths(most=10_000) == hundredths
    assert reader.problems == []


@pytest.mark.parametrize("value", [True, 0, -1, 9.01, 0.005, 1.001, math.nan, math.inf, "1"])
def test_what_is_no_amount_of_the_range_is_refused(value: Any) -> None:
    reader = Reader(value)
    reader.hundredths(most=9)
    assert problems(reader) == [("", "number")]


def test_a_word_stands_once_and_unknown_ones_are_no_word() -> None:
    reader = Reader(["blue", "red"])
    reader.words(Colour)
    assert problems(reader) == [("/0", "word")]
    reader = Reader(["red", "red"])
    reader.words(Colour)
    assert problems(reader) == [("/1", "twice")]


def test_a_text_that_stands_twice_counts_once() -> None:
    reader = Reader(["shirt", "shirt"])
    assert reader.texts(most=2, longest=5) == {"shirt"}
    assert reader.problems == []


def test_only_some_of_the_words_may_be_offered() -> None:
    reader = Reader("red")
    assert reader.word([Colour.GREEN]) is Colour.GREEN
    assert reader.problems[0].detail == "one of green is needed"

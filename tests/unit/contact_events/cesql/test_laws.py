"""What holds of every expression, and the limits that keep a hostile one cheap."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contact_events.cesql import Evaluated, Expression, Problem, parse
from shared.contact_events.cesql.parser import MAX_NESTING
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
from shared.contact_events.cesql.values import INTEGERS
from shared.contact_events.cesql.words import MAX_LENGTH, MAX_WORDS
from shared.contact_events.errors import (
    CesqlSyntaxError,
    CesqlTooDeepError,
    CesqlTooLongError,
)

INTEGER_VALUES = st.integers(INTEGERS.start, INTEGERS.stop - 1)
# A backslash before another character is in a text in one way only, so it is left to the cases.
STRINGS = st.text(alphabet="ab%_'\" \n1é", max_size=8)
NAMES = st.sampled_from(["id", "type", "subject", "data_price", "missing", "5g"])
FUNCTIONS = st.sampled_from(
    ["INT", "BOOL", "LENGTH", "CONCAT", "CONCAT_WS", "LEFT", "SUBSTRING", "ABS", "NOWHERE"]
)
LEAVES: st.SearchStrategy[Node] = st.one_of(
    st.builds(Literal, st.one_of(INTEGER_VALUES, STRINGS, st.booleans())),
    st.builds(Attribute, NAMES),
    st.builds(Exists, NAMES),
)


def larger(parts: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    several = st.lists(parts, min_size=1, max_size=3).map(tuple)
    return st.one_of(
        st.builds(Not, parts),
        st.builds(Negative, parts),
        st.builds(Binary, st.sampled_from(Operator), parts, parts),
        st.builds(Like, parts, STRINGS, st.booleans()),
        st.builds(Among, parts, several, st.booleans()),
        st.builds(Call, FUNCTIONS, st.lists(parts, max_size=3).map(tuple)),
    )


NODES = st.recursive(LEAVES, larger, max_leaves=12)
ATTRIBUTES = st.dictionaries(NAMES, st.one_of(STRINGS, st.integers(), st.booleans()))


@given(NODES)
def test_what_is_printed_is_read_as_the_same_expression(node: Node) -> None:
    assert parse(str(Expression(node))) == Expression(node)


@given(NODES, ATTRIBUTES)
def test_an_evaluation_always_ends_with_a_value_of_the_language(
    node: Node, attributes: dict[str, str | int | bool]
) -> None:
    evaluated = Expression(node).evaluate(attributes)
    assert isinstance(evaluated.value, str) or evaluated.value in INTEGERS
    assert len(evaluated.problems) <= 1


def expression_or_place(text: str) -> tuple[Expression | None, int]:
    try:
        return parse(text), 0
    except CesqlSyntaxError as error:
        return None, error.place


@given(st.text(alphabet="aT1 ()'\"\\%_=<>!+-*,/ANDORNOTLIKEIN\x00é", max_size=40))
def test_a_text_is_an_expression_or_its_error_says_where_not(text: str) -> None:
    found, place = expression_or_place(text)
    assert (found is None) or parse(str(found)) == found
    assert 0 <= place <= len(text)


@pytest.mark.parametrize("text", ["1", "'true'", "TRUE AND absent", "NOT 10", "FALSE"])
def test_an_event_passes_only_for_true_and_without_a_problem(text: str) -> None:
    assert not parse(text).holds({"id": "e1"})
    assert parse("id = 'e1'").holds({"id": "e1"})


@pytest.mark.parametrize(
    "text",
    [
        "(" * (MAX_NESTING + 1) + "TRUE" + ")" * (MAX_NESTING + 1),
        "(" * (MAX_WORDS - 1),
        "NOT " * 200 + "TRUE",
        "-" * 200 + "a",
        "ABS(" * 50 + "1" + ")" * 50,
    ],
)
def test_what_is_nested_too_deeply_is_refused_by_name(text: str) -> None:
    with pytest.raises(CesqlTooDeepError):
        parse(text)


def test_what_is_nested_as_deeply_as_we_read_is_read() -> None:
    assert parse("(" * MAX_NESTING + "TRUE" + ")" * MAX_NESTING).holds({})


def test_the_longest_chain_of_operators_is_evaluated() -> None:
    terms = (MAX_WORDS - 1) // 2 + 1
    chain = parse(" + ".join(["1"] * terms))
    assert chain.evaluate({}) == Evaluated(terms)
    assert parse(str(chain)) == chain


@pytest.mark.parametrize("text", ["'" + "a" * MAX_LENGTH + "'", " ".join(["-"] * (MAX_WORDS + 1))])
def test_what_is_longer_than_we_read_is_refused_by_name(text: str) -> None:
    with pytest.raises(CesqlTooLongError):
        parse(text)


def test_a_pattern_with_many_wildcards_takes_no_longer_than_both_lengths_say() -> None:
    expression = parse(f"id LIKE '{'%a' * 100}b'")
    began = time.process_time()
    assert not expression.holds({"id": "a" * 1024})
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", 0),
        ("a =", 3),
        ("a b", 2),
        ("(a", 2),
        ("'open", 0),
        ("a & b", 2),
        ("a LIKE b", 7),
        ("a IN ()", 6),
        ("+ 1", 2),
        ("2147483648", 0),
        ("9f(a)", 0),
        ("EXISTS 'a'", 7),
        ("a NOT b", 6),
    ],
)
def test_a_text_that_is_no_expression_is_refused_where_that_shows(text: str, place: int) -> None:
    with pytest.raises(CesqlSyntaxError) as refused:
        parse(text)
    assert refused.value.place == place


@pytest.mark.parametrize(
    ("text", "value", "problem"),
    [
        ("TRUE OR FALSE AND FALSE", False, None),  # one level, from the left
        ("NOT a = 'x'", False, Problem.CAST),  # NOT binds closer than =
        ("NOT (a = 'x')", False, None),
        ("1-1", 0, None),
        ("2147483647 + 1", 0, Problem.MATH),
        ("-(-2147483648)", 0, Problem.MATH),
        ("-7 / 2", -3, None),
        ("-7 % 2", -1, None),
        ("7 % -2", 1, None),
        ("-2147483648 / -1", 0, Problem.MATH),
        ("10 AND TRUE", True, None),
        ("'x' AND TRUE", False, Problem.CAST),
        ("'x' < 1", False, Problem.CAST),
        ("1 != 'x'", True, None),
        ("'x' != 1", False, Problem.CAST),
        ("1 IN ('x', 1)", False, Problem.CAST),
        ("1 IN (1, 'x')", True, None),
        ("INT('\uff12')", 0, Problem.CAST),
        ("INT('00000000000000000007')", 7, None),
        ("INT('+7')", 7, None),
        ("INT('99999999999')", 0, Problem.CAST),
        ("LENGTH(TRIM(' \x1cx\u3000'))", 2, None),  # U+001C is no white space to Unicode
        ("LENGTH(nobody)", 0, Problem.MISSING_ATTRIBUTE),
        ("UNHEARD_OF(1)", False, Problem.MISSING_FUNCTION),
        ("SUBSTRING('abc', 1, -1)", "", Problem.FUNCTION_EVALUATION),
        ("RIGHT('abc', 0)", "", None),
        ("'a\\' LIKE 'a_'", None, None),
        ("'a\\b' LIKE 'a\\b'", True, None),
        ("'100%' LIKE '%\\%'", True, None),
        ("large = '3000000000'", True, None),
        ('"\\\\\'" = a', False, None),
    ],
)
def test_an_expression_comes_to_what_the_specification_says(
    text: str, value: object, problem: Problem | None
) -> None:
    if value is None:
        with pytest.raises(CesqlSyntaxError):
            parse(text)
        return
    expression = parse(text)
    evaluated = expression.evaluate({"a": "x", "large": 3_000_000_000})
    assert (evaluated.value, evaluated.problems) == (value, (problem,) if problem else ())
    assert parse(str(expression)) == expression

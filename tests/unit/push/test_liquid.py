import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.push.errors import TextUnrenderableError
from shared.push.model.liquid import LARGEST_TEXT, MOST_ITERATIONS, paths_of, rendered

VALUES = {
    "contact": {"tags": ["gold", "vip"], "attributes": {"name": "Ada", "points": 1200, "rate": 0.5}}
}


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("Hello {{ contact.attributes.name }}", "Hello Ada"),
        ("Hello {{ contact.attributes.nick | default: 'you' }}", "Hello you"),
        ("{{ contact.attributes.unknown }}", ""),
        ("{% if contact.tags contains 'gold' %}Gold{% else %}All{% endif %}", "Gold"),
        ("{% for tag in contact.tags %}{{ tag }} {% endfor %}", "gold vip "),
        ("{{ contact.attributes.points | divided_by: 100 }}", "12"),
        ("Schön & <gut>", "Schön & <gut>"),
        ("{{ '<b>&' }}", "<b>&"),
    ],
)
def test_a_text_is_rendered_with_its_values(source: str, text: str) -> None:
    paths_of(source)
    assert rendered(source, VALUES) == text


def test_what_a_text_reads_from_outside_is_known_without_rendering_it() -> None:
    source = (
        "{% assign mine = shop %}{% for tag in contact.tags %}{{ tag }}{{ mine }}{% endfor %}"
        "{% if false %}{{ contact.attributes[key].x }}{% endif %}"
    )
    assert paths_of(source) == {
        ("shop",),
        ("contact", "tags"),
        ("contact", "attributes", "*", "x"),
        ("key",),
    }


@pytest.mark.parametrize(
    "source",
    [
        "{{ name",
        "{% if name %}",
        "{% unheard_of %}",
        "{{ name | unheard_of }}",
        "{% include 'other' %}",
        "{% render 'other' %}",
        "{% tablerow tag in contact.tags %}{% endtablerow %}",
        "{{ 'now' | date: '%Y' }}",
        "{% for i in (1..3) %}{% endfor %}",
        "{% assign all = (1..1000000000) %}{% if all contains 'a' %}{% endif %}",
        "{{ " + "a[" * 3_000 + "b" + "]" * 3_000 + " }}",
    ],
)
def test_what_the_sandbox_leaves_out_is_refused(source: str) -> None:
    with pytest.raises(TextUnrenderableError):
        _use(source)


def _use(source: str) -> None:
    """Read and render a text: a filter is looked up when it is used."""
    paths_of(source)
    rendered(source, VALUES)


@pytest.mark.parametrize(
    "source",
    [
        "{% for a in tags %}" * 3 + "{% endfor %}" * 3,
        "{{ '" + "a" * 100 + "' " + ("| replace: '', '" + "b" * 100 + "'") * 20 + " }}",
        "{% assign x = 'aaaaaaaa' %}{% for a in tags %}{% assign x = x | append: x %}{% endfor %}",
        "{% assign x = 9 %}{% for a in tags %}{% assign x = x | times: x %}{% endfor %}",
        "{{ 1 | divided_by: 0 }}",
        "a" * (LARGEST_TEXT + 1),
    ],
)
def test_what_takes_long_or_grows_large_is_stopped_soon(source: str) -> None:
    began = time.monotonic()
    with pytest.raises(TextUnrenderableError):
        rendered(source, {"tags": ["a"] * 30})
    assert time.monotonic() - began < 2


def test_loops_go_round_so_many_times_and_no_more() -> None:
    source = "{% for tag in tags %}x{% endfor %}"
    assert rendered(source, {"tags": ["a"] * MOST_ITERATIONS}) == "x" * MOST_ITERATIONS
    with pytest.raises(TextUnrenderableError, match="loop"):
        rendered(source, {"tags": ["a"] * (MOST_ITERATIONS + 1)})


def test_a_problem_names_its_line() -> None:
    with pytest.raises(TextUnrenderableError, match="line 2: unknown filter 'shout'"):
        rendered("Hello\n{{ name | shout }}", {})


PIECES = st.sampled_from(
    [
        *("{{", "}}", "{%", "%}", "{% if a %}", "{% endif %}", "{% for a in b %}"),
        *("a", "b.c", " | ", "upcase", "times: 9", "split: ''", "join", "sort", "map: 'a'", "[0]"),
        *(
            "{% assign a = b %}",
            "{{ a | ",
            "| round: 99",
            "slice: -1, 5",
            "where: 'a'",
            "1e99",
            "'",
        ),
        *("{% case a %}", "{% when 1 %}", "{% endcase %}", "contains", "==", "..", "(", ")", "-1"),
    ]
)
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
INNER = st.lists(PLAIN, max_size=4) | st.dictionaries(st.text(max_size=3), PLAIN, max_size=4)


@given(source=st.lists(PIECES, max_size=8).map(" ".join), a=PLAIN | INNER, b=PLAIN | INNER)
@settings(max_examples=500, deadline=None)
def test_whatever_is_written_is_rendered_within_limits_or_refused_by_name(
    source: str, a: object, b: object
) -> None:
    try:
        paths_of(source)
        text = rendered(source, {"a": a, "b": b})
    except TextUnrenderableError as error:
        assert str(error)  # noqa: PT017 - either way is right
    else:
        assert len(text.encode()) <= LARGEST_TEXT


FILTERS = st.sampled_from(
    [
        *("abs", "ceil", "floor", "round", "size", "first", "last", "reverse", "sort", "uniq"),
        *("sort_natural", "compact", "sum", "join", "upcase", "capitalize", "squish", "strip"),
        *("strip_html", "escape", "escapejs", "url_encode", "url_decode", "base64_encode"),
        *("base64_decode", "truncate: b", "truncatewords: b", "slice: b", "times: b", "plus: b"),
        *("minus: b", "divided_by: b", "modulo: b", "at_most: b", "append: b", "prepend: b"),
        *("replace: b, a", "remove: b", "split: b", "concat: b", "map: b", "where: b", "find: b"),
        *("has: b", "reject: b", "find_index: b", "default: b", "newline_to_br"),
    ]
)


@given(filters=st.lists(FILTERS, min_size=1, max_size=4), a=PLAIN | INNER, b=PLAIN | INNER)
@settings(max_examples=500, deadline=None)
def test_whatever_a_filter_is_given_it_works_or_is_refused_by_name(
    filters: list[str], a: object, b: object
) -> None:
    source = "{{ a | " + " | ".join(filters) + " }}"
    try:
        assert len(rendered(source, {"a": a, "b": b}).encode()) <= LARGEST_TEXT
    except TextUnrenderableError as error:
        assert str(error)  # noqa: PT017 - either way is right

"""What a template's schema admits is what the standard says that it admits."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from shared.placements.model.schemas import problems_of_values
from tests.unit.placements.bookings import SCHEMA

VALIDATOR = Draft202012Validator(SCHEMA)

OUR_OWN = {"url", "color", "macro", "contrast"}
"""Codes of what the standard leaves to each reader, and of what we hold beside it."""

numbers = st.integers(-2, 8) | st.sampled_from([1.0, 2.5, 4.5])
words = st.sampled_from(["", "Oh", "Shoes", "x" * 25, "x" * 26, "calm", "#fff"])
values = st.dictionaries(
    st.sampled_from([*SCHEMA["properties"], "unknown"]),
    words | numbers | st.booleans() | st.none(),
)


@given(values)
def test_values_fit_a_schema_exactly_where_the_standard_says_so(values: dict[str, Any]) -> None:
    found = problems_of_values(values, SCHEMA, pointer="/values")
    broken = [one for one in found if one.code not in OUR_OWN]
    assert (not broken) is VALIDATOR.is_valid(values)


def test_the_schema_of_the_tests_is_one_of_the_standard() -> None:
    Draft202012Validator.check_schema(SCHEMA)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.errors import InvalidFieldsError
from shared.kernel.paging import cursor_of, place_of


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_a_cursor_leads_back_to_its_place(place: str) -> None:
    assert place_of(cursor_of(place)) == place


@pytest.mark.parametrize("cursor", ["", "!", "AA=", "_w", "YWJj\n"])
def test_what_was_never_a_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidFieldsError):
        place_of(cursor)

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.clock import (
    from_milliseconds,
    from_rfc3339,
    milliseconds,
    rfc3339,
    whole_milliseconds,
)

INSTANTS = st.datetimes(datetime(1970, 1, 2), datetime(9998, 1, 1), timezones=st.timezones())


@given(INSTANTS)
def test_an_instant_comes_back_to_the_millisecond(at: datetime) -> None:
    assert from_rfc3339(rfc3339(at)) == whole_milliseconds(at)
    assert from_milliseconds(milliseconds(at)) == whole_milliseconds(at)


@given(INSTANTS, INSTANTS)
def test_texts_sort_as_the_instants_do(one: datetime, other: datetime) -> None:
    assert (rfc3339(one) < rfc3339(other)) == (whole_milliseconds(one) < whole_milliseconds(other))


@pytest.mark.parametrize("text", ["2026-11-22", "2026-11-22T12:00:00", "noon"])
def test_a_text_without_a_zone_is_no_instant(text: str) -> None:
    with pytest.raises(ValueError, match=r"zone|isoformat"):
        from_rfc3339(text)

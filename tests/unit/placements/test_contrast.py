"""Contrast of colours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.placements.model.contrast import contrast

colours = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    # The last two stand on either side of 4.5 on white.
    [
        ("#000", "#fff", 21),
        ("#0066cc", "#06c", 1),
        ("#767676", "#fff", 4.54),
        ("#777777", "#fff", 4.48),
    ],
)
def test_contrast_is_that_of_the_guidelines(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == pytest.approx(ratio, abs=0.005)


@given(colours, colours)
def test_contrast_is_the_same_both_ways_and_within_its_bounds(one: str, other: str) -> None:
    assert contrast(one, other) == contrast(other, one)
    assert 1 <= contrast(one, other) <= 21.001

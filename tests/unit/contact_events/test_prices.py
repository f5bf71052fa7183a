"""Prices of other systems in minor units."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contact_events.model.prices import micros, minor_units


@pytest.mark.parametrize(
    ("amount", "currency", "units"),
    [
        (27.5, "EUR", 2750),
        ("27.50", "CHF", 2750),
        (30.000000000000004, "USD", 3000),
        (0.005, "USD", 1),
        (-1, "USD", -100),
        (1200, "JPY", 1200),
        ("1.234", "KWD", 1234),
        (True, "USD", None),
        (None, "USD", None),
        ("many", "USD", None),
        ("NaN", "USD", None),
        (float("inf"), "USD", None),
        ("1e400", "USD", None),
        ([], "USD", None),
    ],
)
def test_an_amount_is_told_in_minor_units(amount: Any, currency: str, units: int | None) -> None:
    assert minor_units(amount, currency) == units


@given(st.integers(-(10**15), 10**15))
def test_a_price_in_cents_comes_back(cents: int) -> None:
    assert minor_units(str(Decimal(cents).scaleb(-2)), "EUR") == cents


def test_a_cost_is_told_in_millionths() -> None:
    assert micros("0.0045") == 4500

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.money import Money, is_currency

AMOUNTS = st.integers(-(10**12), 10**12)


@given(AMOUNTS, AMOUNTS)
def test_what_is_added_can_be_taken_away(one: int, other: int) -> None:
    assert Money(one, "EUR") + Money(other, "EUR") - Money(other, "EUR") == Money(one, "EUR")


def test_two_currencies_do_not_mix() -> None:
    with pytest.raises(ValueError, match="cannot mix EUR and USD"):
        Money(1, "EUR") + Money(1, "USD")


@pytest.mark.parametrize("code", ["", "eur", "EURO", "€€€", "A1B", "EUR\n"])
def test_a_currency_is_an_iso_code(code: str) -> None:
    with pytest.raises(ValueError, match="ISO 4217"):
        Money(1, code)


def test_a_currency_is_three_capital_letters() -> None:
    assert is_currency("CHF")
    assert not any(is_currency(code) for code in ("chf", "CH", "CHFS", "CH1", None, 756))

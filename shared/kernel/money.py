"""Money: whole minor units of one currency, so that sums are exact."""

import re
from dataclasses import dataclass

CURRENCY = "[A-Z]{3}"
"""What codes of ISO 4217 match wholly; which of them are money, their list says."""


def is_currency(code: object) -> bool:
    """Say whether something is written as a currency of ISO 4217 is: three capital letters."""
    return isinstance(code, str) and re.fullmatch(CURRENCY, code) is not None


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """An amount in minor units (cents, yen) of an ISO 4217 currency.

    Arithmetic keeps the currency and raises ``ValueError`` when two differ.
    """

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if not is_currency(self.currency):
            message = f"{self.currency!r} is no ISO 4217 code"
            raise ValueError(message)

    def __add__(self, other: "Money") -> "Money":
        return Money(self.minor + self._same(other).minor, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.minor - self._same(other).minor, self.currency)

    def _same(self, other: "Money") -> "Money":
        if other.currency != self.currency:
            message = f"cannot mix {self.currency} and {other.currency}"
            raise ValueError(message)
        return other

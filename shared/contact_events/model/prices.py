"""Prices as other systems write them, in the whole minor units that we keep."""

from decimal import ROUND_HALF_UP, Decimal, DecimalException
from typing import Any

DIGITS_AFTER_THE_POINT = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG"), 0),
    **dict.fromkeys(("RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
"""Of currencies whose minor unit is not the hundredth (ISO 4217, list one)."""

MOST_UNITS = 10**15
"""More is no price; and whole numbers up to here are exact in any reader of JSON."""

MICROS = 6
"""Digits after the point of a cost: what one message costs is less than a minor unit."""


def minor_units(amount: Any, currency: str) -> int | None:
    """Return an amount in minor units of its currency, rounded half up; ``None`` if it is none."""
    return _scaled(amount, digits=DIGITS_AFTER_THE_POINT.get(currency, 2))


def micros(amount: Any) -> int | None:
    """Return an amount in millionths of its currency's unit; ``None`` if it is none."""
    return _scaled(amount, digits=MICROS)


def _scaled(amount: Any, *, digits: int) -> int | None:
    if isinstance(amount, bool) or not isinstance(amount, int | float | str | Decimal):
        return None
    try:
        scaled = Decimal(str(amount)).scaleb(digits)
        if not scaled.is_finite() or abs(scaled) > MOST_UNITS:
            return None
        return int(scaled.to_integral_value(ROUND_HALF_UP))
    except (DecimalException, ValueError):
        return None

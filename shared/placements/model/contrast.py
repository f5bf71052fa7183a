"""Contrast of colours, as WCAG 2.2 reckons it (https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio)."""

import re

LEAST_CONTRAST = 4.5
"""Of text on its background: success criterion 1.4.3, level AA, for text of usual size."""

COLOUR = r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})"
"""Colours as ``#06c`` or ``#0066cc``."""

_LINEAR_BELOW = 0.04045


def is_colour(text: str) -> bool:
    """Say whether a text is a colour in hexadecimal digits."""
    return re.fullmatch(COLOUR, text) is not None


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, from 1 (the same) to 21 (black and white)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    digits = colour.removeprefix("#")
    if len(digits) == len("06c"):
        digits = "".join(2 * digit for digit in digits)
    red, green, blue = (_linear(int(digits[at : at + 2], 16) / 255) for at in (0, 2, 4))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return float(part / 12.92 if part <= _LINEAR_BELOW else ((part + 0.055) / 1.055) ** 2.4)

"""Macros in what is shown: ``{{name}}`` of ours and ``${AUCTION_...}`` of OpenRTB, no others.

OpenRTB 2.6 section 4.4: a macro whose value is not known is replaced by nothing.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from html import escape
from urllib.parse import quote

from shared.kernel.errors import FieldProblem


class Macro(StrEnum):
    """What can be filled in; those of OpenRTB have the same meaning in our words."""

    AD_ID = "ad_id"
    AD_CAMPAIGN_ID = "ad_campaign_id"
    ADVERTISER_ID = "advertiser_id"
    APP_ID = "app_id"
    CLICK_URL = "click_url"
    CREATIVE_ID = "creative_id"
    CURRENCY = "currency"
    DECISION_ID = "decision_id"
    FLIGHT_ID = "flight_id"
    IMPRESSION_URL = "impression_url"
    PLACEMENT = "placement"
    PRICE = "price"
    TIMESTAMP = "timestamp"
    """Whole seconds from 1970 to the decision."""
    TOKEN_ID = "token_id"  # noqa: S105 - the name of a macro


OF_OPENRTB: Mapping[str, Macro] = {
    "AUCTION_ID": Macro.DECISION_ID,
    "AUCTION_BID_ID": Macro.TOKEN_ID,
    "AUCTION_IMP_ID": Macro.PLACEMENT,
    "AUCTION_SEAT_ID": Macro.ADVERTISER_ID,
    "AUCTION_AD_ID": Macro.AD_ID,
    "AUCTION_PRICE": Macro.PRICE,
    "AUCTION_CURRENCY": Macro.CURRENCY,
}

_KNOWN: Mapping[str, Macro] = {
    **{f"{{{{{macro.value}}}}}": macro for macro in Macro},
    **{f"${{{name}}}": macro for name, macro in OF_OPENRTB.items()},
}
_MACRO = re.compile(r"\{\{.*?\}\}|\$\{.*?\}", re.DOTALL)
_OPENINGS = re.compile(r"\{\{|\$\{")


def in_url(value: str) -> str:
    """Write a macro's value within a URL: percent-encoded."""
    return quote(value, safe="")


def in_html(value: str) -> str:
    """Write a macro's value within HTML: escaped, also for an attribute."""
    return escape(value, quote=True)


def as_it_is(value: str) -> str:
    """Write a macro's value within plain text."""
    return value


def problems_of_macros(text: str, *, pointer: str) -> Iterator[FieldProblem]:
    """Yield a problem for each macro that is unknown or not closed."""
    for found in dict.fromkeys(_MACRO.findall(text)):
        if found not in _KNOWN:
            yield FieldProblem(pointer=pointer, code="macro", detail=f"there is no macro {found}")
    if _OPENINGS.search(_MACRO.sub("", text)):
        yield FieldProblem(pointer=pointer, code="macro", detail="a macro is not closed")


def fill(text: str, values: Mapping[Macro, str], *, write: Callable[[str], str]) -> str:
    """Return a checked text with its macros replaced; a value that is not known is nothing.

    ``write`` is how a value is written where the text is used: ``in_url``, ``in_html`` or
    ``as_it_is``. A text that ``problems_of_macros`` refused keeps its unknown macros.
    """

    def value_of(match: re.Match[str]) -> str:
        macro = _KNOWN.get(match[0])
        return match[0] if macro is None else write(values.get(macro, ""))

    return _MACRO.sub(value_of, text)

"""What a device shows: macros are filled as the place asks where they stand."""

from typing import Any

import pytest

from shared.placements.model.demand import Format, Size
from shared.placements.model.live import LiveCreative
from shared.placements.model.macros import Macro
from shared.placements.model.showing import Booked, shown, values_of
from tests.fakes.ads import a_grant

BOOKED = Booked(ad_campaign_id="adc_1", advertiser_id="adv_1", placement="home-top")
NAME = "{{placement}}"


def a_creative(**fields: Any) -> LiveCreative:
    plain: dict[str, Any] = {
        **dict.fromkeys(("size", "url", "html", "alt", "ad_template_id", "click_url", "coupon_id")),
        "creative_id": "crv_1",
        "format": Format.IMAGE,
        "values": {},
    }
    return LiveCreative(**{**plain, **fields})


def test_every_macro_that_no_url_stands_for_has_a_value() -> None:
    urls = {Macro.CLICK_URL, Macro.IMPRESSION_URL}
    assert values_of(a_grant(), BOOKED, {}).keys() == set(Macro) - urls
    assert values_of(a_grant(), BOOKED, dict.fromkeys(urls, "x")).keys() == set(Macro)


@pytest.mark.parametrize(
    ("millionths", "price"), [(0, "0"), (2_500_000, "2.5"), (1, "0.000001"), (300_000_000, "300")]
)
def test_a_price_is_told_in_minor_units_without_an_exponent(millionths: int, price: str) -> None:
    assert values_of(a_grant(price=millionths), BOOKED, {})[Macro.PRICE] == price


def test_a_flight_without_a_rate_has_no_currency() -> None:
    assert values_of(a_grant(currency=None), BOOKED, {})[Macro.CURRENCY] == ""


def test_each_part_of_a_creative_is_written_as_its_place_asks() -> None:
    creative = a_creative(
        size=Size(width=320, height=50),
        url=f"https://cdn.example/a?in={NAME}",
        html=f"<b>{NAME}</b>",
        alt=f"In {NAME}",
        values={"title": NAME, "link": f"https://shop.example/?in={NAME}", "stars": 4},
    )
    found = shown(creative, {Macro.PLACEMENT: "a & b"})
    assert (found.width, found.height) == (320, 50)
    assert found.url == "https://cdn.example/a?in=a%20%26%20b"
    assert found.html == "<b>a &amp; b</b>"
    assert found.alt == "In a & b"
    assert found.values == {
        "title": "a & b",
        "link": "https://shop.example/?in=a%20%26%20b",
        "stars": 4,
    }


def test_what_a_creative_does_not_have_is_not_shown() -> None:
    found = shown(a_creative(format=Format.NATIVE, ad_template_id="adt_1"), {})
    assert (found.width, found.height, found.url, found.html, found.alt) == (None,) * 5
    assert (found.format, found.ad_template_id, found.values) == (Format.NATIVE, "adt_1", {})

"""Macros of ours and of OpenRTB, and no others."""

import pytest

from shared.placements.model.macros import (
    OF_OPENRTB,
    Macro,
    as_it_is,
    fill,
    in_html,
    in_url,
    problems_of_macros,
)


@pytest.mark.parametrize("macro", Macro)
def test_every_macro_of_ours_is_filled_in(macro: Macro) -> None:
    text = f"a {{{{{macro.value}}}}} b"
    assert list(problems_of_macros(text, pointer="/x")) == []
    assert fill(text, {macro: "1"}, write=as_it_is) == "a 1 b"


def test_every_macro_of_openrtb_means_one_of_ours() -> None:
    for name, macro in OF_OPENRTB.items():
        assert fill(f"${{{name}}}", {macro: "1"}, write=as_it_is) == "1"


@pytest.mark.parametrize("text", ["{{price}", "{{", "${AUCTION_PRICE", "{{device_id}}", "${HOME}"])
def test_a_macro_that_is_unknown_or_open_is_refused(text: str) -> None:
    assert [one.code for one in problems_of_macros(text, pointer="/x")] == ["macro"]


def test_a_value_that_is_not_known_is_nothing() -> None:
    assert fill("a{{price}}b", {}, write=as_it_is) == "ab"


def test_a_value_is_written_as_its_place_needs_it() -> None:
    values = {Macro.PLACEMENT: "a&b=\"<'"}
    assert fill("{{placement}}", values, write=in_url) == "a%26b%3D%22%3C%27"
    assert fill("{{placement}}", values, write=in_html) == "a&amp;b=&quot;&lt;&#x27;"


def test_what_was_filled_in_is_not_read_again() -> None:
    values = {Macro.PLACEMENT: "{{ad_id}}", Macro.AD_ID: "ad_1"}
    assert fill("{{placement}}", values, write=as_it_is) == "{{ad_id}}"

"""What a creative must be before anybody sees it."""

from typing import Any

import pytest

from shared.kernel.errors import InvalidFieldsError
from shared.placements.model.checks import problems_with_template
from shared.placements.model.demand import AdTemplate, Kind, Size
from shared.placements.model.fitting import fits
from shared.placements.model.markup import DEEPEST
from shared.placements.model.weights import OF_SIZES, heaviest_of
from tests.unit.placements.bookings import PLAIN, SCHEMA, WHOLE, a, a_creative, a_placement

PAGE = {"name": "Page", "advertiser_id": "adv_1", "format": "html", "size": "300x250"}
CARD = {"name": "Card", "advertiser_id": "adv_1", "format": "native", "ad_template_id": "adt_1"}
PIXEL = "data:image/png;base64,iVBORw0KGgo="


def problems(document: dict[str, Any], **fields: Any) -> set[tuple[str, str]]:
    try:
        a(Kind.CREATIVE, document, **fields)
    except InvalidFieldsError as error:
        return {(problem.pointer, problem.code) for problem in error.fields}
    return set()


def problems_of_card(alt: str | None = None, **values: Any) -> set[tuple[str, str]]:
    creative = a_creative(CARD, values=values, alt=alt)
    template = a(Kind.AD_TEMPLATE)
    assert isinstance(template, AdTemplate)
    found = problems_with_template(creative, template)
    return {(problem.pointer, problem.code) for problem in found}


IMAGE = PLAIN[Kind.CREATIVE]


@pytest.mark.parametrize("name", ["size", "url", "bytes", "alt"])
def test_an_image_has_what_it_needs(name: str) -> None:
    assert problems(IMAGE, **{name: None}) == {(f"/{name}", "missing")}


@pytest.mark.parametrize(
    ("document", "field", "value"),
    [
        (IMAGE, "html", "<p>text</p>"),
        (IMAGE, "values", {"title": "text"}),
        (IMAGE, "coupon_id", "cpn_1"),
        ({**PAGE, "html": "<p>text</p>"}, "url", "https://images.example/1.png"),
        (CARD, "size", "320x50"),
        (CARD, "coupon_id", "cpn_1"),
        (WHOLE[Kind.CREATIVE], "html", "<p>text</p>"),
    ],
)
def test_a_creative_has_nothing_of_another_format(
    document: dict[str, Any], field: str, value: Any
) -> None:
    assert problems(document) == set()
    assert problems(document, **{field: value}) == {(f"/{field}", "kind")}


def test_a_coupon_creative_names_its_coupon() -> None:
    assert problems(WHOLE[Kind.CREATIVE], coupon_id=None) == {("/coupon_id", "missing")}


@pytest.mark.parametrize(
    ("size", "heaviest"),
    [("320x50", 50_000), ("300x250", 150_000), ("320x480", 250_000), ("4000x4000", 300_000)],
)
def test_an_image_weighs_no_more_than_its_size_allows(size: str, heaviest: int) -> None:
    assert problems(IMAGE, size=size, bytes=heaviest) == set()
    assert problems(IMAGE, size=size, bytes=heaviest + 1) == {("/bytes", "weight")}


def test_every_listed_size_may_weigh_what_the_list_says() -> None:
    for (width, height), weight in OF_SIZES.items():
        assert heaviest_of(Size(width=width, height=height)) == 1_000 * weight


@pytest.mark.parametrize(
    "url",
    [
        "http://images.example/1.png",
        "https://",
        "https:///1.png",
        "https://user:word@images.example/1.png",
        "https://images.example:port/1.png",
        "https://images.example/a b.png",
        "https://images.example/\n.png",
        "https://{{placement}}.example/1.png",
        "https://images.example\\@other.example/",
        "https://[images.example/1.png",
        "javascript:alert(1)",
        "//images.example/1.png",
        "https://images.example/" + "x" * 2_048,
    ],
)
def test_a_url_is_https_to_a_host_that_is_written_out(url: str) -> None:
    assert {pointer for pointer, _ in problems(IMAGE, click_url=url)} == {"/click_url"}


@pytest.mark.parametrize(
    "url", ["https://acme.example", "https://acme.example:8443/a?b={{ad_id}}&c=${AUCTION_ID}#d"]
)
def test_a_url_may_have_macros_behind_its_host(url: str) -> None:
    assert problems(IMAGE, click_url=url, url=url) == set()


@pytest.mark.parametrize(
    "html",
    [
        "<p>Ten &lt; eleven &amp; more</p>",
        '<a href="{{click_url}}"><strong>Shoes</strong></a>',
        f'<img src="{PIXEL}" alt="A shoe" width="10" height="10">',
        f'<div style="color:#000; background-color: #fff"><img src="{PIXEL}" alt=""/></div>',
        '<div style="width: calc(100% - 10px); color: rgb(0, 0, 0)" lang="de">Schuhe<br></div>',
        "<ul><li>1</li><li>2</li></ul>",
    ],
)
def test_plain_html_is_shown(html: str) -> None:
    assert problems(PAGE, html=html) == set()


@pytest.mark.parametrize(
    "html",
    [
        "<script>alert(1)</script>",
        "<SCRIPT SRC=https://evil.example/1.js></SCRIPT>",
        "<style>p { color: red }</style>",
        "<iframe></iframe>",
        "<form></form>",
        "<svg></svg>",
        "<p onclick='alert(1)'>text</p>",
        "<p style='background: url(https://evil.example/1.png)'>text</p>",
        "<p style='background: u\\72l(https://evil.example/1.png)'>text</p>",
        "<p style='@import x'>text</p>",
        "<p style='width: expression(alert(1))'>text</p>",
        "<p class='x'>text</p>",
        "<a href='https://evil.example'>text</a>",
        "<a>text</a>",
        "<a href='javascript:alert(1)'>text</a>",
        "<img src='https://images.example/1.png' alt=''>",
        "<img src='data:image/svg+xml;base64,PHN2Zz4=' alt=''>",
        f"<img src='{PIXEL}'>",
        "<img alt='nothing'>",
        "<!-- <p>text</p> -->",
        "<!DOCTYPE html><p>text</p>",
        "<?php echo 1 ?>",
        "<![CDATA[text]]>",
        "<p>text",
        "<p><b>text</p></b>",
        "</p>",
        "<p/>",
        "<p",
        "<p>text</p><b",
        "1 < 2",
        "<p title='a' title='b'>text</p>",
        "<p>{{unknown}}</p>",
        '<p style="color: #777; background: #888">text</p>',
        "<b>" * (DEEPEST + 1) + "</b>" * (DEEPEST + 1),
    ],
)
def test_html_that_could_do_or_load_something_is_refused(html: str) -> None:
    assert {pointer for pointer, _ in problems(PAGE, html=html)} == {"/html"}


def test_what_a_native_creative_says_fits_its_template() -> None:
    values: dict[str, Any] = {
        "title": "Shoes {{advertiser_id}}",
        "more": "https://acme.example/more",
        "text_color": "#000",
        "background_color": "#ffffff",
        "mood": "calm",
        "stars": 5,
        "rating": 2.5,
        "is_new": True,
    }
    assert problems_of_card(**values) == set()


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("title", "Oh", "text"),
        ("title", "x" * 26, "text"),
        ("title", 5, "text"),
        ("title", "Shoes {{price", "macro"),
        ("more", "http://acme.example", "url"),
        ("picture", "picture.png", "url"),
        ("text_color", "black", "color"),
        ("mood", "glad", "word"),
        ("stars", 6, "range"),
        ("stars", 0, "range"),
        ("stars", 2.5, "number"),
        ("stars", True, "number"),
        ("rating", 2, "word"),
        ("rating", "1", "number"),
        ("is_new", 1, "type"),
        ("unknown", 1, "unknown"),
    ],
)
def test_what_does_not_fit_the_template_is_refused(name: str, value: Any, code: str) -> None:
    assert problems_of_card(**{"title": "Shoes", name: value}) == {(f"/values/{name}", code)}


def test_what_the_template_requires_is_there() -> None:
    assert problems_of_card(stars=3) == {("/values/title", "missing")}


def test_a_native_image_needs_words_for_those_who_do_not_see_it() -> None:
    values: dict[str, Any] = {"title": "Shoes", "picture": "https://images.example/1.png"}
    assert problems_of_card(**values) == {("/alt", "missing")}
    assert problems_of_card("A red shoe", **values) == set()


def test_text_is_readable_on_its_background() -> None:
    values: dict[str, Any] = {"title": "Shoes", "background_color": "#fff"}
    assert problems_of_card(text_color="#767676", **values) == set()
    assert problems_of_card(text_color="#777777", **values) == {("/values/text_color", "contrast")}


@pytest.mark.parametrize(
    ("properties", "problem"),
    [
        ({"a": {"type": "string"}}, ("/schema/properties/a/maxLength", "missing")),
        ({"a": {"type": "list"}}, ("/schema/properties/a/type", "word")),
        ({"a": []}, ("/schema/properties/a", "type")),
        ({"A": {"type": "boolean"}}, ("/schema/properties/A", "pattern")),
        (
            {"a": {"type": "string", "maxLength": 5, "pattern": "(a+)+"}},
            ("/schema/properties/a/pattern", "unknown"),
        ),
        (
            {"a": {"type": "boolean", "$ref": "https://evil.example"}},
            ("/schema/properties/a/$ref", "unknown"),
        ),
        (
            {"a": {"type": "string", "maxLength": 5, "minLength": 6}},
            ("/schema/properties/a/maxLength", "order"),
        ),
        (
            {"a": {"type": "integer", "minimum": 1.5}},
            ("/schema/properties/a/minimum", "number"),
        ),
        (
            {"a": {"type": "number", "enum": []}},
            ("/schema/properties/a/enum", "length"),
        ),
        (
            {"a": {"type": "string", "maxLength": 7, "x-background": "b"}},
            ("/schema/properties/a/x-background", "unknown"),
        ),
    ],
)
def test_a_schema_is_of_the_part_that_is_admitted(
    properties: Any, problem: tuple[str, str]
) -> None:
    with pytest.raises(InvalidFieldsError) as error:
        a(Kind.AD_TEMPLATE, schema={**SCHEMA, "properties": properties, "required": []})
    assert [(one.pointer, one.code) for one in error.value.fields] == [problem]


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        ({**SCHEMA, "additionalProperties": True}, ("/schema/additionalProperties", "type")),
        ({**SCHEMA, "required": ["nothing"]}, ("/schema/required", "unknown")),
        ({**SCHEMA, "type": "array"}, ("/schema/type", "pattern")),
        ({**SCHEMA, "allOf": []}, ("/schema/allOf", "unknown")),
    ],
)
def test_a_schema_describes_one_closed_object(schema: Any, problem: tuple[str, str]) -> None:
    with pytest.raises(InvalidFieldsError) as error:
        a(Kind.AD_TEMPLATE, schema=schema)
    assert [(one.pointer, one.code) for one in error.value.fields] == [problem]


@pytest.mark.parametrize(
    ("size", "does"),
    [
        ("320x50", True),
        ("640x100", True),
        ("1280x200", True),
        ("641x100", True),
        ("648x100", False),
        ("1600x250", False),
        ("160x25", False),
        ("300x250", False),
    ],
)
def test_an_image_fits_in_its_size_or_a_few_times_of_it(size: str, does: bool) -> None:
    assert fits(a_creative(size=size, bytes=1_000), a_placement()) is does


def test_a_page_fits_in_its_very_size_alone() -> None:
    placement = a_placement(sizes=["300x250"])
    for size, does in (("300x250", True), ("600x500", False)):
        page = a_creative({**PAGE, "html": "<p>text</p>"}, size=size)
        assert fits(page, placement) is does


def test_a_native_creative_fits_where_its_template_is_taken() -> None:
    for templates, does in ((["adt_2", "adt_1"], True), (["adt_2"], False)):
        assert fits(a_creative(CARD), a_placement(templates=templates)) is does

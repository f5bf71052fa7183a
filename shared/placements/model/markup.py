"""HTML creatives: a few tags and attributes, no script, and nothing that is loaded from elsewhere.

What is not on the lists is refused, never repaired: two parsers that repair HTML may differ, and
the app's is not ours.
"""

import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser

from typing_extensions import override

from shared.kernel.errors import FieldProblem
from shared.placements.model.contrast import COLOUR, LEAST_CONTRAST, contrast
from shared.placements.model.macros import Macro, problems_of_macros

VOID = frozenset({"br", "hr", "img"})
TAGS = VOID | frozenset(
    {
        *("a", "b", "div", "em", "h1", "h2", "h3", "i", "li", "ol", "p", "small", "span"),
        *("strong", "sub", "sup", "u", "ul"),
    }
)
ATTRIBUTES: Mapping[str, frozenset[str]] = {
    "a": frozenset({"href"}),
    "img": frozenset({"src", "alt", "width", "height"}),
}
"""Of these tags alone, beside those of every tag."""

OF_EVERY_TAG = frozenset({"aria-hidden", "aria-label", "dir", "lang", "role", "style", "title"})
DEEPEST = 30

_CLICK = f"{{{{{Macro.CLICK_URL.value}}}}}"
_IMAGE = r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/]+={0,2}"
_STYLE = r"[a-zA-Z0-9 \t\r\n#%.,:;()!'+\-]*"
_CALL = re.compile(r"([a-zA-Z0-9\-]*)\(")
_CALLS = frozenset({"calc", "hsl", "hsla", "rgb", "rgba"})
_COLOURS = re.compile(rf"(?:^|;)\s*(color|background(?:-color)?)\s*:\s*({COLOUR})\s*(?=;|$)")


def problems_of_html(text: str, *, pointer: str) -> Iterator[FieldProblem]:
    """Yield what keeps HTML from being shown."""
    reader = _Reading()
    reader.feed(text)
    reader.close()
    reader.end(text)
    for detail in dict.fromkeys(reader.details):
        yield FieldProblem(pointer=pointer, code="html", detail=detail)
    yield from problems_of_macros(text, pointer=pointer)


class _Reading(HTMLParser):
    """Notes what is wrong while it reads."""

    def __init__(self) -> None:
        # Character references are left as they are, so that a < in the text is one that was
        # written so.
        super().__init__(convert_charrefs=False)
        self.details: list[str] = []
        self._open: list[str] = []

    def end(self, text: str) -> None:
        """Note what was not closed."""
        if self._open:
            self.details.append(f"<{self._open[-1]}> is not closed")
        if text.rfind("<") > text.rfind(">"):
            self.details.append("the last tag is not closed")

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS:
            self.details.append(f"<{tag}> is not allowed")
        self._check_attributes(tag, attrs)
        if tag not in VOID:
            self._open.append(tag)
        if len(self._open) > DEEPEST:
            self.details.append(f"tags lie at most {DEEPEST} deep in each other")

    @override
    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.details.append(f"<{tag}/> is written <{tag}></{tag}>")

    @override
    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.details.append(f"</{tag}> closes what is not open")

    @override
    def handle_data(self, data: str) -> None:
        if "<" in data:
            self.details.append("a < that begins no tag is written &lt;")

    @override
    def handle_comment(self, data: str) -> None:
        self.details.append("comments are not allowed")

    @override
    def handle_decl(self, decl: str) -> None:
        self.details.append("declarations are not allowed")

    @override
    def handle_pi(self, data: str) -> None:
        self.details.append("instructions are not allowed")

    @override
    def unknown_decl(self, data: str) -> None:
        self.details.append("declarations are not allowed")

    def _check_attributes(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        allowed = OF_EVERY_TAG | ATTRIBUTES.get(tag, frozenset())
        there = {name: value or "" for name, value in attributes}
        if len(there) < len(attributes):
            self.details.append(f"<{tag}> has an attribute twice")
        for name, value in there.items():
            if name not in allowed:
                self.details.append(f"<{tag}> cannot have {name}")
            elif name == "style":
                self.details.extend(_problems_of_style(value))
        if tag == "a" and there.get("href") != _CLICK:
            self.details.append(f"a link leads to {_CLICK}, the creative's click_url")
        if tag == "img":
            self._check_image(there)

    def _check_image(self, attributes: Mapping[str, str]) -> None:
        if not re.fullmatch(_IMAGE, attributes.get("src", "")):
            self.details.append("an image lies in its src, as data: in base64")
        if "alt" not in attributes:
            self.details.append("an image has alt: what it shows, or nothing where it adorns")


def _problems_of_style(style: str) -> Iterator[str]:
    if not re.fullmatch(_STYLE, style) or set(_CALL.findall(style)) - _CALLS:
        yield "a style has plain values and colours, and loads nothing"
        return
    colours = {name.removesuffix("-color"): value for name, value in _COLOURS.findall(style)}
    if "color" in colours and "background" in colours:
        found = contrast(colours["color"], colours["background"])
        if found < LEAST_CONTRAST:
            yield f"a contrast of {LEAST_CONTRAST} is needed, not {found:.1f}: {style}"

"""What a creative must be before anybody sees it.

What it is made of, how heavy it is, and what it says to those who do not see it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from shared.kernel.errors import FieldProblem
from shared.placements.model.demand import AdTemplate, Creative, Format
from shared.placements.model.macros import problems_of_macros
from shared.placements.model.markup import problems_of_html
from shared.placements.model.schemas import has_image, problems_of_values
from shared.placements.model.urls import problems_of_url
from shared.placements.model.weights import heaviest_of

LONGEST_ALT = 150
"""Characters: what a screen reader says in about ten seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Makeup:
    """The fields of a format: those it needs, and those it may have."""

    needs: frozenset[str]
    may_have: frozenset[str] = frozenset()


_MAKEUP: Mapping[Format, _Makeup] = {
    Format.IMAGE: _Makeup(needs=frozenset({"size", "url", "bytes", "alt"})),
    Format.HTML: _Makeup(needs=frozenset({"size", "html"}), may_have=frozenset({"alt"})),
    Format.NATIVE: _Makeup(
        needs=frozenset({"ad_template_id"}), may_have=frozenset({"values", "alt"})
    ),
    Format.COUPON: _Makeup(
        needs=frozenset({"ad_template_id", "coupon_id"}), may_have=frozenset({"values", "alt"})
    ),
}
_MADE_OF = (
    *("size", "url", "html", "bytes", "alt", "ad_template_id", "values"),
    "coupon_id",
)


def problems_of_creative(creative: Creative) -> Iterator[FieldProblem]:
    """Yield what is wrong with a creative by itself; ``problems_with_template`` asks the rest."""
    yield from _problems_of_makeup(creative)
    if creative.url is not None:
        yield from problems_of_url(creative.url, pointer="/url")
    if creative.click_url is not None:
        yield from problems_of_url(creative.click_url, pointer="/click_url")
    if creative.html is not None:
        yield from problems_of_html(creative.html, pointer="/html")
    if creative.alt is not None:
        yield from problems_of_macros(creative.alt, pointer="/alt")
    yield from _problems_of_weight(creative)


def problems_with_template(creative: Creative, template: AdTemplate) -> Iterator[FieldProblem]:
    """Yield why a native creative does not fit its template."""
    problems = list(problems_of_values(creative.values, template.schema, pointer="/values"))
    yield from problems
    if not problems and has_image(creative.values, template.schema) and creative.alt is None:
        yield _problem("/alt", "missing", "it shows an image: say what that shows")


def _problems_of_makeup(creative: Creative) -> Iterator[FieldProblem]:
    makeup = _MAKEUP[creative.format]
    for name in _MADE_OF:
        value = getattr(creative, name)
        is_there = bool(value) if name == "values" else value is not None
        if name in makeup.needs and not is_there:
            yield _problem(f"/{name}", "missing", f"a creative of {creative.format} needs it")
        elif is_there and name not in makeup.needs | makeup.may_have:
            yield _problem(f"/{name}", "kind", f"a creative of {creative.format} has none")


def _problems_of_weight(creative: Creative) -> Iterator[FieldProblem]:
    if creative.size is None or creative.bytes is None:
        return
    heaviest = heaviest_of(creative.size)
    if creative.bytes > heaviest:
        yield _problem("/bytes", "weight", f"an image of this size has at most {heaviest} bytes")


def _problem(pointer: str, code: str, detail: str) -> FieldProblem:
    return FieldProblem(pointer=pointer, code=code, detail=detail)

"""Liquid, in a sandbox: no files, no clock, and no text that takes long or grows large.

https://jg-rp.github.io/liquid/. The library limits loops, output and what is assigned; what it does
not limit is refused: ranges, and filters whose values outgrow a push. Loading it takes a third of a
second: only those who render import this module.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, lru_cache, wraps
from typing import Any

from liquid import BoundTemplate, Environment, Node, RenderContext
from liquid.builtin.expressions.primitive import RangeLiteral
from liquid.exceptions import LiquidError, ResourceLimitError
from liquid.expression import Expression
from typing_extensions import override

from shared.push.errors import TextUnrenderableError
from shared.push.model.messages import LARGEST_PAYLOAD

MOST_ITERATIONS = 200
"""Of all loops of one text together."""

LARGEST_LOCALS = 65_536
"""Bytes of what one text assigns."""

LARGEST_TEXT = 4 * LARGEST_PAYLOAD
"""Bytes that one text may become: enough to say by how much it is too large for a push."""

LARGEST_NUMBER_BITS = 1_024

_LEFT_OUT_TAGS = frozenset({"include", "render", "tablerow"})
"""Other templates, of which there are none, and tables, which a push cannot show."""

_LEFT_OUT_FILTERS = frozenset({"date", "safe"})
"""``date`` reads the clock and guesses at formats; nothing is escaped that could be safe."""

_FAILURES = (
    *(LiquidError, ArithmeticError, AttributeError, LookupError),
    *(RecursionError, TypeError, ValueError),
)
"""The library lets Python's own errors out where values are of no use to a filter."""


class _Sandbox(Environment):
    """Liquid as templates may use it."""

    loop_iteration_limit = MOST_ITERATIONS
    local_namespace_limit = LARGEST_LOCALS
    output_stream_limit = LARGEST_TEXT

    @override
    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        super().setup_tags_and_filters(extra=extra)
        for tag in _LEFT_OUT_TAGS:
            del self.tags[tag]
        self.filters = {
            name: _bounded(apply)
            for name, apply in self.filters.items()
            if name not in _LEFT_OUT_FILTERS
        }


def paths_of(source: str) -> frozenset[tuple[str, ...]]:
    """Return what a text reads from outside, as paths: ``contact.attributes.city`` has three steps.

    A step that is itself looked up, as in ``contact.attributes[key]``, is ``*``.

    Raises:
        TextUnrenderableError: it is no Liquid, or uses what the sandbox leaves out.
    """
    try:
        template = _parsed(source)
        _refuse_ranges(template)
        found = template.analyze(include_partials=False).globals
    except _FAILURES as error:
        raise TextUnrenderableError(_reason(error)) from error
    return frozenset(
        tuple("*" if isinstance(step, list) else str(step) for step in variable.segments)
        for variables in found.values()
        for variable in variables
    )


def rendered(source: str, values: Mapping[str, object]) -> str:
    """Return a text with values in place; what is unknown is empty.

    Raises:
        TextUnrenderableError: it breaks a limit, or a filter cannot work on a value.
    """
    try:
        return _parsed(source).render(values)
    except _FAILURES as error:
        raise TextUnrenderableError(_reason(error)) from error


@cache
def _sandbox() -> Environment:
    return _Sandbox()


@lru_cache(maxsize=256)
def _parsed(source: str) -> BoundTemplate:
    """Return a parsed text; a campaign renders the same few for everybody."""
    return _sandbox().from_string(source)


def _refuse_ranges(template: BoundTemplate) -> None:
    """Refuse ``(1..n)``: to look something up in a range may take as long as counting it."""
    context = RenderContext(template)
    for expression in _expressions(template.nodes, context):
        if isinstance(expression, RangeLiteral):
            raise ResourceLimitError("ranges are not supported", token=expression.token)


def _expressions(nodes: Sequence[Node], context: RenderContext) -> Iterator[Expression]:
    for node in nodes:
        for expression in node.expressions():
            yield from _with_inner(expression)
        yield from _expressions(list(node.children(context, include_partials=False)), context)


def _with_inner(expression: Expression) -> Iterator[Expression]:
    yield expression
    for inner in expression.children():
        yield from _with_inner(inner)


def _bounded(apply: Callable[..., Any]) -> Callable[..., Any]:
    """Return a filter that refuses to grow a value beyond what a push could carry."""

    @wraps(apply)
    def bounded(*args: Any, **kwargs: Any) -> Any:
        value = apply(*args, **kwargs)
        if _is_too_large(value):
            raise ResourceLimitError("a value is too large for a push", token=None)
        return value

    return bounded


def _is_too_large(value: object) -> bool:
    if isinstance(value, int):
        return value.bit_length() > LARGEST_NUMBER_BITS
    return isinstance(value, str | list | tuple) and len(value) > LARGEST_PAYLOAD


def _reason(error: Exception) -> str:
    """Return what is wrong, and where: not the library's drawing of the place."""
    if not isinstance(error, LiquidError):
        return "a value cannot be worked on"
    place = error.context()
    return f"line {place[0]}: {error.message}" if place else str(error.message)

"""From an expression back to a text: `parse` makes the same expression of it."""

from shared.contact_events.cesql.syntax import (
    LEVEL_OF,
    LEVELS,
    Among,
    Attribute,
    Binary,
    Call,
    Exists,
    Like,
    Literal,
    Negative,
    Node,
    Not,
)
from shared.contact_events.cesql.values import Value
from shared.contact_events.cesql.words import unquoted

_SUFFIXED, _PREFIXED, _PART = len(LEVELS), len(LEVELS) + 1, len(LEVELS) + 2


def printed(node: Node, closeness: int = 0) -> str:
    """Return an expression's text, in parentheses only if it binds less closely than it must."""
    text = _text(node)
    return text if _closeness(node) >= closeness else f"({text})"


def _closeness(node: Node) -> int:
    match node:
        case Binary(operator):
            return LEVEL_OF[operator]
        case Like() | Among():
            return _SUFFIXED
        case Not() | Negative():
            return _PREFIXED
        case _:
            return _PART


def _text(node: Node) -> str:
    match node:
        case Literal(value):
            return _literal(value)
        case Attribute(name):
            return name
        case Exists(name):
            return f"EXISTS {name}"
        case Call(name, arguments):
            return f"{name}({_listed(arguments)})"
        case _:
            return _operation(node)


def _operation(node: Not | Negative | Binary | Like | Among) -> str:
    match node:
        case Not(operand):
            return f"NOT {printed(operand, _PREFIXED)}"
        case Negative(operand):
            return f"-{_negated(operand)}"
        case Binary(operator, left, right):
            level = LEVEL_OF[operator]
            return f"{printed(left, level)} {operator} {printed(right, level + 1)}"
        case Like(operand, pattern, negated):
            return f"{printed(operand, _SUFFIXED)}{' NOT' * negated} LIKE {_literal(pattern)}"
        case Among(operand, members, negated):
            return f"{printed(operand, _SUFFIXED)}{' NOT' * negated} IN ({_listed(members)})"


def _negated(operand: Node) -> str:
    """A minus and the digits next to it are one literal, so a literal has parentheses here."""
    text = printed(operand, _PREFIXED)
    return f"({text})" if text[0].isdecimal() else text


def _listed(nodes: tuple[Node, ...]) -> str:
    return ", ".join(printed(node) for node in nodes)


def _literal(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int):
        return str(value)
    single = _quoted(value, "'")
    return single if unquoted(single) == value else _quoted(value, '"')


def _quoted(value: str, quote: str) -> str:
    return quote + value.replace(quote, f"\\{quote}") + quote

"""JSON as strangers send it: read whole or refused, never half understood."""

import json
import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NoReturn

from shared.contact_events.errors import UnreadableError
from shared.kernel.errors import FieldProblem, InvalidFieldsError

DEEPEST = 64
"""Levels of a document: more than any event needs, and far from what a parser can bear."""

_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})"
)


def document_of(payload: bytes) -> Any:
    """Return the JSON document (RFC 8259) that bytes are.

    Raises:
        UnreadableError: they are not UTF-8 or not JSON; it is nested too deeply, has a number that
            JSON has not, or half of a surrogate pair, which no store takes.
    """
    try:
        document = json.loads(
            payload.decode("utf-8-sig"), parse_constant=_no_number, parse_float=_finite
        )
        if b"\\u" in payload:
            json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise UnreadableError("not JSON in UTF-8") from error
    if payload.count(b"[") + payload.count(b"{") > DEEPEST and _is_too_deep(document):
        raise UnreadableError(f"nested more than {DEEPEST} levels deep")
    return document


def size_of(document: object) -> int:
    """Return how many bytes a document takes as JSON without spaces."""
    return len(json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode())


def instant_of(text: str) -> datetime | None:
    """Return the instant of RFC 3339 that a text is, in UTC; ``None`` if it is none."""
    written = text.upper()
    if not _INSTANT.fullmatch(written):
        return None
    try:
        return datetime.fromisoformat(written).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def unusable(pointer: str, code: str, detail: str) -> InvalidFieldsError:
    """Return the refusal of one field."""
    problem = FieldProblem(pointer=pointer, code=code, detail=detail)
    return InvalidFieldsError("the event is unusable", fields=[problem])


def _is_too_deep(document: Any) -> bool:
    level = [document]
    for _ in range(DEEPEST):
        level = [inner for outer in level for inner in _inside(outer)]
    return bool(level)


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(text)
    return number


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)

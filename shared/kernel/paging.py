"""A list, page by page."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from shared.kernel.errors import FieldProblem, InvalidFieldsError
from shared.kernel.ids import is_ulid

T = TypeVar("T")

_LONGEST_NUMBER = 15
"""Digits; no list is longer, and every reader agrees on such a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """Some items, and where the next page begins (``None``: this was the last)."""

    items: Sequence[T]
    next_cursor: str | None = None


def cursor_of(place: str) -> str:
    """Return an opaque cursor for a place in a list."""
    return urlsafe_b64encode(place.encode()).rstrip(b"=").decode()


def place_of(cursor: str) -> str:
    """Return the place that a cursor names.

    Raises:
        InvalidFieldsError: ``cursor_of`` never made this cursor.
    """
    try:
        place = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, ValueError):
        place = ""
    if not place or cursor_of(place) != cursor:
        raise _unusable()
    return place


def number_of(cursor: str) -> int:
    """Return the number that a cursor names, in a list whose places are numbers.

    Raises:
        InvalidFieldsError: the cursor is of no such list.
    """
    place = place_of(cursor)
    if not (place.isascii() and place.isdecimal() and len(place) <= _LONGEST_NUMBER):
        raise _unusable()
    return int(place)


def ulid_in(cursor: str) -> str:
    """Return the ULID that a cursor names, in a list whose places are such.

    Raises:
        InvalidFieldsError: the cursor is of no such list.
    """
    place = place_of(cursor)
    if not is_ulid(place):
        raise _unusable()
    return place


def _unusable() -> InvalidFieldsError:
    problem = FieldProblem(
        pointer="query/cursor", code="cursor", detail="use the next_cursor of an answer"
    )
    return InvalidFieldsError("the cursor is unusable", fields=[problem])

"""Knows every problem that this service may answer, and every route that it has."""

import json
import re
from functools import cache
from pathlib import Path

import shared.contact_events.errors
import shared.push.errors
import shared.registrations.errors  # noqa: F401 - importing them makes their problems known
from shared.kernel.errors import DomainError

ROUTES = Path(__file__).with_name("routes.json")
"""Method and path of every route of the API, written from its OpenAPI document."""


@cache
def problems() -> dict[str, type[DomainError]]:
    """Return every problem by its code."""
    found: dict[str, type[DomainError]] = {}
    kinds = list(DomainError.__subclasses__())
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        if "code" in vars(kind):
            found[kind.code] = kind
    return found


def methods_at(path: str) -> list[str]:
    """Return the methods with which the whole API knows a path."""
    return sorted({method for method, pattern in _routes() if pattern.fullmatch(path)})


@cache
def _routes() -> list[tuple[str, re.Pattern[str]]]:
    listed = (route.split(" ", 1) for route in json.loads(ROUTES.read_text()))
    return [(method, re.compile(re.sub(r"\{\w+\}", "[^/]+", path))) for method, path in listed]

"""Versions of apps and systems, compared as Semantic Versioning 2.0.0 does (semver.org, item 11).

More is taken than semver allows, for apps and systems are not so strict: from one to six numbers,
where those that are missing are zeros, so that 4.2 is 4.2.0.
"""

import re
from functools import lru_cache
from typing import TypeAlias

VersionKey: TypeAlias = tuple[tuple[int, ...], int, tuple[tuple[bool, int, str], ...]]
"""Compares as the versions do: numbers, whether it is final, parts of the pre-release."""

_VERSION = re.compile(
    r"([0-9]{1,9}(?:\.[0-9]{1,9}){0,5})(?:-([0-9A-Za-z-]{1,20}(?:\.[0-9A-Za-z-]{1,20}){0,9}))?"
)
_BUILD = re.compile(r"\+[0-9A-Za-z.-]*")


def is_version(text: str) -> bool:
    """Say whether a whole text is a version; what follows a ``+`` names a build."""
    found = _VERSION.match(text)
    return found is not None and bool(
        found.end() == len(text) or _BUILD.fullmatch(text, found.end())
    )


@lru_cache(maxsize=1_024)
def version_key(text: str) -> VersionKey | None:
    """Return what compares as the version does with which a text begins; ``None``: with none.

    Devices tell us such as ``14 (UE1A.230829)``; builds do not compare.
    """
    found = _VERSION.match(text)
    if found is None:
        return None
    numbers = [int(part) for part in found[1].split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    before = found[2].split(".") if found[2] else []
    return tuple(numbers), not before, tuple(map(_part, before))


def _part(text: str) -> tuple[bool, int, str]:
    """Return a part of a pre-release: numbers come before letters, and compare as numbers."""
    return (False, int(text), "") if text.isdecimal() else (True, 0, text)

"""The patterns of LIKE (section 3.4.3)."""

from functools import lru_cache
from typing import Final

_MANY: Final = None
_ONE: Final = ""


def like(text: str, pattern: str) -> bool:
    """Return whether a text has a pattern's shape: % is any characters, _ is one.

    Where it does not fit, the last % takes one character more: time is at most the product of both
    lengths, which a regular expression with many wildcards does not promise.
    """
    steps = _steps(pattern)
    at = step = taken = 0
    last_many = -1
    while at < len(text):
        if step < len(steps) and steps[step] is _MANY:
            last_many, taken = step, at
            step += 1
        elif step < len(steps) and steps[step] in {_ONE, text[at]}:
            at, step = at + 1, step + 1
        elif last_many >= 0:
            taken += 1
            at, step = taken, last_many + 1
        else:
            return False
    return all(each is _MANY for each in steps[step:])


@lru_cache(maxsize=256)
def _steps(pattern: str) -> tuple[str | None, ...]:
    """Return what a pattern asks for, one after the other: a character, any one, or any many."""
    steps: list[str | None] = []
    escaped = False
    for character in pattern:
        if escaped:
            escaped = False
            steps.extend(character if character in "%_" else ("\\", character))
        elif character == "\\":
            escaped = True
        else:
            steps.append({"%": _MANY, "_": _ONE}.get(character, character))
    return (*steps, "\\") if escaped else tuple(steps)

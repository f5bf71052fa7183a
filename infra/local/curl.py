"""Writes requests as curl lines that work as pasted."""

import json
import shlex
from collections.abc import Mapping
from typing import Any

ONE_TIME_KEY = '-H "Idempotency-Key: $(date +%s)-$RANDOM"'
"""Left to the shell: each paste is a request of its own."""


def curl(
    method: str, url: str, *, token: str, body: Mapping[str, Any], is_new_each_time: bool = False
) -> str:
    """Return the line; everything but the idempotency key is quoted for a POSIX shell."""
    parts = [
        *("curl", "-sS", "-X", method, shlex.quote(url)),
        *("-H", shlex.quote(f"Authorization: Bearer {token}")),
        *("-H", shlex.quote("Content-Type: application/json")),
        *([ONE_TIME_KEY] if is_new_each_time else []),
        *("-d", shlex.quote(json.dumps(body, ensure_ascii=False))),
    ]
    return " ".join(parts)

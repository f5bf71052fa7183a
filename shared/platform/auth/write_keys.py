"""Write keys in requests of Segment's libraries: by HTTP Basic, or in the body.

https://segment.com/docs/connections/sources/catalog/libraries/server/http-api, "Authentication":
the key is the user of Basic, without a password. Libraries that run in pages send no header that
would need the browser's leave, and write the key into the body as ``writeKey``.
"""

import binascii
import json
import re
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from shared.kernel.errors import DomainError
from shared.platform.http.bodies import content_of, inflated

_KEY = re.compile(r"[A-Za-z0-9_-]{8,64}")
_LARGEST_BODY = 500 * 1024
"""Bytes after inflating, as the wire has it."""


def write_key_in(event: Mapping[str, Any]) -> str | None:
    """Return the write key that a request offers; ``None`` where there is none."""
    headers = event.get("headers") or {}
    kind, _, credentials = headers.get("authorization", "").partition(" ")
    key = _of_basic(credentials) if kind.lower() == "basic" else None
    if key is None and not kind:
        key = _of_body(event, is_gzip=headers.get("content-encoding") == "gzip")
    return key if key is not None and _KEY.fullmatch(key) else None


def _of_basic(credentials: str) -> str | None:
    try:
        return b64decode(credentials.strip(), validate=True).decode("ascii").partition(":")[0]
    except (binascii.Error, ValueError):
        return None


def _of_body(event: Mapping[str, Any], *, is_gzip: bool) -> str | None:
    try:
        body = content_of(event, largest=_LARGEST_BODY)
        said = json.loads(inflated(body, largest=_LARGEST_BODY) if is_gzip else body)
    except (DomainError, ValueError, RecursionError):
        return None
    key = said.get("writeKey") if isinstance(said, dict) else None
    return key if isinstance(key, str) else None

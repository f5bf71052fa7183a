"""Bodies, read strictly: what one reader could take for another thing is refused."""

import base64
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from shared.kernel.errors import DomainError, Fault

LARGEST_BODY = 256 * 1024


LARGEST_FORM = 64 * 1024


MOST_FIELDS = 1000
"""Of a form; each box that is ticked is one."""


JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


DEEPEST_JSON = 32

_GZIP = 16 + zlib.MAX_WBITS
"""Of zlib's inflater: gzip's header and trailer, and the largest window."""


LONGEST_NUMBER = 40
"""Digits; a longer number is no measure of anything and costs quadratic time to read."""


class MalformedBodyError(DomainError):
    """The body is no JSON, or no form, that can be read without guessing."""

    code = "malformed_body"
    fault = Fault.MALFORMED


class BodyTooLargeError(DomainError):
    """The body is larger than 256 kB, a form larger than 64 kB, or what else the route takes."""

    code = "body_too_large"
    fault = Fault.TOO_LARGE


class UnsupportedMediaTypeError(DomainError):
    """The body is not sent as `application/json`, or a form not as one."""

    code = "unsupported_media_type"
    fault = Fault.UNSUPPORTED


def read_json(text: str) -> Any:
    """Return the value of a JSON text, read without guessing.

    Raises:
        MalformedBodyError: it is no JSON, repeats a key, nests deeper than 32, or holds a number
            that is none (NaN) or is longer than 40 digits, or a text that cannot be stored.
    """
    try:
        value = json.loads(
            text,
            object_pairs_hook=_once,
            parse_constant=_no_number,
            parse_int=_short(int),
            parse_float=_short(float),
        )
    except RecursionError:
        raise MalformedBodyError(f"the body nests deeper than {DEEPEST_JSON}") from None
    except ValueError as error:
        raise MalformedBodyError(f"the body is no JSON: {error}") from error
    if _depth(value) > DEEPEST_JSON:
        raise MalformedBodyError(f"the body nests deeper than {DEEPEST_JSON}")
    if "\\u" in text:  # only escapes can bring in what UTF-8 cannot, or should not, carry
        _refuse_unwritable(value)
    return value


def read_form(text: str) -> dict[str, list[str]]:
    """Return the fields of a form as browsers send it, each with its values in their order.

    https://url.spec.whatwg.org/#application/x-www-form-urlencoded; an empty value is a value.

    Raises:
        BodyTooLargeError: it is larger than 64 kB.
        MalformedBodyError: it has a field without `=`, more than 1,000 fields, the character NUL,
            or escapes that are no UTF-8.
    """
    if len(text.encode()) > LARGEST_FORM:
        raise BodyTooLargeError(f"a form has at most {LARGEST_FORM} bytes")
    try:
        fields = parse_qs(
            text,
            keep_blank_values=True,
            strict_parsing=bool(text),
            errors="strict",
            max_num_fields=MOST_FIELDS,
        )
    except ValueError as error:  # Unicode's errors are such
        raise MalformedBodyError("the body is no form") from error
    if any("\0" in part for name, values in fields.items() for part in (name, *values)):
        raise MalformedBodyError("a field holds the character NUL")
    return fields


def _refuse_unwritable(value: Any) -> None:
    written = json.dumps(value, ensure_ascii=False)
    if "\\u0000" in written.replace("\\\\", ""):
        raise MalformedBodyError("a text holds the character NUL")
    try:
        written.encode()
    except UnicodeEncodeError:
        raise MalformedBodyError("a text holds half of a surrogate pair") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise MalformedBodyError("the body repeats a key")
    return found


def _no_number(name: str) -> None:
    raise MalformedBodyError(f"{name} is no JSON number")


def _short(read: Callable[[str], Any]) -> Callable[[str], Any]:
    def bounded(digits: str) -> Any:
        if len(digits) > LONGEST_NUMBER:
            raise MalformedBodyError(f"a number has more than {LONGEST_NUMBER} digits")
        value = read(digits)
        if value in (float("inf"), float("-inf")):
            raise MalformedBodyError("a number is larger than JSON readers agree on")
        return value

    return bounded


def _depth(value: Any) -> int:
    deepest, level = 0, [value]
    while level:
        deepest += 1
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return deepest


def readable_body(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the event's body as plain text, so that every later reader sees the same.

    Raises:
        MalformedBodyError: it is no UTF-8, or no base64 where it should be.
        BodyTooLargeError: it is larger than 256 kB.
    """
    body = event.get("body")
    if not body:
        return {"body": None, "isBase64Encoded": False}
    try:
        raw = (
            base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
        )
        text = raw.decode()
    except ValueError as error:  # binascii's and Unicode's errors are such
        raise MalformedBodyError("the body is no UTF-8") from error
    if len(raw) > LARGEST_BODY:
        raise BodyTooLargeError(f"{len(raw)} bytes")
    return {"body": text, "isBase64Encoded": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A body that its route takes byte by byte, as signatures and compression need it.

    ``schemas`` describes it in the API's document: a JSON schema for each media type. The edge
    holds the body to ``largest`` bytes as they come, and to nothing else.
    """

    schemas: Mapping[str, Mapping[str, Any]]
    largest: int = LARGEST_BODY


def content_of(event: Mapping[str, Any], *, largest: int) -> bytes:
    """Return the event's body as it was sent; without one, nothing.

    Raises:
        MalformedBodyError: it is no base64 where it should be, or a text that UTF-8 cannot carry.
        BodyTooLargeError: it has more than ``largest`` bytes.
    """
    body = event.get("body") or ""
    try:
        content = (
            base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
        )
    except ValueError as error:  # binascii's and Unicode's errors are such
        raise MalformedBodyError("the body cannot be read") from error
    if len(content) > largest:
        raise BodyTooLargeError(f"{len(content)} bytes, of at most {largest}")
    return content


def inflated(content: bytes, *, largest: int) -> bytes:
    """Return what gzip (RFC 1952) made smaller, and inflate no more than may be read.

    Raises:
        MalformedBodyError: it is no gzip, or its end is missing.
        BodyTooLargeError: it has more than ``largest`` bytes.
    """
    inflater = zlib.decompressobj(wbits=_GZIP)
    try:
        whole = inflater.decompress(content, largest + 1)
    except zlib.error as error:
        raise MalformedBodyError("the body is no gzip") from error
    if len(whole) > largest:
        raise BodyTooLargeError(f"more than {largest} bytes when inflated")
    if not inflater.eof:
        raise MalformedBodyError("the gzip is cut off")
    return whole


def expect_json(headers: Mapping[str, str]) -> None:
    """Hold a request that brings a body to JSON.

    Raises:
        UnsupportedMediaTypeError: it says that it brings something else.
    """
    media = _media(headers, default=JSON)
    if media != JSON and not (media.endswith("+json")):
        raise UnsupportedMediaTypeError(f"send {JSON}, not {media or 'nothing'}")


def expect_form(headers: Mapping[str, str]) -> None:
    """Hold a request that brings a form to the one media type that needs no guessing.

    Raises:
        UnsupportedMediaTypeError: it says that it brings something else, or nothing.
    """
    media = _media(headers, default="")
    if media != FORM:
        raise UnsupportedMediaTypeError(f"send {FORM}, not {media or 'nothing'}")


def _media(headers: Mapping[str, str], *, default: str) -> str:
    return headers.get("content-type", default).partition(";")[0].strip().lower()

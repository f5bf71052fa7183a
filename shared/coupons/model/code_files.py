"""Files of codes: CSV with one code a line, as it comes in and as it goes out."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from io import BytesIO

from shared.coupons.model.code_jobs import Cursor
from shared.coupons.model.codes import Code
from shared.kernel.clock import rfc3339

HEADER = "code"
"""The name of the column; other columns are passed over where it is the first."""

LONGEST_LINE = 1_024
"""Bytes that are read of a line; a code has 64, and what follows it is not ours."""

_BOM = b"\xef\xbb\xbf"


class RejectReason(StrEnum):
    """Why a line gives no code."""

    MALFORMED = "malformed_code"
    TAKEN = "code_taken"
    """It is a code of another coupon."""
    REPEATED = "repeated_code"
    """An earlier line has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """A line that gives no code; of a code only its last four are told."""

    line: int
    reason: RejectReason
    last_four: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedLine:
    """A line of an upload, as it was typed; ``end`` is where the next one begins."""

    line: int
    letters: str
    end: Cursor


def lines_of(chunks: Iterable[bytes], *, begin: Cursor) -> Iterator[TypedLine]:
    """Yield the lines of a file whose bytes from ``begin`` on come in chunks of any size.

    A header is passed over, and so are empty lines.
    """
    line, offset = begin.line, begin.offset
    for content, length in _cut(chunks):
        text = content.removeprefix(_BOM) if offset == 0 else content
        offset += length
        letters = _first_cell(text)
        is_header = line == 1 and letters.lower() == HEADER
        line += 1
        if letters and not is_header:
            yield TypedLine(line=line - 1, letters=letters, end=Cursor(offset=offset, line=line))


def file_of(codes: Iterable[str]) -> bytes:
    """Return a file of codes: none has a letter that CSV would quote."""
    # Line by line: a million texts would take six times the memory of their bytes.
    written = BytesIO()
    written.write(f"{HEADER}\r\n".encode())
    written.writelines(f"{code}\r\n".encode() for code in codes)
    return written.getvalue()


def list_of(codes: Iterable[Code], *, at: datetime) -> Iterator[str]:
    """Yield a list of codes as lines of CSV, a header first: of each its last four and its state.

    Of that nothing has a letter that CSV would quote.
    """
    yield "last_four,state,kind,created_at,expires_at\r\n"
    for code in codes:
        expires_at = rfc3339(code.expires_at) if code.expires_at else ""
        cells = (code.last_four, code.state_at(at), code.kind, rfc3339(code.created_at), expires_at)
        yield ",".join(cells) + "\r\n"


def _first_cell(text: bytes) -> str:
    line = text.decode(errors="replace").rstrip("\r\n").replace("\r", " ")
    cells = next(csv.reader([line]), [])
    return cells[0].strip() if cells else ""


def _cut(chunks: Iterable[bytes]) -> Iterator[tuple[bytes, int]]:
    """Yield of each line as much as may be read, and its length with its end."""
    held, length = b"", 0
    for chunk in chunks:
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            yield (held + end)[:LONGEST_LINE], length + len(end) + 1
            held, length = b"", 0
        held, length = (held + rest)[:LONGEST_LINE], length + len(rest)
    if length:
        yield held, length

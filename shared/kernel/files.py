"""Files of rows: how one falls into rows, wherever it is cut, and how a row is rejected.

A reader may begin at any row's first byte.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from shared.kernel.errors import DomainError, FieldProblem

LONGEST_LINE = 65_536
"""Bytes of a row: more than any row of ours can use, and little enough to hold in memory."""

_BOM = b"\xef\xbb\xbf"
_QUOTE = b'"'


class FileFormat(StrEnum):
    """How a file is written: RFC 4180 with a header row, or one JSON object a line."""

    CSV = "csv"
    JSONL = "jsonl"

    @property
    def media_type(self) -> str:
        """Return what the upload's ``Content-Type`` is."""
        return "text/csv" if self is FileFormat.CSV else "application/jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Where the next row begins: its first byte, counted from 0, and its line, counted from 1."""

    offset: int = 0
    line: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A row as it lies in the file.

    ``line`` is where it begins, ``end`` where the next one does. ``problem`` says why there is no
    use in reading it.
    """

    line: int
    end: Cursor
    content: bytes
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A row that was not written, and everything that is wrong with it.

    A problem's ``pointer`` is a column in CSV, a JSON pointer in JSON lines, and empty where it is
    about the whole row.
    """

    line: int
    problems: tuple[FieldProblem, ...]

    @classmethod
    def by(cls, error: DomainError, *, line: int) -> "Rejected":
        """Return the row that a rule refused."""
        whole = FieldProblem(pointer="", code=error.code, detail=_sentence(error))
        return cls(line=line, problems=error.fields or (whole,))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A line without its end; of one that is too long, its beginning."""

    number: int
    content: bytes
    end: int


def records(
    chunks: Iterable[bytes], file_format: FileFormat, *, begin: Cursor | None = None
) -> Iterator[Record]:
    """Yield the rows of a file whose bytes from ``begin`` on come in chunks of any size.

    Empty lines are no rows. In CSV the header is the first record.
    """
    lines = _lines(chunks, begin=begin or Cursor())
    rows = _quoted(lines) if file_format is FileFormat.CSV else ([line] for line in lines)
    for parts in rows:
        content = b"\n".join(line.content for line in parts)
        if content.strip():
            yield Record(
                line=parts[0].number,
                end=Cursor(offset=parts[-1].end, line=parts[-1].number + 1),
                content=content,
                problem=_problem(content, file_format),
            )


def _lines(chunks: Iterable[bytes], *, begin: Cursor) -> Iterator[_Line]:
    number, end = begin.line, begin.offset
    for content, length in _cut(chunks):
        text = content.removeprefix(_BOM) if end == 0 else content
        end += length
        yield _Line(number=number, content=text.removesuffix(b"\r"), end=end)
        number += 1


def _cut(chunks: Iterable[bytes]) -> Iterator[tuple[bytes, int]]:
    """Yield each line, or as much of it as may be read, and its length with its end."""
    held, length, most = b"", 0, len(_BOM) + LONGEST_LINE + len(b"\r\n")
    for chunk in chunks:
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            yield (held + end)[:most], length + len(end) + 1
            held, length = b"", 0
        held, length = (held + rest)[:most], length + len(rest)
    if length:
        yield held, length


def _quoted(lines: Iterator[_Line]) -> Iterator[list[_Line]]:
    """Yield the lines of each CSV row: a quoted field goes on over line ends (RFC 4180).

    Where a quote is not closed before the row would be too long, its line stands alone, so that
    one stray quote costs one row.
    """
    ahead: deque[_Line] = deque()

    def following() -> _Line | None:
        return ahead.popleft() if ahead else next(lines, None)

    while (first := following()) is not None:
        parts, size, is_open = [first], len(first.content), _opens(first)
        while is_open and size <= LONGEST_LINE and (more := following()) is not None:
            parts.append(more)
            size += len(more.content) + 1
            is_open ^= _opens(more)
        if is_open or size > LONGEST_LINE:
            ahead.extendleft(reversed(parts[1:]))
            parts = [first]
        yield parts


def _opens(line: _Line) -> bool:
    return line.content.count(_QUOTE) % 2 == 1


def _problem(content: bytes, file_format: FileFormat) -> str | None:
    if len(content) > LONGEST_LINE:
        return f"the row is longer than {LONGEST_LINE} bytes"
    if file_format is FileFormat.CSV and content.count(_QUOTE) % 2 == 1:
        return "a quote is not closed"
    return None


def _sentence(error: DomainError) -> str:
    """Return what a rule says of itself: the details of some errors hold ids, no reasons."""
    return (type(error).__doc__ or "").partition("\n")[0]

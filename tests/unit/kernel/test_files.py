"""Files of rows: any row may be the first that is read, and no bytes are too strange."""

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.files import LONGEST_LINE, Cursor, FileFormat, records

CSV, JSONL = FileFormat.CSV, FileFormat.JSONL
CELLS = st.lists(
    st.lists(st.text(alphabet='ab",\n\ré', max_size=5), min_size=2, max_size=2), max_size=8
)


@given(rows=CELLS, size=st.integers(1, 9), end=st.sampled_from(["\n", "\r\n"]))
def test_csv_falls_into_the_rows_that_were_written_however_it_is_cut(
    rows: list[list[str]], size: int, end: str
) -> None:
    rows = [[cell.replace("\r", "") for cell in row] for row in rows]
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(rows)
    content = written.getvalue().encode()
    chunks = [content[at : at + size] for at in range(0, len(content), size)]

    found = list(records(chunks, CSV))

    assert [next(csv.reader([one.content.decode()], strict=True)) for one in found] == rows


@given(
    content=st.text(alphabet='a",\n\r{}', max_size=60).map(str.encode),
    file_format=st.sampled_from(FileFormat),
)
def test_reading_may_begin_again_after_any_row(content: bytes, file_format: FileFormat) -> None:
    whole = list(records([content], file_format))
    for place, record in enumerate(whole):
        rest = records([content[record.end.offset :]], file_format, begin=record.end)
        assert list(rest) == whole[place + 1 :]


def test_a_mark_of_byte_order_is_no_part_of_the_first_row() -> None:
    (row,) = records([b"\xef\xbb", b"\xbfa,b\r\n"], CSV)
    assert (row.content, row.end) == (b"a,b", Cursor(offset=8, line=2))


def test_one_stray_quote_costs_one_row() -> None:
    found = list(records([b'a,b\n5" pipe,1\nc,d\ne,f\n'], CSV))
    assert [(one.line, one.problem) for one in found] == [
        (1, None),
        (2, "a quote is not closed"),
        (3, None),
        (4, None),
    ]


def test_a_row_that_is_too_long_is_held_in_part_and_passed_over() -> None:
    chunks = [b"x" * 50_000] * 40 + [b"\n", b"short\n"]
    long, short = records(chunks, JSONL)
    assert long.problem is not None
    assert len(long.content) <= LONGEST_LINE + 10
    assert (short.content, short.line, short.end.offset) == (b"short", 2, 2_000_007)

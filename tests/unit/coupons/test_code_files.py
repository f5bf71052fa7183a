from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.coupons.model.code_files import LONGEST_LINE, file_of, lines_of, list_of
from shared.coupons.model.code_jobs import Cursor
from shared.coupons.model.codes import Code, CodeKind
from tests.fakes.clock import NOON


def read(content: bytes, *, begin: Cursor | None = None, cut: int = 3) -> list[tuple[int, str]]:
    begin = begin or Cursor()
    rest = content[begin.offset :]
    chunks = (rest[first : first + cut] for first in range(0, len(rest), cut))
    return [(one.line, one.letters) for one in lines_of(chunks, begin=begin)]


@pytest.mark.parametrize(
    "content",
    [
        b"code\nABC\n\nDEF\n",
        b"\xef\xbb\xbfCode\r\nABC\r\n\r\nDEF",
        b'"code",name\n"ABC",x\n , \nDEF,"a, b"\n',
    ],
)
def test_a_file_is_read_line_by_line(content: bytes) -> None:
    assert read(content) == [(2, "ABC"), (4, "DEF")]


def test_a_file_without_a_header_has_a_code_in_its_first_line() -> None:
    assert read(b"ABC\nCODE\n") == [(1, "ABC"), (2, "CODE")]


def test_a_line_without_end_costs_one_line() -> None:
    found = read(b"A" * (3 * LONGEST_LINE) + b"\nB\rC\nDEF\n", cut=100)
    assert [(line, len(letters)) for line, letters in found[:1]] == [(1, LONGEST_LINE)]
    assert found[1:] == [(2, "B C"), (3, "DEF")]


@given(st.binary(max_size=200), st.integers(1, 50))
def test_any_file_is_read_the_same_wherever_it_is_cut_or_begun_again(
    content: bytes, cut: int
) -> None:
    whole = list(lines_of([content], begin=Cursor()))
    assert [(one.line, one.letters) for one in whole] == read(content, cut=cut)
    for place, one in enumerate(whole):
        rest = read(content, begin=one.end, cut=cut)
        assert rest == [(later.line, later.letters) for later in whole[place + 1 :]]


def test_a_list_tells_of_each_code_its_last_four_and_its_state() -> None:
    code = Code(
        app_id="app_1",
        coupon_id="cpn_1",
        fingerprint="0" * 64,
        last_four="ER10",
        kind=CodeKind.GENERIC,
        created_at=NOON,
    )
    ended = replace(code, expires_at=NOON, kind=CodeKind.UNIQUE, contact_id="con_ada")
    assert "".join(list_of([code, ended], at=NOON)).splitlines() == [
        "last_four,state,kind,created_at,expires_at",
        "ER10,available,generic,2026-03-01T12:00:00.000Z,",
        "ER10,expired,unique,2026-03-01T12:00:00.000Z,2026-03-01T12:00:00.000Z",
    ]


@given(st.lists(st.from_regex(r"[0-9A-Z._%-]{3,20}", fullmatch=True).filter(lambda x: x != "CODE")))
def test_what_is_written_is_read(codes: list[str]) -> None:
    assert [letters for _, letters in read(file_of(codes))] == codes

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.errors import InvalidFieldsError
from shared.kernel.files import Cursor, FileFormat, Record, Rejected, records
from shared.registrations.errors import ImportFailedError
from shared.registrations.model.devices import DeviceState
from shared.registrations.model.import_rows import (
    ContactRow,
    DeviceRow,
    MemberRow,
    Row,
    RowReader,
    lanes,
)
from shared.registrations.model.imports import (
    LARGEST_FILE,
    Import,
    ImportKind,
)
from tests.fakes.clock import NOON

CSV, JSONL = FileFormat.CSV, FileFormat.JSONL
DEVICES, CONTACTS, MEMBERS = ImportKind.DEVICES, ImportKind.CONTACTS, ImportKind.MEMBERS
TOUCHES = ImportKind.TOUCHES


def an_import(**changed: Any) -> Import:
    fields: dict[str, Any] = {
        "app_id": "app_1",
        "import_id": "imp_1",
        "kind": DEVICES,
        "file_format": CSV,
        "size": 10,
        "by": "ada",
        "created_at": NOON,
    }
    return Import(**{**fields, **changed})


def read_all(kind: ImportKind, file_format: FileFormat, text: str | bytes) -> list[Row | Rejected]:
    content = text if isinstance(text, bytes) else text.encode()
    found = records([content], file_format)
    header = next(found) if file_format is CSV else None
    reader = RowReader.of(kind, file_format, header)
    return [reader.read(record) for record in found]


def read(kind: ImportKind, **document: Any) -> Row | Rejected:
    (row,) = read_all(kind, JSONL, json.dumps(document))
    return row


def wrong(row: Row | Rejected) -> list[tuple[str, str]]:
    assert isinstance(row, Rejected), row
    return [(problem.pointer, problem.code) for problem in row.problems]


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"size": 0}, "/size"),
        ({"size": LARGEST_FILE + 1}, "/size"),
        ({"list_name": "vip"}, "/list_name"),
        ({"kind": MEMBERS}, "/list_name"),
        ({"kind": MEMBERS, "list_name": "very important"}, "/list_name"),
        ({"as_of": NOON.replace(year=2030)}, "/as_of"),
        ({"kind": TOUCHES, "as_of": NOON}, "/as_of"),
        ({"kind": TOUCHES, "file_format": JSONL}, "/format"),
        ({"kind": TOUCHES, "list_name": "vip"}, "/list_name"),
    ],
)
def test_an_import_that_makes_no_sense_is_refused(changed: dict[str, Any], pointer: str) -> None:
    with pytest.raises(InvalidFieldsError) as refused:
        an_import(**changed)
    assert [problem.pointer for problem in refused.value.fields] == [pointer]


def test_a_device_is_read_from_csv_as_from_json() -> None:
    header = (
        "device_id,platform,fcm_token,locale,timezone,push_permission,attributes.plan,"
        "attributes.visits:number,attributes.vip:boolean,identifier.email,tags"
    )
    cells = 'phone-001,ios,token-001,de-CH,Europe/Zurich,granted,gold,7,true,Ada@Example.com,"a|b"'
    (from_csv,) = read_all(DEVICES, CSV, f"{header}\n{cells}\n")
    document = {
        "device_id": "phone-001",
        "platform": "ios",
        "address": {"kind": "fcm_token", "value": "token-001"},
        "locale": "de-CH",
        "timezone": "Europe/Zurich",
        "push_permission": "granted",
        "attributes": {"plan": "gold", "visits": 7, "vip": True},
        "identifiers": {"email": "ada@example.com"},
        "tags": ["a", "b"],
    }
    (from_json,) = read_all(DEVICES, JSONL, "\n" + json.dumps(document))
    assert isinstance(from_csv, DeviceRow)
    assert from_csv == from_json
    assert from_csv.identifiers == {"email": "ada@example.com"}


def test_everything_that_is_wrong_with_a_row_is_told_by_its_columns() -> None:
    header = "device_id,platform,address.kind,timezone,attributes.visits:number,identifier.email"
    (row,) = read_all(DEVICES, CSV, f"{header}\nx,palm,fid,Mars/Olympus,many,nobody\n")
    assert sorted(wrong(row)) == [
        ("/address/value", "missing"),
        ("attributes.visits:number", "type"),
        ("device_id", "form"),
        ("identifier.email", "invalid_identifier"),
        ("platform", "word"),
        ("timezone", "timezone"),
    ]


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ({"platform": "ios"}, ("/device_id", "missing")),
        ({"fcm_token": "token-001", "address": {"kind": "fid"}}, ("/fcm_token", "twice")),
        ({"address": "token-001"}, ("/address", "type")),
        ({"colour": "red"}, ("/colour", "unknown_field")),
        ({"identifiers": {"oidc": "a#b"}}, ("/identifiers/oidc", "unknown_field")),
        ({"identifiers": {"customer": "null"}}, ("/identifiers/customer", "blocked_identifier")),
        ({"identifiers": {"customer": 7}}, ("/identifiers/customer", "blocked_identifier")),
        ({"tags": "vip"}, ("/tags", "tags")),
        ({"tags": ["very important"]}, ("/tags", "tags")),
        ({"attributes": {"a/b": [1]}}, ("/attributes/a~1b", "type")),
        ({"attributes": {"a": 1e300}}, ("/attributes/a", "type")),
        ({"attributes": {"a": "\ud800"}}, ("/attributes/a", "type")),
        ({"attributes": {str(n): n for n in range(51)}}, ("/attributes", "too_many")),
        ({"attributes": {str(n): "x" * 250 for n in range(9)}}, ("/attributes", "too_large")),
    ],
)
def test_a_device_that_is_not_well_described_is_rejected(
    document: dict[str, Any], problem: tuple[str, str]
) -> None:
    whole = {"device_id": "phone-001", "platform": "ios"} if "platform" not in document else {}
    assert problem in wrong(read(DEVICES, **whole, **document))


@pytest.mark.parametrize("text", ["[]", "{", '{"a": 1, "a": 2}', '{"a": NaN}', "[" * 5000, "7"])
def test_what_is_no_json_object_is_rejected(text: str) -> None:
    (row,) = read_all(CONTACTS, JSONL, text)
    assert wrong(row) == [("", "unreadable")]


@pytest.mark.parametrize("text", [b"a\xff,b\n", b"one cell\n", b"a,b,c\n", b'"a"b,c\n'])
def test_what_is_no_row_of_the_header_is_rejected(text: bytes) -> None:
    (row,) = read_all(CONTACTS, CSV, b"identifier.email,tags\n" + text)
    assert [code for _, code in wrong(row)] in (["unreadable"], ["columns"])


@pytest.mark.parametrize(
    "header",
    [
        "colour",
        "identifier.oidc",
        "tags,tags",
        "attributes.",
        "",
        "attributes.a,attributes.a:number",
    ],
)
def test_a_header_that_says_something_else_ends_the_import(header: str) -> None:
    with pytest.raises(ImportFailedError):
        read_all(CONTACTS, CSV, f"{header}\nx\n")


def test_a_contact_may_lose_tags_and_attributes() -> None:
    row = read(
        CONTACTS,
        identifiers={"customer": "4711"},
        remove_tags=["old"],
        attributes={"plan": None, "seen": 3},
    )
    assert row == ContactRow(
        line=1,
        identifiers={"customer": "4711"},
        remove_tags=frozenset({"old"}),
        attributes={"plan": None, "seen": 3},
    )


def test_a_contact_needs_a_name() -> None:
    assert wrong(read(CONTACTS, tags=["vip"])) == [("/identifiers", "missing")]


def test_a_member_is_named_in_one_way() -> None:
    contact = f"con_{'0' * 26}"
    assert read(MEMBERS, contact_id=contact) == MemberRow(line=1, contact_id=contact)
    assert wrong(read(MEMBERS)) == [("/identifiers", "missing")]
    both = read(MEMBERS, contact_id=contact, identifiers={"customer": "4711"})
    assert wrong(both) == [("/identifiers", "missing")]


def test_a_member_may_be_taken_off() -> None:
    rows = read_all(MEMBERS, CSV, "identifier.customer,remove\nc-1,true\nc-2,\nc-3,false\n")
    assert [row.removes for row in rows if isinstance(row, MemberRow)] == [True, False, False]


@given(keys=st.lists(st.frozensets(st.sampled_from("abcdef"), min_size=1), max_size=12))
def test_lanes_share_no_key_and_keep_the_files_order(keys: list[frozenset[str]]) -> None:
    rows = [
        ContactRow(line=line, identifiers=dict.fromkeys(sorted(names), "x"))
        for line, names in enumerate(keys)
    ]
    found = lanes(rows)
    assert sorted(row.line for lane in found for row in lane) == list(range(len(rows)))
    for lane in found:
        assert [row.line for row in lane] == sorted(row.line for row in lane)
    of_lanes = [frozenset[str]().union(*(row.keys for row in lane)) for lane in found]
    assert sum(map(len, of_lanes)) == len(frozenset[str]().union(*of_lanes))


def test_devices_that_share_an_address_share_a_lane() -> None:
    one, two = (
        read(DEVICES, device_id=f"phone-00{n}", platform="ios", fcm_token="token-001")
        for n in (1, 2)
    )
    assert isinstance(one, DeviceRow)
    assert isinstance(two, DeviceRow)
    assert isinstance(one.state, DeviceState)
    assert len(lanes([one, two])) == 1


def test_a_record_that_is_too_long_is_rejected_with_its_line() -> None:
    reader = RowReader.of(CONTACTS, JSONL, None)
    record = Record(line=7, end=Cursor(), content=b"{}", problem="too long")
    found = reader.read(record)
    assert isinstance(found, Rejected)
    assert found.line == 7

"""Codes in DynamoDB.

| what          | pk                           | sk               |
| ------------- | ---------------------------- | ---------------- |
| code          | APP#<app>#CODE#<fingerprint> | CODE             |
| list of codes | APP#<app>#CODES#<coupon>     | <source>#<first> |
| whose it is   | APP#<app>#HOLDS#<contact>    | <fingerprint>    |

Codes are never deleted. The list costs a unit of writing for 25 codes: a sheet has up to 500, each
in 40 bytes.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from struct import Struct
from typing import Any

from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute
from typing_extensions import override

from shared.coupons.errors import StaleError
from shared.coupons.model.codes import Code, CodeKind, Listed, Sheet
from shared.coupons.ports.codes import CodeStore
from shared.kernel.clock import from_rfc3339, rfc3339
from shared.platform.batches import Insert, write_each
from shared.platform.dynamodb import Delete, Put, Row, Write, WriteRefusedError, bind, commit

_LINE = Struct(">I32s4s")
"""A line of a list: number, fingerprint, last four; those of a short code end in zero bytes."""


class CodeRow(Row):
    """A code, as one JSON text."""

    code = UnicodeAttribute()
    version = NumberAttribute()


class _SheetRow(Row):
    """Codes that were listed together, packed."""

    lines = BinaryAttribute(legacy_encoding=False)


class _HoldRow(Row):
    """The fact that a code was made a contact's; one that came with a claim is named by that."""


class CodeRows:
    """Builds the write that puts a code into the transaction of what it is given for."""

    def __init__(self, *, table: str) -> None:
        self._row = bind(CodeRow, table=table)

    def put_new(self, code: Code) -> Put:
        """Return the write; it is refused where there is a code of the same letters."""
        return Put(row=self._row_of(code), condition=self._row.pk.does_not_exist())

    def insert(self, code: Code) -> Insert:
        """Return the same as a write of its own, which may share a request with others."""
        return Insert(row=self._row_of(code))

    def put_next(self, code: Code) -> Put:
        """Return the write; it is refused where the code is not as it was read."""
        follows = self._row.version == code.version - 1
        return Put(row=self._row_of(code), condition=follows)

    def get(self, fingerprints: Collection[str], *, app_id: str) -> Mapping[str, Code]:
        """Return those of the codes that there are, as they are now."""
        keys = [(_code_partition(app_id, one), "CODE") for one in set(fingerprints)]
        rows = self._row.batch_get(keys, consistent_read=True) if keys else ()
        codes = (_code_of(row, app_id=app_id) for row in rows)
        return {code.fingerprint: code for code in codes}

    def _row_of(self, code: Code) -> CodeRow:
        partition = _code_partition(code.app_id, code.fingerprint)
        return self._row(partition, "CODE", code=_text_of(code), version=code.version)


class DynamoCodeStore(CodeStore):
    """Codes, in the coupons table."""

    def __init__(self, *, table: str) -> None:
        self._rows = CodeRows(table=table)
        self._sheet = bind(_SheetRow, table=table)
        self._hold = bind(_HoldRow, table=table)

    @override
    def add_codes(self, codes: Sequence[Code]) -> Sequence[Code | None]:
        added = write_each([self._rows.insert(code) for code in codes])
        others = [code for code, is_added in zip(codes, added, strict=True) if not is_added]
        if not others:
            return [None] * len(codes)
        app_id = others[0].app_id
        there = self._rows.get([code.fingerprint for code in others], app_id=app_id)
        return [
            None if is_added else there[code.fingerprint]
            for code, is_added in zip(codes, added, strict=True)
        ]

    @override
    def add_listed(self, code: Code, sheet: Sheet) -> None:
        try:
            commit({"code": self._rows.put_new(code), "sheet": Put(row=self._row_of(sheet))})
        except WriteRefusedError as error:
            raise StaleError(code.fingerprint) from error

    @override
    def get_codes(self, fingerprints: Collection[str], *, app_id: str) -> Mapping[str, Code]:
        return self._rows.get(fingerprints, app_id=app_id)

    @override
    def replace_code(self, code: Code) -> None:
        writes: dict[str, Write] = {"code": self._rows.put_next(code)}
        if code.contact_id is not None:
            writes["hold"] = Put(row=self._hold(*_hold_key(code, code.contact_id)))
        self._commit_or_stale(code, writes)

    @override
    def codes_of(self, contact_id: str, *, app_id: str) -> Sequence[str]:
        rows = self._hold.query(_holds_partition(app_id, contact_id), consistent_read=True)
        return [row.sk for row in rows]

    @override
    def forget_code(self, code: Code) -> None:
        writes: dict[str, Write] = {"code": self._rows.put_next(code.forgotten())}
        if code.contact_id is not None:
            writes["hold"] = Delete(row=self._hold(*_hold_key(code, code.contact_id)))
        self._commit_or_stale(code, writes)

    @override
    def put_sheet(self, sheet: Sheet) -> None:
        commit({"sheet": Put(row=self._row_of(sheet))})

    @override
    def sheets(self, coupon_id: str, *, app_id: str, begin: str = "") -> Iterator[Sheet]:
        condition = self._sheet.sk >= begin if begin else None
        rows = self._sheet.query(
            _list_partition(app_id, coupon_id), condition, consistent_read=True
        )
        for row in rows:
            source, _, first = row.sk.rpartition("#")
            yield Sheet(
                app_id=app_id,
                coupon_id=coupon_id,
                source=source,
                first=int(first),
                lines=[_listed(*one) for one in _LINE.iter_unpack(row.lines)],
            )

    def _commit_or_stale(self, code: Code, writes: Mapping[str, Write]) -> None:
        try:
            commit(writes)
        except WriteRefusedError as error:
            raise StaleError(code.fingerprint) from error

    def _row_of(self, sheet: Sheet) -> _SheetRow:
        lines = b"".join(
            _LINE.pack(line.number, bytes.fromhex(line.fingerprint), line.last_four.encode())
            for line in sheet.lines
        )
        return self._sheet(_list_partition(sheet.app_id, sheet.coupon_id), sheet.place, lines=lines)


def _code_partition(app_id: str, fingerprint: str) -> str:
    return f"APP#{app_id}#CODE#{fingerprint}"


def _holds_partition(app_id: str, contact_id: str) -> str:
    return f"APP#{app_id}#HOLDS#{contact_id}"


def _hold_key(code: Code, contact_id: str) -> tuple[str, str]:
    return _holds_partition(code.app_id, contact_id), code.fingerprint


def _list_partition(app_id: str, coupon_id: str) -> str:
    return f"APP#{app_id}#CODES#{coupon_id}"


def _listed(number: int, fingerprint: bytes, last_four: bytes) -> Listed:
    return Listed(
        number=number,
        fingerprint=fingerprint.hex(),
        last_four=last_four.rstrip(b"\0").decode(),
    )


def _text_of(code: Code) -> str:
    fields = {
        "coupon_id": code.coupon_id,
        "last_four": code.last_four,
        "kind": code.kind,
        "created_at": rfc3339(code.created_at),
        "inactive": not code.active,
        "contact_id": code.contact_id,
        "device_id": code.device_id,
        "expires_at": rfc3339(code.expires_at) if code.expires_at else None,
        "sealed": code.sealed,
        "bound": code.bound,
        "origin": code.origin,
    }
    # What is not so is left out: of ten million codes most are alike.
    return json.dumps({name: told for name, told in fields.items() if told}, separators=(",", ":"))


def _code_of(row: CodeRow, *, app_id: str) -> Code:
    fields: dict[str, Any] = json.loads(row.code)
    expires_at = fields.get("expires_at")
    return Code(
        app_id=app_id,
        coupon_id=fields["coupon_id"],
        fingerprint=row.pk.rpartition("#")[2],
        last_four=fields["last_four"],
        kind=CodeKind(fields["kind"]),
        created_at=from_rfc3339(fields["created_at"]),
        active=not fields.get("inactive", False),
        contact_id=fields.get("contact_id"),
        device_id=fields.get("device_id"),
        expires_at=from_rfc3339(expires_at) if expires_at else None,
        sealed=fields.get("sealed"),
        bound=fields.get("bound", False),
        origin=fields.get("origin", ""),
        version=int(row.version),
    )

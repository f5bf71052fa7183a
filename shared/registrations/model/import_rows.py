"""The rows of an import: what each kind of row says, and everything that is wrong with one.

CSV is read as the JSON that it stands for: ``attributes.plan`` is the field ``plan`` of the object
``attributes``. A cell without text says nothing.
"""

import csv
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeAlias

from typing_extensions import override

from shared.kernel.addresses import Address, AddressKind
from shared.kernel.errors import DomainError, FieldProblem, InvalidFieldsError
from shared.kernel.files import FileFormat, Record, Rejected
from shared.registrations.errors import ImportFailedError
from shared.registrations.model.apps import Platform
from shared.registrations.model.devices import AttributeValue, DeviceState, PushPermission
from shared.registrations.model.identifiers import NAMESPACES, namespace, normalised
from shared.registrations.model.imports import ImportKind

LARGEST_ATTRIBUTES = 2_048
"""Bytes of JSON of a device's attributes, as the API has it."""

MOST_ATTRIBUTES = 50
MOST_TAGS = 50

_NAMED_BY = tuple(name for name, one in NAMESPACES.items() if one.may_be_kept)
"""Namespaces that a file may use: those that a person knows, not what a client or issuer made."""

DEVICE_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_CONTACT_ID = re.compile(r"con_[0-9A-Z]{26}")
_LOCALE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}")
_ZONE = re.compile(r"[!-~]{1,64}")
_ADDRESS = re.compile(r"[!-~]{8,1024}")
_WORD = re.compile(r"[^\x00]{1,64}", re.DOTALL)
_VALUE = re.compile(r"[^\x00]{0,256}", re.DOTALL)
_TAG = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,38})(\.[0-9]{1,38})?([eE][+-]?[0-9]{1,2})?")
_LARGEST_NUMBER = 10**39

Document: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What every row has: where it stands, and by which identifiers it names a person."""

    line: int
    identifiers: Mapping[str, str] = field(default_factory=dict)

    @property
    def keys(self) -> frozenset[str]:
        """Return what the row is about; rows that share a key are written one after the other."""
        return self.names

    @property
    def names(self) -> frozenset[str]:
        """Return the identifiers, as keys."""
        return frozenset(f"{name} {value}" for name, value in self.identifiers.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRow(Row):
    """A device, maybe with its contact, and tags for that contact."""

    device_id: str
    state: DeviceState
    tags: frozenset[str] = frozenset()

    @property
    @override
    def keys(self) -> frozenset[str]:
        """Return what the row is about; an address belongs to one device."""
        address = self.state.address
        own = {f"device {self.device_id}"}
        own |= {f"address {address.kind} {address.value}"} if address else set()
        return self.names | own


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactRow(Row):
    """What is known of a person; an attribute that is ``None`` is removed."""

    tags: frozenset[str] = frozenset()
    remove_tags: frozenset[str] = frozenset()
    attributes: Mapping[str, AttributeValue | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRow(Row):
    """Somebody who is on a list, or who is taken off it; named by identifiers or contact."""

    contact_id: str | None = None
    removes: bool = False

    @property
    @override
    def keys(self) -> frozenset[str]:
        """Return what the row is about."""
        own = {f"contact {self.contact_id}"} if self.contact_id else set()
        return self.names | own


@dataclass(frozen=True, slots=True, kw_only=True)
class RowReader:
    """Reads the rows of a file of one kind and format; ``columns`` are those of CSV's header."""

    kind: ImportKind
    file_format: FileFormat
    columns: tuple["Column", ...] = ()

    @classmethod
    def of(cls, kind: ImportKind, file_format: FileFormat, header: Record | None) -> "RowReader":
        """Return the reader of a file; ``header`` is the first record of CSV.

        Raises:
            ImportFailedError: the header does not say what the columns are.
        """
        if file_format is FileFormat.JSONL:
            return cls(kind=kind, file_format=file_format)
        if header is None:
            raise ImportFailedError("the file has no header")
        return cls(kind=kind, file_format=file_format, columns=_columns(header, kind))

    def read(self, record: Record) -> Row | Rejected:
        """Return what a record says, or all that is wrong with it."""
        fields = _Fields()
        try:
            document = self._document(record, fields)
            row = _READERS[self.kind](document, fields, record.line)
        except InvalidFieldsError as error:
            fields.problems.extend(error.fields)
            row = None
        if row is not None and not fields.problems:
            return row
        names = {column.pointer: column.name for column in self.columns}
        problems = (
            FieldProblem(
                pointer=names.get(one.pointer, one.pointer), code=one.code, detail=one.detail
            )
            for one in fields.problems
        )
        return Rejected(line=record.line, problems=tuple(problems))

    def _document(self, record: Record, fields: "_Fields") -> Document:
        if record.problem:
            _refuse("unreadable", record.problem)
        try:
            text = record.content.decode()
        except UnicodeDecodeError:
            _refuse("unreadable", "the row is no UTF-8")
        if self.file_format is FileFormat.JSONL:
            return object_of(text)
        cells = cells_of(text)
        if len(cells) != len(self.columns):
            _refuse("columns", f"{len(cells)} cells under {len(self.columns)} columns")
        document: dict[str, Any] = {}
        for column, cell in zip(self.columns, cells, strict=True):
            if cell:
                column.put(cell, into=document, fields=fields)
        return document


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of CSV: the field that it stands for, and how its cells become values."""

    name: str
    path: tuple[str, ...]
    value_of: Callable[[str], Any]

    @property
    def pointer(self) -> str:
        """Return the JSON pointer of the field."""
        return _pointer(*self.path)

    def put(self, cell: str, *, into: dict[str, Any], fields: "_Fields") -> None:
        """Put a cell's value where it belongs."""
        *outer, last = self.path
        place = into
        for name in outer:
            place = place.setdefault(name, {})
        try:
            place[last] = self.value_of(cell)
        except ValueError as error:
            fields.refuse(self.pointer, "type", str(error))


@dataclass(slots=True)
class _Fields:
    """The fields of a document, read one by one, and what is wrong with them."""

    problems: list[FieldProblem] = field(default_factory=list)

    def refuse(self, pointer: str, code: str, detail: str) -> None:
        self.problems.append(FieldProblem(pointer=pointer, code=code, detail=detail))

    def only(self, document: Document, names: Iterable[str], *, at: tuple[str, ...] = ()) -> None:
        for name in document.keys() - set(names):
            self.refuse(_pointer(*at, name), "unknown_field", "there is no such field")

    def text(
        self, document: Document, *path: str, form: re.Pattern[str], needed: bool = False
    ) -> str | None:
        value = document.get(path[-1])
        if value is None:
            if needed:
                self.refuse(_pointer(*path), "missing", "this field is needed")
            return None
        if not isinstance(value, str) or not form.fullmatch(value) or not _is_writable(value):
            self.refuse(_pointer(*path), "form", f"a text like {form.pattern}")
            return None
        return value

    def word(self, document: Document, *path: str, of: type[Any], unless_said: Any) -> Any:
        value = document.get(path[-1])
        words = [str(one) for one in of]
        if value is None and unless_said is not None:
            return unless_said
        if value in words:
            return of(value)
        self.refuse(_pointer(*path), "word", f"one of {', '.join(words)}")
        return unless_said

    def object_at(self, document: Document, name: str) -> Document:
        value = document.get(name)
        if value is None or isinstance(value, dict):
            return value or {}
        self.refuse(_pointer(name), "type", "an object")
        return {}

    def tags(self, document: Document, name: str) -> frozenset[str]:
        value = document.get(name)
        if value is None:
            return frozenset()
        is_list = isinstance(value, list) and len(value) <= MOST_TAGS
        if is_list and all(isinstance(one, str) and _TAG.fullmatch(one) for one in value):
            return frozenset(value)
        self.refuse(_pointer(name), "tags", f"at most {MOST_TAGS} texts like {_TAG.pattern}")
        return frozenset()

    def attributes(self, document: Document) -> dict[str, AttributeValue | None]:
        said = self.object_at(document, "attributes")
        if len(said) > MOST_ATTRIBUTES:
            self.refuse("/attributes", "too_many", f"at most {MOST_ATTRIBUTES}")
        for name, value in said.items():
            if not _WORD.fullmatch(name) or not _is_writable(name):
                self.refuse("/attributes", "form", "names of 1 to 64 letters")
            elif not _is_attribute(value):
                detail = "a text of at most 256 letters, a number, true or false"
                self.refuse(_pointer("attributes", name), "type", detail)
        return dict(said)

    def identifiers(self, document: Document) -> dict[str, str]:
        said = self.object_at(document, "identifiers")
        found: dict[str, str] = {}
        self.only(said, _NAMED_BY, at=("identifiers",))
        for name in _NAMED_BY:
            value = said.get(name)
            if value is None:
                continue
            try:
                found[name] = normalised(
                    value if isinstance(value, str) else "", of=namespace(name)
                )
            except DomainError as error:
                self.refuse(_pointer("identifiers", name), error.code, error.detail)
        return found


_DEVICE_FIELDS = (
    *("device_id", "platform", "address", "fcm_token", "locale", "timezone", "app_version"),
    *("os_version", "model", "push_permission", "attributes", "identifiers", "tags"),
)


def _device_of(document: Document, fields: _Fields, line: int) -> Row:
    fields.only(document, _DEVICE_FIELDS)
    attributes = fields.attributes(document)
    if len(json.dumps(attributes).encode()) > LARGEST_ATTRIBUTES:
        fields.refuse("/attributes", "too_large", f"at most {LARGEST_ATTRIBUTES} bytes of JSON")
    state: dict[str, Any] = {
        "platform": fields.word(document, "platform", of=Platform, unless_said=None),
        "address": _address_of(document, fields),
        "locale": fields.text(document, "locale", form=_LOCALE),
        "timezone": fields.text(document, "timezone", form=_ZONE),
        **{
            name: fields.text(document, name, form=_WORD)
            for name in ("app_version", "os_version", "model")
        },
        "attributes": {name: value for name, value in attributes.items() if value is not None},
        "push_permission": fields.word(
            document, "push_permission", of=PushPermission, unless_said=PushPermission.UNKNOWN
        ),
    }
    return DeviceRow(
        line=line,
        device_id=fields.text(document, "device_id", form=DEVICE_ID, needed=True) or "",
        tags=fields.tags(document, "tags"),
        identifiers=fields.identifiers(document),
        state=DeviceState(**state),
    )


def _address_of(document: Document, fields: _Fields) -> Address | None:
    token = fields.text(document, "fcm_token", form=_ADDRESS)
    said = fields.object_at(document, "address")
    if token and said:
        fields.refuse("/fcm_token", "twice", "a device has one address")
    if token or not said:
        return Address(kind=AddressKind.FCM_TOKEN, value=token) if token else None
    fields.only(said, ("kind", "value"), at=("address",))
    kind = fields.word(said, "address", "kind", of=AddressKind, unless_said=None)
    value = fields.text(said, "address", "value", form=_ADDRESS, needed=True)
    return Address(kind=kind, value=value) if kind and value else None


def _contact_of(document: Document, fields: _Fields, line: int) -> Row:
    fields.only(document, ("identifiers", "tags", "remove_tags", "attributes"))
    identifiers = fields.identifiers(document)
    if not document.get("identifiers"):
        fields.refuse("/identifiers", "missing", f"one of {', '.join(_NAMED_BY)} is needed")
    return ContactRow(
        line=line,
        identifiers=identifiers,
        tags=fields.tags(document, "tags"),
        remove_tags=fields.tags(document, "remove_tags"),
        attributes=fields.attributes(document),
    )


def _member_of(document: Document, fields: _Fields, line: int) -> Row:
    fields.only(document, ("contact_id", "identifiers", "remove"))
    contact_id = fields.text(document, "contact_id", form=_CONTACT_ID)
    identifiers = fields.identifiers(document)
    if bool(document.get("contact_id")) == bool(document.get("identifiers")):
        fields.refuse("/identifiers", "missing", "identifiers or a contact_id, not both")
    removes = document.get("remove")
    if not isinstance(removes, bool | None):
        fields.refuse("/remove", "type", "true or false")
    return MemberRow(
        line=line, identifiers=identifiers, contact_id=contact_id, removes=removes is True
    )


_READERS: Mapping[ImportKind, Callable[[Document, _Fields, int], Row]] = {
    ImportKind.DEVICES: _device_of,
    ImportKind.CONTACTS: _contact_of,
    ImportKind.MEMBERS: _member_of,
}


def row_of(document: Document, *, kind: ImportKind, line: int) -> Row | tuple[FieldProblem, ...]:
    """Return the row that a document says, or everything that is wrong with it."""
    fields = _Fields()
    try:
        row = _READERS[kind](document, fields, line)
    except InvalidFieldsError as error:
        return (*fields.problems, *error.fields)
    return tuple(fields.problems) or row


def is_tag(text: str) -> bool:
    """Say whether a text may be a tag."""
    return _TAG.fullmatch(text) is not None


_PLAIN_COLUMNS: Mapping[ImportKind, frozenset[str]] = {
    ImportKind.DEVICES: frozenset(_DEVICE_FIELDS) - {"address", "attributes", "identifiers"}
    | {"address.kind", "address.value"},
    ImportKind.CONTACTS: frozenset({"tags", "remove_tags"}),
    ImportKind.MEMBERS: frozenset({"contact_id", "remove"}),
}


def _columns(header: Record, kind: ImportKind) -> tuple[Column, ...]:
    if header.problem:
        raise ImportFailedError(f"the header: {header.problem}")
    try:
        names = [name.strip() for name in cells_of(header.content.decode())]
    except (UnicodeDecodeError, InvalidFieldsError):
        raise ImportFailedError("the header is no CSV in UTF-8") from None
    columns = tuple(_column(name, kind) for name in names)
    pointers = [column.pointer for column in columns]
    if len(set(pointers)) < len(pointers):
        raise ImportFailedError("a column stands twice in the header")
    return columns


def _column(name: str, kind: ImportKind) -> Column:
    outer, _, inner = name.partition(".")
    if outer == "identifier" and inner in _NAMED_BY:
        return Column(name=name, path=("identifiers", inner), value_of=str)
    if outer == "attributes" and inner and kind is not ImportKind.MEMBERS:
        attribute, _, typed = inner.rpartition(":")
        if typed in _TYPES and attribute:
            return Column(name=name, path=(outer, attribute), value_of=_TYPES[typed])
        return Column(name=name, path=(outer, inner), value_of=str)
    if name not in _PLAIN_COLUMNS[kind]:
        raise ImportFailedError(f"there is no column {name[:64]!r} for {kind}")
    return Column(name=name, path=tuple(name.split(".")), value_of=_CELLS.get(name, str))


def _number(cell: str) -> int | float:
    if not _NUMBER.fullmatch(cell):
        raise ValueError("a number, as JSON writes it")
    return int(cell) if cell.lstrip("-").isdecimal() else float(cell)


def _boolean(cell: str) -> bool:
    if cell.lower() not in {"true", "false"}:
        raise ValueError("true or false")
    return cell.lower() == "true"


def _texts(cell: str) -> list[str]:
    return [one.strip() for one in cell.split("|") if one.strip()]


_TYPES: Mapping[str, Callable[[str], Any]] = {"number": _number, "boolean": _boolean}
_CELLS: Mapping[str, Callable[[str], Any]] = {
    "tags": _texts,
    "remove_tags": _texts,
    "remove": _boolean,
}


def cells_of(text: str) -> list[str]:
    """Return the cells of a row of CSV.

    Raises:
        InvalidFieldsError: it is none.
    """
    try:
        rows = list(csv.reader([text], strict=True))
    except csv.Error:
        _refuse("unreadable", "the row is no CSV: RFC 4180 says how quotes are written")
    return [cell for row in rows for cell in row]


def object_of(text: str) -> Document:
    """Return the JSON object of a line.

    Raises:
        InvalidFieldsError: it is none, or says a field twice.
    """
    try:
        value = json.loads(text, object_pairs_hook=_each_once, parse_constant=_no_number)
    except (ValueError, RecursionError):
        _refuse("unreadable", "the row is no JSON, or says a field twice")
    if not isinstance(value, dict):
        _refuse("unreadable", "the row is no JSON object")
    return value


def _each_once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a field stands twice")
    return found


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _is_attribute(value: Any) -> bool:
    if isinstance(value, str):
        return _VALUE.fullmatch(value) is not None and _is_writable(value)
    if isinstance(value, int | float):
        return math.isfinite(value) and abs(value) < _LARGEST_NUMBER
    return value is None


def _is_writable(text: str) -> bool:
    """Say whether UTF-8 can carry a text: JSON's escapes bring in halves of surrogate pairs."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _pointer(*path: str) -> str:
    """Return a JSON pointer (RFC 6901)."""
    return "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in path)


def _refuse(code: str, detail: str) -> NoReturn:
    problem = FieldProblem(pointer="", code=code, detail=detail)
    raise InvalidFieldsError(detail, fields=[problem])


def lanes(rows: Iterable[Row]) -> list[list[Row]]:
    """Return rows in lanes: no two lanes share a key, and in each the file's order stands.

    So lanes may be written at the same time, and what comes later in the file still wins.
    """
    lane_of: dict[str, list[Row]] = {}
    for row in rows:
        met = {id(lane_of[key]): lane_of[key] for key in row.keys if key in lane_of}
        lane = sorted((one for each in met.values() for one in each), key=lambda one: one.line)
        lane.append(row)
        for key in {key for one in lane for key in one.keys}:
            lane_of[key] = lane
    return list({id(lane): lane for lane in lane_of.values()}.values())

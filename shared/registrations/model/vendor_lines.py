"""A line of another vendor's export, as rows of ours: a person, devices, and what was refused.

A vendor's module translates a line into documents of our own files. What no row of ours takes is
left out and named: one odd attribute does not keep a person away.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from typing_extensions import override

from shared.kernel.clock import EPOCH
from shared.kernel.errors import FieldProblem, InvalidFieldsError
from shared.kernel.events import Channel
from shared.kernel.files import FileFormat, Record, Rejected
from shared.registrations.errors import ImportFailedError
from shared.registrations.model.import_rows import (
    DEVICE_ID,
    MOST_TAGS,
    ContactRow,
    DeviceRow,
    Document,
    Row,
    cells_of,
    is_tag,
    object_of,
    row_of,
)
from shared.registrations.model.imports import ImportKind

UNKNOWN = "fields that the mapping does not know"
"""The name under which such fields are counted: a vendor's own names could be without end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A channel that a person refused, and when, if the file says so."""

    channel: Channel
    at: datetime | None = None


@dataclass(slots=True, kw_only=True)
class Told:
    """What a line says in the words of our files.

    ``subject`` is the vendor's id of the line. ``contact`` and ``devices`` are documents as JSON
    lines have them, without identifiers: those are of all of them.
    """

    subject: str = ""
    identifiers: dict[str, Any] = field(default_factory=dict)
    contact: dict[str, Any] = field(default_factory=lambda: {"attributes": {}, "tags": []})
    devices: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    without: list[str] = field(default_factory=list)

    def leave(self, *names: str) -> None:
        """Note vendor's fields that say something which has no place here."""
        self.without.extend(names)

    def put(self, name: str, values: Any, *, on: dict[str, Any], of: str) -> None:
        """Put a vendor's attribute on a document: one value as attribute, several as tags.

        ``of`` is the vendor's field, told where a value has no place.
        """
        if not isinstance(values, list):
            on["attributes"][name] = values
        elif len(values) == 1:
            on["attributes"][name] = values[0]
        else:
            tags = [f"{name}:{value}" for value in values]
            room = MOST_TAGS - len(on["tags"])
            fit = [tag for tag in tags if is_tag(tag)][:room]
            on["tags"].extend(fit)
            if len(fit) < len(tags):
                self.leave(of)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """How one vendor's export is read.

    ``mapping`` says of each of the vendor's fields what becomes of it here; what begins with
    ``not carried`` has no place. ``names`` tells of our fields (JSON pointers) whence they come.
    """

    translate: Callable[[Document], Told]
    mapping: Mapping[str, str]
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorRow(Row):
    """A line: who it is about, their devices, what they refused, and what has no place here."""

    subject: str
    contact: ContactRow | None = None
    devices: tuple[DeviceRow, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    without: tuple[str, ...] = ()

    @property
    @override
    def keys(self) -> frozenset[str]:
        """Return what the line is about."""
        return self.names.union(*(device.keys for device in self.devices))


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorReader:
    """Reads the lines of a vendor's export; ``columns`` are those of CSV's header."""

    vendor: Vendor
    columns: tuple[str, ...] = ()

    @classmethod
    def of(cls, vendor: Vendor, file_format: FileFormat, header: Record | None) -> "VendorReader":
        """Return the reader of a file; ``header`` is the first record of CSV.

        Raises:
            ImportFailedError: the header is none.
        """
        if file_format is FileFormat.JSONL:
            return cls(vendor=vendor)
        try:
            names = cells_of(header.content.decode()) if header else []
        except (UnicodeDecodeError, InvalidFieldsError):
            raise ImportFailedError("the header is no CSV in UTF-8") from None
        if not set(names) & vendor.mapping.keys() or len(set(names)) < len(names):
            raise ImportFailedError("the header has none of the vendor's columns, or one twice")
        return cls(vendor=vendor, columns=tuple(names))

    def read(self, record: Record) -> VendorRow | Rejected:
        """Return what a line says here, or why nothing of it can be taken."""
        try:
            told = self.vendor.translate(self._document(record))
        except InvalidFieldsError as error:
            return Rejected(line=record.line, problems=error.fields)
        return row_told(told, line=record.line, names=self.vendor.names)

    def _document(self, record: Record) -> Document:
        if record.problem:
            raise wrong("unreadable", record.problem)
        try:
            text = record.content.decode()
        except UnicodeDecodeError:
            raise wrong("unreadable", "the row is no UTF-8") from None
        if not self.columns:
            return object_of(text)
        cells = cells_of(text)
        if len(cells) != len(self.columns):
            raise wrong("columns", f"{len(cells)} cells under {len(self.columns)} columns")
        return {name: cell for name, cell in zip(self.columns, cells, strict=True) if cell}


def row_told(told: Told, *, line: int, names: Mapping[str, str]) -> VendorRow | Rejected:
    """Return the rows of what a line told; of its fields, those that our rows take."""
    without = list(told.without)
    identifiers = {name: value for name, value in told.identifiers.items() if value}
    devices: list[DeviceRow] = []
    problems: list[FieldProblem] = []
    contact = _taken(
        {**told.contact, "identifiers": identifiers}, ImportKind.CONTACTS, line, names, without
    )
    known = dict(contact.identifiers) if isinstance(contact, ContactRow) else {}
    for document in told.devices:
        whole = {**document, "identifiers": known}
        device = _taken(whole, ImportKind.DEVICES, line, names, without)
        if isinstance(device, DeviceRow):
            devices.append(device)
        elif not isinstance(device, Row):
            problems.extend(device)
    if problems:
        return Rejected(line=line, problems=tuple(problems))
    if not known and not devices:
        detail = "the line names neither a device nor a person as we know them"
        return Rejected(
            line=line, problems=(FieldProblem(pointer="", code="nobody", detail=detail),)
        )
    if not known and told.contact["attributes"]:
        without.append("attributes of a person without identifiers")
    return VendorRow(
        line=line,
        identifiers=known,
        subject=told.subject or devices[0].device_id if devices else told.subject,
        contact=contact if isinstance(contact, ContactRow) else None,
        devices=tuple(devices),
        refusals=tuple(told.refusals),
        without=tuple(dict.fromkeys(without)),
    )


def _taken(
    document: dict[str, Any],
    kind: ImportKind,
    line: int,
    names: Mapping[str, str],
    without: list[str],
) -> Row | Sequence[FieldProblem]:
    """Return the row of a document without those fields that are wrong, or what it lacks."""
    while True:
        row = row_of(document, kind=kind, line=line)
        if isinstance(row, Row):
            return row
        odd = [one for one in row if _drop(one.pointer, document)]
        if not odd:
            return row
        without.extend(_name(one.pointer, names) for one in odd)


def _drop(pointer: str, document: dict[str, Any]) -> bool:
    """Take a field out of a document, and say whether it was there."""
    parts = [one.replace("~1", "/").replace("~0", "~") for one in pointer.split("/")[1:]]
    if not parts:
        return False
    *outer, last = parts
    place: Any = document
    for one in outer:
        place = place.get(one, {}) if isinstance(place, dict) else {}
    if not isinstance(place, dict) or last not in place:
        return False
    if place[last] in ({}, []):
        return False
    place[last] = {} if last in {"attributes", "identifiers"} and not outer else None
    if outer:
        del place[last]
    return True


def _name(pointer: str, names: Mapping[str, str]) -> str:
    head = "/" + "/".join(pointer.split("/")[1:2])
    return names.get(pointer) or names.get(head) or head.removeprefix("/")


def wrong(code: str, detail: str) -> InvalidFieldsError:
    """Return the refusal of a whole line."""
    return InvalidFieldsError(detail, fields=[FieldProblem(pointer="", code=code, detail=detail)])


def text(value: Any) -> str:
    """Return a value as text; what is neither text nor number says nothing."""
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def inside(document: Document, name: str) -> Document:
    """Return the object under a name; without one, an empty object."""
    value = document.get(name)
    return value if isinstance(value, dict) else {}


def listed(document: Document, name: str) -> Sequence[Document]:
    """Return the objects of the list under a name."""
    value = document.get(name)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def instant(value: Any) -> datetime | None:
    """Return an instant of ISO 8601, in UTC unless it says otherwise; ``None`` if it is none."""
    try:
        read = datetime.fromisoformat(text(value).replace(" UTC", "+00:00"))
        found = read if read.tzinfo else read.replace(tzinfo=UTC)
        return max(found.astimezone(UTC), EPOCH)
    except (ValueError, OverflowError):
        return None


def device_id(vendor: str, told: str) -> str:
    """Return the id of a vendor's device here: its own if it may be one, else one made of it."""
    return told if DEVICE_ID.fullmatch(told) else made_id(vendor, told)


def made_id(vendor: str, secret: str) -> str:
    """Return a device's id that is made of something else, which nobody reads from it."""
    return f"{vendor}-{sha256(secret.encode('utf-8', 'replace')).hexdigest()[:32]}"


def left(document: Document, mapping: Mapping[str, str], *, at: str = "") -> Iterable[str]:
    """Yield the names of a document's fields that say something and have no place here."""
    for name, value in document.items():
        if value in (None, "", [], {}):
            continue
        known = mapping.get(f"{at}{name}")
        if known is None:
            yield UNKNOWN
        elif known.startswith("not carried"):
            yield f"{at}{name}"

"""Imports: one JSON document of many booked things, which name each other by keys.

For instance::

    {
        "advertisers": [{"key": "acme", "name": "Acme"}],
        "ad_campaigns": [{"key": "spring", "advertiser": "acme", "name": "Spring"}],
        "flights": [{"key": "shoes", "ad_campaign": "spring", "name": "Shoes", "state": "active",
                     "starts_at": "2026-11-23T09:00:00Z", "placements": ["home-top"]}]
    }

A line is a thing's whole document with a ``key``, which is kept: the same key is the same thing in
the next import. Whatever ends in ``_id`` can be left out for the same word without it, which is a
key; lists of ids may have keys too. ``state`` is where the thing is to stand.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from shared.kernel.documents import Reader
from shared.kernel.errors import FieldProblem, InvalidFieldsError
from shared.placements.model.demand import Kind, State

MOST_LINES = 5_000

KEY = r"[a-z0-9][a-z0-9._-]{0,63}"
"""Never an id, whose letters are capital."""

ORDER = (
    *(Kind.AD_TEMPLATE, Kind.PLACEMENT, Kind.ADVERTISER, Kind.AD_CAMPAIGN),
    *(Kind.FLIGHT, Kind.CREATIVE, Kind.AD),
)
"""Nothing names what comes after it."""

_NAMES: Mapping[Kind, tuple[Kind, ...]] = {
    Kind.AD_CAMPAIGN: (Kind.ADVERTISER,),
    Kind.FLIGHT: (Kind.AD_CAMPAIGN,),
    Kind.CREATIVE: (Kind.ADVERTISER, Kind.AD_TEMPLATE),
    Kind.AD: (Kind.FLIGHT, Kind.CREATIVE),
}
_LISTS: Mapping[Kind, tuple[str, Kind]] = {
    Kind.PLACEMENT: ("templates", Kind.AD_TEMPLATE),
    Kind.FLIGHT: ("placements", Kind.PLACEMENT),
}
_NO_KEY = "a key of a to z, 0 to 9, dots, dashes and underscores is needed, at most 64"


class Action(StrEnum):
    """What an import makes of a line."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A thing as an import writes it; ``fields`` are those of its document."""

    kind: Kind
    key: str
    pointer: str
    fields: Mapping[str, Any]
    state: State | None = None

    @property
    def name(self) -> tuple[Kind, str]:
        """Return kind and key."""
        return self.kind, self.key


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What became of a line, or would; ``done``: it is so now.

    ``thing_id`` is ``None`` while there is no such thing. Pointers of ``problems`` are into the
    import's document.
    """

    kind: Kind
    key: str
    pointer: str
    action: Action
    done: bool
    thing_id: str | None = None
    problems: tuple[FieldProblem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What became of an import, line by line in the order in which things are made."""

    dry_run: bool
    entries: tuple[Entry, ...]

    @property
    def done(self) -> bool:
        """Say whether all is as the document wants it."""
        return all(entry.done for entry in self.entries)

    def count(self, action: Action) -> int:
        """Return how many lines ended so, or would."""
        return sum(entry.action is action for entry in self.entries)


def section_of(kind: Kind) -> str:
    """Return the field of a document that has the things of a kind."""
    return f"{kind.value}s"


def lines_of(document: Any) -> tuple[Line, ...]:
    """Return the lines of a document, in ``ORDER``.

    Raises:
        InvalidFieldsError: it is no such document, has more than ``MOST_LINES`` lines, or lines
            without a key of their own.
    """
    reader = Reader(document)
    fields = reader.fields(*(section_of(kind) for kind in ORDER))
    lines: dict[tuple[Kind, str], Line] = {}
    for kind in ORDER:
        found = fields.found.get(section_of(kind))
        for place in found.items(most=MOST_LINES) if found else ():
            line = _line(kind, place)
            if line.name in lines:
                place.below("key", line.key).refuse("twice", "another line has this key")
            lines[line.name] = line
    if len(lines) > MOST_LINES:
        reader.refuse("length", f"at most {MOST_LINES} things")
    if reader.problems:
        raise InvalidFieldsError("the import has problems", fields=reader.problems)
    return tuple(lines.values())


def resolved(line: Line, ids: Mapping[tuple[Kind, str], str]) -> Mapping[str, Any]:
    """Return the document of a line, with ids in the place of keys.

    Raises:
        InvalidFieldsError: it names a key that there is not; pointers begin at the line.
    """
    reader = Reader(line.fields)
    document = dict(line.fields)
    for kind in _NAMES.get(line.kind, ()):
        key = document.pop(kind.value, None)
        if key is not None:
            document[f"{kind.value}_id"] = _id_of(reader.below(kind.value, key), kind, ids)
    list_name, kind = _LISTS.get(line.kind, ("", line.kind))
    if isinstance(document.get(list_name), list):
        # What is no key is taken as an id, and found or not like any other.
        document[list_name] = [
            ids.get((kind, one), one) if isinstance(one, str) else one
            for one in document[list_name]
        ]
    if reader.problems:
        raise InvalidFieldsError("the line names what there is not", fields=reader.problems)
    return document


def _line(kind: Kind, reader: Reader) -> Line:
    if not isinstance(reader.value, Mapping):
        reader.refuse("type", "an object is needed")
        return Line(kind=kind, key="", pointer=reader.pointer, fields={})
    own = {name: value for name, value in reader.value.items() if name not in {"key", "state"}}
    state = reader.below("state", reader.value.get("state"))
    return Line(
        kind=kind,
        key=reader.below("key", reader.value.get("key")).matched(KEY, _NO_KEY),
        pointer=reader.pointer,
        fields=own,
        state=None if state.value is None else state.word(State),
    )


def _id_of(reader: Reader, kind: Kind, ids: Mapping[tuple[Kind, str], str]) -> str:
    found = ids.get((kind, reader.value)) if isinstance(reader.value, str) else None
    if found is None:
        reader.refuse("unknown", f"no {kind.value.replace('_', ' ')} has this key")
        return ""
    return found

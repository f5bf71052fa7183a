"""Reads foreign JSON, and says by JSON pointer what cannot be read."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from shared.contact_events.errors import UnreadableError
from shared.contact_events.model.documents import document_of, instant_of
from shared.contact_events.model.events import ForeignEvent
from shared.contact_events.model.translations import Reject, Translation
from shared.kernel.errors import InvalidFieldsError
from shared.kernel.events import Channel, Purpose

LONGEST_TEXT = 1000
"""Characters of a text that is read; no vendor's id, status or link without its query is longer."""

LARGEST_ORIGINAL = 65_536
"""Bytes of an original that is kept; a ledger row holds 400 kB, and is paid for by the kB."""


class UnreadablePartError(Exception):
    """A payload is not what its vendor documents, at ``pointer``."""

    def __init__(self, pointer: str, code: str, detail: str) -> None:
        super().__init__(f"{pointer}: {detail}")
        self.pointer = pointer
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Part:
    """A value of a JSON document, and its place in it.

    Every reader raises ``UnreadablePartError``: ``missing``, or of a ``wrong_type``.
    """

    value: Any
    pointer: str = ""

    def has(self, name: str) -> bool:
        """Say whether there is a field of this name that is not null."""
        return isinstance(self.value, Mapping) and self.value.get(name) is not None

    def at(self, name: str) -> "Part":
        """Return a field that must be there."""
        if not isinstance(self.value, Mapping):
            raise self.wrong("an object")
        place = f"{self.pointer}/{_escaped(name)}"
        if self.value.get(name) is None:
            raise UnreadablePartError(place, "missing", "this field is needed")
        return Part(self.value[name], place)

    def text(self, name: str) -> str:
        """Return a printable text that must be there, of at most ``LONGEST_TEXT`` characters."""
        return self.at(name).as_text()

    def optional_text(self, name: str) -> str | None:
        """Return a text; ``None`` where there is none, or an empty one."""
        return self.text(name) if self.has(name) and self.value[name] != "" else None

    def instant(self, name: str) -> datetime:
        """Return an instant, written as RFC 3339 has it."""
        part = self.at(name)
        instant = instant_of(part.as_text())
        if instant is None:
            raise part.wrong("an instant with a zone (RFC 3339)")
        return instant

    def whole_number(self, name: str) -> int:
        """Return a whole number."""
        part = self.at(name)
        if not isinstance(part.value, int) or isinstance(part.value, bool):
            raise part.wrong("a whole number")
        return part.value

    def parts(self, name: str) -> Sequence["Part"]:
        """Return the items of a list that must be there."""
        return self.at(name).items()

    def items(self) -> Sequence["Part"]:
        """Return the items of this list."""
        if not isinstance(self.value, list):
            raise self.wrong("a list")
        return [Part(item, f"{self.pointer}/{place}") for place, item in enumerate(self.value)]

    def as_text(self) -> str:
        """Return this printable text."""
        value = self.value
        if not isinstance(value, str) or not 0 < len(value) <= LONGEST_TEXT:
            raise self.wrong(f"a text of 1 to {LONGEST_TEXT} characters")
        if not value.isprintable():
            raise self.wrong("a printable text")
        return value

    def wrong(self, expected: str) -> UnreadablePartError:
        """Return the error that says what was expected here."""
        return UnreadablePartError(self.pointer, "wrong_type", f"expected {expected}")


_PURPOSES = {str(purpose): purpose for purpose in Purpose}

Tell: TypeAlias = Callable[[Part], Iterable[ForeignEvent] | None]
"""Returns what one element of a payload tells; ``None``: it means nothing to us."""


def document_in(body: bytes | str | Mapping[str, Any], *, pointer: str = "") -> Part:
    """Return a payload's JSON, or that of a text at ``pointer``, parsed before or not.

    Raises:
        UnreadablePartError: it is none.
    """
    if isinstance(body, Mapping):
        return Part(body, pointer)
    try:
        # Half of a surrogate pair, which a text may have, is no UTF-8, and refused as such.
        text = body if isinstance(body, bytes) else body.encode(errors="surrogatepass")
        return Part(document_of(text), pointer)
    except UnreadableError as error:
        raise UnreadablePartError(pointer, error.code, error.detail) from None


def translated(find: Callable[[], Sequence[Part]], tell: Tell) -> Translation:
    """Return what comes of a payload's elements; the good ones are kept whatever the others are.

    ``find`` may raise ``UnreadablePartError``: then the payload as a whole is rejected.
    """
    try:
        parts = find()
    except UnreadablePartError as error:
        return Translation(rejects=(_reject(0, error),))
    events: list[ForeignEvent] = []
    indices: list[int] = []
    rejects: list[Reject] = []
    ignored = 0
    for index, part in enumerate(parts):
        try:
            found = tell(part)
            if found is None:
                ignored += 1
                continue
            events.extend(found)
            indices.extend([index] * (len(events) - len(indices)))
        except UnreadablePartError as error:
            rejects.append(_reject(index, error))
        except InvalidFieldsError as error:
            rejects.extend(_refusals(index, part, error))
    return Translation(
        events=tuple(events), rejects=tuple(rejects), ignored=ignored, indices=tuple(indices)
    )


def original(value: Any) -> bytes | None:
    """Return JSON as it is kept beside the event; ``None`` where it is too large.

    Two that say the same are the same bytes, whatever the order of their fields: what a vendor
    tells by two ways is one event.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return text.encode() if len(text) <= LARGEST_ORIGINAL else None


def without_nulls(**fields: Any) -> dict[str, Any]:
    """Return an event's data, without the fields of which the vendor says nothing."""
    return {name: value for name, value in fields.items() if value is not None}


def consent(channel: Channel, *, topic: str | None, obtained_by: str) -> dict[str, Any]:
    """Return the data of a consent, with the fields that our own events of consent have."""
    return {
        "consent_channel": channel.value,
        "topic": topic,
        "obtained_by": obtained_by,
        "proof_id": None,
    }


def purpose_of(word: str | None) -> Purpose | None:
    """Return the purpose that a sender wrote on a message; ``None`` where it is none of ours."""
    return _PURPOSES.get(word) if word else None


def without_query(link: str | None) -> str | None:
    """Return a link up to its query: that may name the person, and events leave the app."""
    return link and (link.partition("#")[0].partition("?")[0] or None)


def _refusals(index: int, part: Part, error: InvalidFieldsError) -> Iterator[Reject]:
    """Yield why the ledger would not take an event; its fields are ours, so they go into words."""
    for field in error.fields:
        detail = f"{field.pointer.removeprefix('/')}: {field.detail}"
        yield Reject(index=index, code=field.code, pointer=part.pointer, detail=detail)


def _reject(index: int, error: UnreadablePartError) -> Reject:
    return Reject(index=index, code=error.code, pointer=error.pointer, detail=error.detail)


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")

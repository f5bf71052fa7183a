"""What other systems say happened, and what guards that it is recorded once."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from hashlib import sha256
from typing import Any

from shared.contact_events.errors import SubjectUnclearError
from shared.contact_events.model.event_types import OUR_SOURCES, is_ours_alone
from shared.contact_events.model.hours import LATEST
from shared.kernel.clock import EPOCH, rfc3339, whole_milliseconds
from shared.kernel.envelope import Envelope
from shared.kernel.errors import FieldProblem, InvalidFieldsError
from shared.kernel.events import Channel, Direction, Purpose, Subject

LONGEST_NAME = 200
"""Characters of a source or an id: of four bytes each, they fit into a sort key of 1,024."""

RAW = "raw"
"""The field of a foreign event's data that holds what its sender sent, sealed for its contact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignEvent:
    """What another system says happened to a contact.

    ``id`` is the sender's own, unique within its ``source``. ``type`` has no organisation before
    it. The contact is named by ``contact_id``, or by ``identifiers``: pairs of namespace and value,
    as the sender wrote them. ``data`` is JSON; ``raw`` is the original as it came, if it is to be
    kept: it may hold personal data, and is sealed before it is stored. ``is_time_reckoned`` says
    that the time follows from when the event came: it differs when the same event comes again.
    ``is_id_reckoned`` says that the sender gave no id, and that it is a digest of what was said:
    it is stored keyed, since whoever has the ledger could else find out by trying whom it names.

    Raises:
        SubjectUnclearError: there are both, or neither, of contact and identifiers.
        InvalidFieldsError: a name is empty, too long or not printable; the source or the type is
            one that only we tell; the time is none that a timeline shows; the data has a field
            ``raw``.
    """

    app_id: str
    source: str
    id: str
    type: str
    time: datetime
    channel: Channel | None = None
    direction: Direction | None = None
    purpose: Purpose | None = None
    identifiers: Sequence[tuple[str, str]] = ()
    contact_id: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    raw: bytes | None = None
    is_time_reckoned: bool = False
    is_id_reckoned: bool = False

    def __post_init__(self) -> None:
        if bool(self.identifiers) == bool(self.contact_id):
            raise SubjectUnclearError("name a contact or identifiers")
        problems = [*self._unusable_names(), *self._our_names(), *self._unusable_values()]
        if problems:
            raise InvalidFieldsError("the event cannot be recorded", fields=problems)

    def envelope(self, *, sequence: str, contact_id: str, raw: str | None) -> Envelope:
        """Return the event as the ledger keeps it, under a contact; ``raw`` is sealed."""
        return Envelope(
            app_id=self.app_id,
            sequence=sequence,
            type=self.type,
            source=self.source,
            time=whole_milliseconds(self.time),
            subject=Subject(kind="contact", id=contact_id),
            channel=self.channel,
            direction=self.direction,
            purpose=self.purpose,
            data={**self.data, RAW: raw} if raw is not None else self.data,
        )

    def _unusable_names(self) -> Iterator[FieldProblem]:
        for name in ("source", "id", "type"):
            value = getattr(self, name)
            if not 0 < len(value) <= LONGEST_NAME or not value.isprintable():
                detail = f"1 to {LONGEST_NAME} printable characters"
                yield FieldProblem(pointer=f"/{name}", code=name, detail=detail)

    def _our_names(self) -> Iterator[FieldProblem]:
        if self.source in OUR_SOURCES:
            yield FieldProblem(pointer="/source", code="reserved", detail="the name of our own")
        if is_ours_alone(self.type):
            yield FieldProblem(pointer="/type", code="reserved", detail="only we tell such events")

    def _unusable_values(self) -> Iterator[FieldProblem]:
        if not EPOCH <= self.time < LATEST:
            detail = f"an instant from 1970 to before {LATEST.year}"
            yield FieldProblem(pointer="/time", code="time", detail=detail)
        if RAW in self.data:
            detail = "the original of the event takes this name"
            yield FieldProblem(pointer=f"/data/{RAW}", code="reserved", detail=detail)


def fingerprint(event: ForeignEvent) -> str:
    """Return the SHA-256, in hexadecimal, of all that the sender says: its JSON, keys in order.

    Instants are compared in UTC and by the millisecond; the order of identifiers says nothing. A
    time that was reckoned is not what the sender says.
    """
    said = {one.name: getattr(event, one.name) for one in fields(event)}
    del said["is_id_reckoned"]
    if said.pop("is_time_reckoned"):
        del said["time"]
    said["identifiers"] = sorted(event.identifiers)
    canonical = json.dumps(said, default=_canonical, sort_keys=True, separators=(",", ":"))
    return sha256(canonical.encode()).hexdigest()


def _canonical(value: object) -> object:
    match value:
        case datetime():
            return rfc3339(value)
        case bytes():
            return value.hex()
        case Mapping():
            return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Remembers that an event of a sender is recorded: what it said, as which, under whom."""

    app_id: str
    source: str
    id: str
    fingerprint: str
    event_id: str
    contact_id: str

"""The envelope of a contact event: what the ledger stores and CloudEvents 1.0 carries."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.kernel.clock import from_rfc3339, rfc3339
from shared.kernel.events import DomainEvent, Subject


def public_id(sequence: str) -> str:
    """Return the id by which others know the event of a sequence."""
    return f"evt_{sequence}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowKey:
    """A ledger key fixed before the event happens, so that the row is its own dedupe guard.

    ``at`` takes the place of the event's time in the key; ``id`` the place of its sequence.
    """

    at: datetime
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One event of the ledger.

    ``sequence`` is a ULID: the order in which events were recorded. ``type`` has no organisation
    before it: that is the app's, added when the event leaves.
    """

    app_id: str
    sequence: str
    type: str
    source: str
    time: datetime
    subject: Subject
    channel: str | None = None
    direction: str | None = None
    purpose: str | None = None
    cause: str | None = None
    data: Mapping[str, Any]
    key: RowKey | None = None

    @property
    def id(self) -> str:
        """Return the public id; the hour and the index shard follow from it."""
        return public_id(self.sequence)


def seal(
    event: DomainEvent, *, sequence: str, cause: str | None = None, key: RowKey | None = None
) -> Envelope:
    """Put a domain event into its envelope.

    ``cause`` is the public id of the event that led to this one.
    """
    return Envelope(
        app_id=event.app_id,
        sequence=sequence,
        type=event.type,
        source=event.source,
        time=event.occurred_at,
        subject=event.subject,
        channel=event.channel,
        direction=event.direction,
        purpose=getattr(event, "purpose", None),
        cause=cause,
        data=event.payload(),
        key=key,
    )


def cloudevent(envelope: Envelope, *, org: str) -> dict[str, Any]:
    """Return the event in CloudEvents' JSON format (https://github.com/cloudevents/spec, 1.0.2).

    ``org`` is the app's organisation in reverse DNS form: it stands before the type.
    """
    optional = {
        "channel": envelope.channel,
        "direction": envelope.direction,
        "purpose": envelope.purpose,
        "causationid": envelope.cause,
    }
    return {
        "specversion": "1.0",
        "id": envelope.id,
        "source": f"/apps/{envelope.app_id}/{envelope.source}",
        "type": f"{org}.{envelope.type}",
        "time": rfc3339(envelope.time),
        "subject": f"{envelope.subject.kind}/{envelope.subject.id}",
        "datacontenttype": "application/json",
        "sequence": envelope.sequence,
        "partitionkey": envelope.subject.id,
        **{name: value for name, value in optional.items() if value is not None},
        "data": dict(envelope.data),
    }


def app_of(told: Mapping[str, Any]) -> str:
    """Return the app that an event is of which ``cloudevent`` wrote."""
    source: str = told["source"]
    return source.split("/")[2]


def published(told: Mapping[str, Any], *, event_type: str) -> Envelope:
    """Return the event that ``cloudevent`` wrote; ``event_type`` has no organisation before it."""
    _, _, app_id, source = told["source"].split("/", 3)
    kind, _, subject_id = told["subject"].partition("/")
    return Envelope(
        app_id=app_id,
        sequence=told["sequence"],
        type=event_type,
        source=source,
        time=from_rfc3339(told["time"]),
        subject=Subject(kind=kind, id=subject_id),
        channel=told.get("channel"),
        direction=told.get("direction"),
        purpose=told.get("purpose"),
        cause=told.get("causationid"),
        data=told["data"],
    )

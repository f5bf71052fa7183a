"""The ledger of contact events: the row that every domain's store puts into its own transaction.

| what          | pk                           | sk                     | index ``time``           |
| ------------- | ---------------------------- | ---------------------- | ------------------------ |
| contact event | APP#<app>#C#<contact>        | E#<time>#<source>#<id> | APP#<app>#T#<hour>#<n>   |
| other event   | APP#<app>#S#<kind>#<subject> | E#<time>#<source>#<id> | with <sequence>          |
| foreign guard | APP#<app>#D#<digest>         | D                      |                          |
| reject        | APP#<app>#R#<day>            | <ulid>                 |                          |
| relay receipt | RECEIPT#<hour>               | <batch>                |                          |
| counts        | APP#<app>#COUNTS#<month>     | <hour>                 |                          |
| sample        | APP#<app>#SAMPLES#<month>    | <hour>                 |                          |

Triggers and what they started lie in the table too: see their stores.

The row is the outbox: its stream publishes it. ``<id>`` is the sequence, or what the caller fixed
beforehand so that the row is its own dedupe guard. Hour and index shard follow from the sequence,
so the public id ``evt_<sequence>`` finds the row without another index. ``<digest>`` is the SHA-256
of source and id as an event's sender gave them: its guard says that it is recorded.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any
from zlib import crc32

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection

from shared.kernel.clock import from_rfc3339, rfc3339
from shared.kernel.envelope import Envelope
from shared.kernel.events import Subject
from shared.kernel.ids import made_at
from shared.platform.batches import Insert
from shared.platform.dynamodb import Put, Row, bind

INDEX_SHARDS = 16
"""An hour of one app is spread over so many index partitions, of 1,000 writes a second each."""

RETENTION = timedelta(days=760)
"""How long an event is kept: two years of comparing a month with the same month, and a bit."""


class TimeIndex(GlobalSecondaryIndex["EventRow"]):  # type: ignore[no-untyped-call]
    """Events by the hour in which they were recorded: for replay and for the audit."""

    class Meta:
        """Keys only: an index entry costs one write unit, and finds its row."""

        index_name = "time"
        projection = KeysOnlyProjection()

    hour = UnicodeAttribute(hash_key=True)
    sequence = UnicodeAttribute(range_key=True)


class EventRow(Row):
    """A contact event as the ledger keeps it."""

    hour = UnicodeAttribute()
    sequence = UnicodeAttribute()
    type = UnicodeAttribute()
    source = UnicodeAttribute()
    time = UnicodeAttribute()
    subject = UnicodeAttribute()
    channel = UnicodeAttribute(null=True)
    direction = UnicodeAttribute(null=True)
    purpose = UnicodeAttribute(null=True)
    cause = UnicodeAttribute(null=True)
    data = UnicodeAttribute()
    expires_at = NumberAttribute()

    time_index = TimeIndex()


def partition(app_id: str, subject: Subject) -> str:
    """Return the partition that holds a subject's events."""
    if subject.kind == "contact":
        return f"APP#{app_id}#C#{subject.id}"
    return f"APP#{app_id}#S#{subject.kind}#{subject.id}"


def hour_partition(app_id: str, hour: datetime, shard: int) -> str:
    """Return the index partition of one app, hour and shard."""
    return f"APP#{app_id}#T#{hour.astimezone(UTC):%Y-%m-%dT%H}#{shard}"


def shard_of(sequence: str) -> int:
    """Return the index shard of a sequence."""
    return crc32(sequence.encode()) % INDEX_SHARDS


def sort_key(envelope: Envelope) -> str:
    """Return where the event stands in its partition."""
    at = envelope.key.at if envelope.key else envelope.time
    row_id = envelope.key.id if envelope.key else envelope.sequence
    return key_of(at, source=envelope.source, row_id=row_id)


def key_of(at: datetime, *, source: str, row_id: str) -> str:
    """Return the sort key of an event."""
    return f"E#{rfc3339(at)}#{source}#{row_id}"


def key_time(sort_key: str) -> datetime:
    """Return the instant in a row's sort key."""
    return from_rfc3339(sort_key.split("#", 2)[1])


def row(envelope: Envelope, *, model: type[EventRow]) -> EventRow:
    """Return the ledger row of an event."""
    recorded = made_at(envelope.sequence)
    return model(
        partition(envelope.app_id, envelope.subject),
        sort_key(envelope),
        hour=hour_partition(envelope.app_id, recorded, shard_of(envelope.sequence)),
        sequence=envelope.sequence,
        type=envelope.type,
        source=envelope.source,
        time=rfc3339(envelope.time),
        subject=f"{envelope.subject.kind}/{envelope.subject.id}",
        channel=envelope.channel,
        direction=envelope.direction,
        purpose=envelope.purpose,
        cause=envelope.cause,
        data=json.dumps(envelope.data, default=plain, separators=(",", ":"), ensure_ascii=False),
        expires_at=int((recorded + RETENTION).timestamp()),
    )


def from_row(found: EventRow) -> Envelope:
    """Return the event of a ledger row."""
    return envelope_of(found.attribute_values)


def envelope_of(values: Mapping[str, Any]) -> Envelope:
    """Return the event whose attributes are ``values``, as a row or a stream record has them."""
    kind, _, subject_id = values["subject"].partition("/")
    return Envelope(
        app_id=values["pk"].split("#")[1],
        sequence=values["sequence"],
        type=values["type"],
        source=values["source"],
        time=from_rfc3339(values["time"]),
        subject=Subject(kind=kind, id=subject_id),
        channel=values.get("channel"),
        direction=values.get("direction"),
        purpose=values.get("purpose"),
        cause=values.get("cause"),
        data=json.loads(values["data"]),
    )


class Ledger:
    """Builds the write that puts an event beside the change it tells of."""

    def __init__(self, *, table: str) -> None:
        self._row = bind(EventRow, table=table)

    def record(self, envelope: Envelope) -> Put:
        """Return the write for a transaction; it is refused where the row's key is taken."""
        return Put(row=row(envelope, model=self._row), condition=self._row.pk.does_not_exist())

    def insert(self, envelope: Envelope) -> Insert:
        """Return the write for a batch; it is refused, alone, where the row's key is taken."""
        return Insert(row=row(envelope, model=self._row))


def plain(value: object) -> object:
    """Render what JSON lacks: instants as RFC 3339 in UTC, sets sorted, words by their value."""
    match value:
        case datetime():
            return rfc3339(value)
        case timedelta():
            return value.total_seconds()
        case Enum():
            return value.value
        case frozenset() | set():
            return sorted(value)
        case Mapping():
            return dict(value)
    raise TypeError(f"{type(value).__name__} has no place in an event")

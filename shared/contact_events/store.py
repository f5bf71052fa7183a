"""The ledger in DynamoDB: written to by others, read as timelines, audited by the hour.

Its keys are described where its rows are built, in ``shared.platform.ledger``.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import groupby
from operator import itemgetter

from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.condition import Condition
from typing_extensions import override

from shared.contact_events.model import ForeignEvent, Guard, Place, Placed, TimelineQuery, hour_of
from shared.contact_events.ports import EventStore, ForeignEventStore, ReceiptStore
from shared.kernel.clock import from_rfc3339, rfc3339
from shared.kernel.envelope import Envelope
from shared.kernel.events import Subject
from shared.kernel.ids import made_at, packed, unpacked
from shared.platform.dynamodb import Put, Row, WriteRefusedError, bind, commit, plain_rows
from shared.platform.ledger import (
    INDEX_SHARDS,
    RETENTION,
    EventRow,
    Ledger,
    envelope_of,
    from_row,
    hour_partition,
    key_time,
    partition,
    shard_of,
)

RECEIPTS_KEPT = timedelta(days=8)
"""Longer than the longest time after which somebody would still run an audit by hand."""

GUARD_OUTLIVES = timedelta(days=7)
"""A guard is kept so much longer than its event: DynamoDB deletes either a few days late."""

# A page of 50, the event of the cursor before it, the one that tells whether another page follows,
# and the one that ends that one's instant.
_PAGE = 53
_READERS = 8
# Above every key of an instant: "#" < "~".
_AFTER = "~"


class DynamoEventStore(EventStore):
    """The ledger, read."""

    def __init__(self, *, table: str) -> None:
        self._row = bind(EventRow, table=table)

    @override
    def timeline(self, contact_id: str, *, app_id: str, query: TimelineQuery) -> Iterator[Placed]:
        subject = Subject(kind="contact", id=contact_id)
        rows = plain_rows(
            self._row,
            partition(app_id, subject),
            self._between(query),
            newest_first=query.newest_first,
            page_size=_PAGE,
        )
        # Rows of one instant lie in the order of their keys: put them into that of their sequence.
        for at, same_instant in groupby(rows, key=lambda row: key_time(row["sk"])):
            ordered = sorted(same_instant, key=itemgetter("sequence"), reverse=query.newest_first)
            for row in ordered:
                place = Place(at, row["sequence"])
                if _is_after(place, query):
                    yield Placed(place=place, event=envelope_of(row))

    @override
    def erase(self, contact_id: str, *, app_id: str) -> None:
        subject = Subject(kind="contact", id=contact_id)
        keys = self._row.query(
            partition(app_id, subject), attributes_to_get=["pk", "sk"], consistent_read=True
        )
        with self._row.batch_write() as batch:
            for found in keys:
                batch.delete(found)

    @override
    def sequences_of(self, hour: datetime, *, app_id: str) -> Sequence[str]:
        def read(shard: int) -> list[str]:
            entries = self._row.time_index.query(hour_partition(app_id, hour, shard))
            return [entry.sequence for entry in entries]

        with ThreadPoolExecutor(_READERS) as readers:
            return sorted(
                found for part in readers.map(read, range(INDEX_SHARDS)) for found in part
            )

    @override
    def events_of(self, sequences: Sequence[str], *, app_id: str) -> Sequence[Envelope]:
        def find(sequence: str) -> tuple[str, str]:
            hour = hour_partition(app_id, hour_of(made_at(sequence)), shard_of(sequence))
            entries = self._row.time_index.query(hour, self._row.sequence == sequence)
            entry = next(iter(entries))
            return entry.pk, entry.sk

        with ThreadPoolExecutor(_READERS) as readers:
            keys = list(readers.map(find, sequences))
        found = [from_row(row) for row in self._row.batch_get(keys, consistent_read=True)]
        return sorted(found, key=lambda event: event.sequence)

    def _between(self, query: TimelineQuery) -> Condition:
        """Return the range of keys in which the wanted instants lie."""
        since, until = query.since, query.until
        if query.after:
            edge = query.after.at
            if query.newest_first:
                until = min(until, edge + timedelta(milliseconds=1)) if until else None
                until = until or edge + timedelta(milliseconds=1)
            else:
                since = max(since, edge) if since else edge
        low = f"E#{rfc3339(since)}" if since else "E#"
        high = f"E#{rfc3339(until)}" if until else f"E#{_AFTER}"
        # BETWEEN includes its end: no key is the bare instant, so nothing of ``until`` comes along.
        return self._row.sk.between(low, high)


class _GuardRow(Row):
    """Says that a foreign event is recorded; it holds no ``sequence``: the relay passes it over."""

    fingerprint = UnicodeAttribute()
    event_id = UnicodeAttribute()
    contact_id = UnicodeAttribute()
    expires_at = NumberAttribute()


class DynamoForeignEventStore(ForeignEventStore):
    """The ledger, as others write to it: event and guard in one transaction."""

    def __init__(self, *, table: str) -> None:
        self._guard = bind(_GuardRow, table=table)
        self._ledger = Ledger(table=table)

    @override
    def guard_of(self, event: ForeignEvent) -> Guard | None:
        return self._standing(event.app_id, event.source, event.id)

    @override
    def commit_once(self, event: Envelope, *, guard: Guard) -> Guard:
        row = self._guard(
            *_guard_key(guard.app_id, guard.source, guard.id),
            fingerprint=guard.fingerprint,
            event_id=guard.event_id,
            contact_id=guard.contact_id,
            expires_at=int((made_at(event.sequence) + RETENTION + GUARD_OUTLIVES).timestamp()),
        )
        try:
            commit(
                {
                    "guard": Put(row=row, condition=self._guard.pk.does_not_exist()),
                    "event": self._ledger.record(event),
                }
            )
        except WriteRefusedError:
            standing = self._standing(guard.app_id, guard.source, guard.id)
            if standing is None:
                raise
            return standing
        return guard

    def _standing(self, app_id: str, source: str, sender_id: str) -> Guard | None:
        try:
            row = self._guard.get(*_guard_key(app_id, source, sender_id), consistent_read=True)
        except DoesNotExist:
            return None
        return Guard(
            app_id=app_id,
            source=source,
            id=sender_id,
            fingerprint=row.fingerprint,
            event_id=row.event_id,
            contact_id=row.contact_id,
        )


def _guard_key(app_id: str, source: str, sender_id: str) -> tuple[str, str]:
    digest = sha256(f"{source}\0{sender_id}".encode()).hexdigest()
    return f"APP#{app_id}#D#{digest}", "D"


class _ReceiptRow(Row):
    """A batch that the relay published: 16 bytes an event."""

    sequences = BinaryAttribute(legacy_encoding=False)
    expires_at = NumberAttribute()


class _AuditedRow(Row):
    """Up to which hour the relay was audited."""

    until = UnicodeAttribute()


class DynamoReceiptStore(ReceiptStore):
    """The relay's receipts, in the ledger's table; they hold no ``sequence``: no stream loop."""

    def __init__(self, *, table: str) -> None:
        self._receipt = bind(_ReceiptRow, table=table)
        self._audited = bind(_AuditedRow, table=table)

    @override
    def add_receipt(self, hour: datetime, *, batch: str, sequences: Sequence[str]) -> None:
        self._receipt(
            _receipts_of(hour),
            batch,
            sequences=b"".join(packed(sequence) for sequence in sequences),
            expires_at=int((hour + RECEIPTS_KEPT).timestamp()),
        ).save()

    @override
    def published_in(self, hour: datetime) -> frozenset[str]:
        rows = self._receipt.query(_receipts_of(hour), consistent_read=True)
        return frozenset(sequence for row in rows for sequence in unpacked(row.sequences))

    @override
    def audited_until(self) -> datetime | None:
        try:
            row = self._audited.get("RECEIPT#AUDITED", "UNTIL", consistent_read=True)
        except DoesNotExist:
            return None
        return from_rfc3339(row.until)

    @override
    def set_audited_until(self, hour: datetime) -> None:
        self._audited("RECEIPT#AUDITED", "UNTIL", until=rfc3339(hour)).save()


def _receipts_of(hour: datetime) -> str:
    return f"RECEIPT#{hour:%Y-%m-%dT%H}"


def _is_after(place: Place, query: TimelineQuery) -> bool:
    if query.after is None:
        return True
    return place < query.after if query.newest_first else place > query.after

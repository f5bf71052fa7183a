"""The ledger in DynamoDB: written to by others, read as timelines, audited by the hour.

Its keys are described where its rows are built, in ``shared.platform.ledger``.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import groupby, islice
from operator import itemgetter

from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.condition import Condition
from typing_extensions import override

from shared.contact_events.model.events import ForeignEvent, Guard
from shared.contact_events.model.hours import hour_of
from shared.contact_events.model.rejects import KEPT as REJECTS_KEPT
from shared.contact_events.model.rejects import Refused
from shared.contact_events.model.replays import HourPage
from shared.contact_events.model.timelines import Place, Placed, TimelineQuery
from shared.contact_events.model.translations import Reject
from shared.contact_events.ports import EventStore, ForeignEventStore, ReceiptStore, RejectStore
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

DAY = timedelta(days=1)

GUARD_OUTLIVES = timedelta(days=7)
"""A guard is kept so much longer than its event: DynamoDB deletes either a few days late."""

# A page of 50, the event of the cursor before it, the one that tells whether another page follows,
# and the one that ends that one's instant.
_PAGE = 53
_READERS = 8
AT_ONCE = 100
"""Items that DynamoDB reads in one batch."""
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
        def find(sequence: str) -> tuple[str, str] | None:
            hour = hour_partition(app_id, hour_of(made_at(sequence)), shard_of(sequence))
            entries = self._row.time_index.query(hour, self._row.sequence == sequence)
            entry = next(iter(entries), None)
            return (entry.pk, entry.sk) if entry else None

        with ThreadPoolExecutor(_READERS) as readers:
            keys = [key for key in readers.map(find, sequences) if key]
        found = [from_row(row) for row in self._row.batch_get(keys, consistent_read=True)]
        return sorted(found, key=lambda event: event.sequence)

    @override
    def events_in(self, hour: datetime, *, app_id: str) -> Iterator[Envelope]:
        for shard in range(INDEX_SHARDS):
            entries = self._row.time_index.query(hour_partition(app_id, hour, shard))
            keys = ((entry.pk, entry.sk) for entry in entries)
            while page := list(islice(keys, AT_ONCE)):
                yield from map(from_row, self._row.batch_get(page))

    @override
    def page_of(
        self, hour: datetime, *, app_id: str, after: str, last: str, limit: int
    ) -> HourPage:
        def read(shard: int) -> list[tuple[str, str, str]]:
            entries = self._row.time_index.query(
                hour_partition(app_id, hour, shard),
                # BETWEEN includes both ends: one more for ``after``, one that tells of more.
                self._row.sequence.between(after, last),
                limit=limit + 2,
            )
            return [(one.sequence, one.pk, one.sk) for one in entries if one.sequence > after]

        with ThreadPoolExecutor(_READERS) as readers:
            found = sorted(
                one for part in readers.map(read, range(INDEX_SHARDS)) for one in part[: limit + 1]
            )
        keys = [(pk, sk) for _, pk, sk in found[:limit]]
        rows = self._row.batch_get(keys, consistent_read=True)
        return HourPage(
            events=sorted(map(from_row, rows), key=lambda event: event.sequence),
            after=found[limit - 1][0] if len(found) > limit else None,
        )

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


class _RejectRow(Row):
    """A reject; it holds no ``sequence``: the relay passes it over."""

    wire = UnicodeAttribute()
    index = NumberAttribute()
    code = UnicodeAttribute()
    pointer = UnicodeAttribute()
    detail = UnicodeAttribute()
    source = UnicodeAttribute(null=True)
    sender_id = UnicodeAttribute(null=True)
    type = UnicodeAttribute(null=True)
    expires_at = NumberAttribute()


class DynamoRejectStore(RejectStore):
    """Rejects by day, in the ledger's table; of a day the id is the order."""

    def __init__(self, *, table: str) -> None:
        self._row = bind(_RejectRow, table=table)

    @override
    def add_rejects(self, rejects: Sequence[Refused]) -> None:
        with self._row.batch_write() as batch:
            for refused in rejects:
                batch.save(self._stored(refused))

    @override
    def rejects(
        self, app_id: str, *, before: str | None, at: datetime, limit: int
    ) -> Sequence[Refused]:
        found: list[Refused] = []
        newest = made_at(before) if before else at
        day = newest.replace(hour=0, minute=0, second=0, microsecond=0)
        while day > at - REJECTS_KEPT - DAY and len(found) < limit:
            rows = self._row.query(
                _rejects_of(app_id, day),
                self._row.sk < before if before else None,
                scan_index_forward=False,
                limit=limit - len(found),
                consistent_read=True,
            )
            found += [_refused_of(row, app_id=app_id) for row in rows]
            day -= DAY
        return [one for one in found if one.at > at - REJECTS_KEPT]

    def _stored(self, refused: Refused) -> _RejectRow:
        return self._row(
            _rejects_of(refused.app_id, made_at(refused.reject_id)),
            refused.reject_id,
            wire=refused.wire,
            index=refused.reject.index,
            code=refused.reject.code,
            pointer=refused.reject.pointer,
            detail=refused.reject.detail,
            source=refused.source,
            sender_id=refused.id,
            type=refused.type,
            expires_at=int((refused.at + REJECTS_KEPT).timestamp()),
        )


def _rejects_of(app_id: str, day: datetime) -> str:
    return f"APP#{app_id}#R#{day:%Y-%m-%d}"


def _refused_of(row: _RejectRow, *, app_id: str) -> Refused:
    return Refused(
        app_id=app_id,
        reject_id=row.sk,
        wire=row.wire,
        at=made_at(row.sk),
        reject=Reject(index=int(row.index), code=row.code, pointer=row.pointer, detail=row.detail),
        source=row.source,
        id=row.sender_id,
        type=row.type,
    )


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

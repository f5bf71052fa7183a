"""Segments in DynamoDB."""

import json
from collections.abc import Mapping

from pynamodb.attributes import NumberAttribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.exceptions import DoesNotExist
from typing_extensions import override

from shared.kernel.clock import from_rfc3339, rfc3339
from shared.kernel.envelope import Envelope
from shared.kernel.idempotency import Attempt, Remembered
from shared.kernel.paging import Page
from shared.platform.attempts import Attempts
from shared.platform.dynamodb import (
    Delete,
    Put,
    Row,
    Update,
    Write,
    WriteRefusedError,
    bind,
    commit,
)
from shared.platform.ledger import Ledger
from shared.registrations.errors import (
    SegmentChangedError,
    SegmentNameTakenError,
    SegmentNotFoundError,
)
from shared.registrations.model.rule_documents import document_of, rule_of
from shared.registrations.model.segments import Segment
from shared.registrations.ports import SegmentStore


class _SegmentRow(Row):
    """A segment as it stands, or one of its versions; the rule is one JSON text."""

    segment_id = UnicodeAttribute()
    name = UnicodeAttribute()
    rule = UnicodeAttribute()
    version = NumberAttribute()
    created_at = UnicodeAttribute()
    updated_at = UnicodeAttribute()


class _NameRow(Row):
    """The fact that a name is taken, and by which segment."""

    segment_id = UnicodeAttribute()


class _EventTypesRow(Row):
    """The types of events that any version of a segment asks for."""

    types = UnicodeSetAttribute()


class DynamoSegmentStore(SegmentStore):
    """Segments, in the registrations table."""

    def __init__(self, *, table: str, ledger: Ledger) -> None:
        self._segment = bind(_SegmentRow, table=table)
        self._name = bind(_NameRow, table=table)
        self._types = bind(_EventTypesRow, table=table)
        self._attempts = Attempts(table=table)
        self._ledger = ledger

    @override
    def add_segment(self, segment: Segment, event: Envelope, *, attempt: Attempt | None) -> bool:
        writes: dict[str, Write] = {
            "segment": self._stands(segment),
            "name": self._take_name(segment),
            "event": self._ledger.record(event),
            **self._kept(segment),
        }
        if attempt:
            writes["attempt"] = self._attempts.remember(
                attempt, result=segment.segment_id, at=segment.created_at
            )
        try:
            commit(writes)
        except WriteRefusedError as error:
            if "attempt" in error.failed:
                return False
            raise SegmentNameTakenError(segment.name) from error
        return True

    @override
    def recall(self, attempt: Attempt) -> Remembered | None:
        return self._attempts.recall(attempt)

    @override
    def get_segment(self, segment_id: str, *, app_id: str, version: int | None = None) -> Segment:
        key = _key(app_id, segment_id)
        if version is not None:
            key = _version_key(app_id, segment_id, version)
        try:
            row = self._segment.get(*key, consistent_read=True)
        except DoesNotExist as error:
            raise SegmentNotFoundError(segment_id) from error
        return _segment_of(row, app_id=app_id)

    @override
    def list_segments(self, app_id: str, *, limit: int, cursor: str | None) -> Page[Segment]:
        # The keys of segments lie after those of names and types, at the end of their partition.
        after = self._segment.sk > f"S#{cursor or ''}"
        rows = list(self._segment.query(_partition(app_id), after, limit=limit + 1))
        items = [_segment_of(row, app_id=app_id) for row in rows[:limit]]
        return Page(items=items, next_cursor=items[-1].segment_id if len(rows) > limit else None)

    @override
    def replace_segment(self, segment: Segment, event: Envelope, *, before: Segment) -> None:
        writes: dict[str, Write] = {
            "segment": self._stands(segment, before=before),
            "event": self._ledger.record(event),
            **self._kept(segment),
        }
        if segment.name != before.name:
            writes["name"] = self._take_name(segment)
            writes["former name"] = self._free_name(before)
        try:
            commit(writes)
        except WriteRefusedError as error:
            if "segment" in error.failed:
                raise SegmentChangedError(segment.segment_id) from error
            raise SegmentNameTakenError(segment.name) from error

    @override
    def remove_segment(self, segment: Segment, event: Envelope) -> None:
        row = self._segment(*_key(segment.app_id, segment.segment_id))
        types = self._types(*_types_key(segment))
        try:
            commit(
                {
                    "segment": Delete(row=row, condition=self._segment.version == segment.version),
                    "name": self._free_name(segment),
                    "event types": Delete(row=types),
                    "event": self._ledger.record(event),
                }
            )
        except WriteRefusedError as error:
            raise SegmentChangedError(segment.segment_id) from error

    @override
    def event_types(self, app_id: str) -> Mapping[str, frozenset[str]]:
        rows = self._types.query(_partition(app_id), self._types.sk.startswith("E#"))
        return {row.sk.removeprefix("E#"): frozenset(row.types) for row in rows}

    def _stands(self, segment: Segment, *, before: Segment | None = None) -> Put:
        """Return the write of a segment as it stands, on condition that it follows the last."""
        row = self._segment
        follows = row.version == before.version if before else row.pk.does_not_exist()
        return Put(
            row=self._row(segment, *_key(segment.app_id, segment.segment_id)), condition=follows
        )

    def _kept(self, segment: Segment) -> dict[str, Write]:
        """Return the writes of what is kept of a version for good."""
        key = _version_key(segment.app_id, segment.segment_id, segment.version)
        writes: dict[str, Write] = {"version": Put(row=self._row(segment, *key))}
        if segment.event_types:
            types = self._types.types.add(set(segment.event_types))
            writes["event types"] = Update(row=self._types(*_types_key(segment)), actions=[types])
        return writes

    def _take_name(self, segment: Segment) -> Put:
        row = self._name(*_name_key(segment), segment_id=segment.segment_id)
        return Put(row=row, condition=self._name.pk.does_not_exist())

    def _free_name(self, segment: Segment) -> Delete:
        return Delete(row=self._name(*_name_key(segment)))

    def _row(self, segment: Segment, pk: str, sk: str) -> _SegmentRow:
        return self._segment(
            pk,
            sk,
            segment_id=segment.segment_id,
            name=segment.name,
            rule=json.dumps(document_of(segment.rule), separators=(",", ":"), ensure_ascii=False),
            version=segment.version,
            created_at=rfc3339(segment.created_at),
            updated_at=rfc3339(segment.updated_at),
        )


def _partition(app_id: str) -> str:
    return f"APP#{app_id}#SEGMENTS"


def _key(app_id: str, segment_id: str) -> tuple[str, str]:
    return _partition(app_id), f"S#{segment_id}"


def _version_key(app_id: str, segment_id: str, version: int) -> tuple[str, str]:
    return f"APP#{app_id}#SEGMENT#{segment_id}", f"V#{version}"


def _name_key(segment: Segment) -> tuple[str, str]:
    return _partition(segment.app_id), f"N#{segment.name}"


def _types_key(segment: Segment) -> tuple[str, str]:
    return _partition(segment.app_id), f"E#{segment.segment_id}"


def _segment_of(row: _SegmentRow, *, app_id: str) -> Segment:
    return Segment(
        app_id=app_id,
        segment_id=row.segment_id,
        name=row.name,
        rule=rule_of(json.loads(row.rule)),
        version=int(row.version),
        created_at=from_rfc3339(row.created_at),
        updated_at=from_rfc3339(row.updated_at),
    )

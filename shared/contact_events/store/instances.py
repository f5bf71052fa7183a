"""Instances of triggers in DynamoDB, in the ledger's table; none of their rows is an event.

| what     | pk                               | sk                          |
| -------- | -------------------------------- | --------------------------- |
| instance | APP#<app>#STARTED#<contact>      | I#<trigger>#<cause>         |
| entry    | APP#<app>#STARTED#<contact>      | ENTRY#<trigger>             |
| timer    | APP#<app>#TIMER#<minute>#<0-15>  | <contact>#<trigger>#<cause> |
| swept    | APP#<app>#TIMER                  | SWEPT                       |

A timer is a copy of its instance: whatever changes the one changes the other with it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from typing_extensions import override

from shared.contact_events.errors import StaleError
from shared.contact_events.model.firing import (
    KEPT,
    SHARDS,
    Instance,
    InstanceState,
    minute_of,
)
from shared.contact_events.ports import Entry, InstanceStore
from shared.kernel.clock import from_rfc3339, rfc3339
from shared.kernel.envelope import Envelope
from shared.platform.dynamodb import Delete, Put, Row, Write, WriteRefusedError, bind, commit
from shared.platform.ledger import RETENTION, Ledger


class _InstanceRow(Row):
    """An instance, or its timer, as one JSON text."""

    text = UnicodeAttribute()
    writes = NumberAttribute()
    expires_at = NumberAttribute()


class _EntryRow(Row):
    """When a person entered a trigger last."""

    entered_at = UnicodeAttribute()
    expires_at = NumberAttribute()


class _SweptRow(Row):
    """Up to which minute all is swept."""

    until = UnicodeAttribute()


class DynamoInstanceStore(InstanceStore):
    """Instances, their timers, and who entered what."""

    def __init__(self, *, table: str) -> None:
        self._instance = bind(_InstanceRow, table=table)
        self._entry = bind(_EntryRow, table=table)
        self._swept = bind(_SweptRow, table=table)
        self._ledger = Ledger(table=table)
        self._marked: set[str] = set()
        """Apps whose mark is known to be set; it is never taken away."""

    @override
    def add(self, instance: Instance, *, entry: Entry | None) -> None:
        self._begin(instance)
        writes: dict[str, Write] = {
            "instance": Put(
                row=self._instance_row(instance), condition=self._instance.pk.does_not_exist()
            )
        }
        if instance.state is InstanceState.WAITING:
            writes["timer"] = Put(row=self._timer_row(instance))
        if entry:
            writes["entry"] = self._entered(instance, entry)
        try:
            commit(writes)
        except WriteRefusedError as error:
            if "instance" not in error.failed:
                raise StaleError(str(error)) from error

    @override
    def entries(
        self, contact_ids: Sequence[str], *, trigger_id: str, app_id: str
    ) -> Mapping[str, datetime]:
        found = {}
        for contact_id in contact_ids:
            with suppress(DoesNotExist):
                key = _started_of(app_id, contact_id), _entry_of(trigger_id)
                row = self._entry.get(*key, consistent_read=True)
                found[contact_id] = from_rfc3339(row.entered_at)
        return found

    @override
    def find(self, trigger_id: str, cause: str, *, contact_id: str, app_id: str) -> Instance | None:
        key = _started_of(app_id, contact_id), _instance_of(trigger_id, cause)
        try:
            row = self._instance.get(*key, consistent_read=True)
        except DoesNotExist:
            return None
        return _read(row, app_id=app_id)

    @override
    def instances_of(self, contact_id: str, *, trigger_id: str, app_id: str) -> Sequence[Instance]:
        return self._instances(contact_id, f"I#{trigger_id}#", app_id=app_id)

    @override
    def replace(self, instance: Instance, *, event: Envelope | None = None) -> None:
        before = self.find(
            instance.trigger_id,
            instance.cause,
            contact_id=instance.contact_id,
            app_id=instance.app_id,
        )
        if before is None or before.writes != instance.writes - 1:
            raise StaleError(instance.instance_id)
        stands = self._instance.writes == before.writes
        writes: dict[str, Write] = {
            "instance": Put(row=self._instance_row(instance), condition=stands),
        }
        if _timer_key(before) != _timer_key(instance) or instance.state.is_final:
            writes["past timer"] = Delete(row=self._instance(*_timer_key(before)))
        if not instance.state.is_final:
            writes["timer"] = Put(row=self._timer_row(instance))
        if event:
            writes["event"] = self._ledger.record(event)
        try:
            commit(writes)
        except WriteRefusedError as error:
            raise StaleError(str(error)) from error

    @override
    def due_in(self, app_id: str, *, minute: datetime) -> Iterator[Instance]:
        for shard in range(SHARDS):
            rows = self._instance.query(_timers_of(app_id, minute, shard), consistent_read=True)
            for row in rows:
                yield _read(row, app_id=app_id)

    @override
    def swept_until(self, app_id: str) -> datetime | None:
        try:
            row = self._swept.get(*_swept_key(app_id), consistent_read=True)
        except DoesNotExist:
            return None
        return from_rfc3339(row.until)

    @override
    def mark_swept(self, app_id: str, *, until: datetime) -> None:
        row = self._swept(*_swept_key(app_id), until=rfc3339(until))
        with suppress(WriteRefusedError):
            commit({"swept": Put(row=row, condition=self._swept.until < rfc3339(until))})

    @override
    def kept_of(self, contact_id: str, *, app_id: str) -> Sequence[Instance]:
        return self._instances(contact_id, "I#", app_id=app_id)

    @override
    def erase(self, contact_id: str, *, app_id: str) -> None:
        kept = self.kept_of(contact_id, app_id=app_id)
        rows = self._instance.query(
            _started_of(app_id, contact_id), attributes_to_get=["pk", "sk"], consistent_read=True
        )
        with self._instance.batch_write() as batch:
            for instance in kept:
                batch.delete(self._instance(*_timer_key(instance)))
            for row in rows:
                batch.delete(row)

    def _instances(self, contact_id: str, prefix: str, *, app_id: str) -> list[Instance]:
        rows = self._instance.query(
            _started_of(app_id, contact_id),
            self._instance.sk.startswith(prefix),
            consistent_read=True,
        )
        return [_read(row, app_id=app_id) for row in rows]

    def _entered(self, instance: Instance, entry: Entry) -> Put:
        row = self._entry(
            _started_of(instance.app_id, entry.contact_id),
            _entry_of(instance.trigger_id),
            entered_at=rfc3339(instance.caused_at),
            expires_at=int((instance.started_at + RETENTION).timestamp()),
        )
        if entry.before is None:
            return Put(row=row, condition=self._entry.pk.does_not_exist())
        return Put(row=row, condition=self._entry.entered_at == rfc3339(entry.before))

    def _begin(self, instance: Instance) -> None:
        """Set an app's mark before its first instance: what is due later comes after it."""
        if instance.app_id in self._marked:
            return
        until = rfc3339(minute_of(instance.started_at))
        row = self._swept(*_swept_key(instance.app_id), until=until)
        with suppress(WriteRefusedError):
            commit({"swept": Put(row=row, condition=self._swept.pk.does_not_exist())})
        self._marked.add(instance.app_id)

    def _instance_row(self, instance: Instance) -> _InstanceRow:
        key = (
            _started_of(instance.app_id, instance.contact_id),
            _instance_of(instance.trigger_id, instance.cause),
        )
        return self._row(key, instance)

    def _timer_row(self, instance: Instance) -> _InstanceRow:
        return self._row(_timer_key(instance), instance)

    def _row(self, key: tuple[str, str], instance: Instance) -> _InstanceRow:
        return self._instance(
            *key,
            text=json.dumps(_plain(instance), separators=(",", ":")),
            writes=instance.writes,
            expires_at=int((instance.due_at + KEPT).timestamp()),
        )


def _started_of(app_id: str, contact_id: str) -> str:
    return f"APP#{app_id}#STARTED#{contact_id}"


def _instance_of(trigger_id: str, cause: str) -> str:
    return f"I#{trigger_id}#{cause}"


def _entry_of(trigger_id: str) -> str:
    return f"ENTRY#{trigger_id}"


def _timers_of(app_id: str, minute: datetime, shard: int) -> str:
    return f"APP#{app_id}#TIMER#{minute.astimezone(UTC):%Y-%m-%dT%H:%M}#{shard}"


def _timer_key(instance: Instance) -> tuple[str, str]:
    partition = _timers_of(instance.app_id, instance.minute, instance.shard)
    return partition, f"{instance.contact_id}#{instance.trigger_id}#{instance.cause}"


def _swept_key(app_id: str) -> tuple[str, str]:
    return f"APP#{app_id}#TIMER", "SWEPT"


def _plain(instance: Instance) -> Mapping[str, Any]:
    return {
        "trigger": instance.trigger_id,
        "version": instance.trigger_version,
        "contact": instance.contact_id,
        "cause": instance.cause,
        "caused_at": rfc3339(instance.caused_at),
        "ids": dict(instance.ids),
        "started_at": rfc3339(instance.started_at),
        "due_at": rfc3339(instance.due_at),
        "first_due_at": rfc3339(instance.first_due_at),
        "state": instance.state.value,
        "ended_at": rfc3339(instance.ended_at) if instance.ended_at else None,
        "because": instance.because,
    }


def _read(row: _InstanceRow, *, app_id: str) -> Instance:
    told = json.loads(row.text)
    return Instance(
        app_id=app_id,
        trigger_id=told["trigger"],
        trigger_version=told["version"],
        contact_id=told["contact"],
        cause=told["cause"],
        caused_at=from_rfc3339(told["caused_at"]),
        ids=told["ids"],
        started_at=from_rfc3339(told["started_at"]),
        due_at=from_rfc3339(told["due_at"]),
        first_due_at=from_rfc3339(told["first_due_at"]),
        state=InstanceState(told["state"]),
        ended_at=from_rfc3339(told["ended_at"]) if told["ended_at"] else None,
        because=told["because"],
        writes=int(row.writes),
    )

"""Triggers in DynamoDB, in the ledger's table; they hold no ``sequence``: the relay passes them by.

| what     | pk                           | sk             |
| -------- | ---------------------------- | -------------- |
| trigger  | APP#<app>#TRIGGERS           | <trigger>      |
| version  | APP#<app>#TRIGGERS#<trigger> | V#<ten digits> |
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from typing_extensions import override

from shared.contact_events.errors import StaleError
from shared.contact_events.model.trigger_documents import document_of, trigger_of
from shared.contact_events.model.triggers import Trigger, TriggerApproval, TriggerRule
from shared.contact_events.ports import TriggerStore
from shared.kernel.clock import from_rfc3339, rfc3339
from shared.kernel.envelope import Envelope
from shared.platform.dynamodb import Delete, Put, Row, Write, WriteRefusedError, bind, commit
from shared.platform.ledger import Ledger


class _TriggerRow(Row):
    """A trigger, or the rule of one of its versions, as one JSON text."""

    text = UnicodeAttribute()
    writes = NumberAttribute()


class DynamoTriggerStore(TriggerStore):
    """Triggers and their versions."""

    def __init__(self, *, table: str) -> None:
        self._row = bind(_TriggerRow, table=table)
        self._ledger = Ledger(table=table)

    @override
    def add(self, trigger: Trigger, *, event: Envelope) -> None:
        self._write(trigger, event=event)

    @override
    def find(self, trigger_id: str, *, app_id: str) -> Trigger | None:
        try:
            row = self._row.get(_triggers_of(app_id), trigger_id, consistent_read=True)
        except DoesNotExist:
            return None
        return _trigger_of(row, app_id=app_id)

    @override
    def triggers_of(self, app_id: str) -> Sequence[Trigger]:
        rows = self._row.query(_triggers_of(app_id), consistent_read=True)
        return [_trigger_of(row, app_id=app_id) for row in rows]

    @override
    def rule_of(self, trigger_id: str, version: int, *, app_id: str) -> TriggerRule | None:
        try:
            row = self._row.get(*_version_key(app_id, trigger_id, version), consistent_read=True)
        except DoesNotExist:
            return None
        return trigger_of(json.loads(row.text))

    @override
    def replace(self, trigger: Trigger, *, event: Envelope) -> None:
        self._write(trigger, event=event)

    @override
    def remove(self, trigger: Trigger, *, event: Envelope) -> None:
        key = _triggers_of(trigger.app_id), trigger.trigger_id
        stands = self._row.writes == trigger.writes
        _commit(
            {
                "trigger": Delete(row=self._row(*key), condition=stands),
                "event": self._ledger.record(event),
            }
        )

    def _write(self, trigger: Trigger, *, event: Envelope) -> None:
        """Store a trigger after its write before, with its version, and tell."""
        row = self._row(
            _triggers_of(trigger.app_id),
            trigger.trigger_id,
            text=_text(_plain(trigger)),
            writes=trigger.writes,
        )
        version = self._row(
            *_version_key(trigger.app_id, trigger.trigger_id, trigger.version),
            text=_text(document_of(trigger.rule)),
            writes=1,
        )
        is_first = trigger.writes == 1
        _commit(
            {
                "trigger": Put(
                    row=row,
                    condition=self._row.pk.does_not_exist()
                    if is_first
                    else self._row.writes == trigger.writes - 1,
                ),
                "version": Put(row=version),
                "event": self._ledger.record(event),
            }
        )


def _commit(writes: Mapping[str, Write]) -> None:
    try:
        commit(writes)
    except WriteRefusedError as error:
        raise StaleError(str(error)) from error


def _triggers_of(app_id: str) -> str:
    return f"APP#{app_id}#TRIGGERS"


def _version_key(app_id: str, trigger_id: str, version: int) -> tuple[str, str]:
    return f"APP#{app_id}#TRIGGERS#{trigger_id}", f"V#{version:010d}"


def _text(document: Any) -> str:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def _plain(trigger: Trigger) -> Mapping[str, Any]:
    approval = trigger.approval
    return {
        "document": document_of(trigger.rule),
        "version": trigger.version,
        "authors": list(trigger.authors),
        "created_at": rfc3339(trigger.created_at),
        "updated_at": rfc3339(trigger.updated_at),
        "approval": [approval.version, approval.by, rfc3339(approval.at)] if approval else None,
        "is_paused": trigger.is_paused,
    }


def _trigger_of(row: _TriggerRow, *, app_id: str) -> Trigger:
    told = json.loads(row.text)
    approval = None
    if told["approval"]:
        version, by, at = told["approval"]
        approval = TriggerApproval(version=version, by=by, at=from_rfc3339(at))
    return Trigger(
        app_id=app_id,
        trigger_id=row.sk,
        rule=trigger_of(told["document"]),
        version=told["version"],
        authors=tuple(told["authors"]),
        created_at=from_rfc3339(told["created_at"]),
        updated_at=from_rfc3339(told["updated_at"]),
        approval=approval,
        is_paused=told["is_paused"],
        writes=int(row.writes),
    )

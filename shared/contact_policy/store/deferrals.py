"""What is put off, in DynamoDB: in the shard of its minute, and named under its contact."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pynamodb.attributes import UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from typing_extensions import override

from shared.contact_policy.model.deferrals import SHARDS, Deferral, minute_of
from shared.contact_policy.ports import DeferralStore
from shared.kernel.clock import from_rfc3339, rfc3339
from shared.kernel.decisions import Candidate
from shared.kernel.envelope import Envelope
from shared.kernel.events import Channel, Purpose
from shared.platform.dynamodb import Delete, Put, Row, Write, WriteRefusedError, bind, commit
from shared.platform.ledger import Ledger


class _DeferralRow(Row):
    """A deferral, as one JSON text."""

    text = UnicodeAttribute()


class _DoneRow(Row):
    """Up to which minute all is done."""

    until = UnicodeAttribute()


class DynamoDeferralStore(DeferralStore):
    """Deferrals, in the contact policy's table."""

    def __init__(self, *, table: str, ledger: Ledger) -> None:
        self._deferral = bind(_DeferralRow, table=table)
        self._done = bind(_DoneRow, table=table)
        self._ledger = ledger
        self._marked: set[str] = set()
        """Apps whose mark is known to be set; it is never taken away."""

    @override
    def add(self, deferral: Deferral, *, at: datetime) -> Deferral:
        self._begin(deferral.app_id, at=at)
        text = _text_of(deferral)
        named = self._deferral(*_contact_key(deferral), text=text)
        writes: dict[str, Write] = {
            "named": Put(row=named, condition=self._deferral.pk.does_not_exist()),
            "due": Put(row=self._deferral(*_due_key(deferral), text=text)),
        }
        try:
            commit(writes)
        except WriteRefusedError:
            row = self._deferral.get(*_contact_key(deferral), consistent_read=True)
            return _deferral_of(row.text, app_id=deferral.app_id)
        return deferral

    @override
    def done_until(self, app_id: str) -> datetime | None:
        try:
            row = self._done.get(*_done_key(app_id), consistent_read=True)
        except DoesNotExist:
            return None
        return from_rfc3339(row.until)

    @override
    def mark_done(self, app_id: str, *, until: datetime) -> None:
        row = self._done(*_done_key(app_id), until=rfc3339(until))
        with suppress(WriteRefusedError):
            commit({"done": Put(row=row, condition=self._done.until < rfc3339(until))})

    @override
    def due_in(self, app_id: str, *, minute: datetime) -> Iterator[Deferral]:
        for shard in range(SHARDS):
            rows = self._deferral.query(_partition(app_id, minute, shard), consistent_read=True)
            for row in rows:
                yield _deferral_of(row.text, app_id=app_id)

    @override
    def remove(self, deferral: Deferral, *, event: Envelope | None = None) -> None:
        is_there = self._deferral.pk.exists()
        writes: dict[str, Write] = {
            "due": Delete(row=self._deferral(*_due_key(deferral)), condition=is_there),
            "named": Delete(row=self._deferral(*_contact_key(deferral))),
        }
        if event:
            writes["event"] = self._ledger.record(event)
        with suppress(WriteRefusedError):
            commit(writes)

    @override
    def deferrals_of(self, contact_id: str, *, app_id: str) -> Sequence[Deferral]:
        rows = self._deferral.query(
            f"APP#{app_id}#H#{contact_id}",
            self._deferral.sk.startswith("D#"),
            consistent_read=True,
        )
        return [_deferral_of(row.text, app_id=app_id) for row in rows]

    def _begin(self, app_id: str, *, at: datetime) -> None:
        """Set an app's mark before its first deferral: what is due later comes after it."""
        if app_id in self._marked:
            return
        row = self._done(*_done_key(app_id), until=rfc3339(minute_of(at)))
        with suppress(WriteRefusedError):
            commit({"done": Put(row=row, condition=self._done.pk.does_not_exist())})
        self._marked.add(app_id)


def _partition(app_id: str, minute: datetime, shard: int) -> str:
    return f"APP#{app_id}#DUE#{minute.astimezone(UTC):%Y-%m-%dT%H:%M}#{shard}"


def _due_key(deferral: Deferral) -> tuple[str, str]:
    partition = _partition(deferral.app_id, deferral.minute, deferral.shard)
    return partition, f"{deferral.candidate.contact_id}#{deferral.deferral_id}"


def _contact_key(deferral: Deferral) -> tuple[str, str]:
    contact_id = deferral.candidate.contact_id
    return f"APP#{deferral.app_id}#H#{contact_id}", f"D#{deferral.deferral_id}"


def _done_key(app_id: str) -> tuple[str, str]:
    return f"APP#{app_id}#DUE", "DONE"


def _text_of(deferral: Deferral) -> str:
    one = deferral.candidate
    candidate = {
        "contact_id": one.contact_id,
        "channel": one.channel,
        "purpose": one.purpose,
        "topic": one.topic,
        "weight": one.weight,
        "offer_key": one.offer_key,
        "priority": one.priority,
        "campaign_id": one.campaign_id,
        "holdout_percent": one.holdout_percent or None,
        "expires_at": rfc3339(one.expires_at) if one.expires_at else None,
    }
    fields = {
        "id": deferral.deferral_id,
        "kind": deferral.kind,
        "payload": dict(deferral.payload),
        "candidate": {name: value for name, value in candidate.items() if value is not None},
        "until": rfc3339(deferral.until),
        "due_at": rfc3339(deferral.due_at) if deferral.due_at else None,
    }
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False)


def _deferral_of(text: str, *, app_id: str) -> Deferral:
    fields: Mapping[str, Any] = json.loads(text)
    told = fields["candidate"]
    expires_at = told.get("expires_at")
    words = {"channel": Channel(told["channel"]), "purpose": Purpose(told["purpose"])}
    candidate = Candidate(**{**told, **words, "app_id": app_id, "expires_at": None})
    return Deferral(
        app_id=app_id,
        deferral_id=fields["id"],
        kind=fields["kind"],
        payload=fields["payload"],
        candidate=replace(candidate, expires_at=from_rfc3339(expires_at) if expires_at else None),
        until=from_rfc3339(fields["until"]),
        due_at=from_rfc3339(fields["due_at"]) if fields["due_at"] else None,
    )

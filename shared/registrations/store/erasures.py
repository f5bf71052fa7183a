"""Erasures and data keys in DynamoDB."""

import json
from collections.abc import Iterator, Sequence
from zlib import crc32

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from typing_extensions import override

from shared.kernel.clock import from_rfc3339, rfc3339
from shared.kernel.envelope import Envelope
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
from shared.registrations.model.edges import Member
from shared.registrations.model.erasures import TOMBSTONE_KEPT, Erasure, ErasureState
from shared.registrations.ports import ErasureStore, KeyStore
from shared.registrations.store.audience import HappeningsRow, forget_happenings
from shared.registrations.store.contacts import (
    ContactRow,
    EdgeRow,
    IdentifierRow,
    MemberRow,
    contact_of,
    edge_of,
    identifier_key,
    put_place,
)
from shared.registrations.store.devices import commit_or_stale, contact_partition

KEY_SHARDS = 16
"""An app's data keys lie in so many partitions, which a rotation reads one after the other."""


class _ErasureRow(Row):
    """An erasure, under the contact that stood for the person."""

    erasure = UnicodeAttribute()
    version = NumberAttribute()


class _OpenRow(Row):
    """The fact that an erasure is not done."""

    contact_id = UnicodeAttribute()


class _KeyRow(Row):
    """A contact's data key, wrapped."""

    wrapped = UnicodeAttribute()


class DynamoErasureStore(ErasureStore):
    """Erasures, in the registrations table."""

    def __init__(self, *, table: str, ledger: Ledger) -> None:
        self._erasure = bind(_ErasureRow, table=table)
        self._open = bind(_OpenRow, table=table)
        self._contact = bind(ContactRow, table=table)
        self._member = bind(MemberRow, table=table)
        self._identifier = bind(IdentifierRow, table=table)
        self._edge = bind(EdgeRow, table=table)
        self._key = bind(_KeyRow, table=table)
        self._happenings = bind(HappeningsRow, table=table)
        self._ledger = ledger

    @override
    def begin(self, erasure: Erasure, *, places: Sequence[Member], event: Envelope) -> None:
        opened = self._open(*_open_key(erasure), contact_id=erasure.contact_id)
        commit_or_stale(
            {
                "erasure": Put(row=self._row(erasure), condition=self._erasure.pk.does_not_exist()),
                "open": Put(row=opened),
                "event": self._ledger.record(event),
                **{f"place {place.contact_id}": put_place(self._member, place) for place in places},
            }
        )

    @override
    def erasure_of(self, contact_id: str, *, app_id: str) -> Erasure | None:
        try:
            place = self._member.get(
                contact_partition(app_id, contact_id), "M", consistent_read=True
            )
        except DoesNotExist:
            return None
        if place.erasure_id is None:
            return None
        row = self._erasure.get(
            contact_partition(app_id, place.canonical), "ERASURE", consistent_read=True
        )
        return _erasure_of(row, app_id=app_id)

    @override
    def save(self, erasure: Erasure, *, events: Sequence[Envelope]) -> None:
        follows = self._erasure.version == erasure.version - 1
        writes: dict[str, Write] = {
            "erasure": Put(row=self._row(erasure), condition=follows),
            **{f"event {event.id}": self._ledger.record(event) for event in events},
        }
        if erasure.state is ErasureState.DONE:
            writes["open"] = Delete(row=self._open(*_open_key(erasure)))
        commit_or_stale(writes)

    @override
    def open_erasures(self, app_id: str) -> Sequence[Erasure]:
        rows = self._open.query(f"APP#{app_id}#ERASURES", consistent_read=True)
        found = (self.erasure_of(row.contact_id, app_id=app_id) for row in rows)
        return [erasure for erasure in found if erasure]

    @override
    def forget_contact(self, contact_id: str, erasure: Erasure) -> None:
        app_id = erasure.app_id
        self._forget_edges(contact_id, app_id=app_id)
        writes: dict[str, Write] = {
            "key": Delete(row=self._key(*key_of(app_id, contact_id))),
            "happenings": forget_happenings(self._happenings, contact_id, app_id=app_id),
        }
        try:
            row = self._contact.get(
                contact_partition(app_id, contact_id), "C", consistent_read=True
            )
        except DoesNotExist:
            commit(writes)
            return
        contact = contact_of(row, app_id=app_id)
        unchanged = self._contact.version == contact.version
        commit_or_stale(
            {
                **writes,
                "contact": Delete(row=row, condition=unchanged),
                **{
                    f"identifier {one.digest}": self._tombstone(
                        identifier_key(app_id, one), contact_id, erasure
                    )
                    for one in contact.identifiers
                },
            }
        )

    def _forget_edges(self, contact_id: str, *, app_id: str) -> None:
        mine = self._edge.query(
            contact_partition(app_id, contact_id),
            self._edge.sk.startswith("L#"),
            consistent_read=True,
        )
        for row in list(mine):
            edge = edge_of(row.edge, app_id=app_id)
            for end in (edge.contact_id, edge.origin):
                self._edge(contact_partition(app_id, end), row.sk).delete()

    def _tombstone(self, key: tuple[str, str], contact_id: str, erasure: Erasure) -> Update:
        row = self._identifier
        return Update(
            row=row(*key),
            actions=[
                row.contact_id.remove(),
                row.erased_at.set(rfc3339(erasure.requested_at)),
                row.expires_at.set(int((erasure.requested_at + TOMBSTONE_KEPT).timestamp())),
            ],
            condition=row.contact_id == contact_id,
        )

    def _row(self, erasure: Erasure) -> _ErasureRow:
        return self._erasure(
            contact_partition(erasure.app_id, erasure.contact_id),
            "ERASURE",
            erasure=_text_of(erasure),
            version=erasure.version,
        )


class DynamoKeyStore(KeyStore):
    """Data keys, in the registrations table."""

    def __init__(self, *, table: str) -> None:
        self._key = bind(_KeyRow, table=table)

    @override
    def data_key(self, contact_id: str, *, app_id: str) -> str | None:
        try:
            row = self._key.get(*key_of(app_id, contact_id), consistent_read=True)
        except DoesNotExist:
            return None
        return row.wrapped

    @override
    def add_data_key(self, contact_id: str, wrapped: str, *, app_id: str) -> str:
        row = self._key(*key_of(app_id, contact_id), wrapped=wrapped)
        try:
            commit({"key": Put(row=row, condition=self._key.pk.does_not_exist())})
        except WriteRefusedError:
            return self.data_key(contact_id, app_id=app_id) or wrapped
        return wrapped

    @override
    def data_keys(self, app_id: str) -> Iterator[tuple[str, str]]:
        for shard in range(KEY_SHARDS):
            for row in self._key.query(f"APP#{app_id}#K#{shard}", consistent_read=True):
                yield row.sk, row.wrapped

    @override
    def replace_data_key(self, contact_id: str, wrapped: str, *, app_id: str, before: str) -> None:
        row = self._key(*key_of(app_id, contact_id), wrapped=wrapped)
        try:
            commit({"key": Put(row=row, condition=self._key.wrapped == before)})
        except WriteRefusedError:
            return


def key_of(app_id: str, contact_id: str) -> tuple[str, str]:
    """Return where a contact's data key lies."""
    return f"APP#{app_id}#K#{crc32(contact_id.encode()) % KEY_SHARDS}", contact_id


def _open_key(erasure: Erasure) -> tuple[str, str]:
    return f"APP#{erasure.app_id}#ERASURES", erasure.erasure_id


def _text_of(erasure: Erasure) -> str:
    instants = (erasure.requested_at, erasure.settling_since, erasure.done_at)
    return json.dumps(
        {
            "erasure_id": erasure.erasure_id,
            "contact_id": erasure.contact_id,
            "contact_ids": erasure.contact_ids,
            # What is erased is no longer named once it is gone.
            "device_ids": () if erasure.state is ErasureState.DONE else erasure.device_ids,
            "by": erasure.by,
            "state": erasure.state,
            "instants": [rfc3339(at) if at else None for at in instants],
        }
    )


def _erasure_of(row: _ErasureRow, *, app_id: str) -> Erasure:
    fields = json.loads(row.erasure)
    requested_at, *later = fields["instants"]
    settling_since, done_at = (from_rfc3339(at) if at else None for at in later)
    return Erasure(
        app_id=app_id,
        erasure_id=fields["erasure_id"],
        contact_id=fields["contact_id"],
        contact_ids=tuple(fields["contact_ids"]),
        device_ids=tuple(fields["device_ids"]),
        by=fields["by"],
        requested_at=from_rfc3339(requested_at),
        state=ErasureState(fields["state"]),
        settling_since=settling_since,
        done_at=done_at,
        version=int(row.version),
    )

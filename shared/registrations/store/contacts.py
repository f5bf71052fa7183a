"""Contacts, identifiers and edges in DynamoDB."""

import json
from collections.abc import Sequence

from pynamodb.attributes import NumberAttribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.exceptions import DoesNotExist
from typing_extensions import override

from shared.kernel.clock import from_rfc3339, rfc3339
from shared.kernel.envelope import Envelope
from shared.platform.dynamodb import Put, Row, Update, Write, bind
from shared.platform.ledger import Ledger
from shared.registrations.model.contacts import Contact, Edge, Identifier
from shared.registrations.model.devices import Device
from shared.registrations.ports import ContactStore
from shared.registrations.store.devices import (
    DeviceRow,
    commit_or_stale,
    contact_partition,
    device_key,
    put_device,
)


class _ContactRow(Row):
    """A contact's profile."""

    contact_id = UnicodeAttribute()
    tags = UnicodeSetAttribute(null=True)
    attributes = UnicodeAttribute(null=True)
    identifiers = UnicodeAttribute()
    device_ids = UnicodeSetAttribute(null=True)
    created_at = UnicodeAttribute()
    version = NumberAttribute()


class _EdgeRow(Row):
    """An edge, as one of its two ends keeps it."""

    contact_id = UnicodeAttribute()
    origin = UnicodeAttribute()
    created_at = UnicodeAttribute()


class _IdentifierRow(Row):
    """Which contact an identifier names."""

    contact_id = UnicodeAttribute()


class DynamoContactStore(ContactStore):
    """Contacts, in the registrations table."""

    def __init__(self, *, table: str, ledger: Ledger) -> None:
        self._contact = bind(_ContactRow, table=table)
        self._edge = bind(_EdgeRow, table=table)
        self._identifier = bind(_IdentifierRow, table=table)
        self._device = bind(DeviceRow, table=table)
        self._ledger = ledger

    @override
    def get_contact(self, *, app_id: str, contact_id: str) -> Contact | None:
        try:
            row = self._contact.get(
                contact_partition(app_id, contact_id), "C", consistent_read=True
            )
        except DoesNotExist:
            return None
        return _contact_of(row, app_id=app_id)

    @override
    def contact_of(self, identifier: Identifier, *, app_id: str) -> str | None:
        try:
            row = self._identifier.get(*_identifier_key(app_id, identifier), consistent_read=True)
        except DoesNotExist:
            return None
        return row.contact_id

    @override
    def edges_of(self, contact_id: str, *, app_id: str) -> Sequence[Edge]:
        rows = self._edge.query(
            contact_partition(app_id, contact_id),
            self._edge.sk.startswith("L#"),
            consistent_read=True,
        )
        return [
            Edge(
                edge_id=row.sk.removeprefix("L#"),
                app_id=app_id,
                contact_id=row.contact_id,
                origin=row.origin,
                created_at=from_rfc3339(row.created_at),
            )
            for row in rows
        ]

    @override
    def commit_identification(
        self,
        device: Device,
        *,
        before: Device,
        contact: Contact,
        contact_before: Contact | None,
        identifier: Identifier,
        edge: Edge | None,
        event: Envelope,
    ) -> None:
        writes: dict[str, Write] = {
            "device": put_device(self._device, device, before=before),
            "contact": self._put(contact, before=contact_before),
            "event": self._ledger.record(event),
        }
        if contact_before is None:
            key = _identifier_key(device.app_id, identifier)
            writes["identifier"] = Put(
                row=self._identifier(*key, contact_id=contact.contact_id),
                condition=self._identifier.pk.does_not_exist()
                | (self._identifier.contact_id == contact.contact_id),
            )
        if edge:
            writes["edge"] = Put(row=self._edge_at(edge.contact_id, edge))
            writes["edge_at_origin"] = Put(row=self._edge_at(edge.origin, edge))
        if not before.is_anonymous:
            writes["contact_left"] = self._forget(before)
        commit_or_stale(writes)

    @override
    def commit_log_out(self, device: Device, *, before: Device, event: Envelope) -> None:
        commit_or_stale(
            {
                "device": put_device(self._device, device, before=before),
                "contact": self._forget(before),
                "event": self._ledger.record(event),
            }
        )

    @override
    def commit_contact(
        self,
        contact: Contact,
        *,
        before: Contact | None,
        devices: Sequence[Device],
        event: Envelope,
    ) -> None:
        copies: dict[str, Write] = {
            f"device {device.device_id}": self._copy_tags(device) for device in devices
        }
        commit_or_stale(
            {
                "contact": self._put(contact, before=before),
                "event": self._ledger.record(event),
                **copies,
            }
        )

    def _put(self, contact: Contact, *, before: Contact | None) -> Put:
        row = self._contact
        follows = row.version == before.version if before else row.pk.does_not_exist()
        return Put(row=_row_of(row, contact), condition=follows)

    def _copy_tags(self, device: Device) -> Update:
        row = self._device
        tags = row.tags.set(set(device.tags)) if device.tags else row.tags.remove()
        return Update(
            row=row(*device_key(device.app_id, device.device_id)),
            actions=[tags, row.version.set(device.version)],
            condition=row.version == device.version - 1,
        )

    def _forget(self, before: Device) -> Update:
        """Return the update by which a contact is no longer known on a device."""
        row = self._contact
        return Update(
            row=row(contact_partition(before.app_id, before.contact_id), "C"),
            actions=[row.device_ids.delete({before.device_id}), row.version.add(1)],
            condition=row.pk.exists(),
        )

    def _edge_at(self, end: str, edge: Edge) -> _EdgeRow:
        return self._edge(
            contact_partition(edge.app_id, end),
            f"L#{edge.edge_id}",
            contact_id=edge.contact_id,
            origin=edge.origin,
            created_at=rfc3339(edge.created_at),
        )


def _identifier_key(app_id: str, identifier: Identifier) -> tuple[str, str]:
    return f"APP#{app_id}#I#{identifier.namespace}#{identifier.digest}", "I"


def _row_of(row: type[_ContactRow], contact: Contact) -> _ContactRow:
    identifiers = [[one.namespace, one.digest, one.masked] for one in contact.identifiers]
    return row(
        contact_partition(contact.app_id, contact.contact_id),
        "C",
        contact_id=contact.contact_id,
        tags=set(contact.tags) or None,
        attributes=json.dumps(dict(contact.attributes)) if contact.attributes else None,
        identifiers=json.dumps(identifiers),
        device_ids=set(contact.device_ids) or None,
        created_at=rfc3339(contact.created_at),
        version=contact.version,
    )


def _contact_of(row: _ContactRow, *, app_id: str) -> Contact:
    return Contact(
        app_id=app_id,
        contact_id=row.contact_id,
        tags=frozenset(row.tags or ()),
        attributes=json.loads(row.attributes) if row.attributes else {},
        identifiers=tuple(
            Identifier(namespace=namespace, digest=digest, masked=masked)
            for namespace, digest, masked in json.loads(row.identifiers)
        ),
        device_ids=frozenset(row.device_ids or ()),
        created_at=from_rfc3339(row.created_at),
        version=int(row.version),
    )

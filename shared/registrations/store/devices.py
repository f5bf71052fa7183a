"""Devices and their addresses in DynamoDB."""

import json
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection
from typing_extensions import override

from shared.kernel.addresses import Address, AddressKind
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
from shared.registrations.errors import DeviceNotFoundError, StaleError
from shared.registrations.model.apps import Platform
from shared.registrations.model.audience import shard_of
from shared.registrations.model.devices import Device, DeviceState, PushPermission
from shared.registrations.ports import DeviceStore


class _AnonymousIndex(GlobalSecondaryIndex["DeviceRow"]):  # type: ignore[no-untyped-call]
    """Devices whose contact nobody has identified, by that contact."""

    class Meta:
        """Keys only: it answers which row to read."""

        index_name = "anonymous"
        projection = KeysOnlyProjection()

    anonymous = UnicodeAttribute(hash_key=True)


class DeviceRow(Row):
    """A device; what it says of itself is one JSON text, but for what audiences filter by.

    ``audience`` is what was copied here of its contact; whoever writes the device leaves it alone.
    """

    device_id = UnicodeAttribute()
    contact_id = UnicodeAttribute()
    anonymous = UnicodeAttribute(null=True)
    platform = UnicodeAttribute()
    address = UnicodeAttribute(null=True)
    locale = UnicodeAttribute(null=True)
    timezone = UnicodeAttribute(null=True)
    app_version = UnicodeAttribute(null=True)
    os_version = UnicodeAttribute(null=True)
    model = UnicodeAttribute(null=True)
    attributes = UnicodeAttribute(null=True)
    push_permission = UnicodeAttribute()
    tags = UnicodeSetAttribute(null=True)
    client_seq = NumberAttribute()
    epoch = NumberAttribute()
    registered_at = UnicodeAttribute()
    last_seen_at = UnicodeAttribute()
    version = NumberAttribute()
    audience = UnicodeAttribute(null=True)

    anonymous_index = _AnonymousIndex()


class _AddressRow(Row):
    """Which device has an address."""

    device_id = UnicodeAttribute()


def device_key(app_id: str, device_id: str) -> tuple[str, str]:
    """Return where a device's row lies."""
    return audience_partition(app_id, shard_of(device_id)), f"D#{device_id}"


def audience_partition(app_id: str, shard: int) -> str:
    """Return the partition of one shard of an app's devices."""
    return f"APP#{app_id}#A#{shard}"


def contact_partition(app_id: str, contact_id: str) -> str:
    """Return the partition of a contact's rows."""
    return f"APP#{app_id}#C#{contact_id}"


class DynamoDeviceStore(DeviceStore):
    """Devices, in the registrations table."""

    def __init__(self, *, table: str, ledger: Ledger) -> None:
        self._device = bind(DeviceRow, table=table)
        self._address = bind(_AddressRow, table=table)
        self._contact = bind(ContactDevicesRow, table=table)
        self._ledger = ledger

    @override
    def get_device(self, *, app_id: str, device_id: str) -> Device:
        try:
            row = self._device.get(*device_key(app_id, device_id), consistent_read=True)
        except DoesNotExist as error:
            raise DeviceNotFoundError(device_id) from error
        return device_of(row, app_id=app_id)

    @override
    def device_epoch(self, *, app_id: str, device_id: str) -> int | None:
        try:
            row = self._device.get(
                *device_key(app_id, device_id),
                consistent_read=True,
                attributes_to_get=["pk", "sk", "epoch"],
            )
        except DoesNotExist:
            return None
        return int(row.epoch)

    @override
    def owner_of(self, address: Address, *, app_id: str) -> str | None:
        try:
            row = self._address.get(*_address_key(app_id, address), consistent_read=True)
        except DoesNotExist:
            return None
        return row.device_id

    @override
    def commit_device(
        self,
        device: Device,
        *,
        before: Device | None,
        event: Envelope,
        loses_address: tuple[Device, Envelope] | None = None,
    ) -> None:
        loser = loses_address[0].device_id if loses_address else None
        writes: dict[str, Write] = {
            "device": put_device(self._device, device, before=before),
            "event": self._ledger.record(event),
            **self._address_writes(device, before=before, loser=loser),
        }
        if loses_address:
            other, lost = loses_address
            writes["other_device"] = self._drop_address(other, device.state.address)
            writes["other_event"] = self._ledger.record(lost)
        commit_or_stale(writes)

    @override
    def touch_device(self, device: Device, *, before: Device) -> None:
        row = self._device
        seen = Update(
            row=row(*device_key(device.app_id, device.device_id)),
            actions=[
                row.client_seq.set(device.client_seq),
                row.last_seen_at.set(rfc3339(device.last_seen_at)),
                row.version.set(device.version),
            ],
            condition=row.version == before.version,
        )
        commit_or_stale({"device": seen})

    @override
    def remove_device(self, device: Device, event: Envelope) -> None:
        row = self._device(*device_key(device.app_id, device.device_id))
        writes: dict[str, Write] = {
            "device": Delete(row=row, condition=self._device.version == device.version),
            "event": self._ledger.record(event),
        }
        if device.state.address:
            writes["address"] = self._free(device.state.address, device)
        if not device.is_anonymous:
            writes["contact"] = forget_device(self._contact, device)
        commit_or_stale(writes)

    @override
    def remove_address(self, device: Device, event: Envelope, *, address: Address) -> None:
        commit_or_stale(
            {
                "device": self._drop_address(device, address),
                "address": self._free(address, device),
                "event": self._ledger.record(event),
            }
        )

    @override
    def devices(self, device_ids: Iterable[str], *, app_id: str) -> Sequence[Device]:
        keys = [device_key(app_id, device_id) for device_id in set(device_ids)]
        rows = self._device.batch_get(keys, consistent_read=True) if keys else ()
        return [device_of(row, app_id=app_id) for row in rows]

    @override
    def devices_of(self, contact_id: str, *, app_id: str) -> Sequence[Device]:
        found = self._rows_of(contact_id, app_id=app_id)
        devices = [device_of(row, app_id=app_id) for row in found]
        mine = [device for device in devices if device.contact_id == contact_id]
        return sorted(mine, key=lambda device: (device.registered_at, device.device_id))

    def _rows_of(self, contact_id: str, *, app_id: str) -> Iterable[DeviceRow]:
        partition = contact_partition(app_id, contact_id)
        try:
            known = self._contact.get(partition, "C", consistent_read=True)
        except DoesNotExist:
            entries = self._device.anonymous_index.query(partition)
            keys = [(entry.pk, entry.sk) for entry in entries]
        else:
            keys = [device_key(app_id, device_id) for device_id in known.device_ids or ()]
        return self._device.batch_get(keys, consistent_read=True) if keys else ()

    def _address_writes(
        self, device: Device, *, before: Device | None, loser: str | None
    ) -> dict[str, Write]:
        new = device.state.address
        old = before.state.address if before else None
        if new == old:
            return {}
        writes: dict[str, Write] = {}
        if new:
            row = self._address(*_address_key(device.app_id, new), device_id=device.device_id)
            free = self._address.pk.does_not_exist() | (
                self._address.device_id == (loser or device.device_id)
            )
            writes["address"] = Put(row=row, condition=free)
        if old:
            writes["old_address"] = self._free(old, device)
        return writes

    def _free(self, address: Address, device: Device) -> Delete:
        row = self._address(*_address_key(device.app_id, address))
        return Delete(row=row, condition=self._address.device_id == device.device_id)

    def _drop_address(self, device: Device, address: Address | None) -> Update:
        """Return the update that takes exactly this address from a device."""
        row = self._device
        has_it: Condition = row.version == device.version - 1
        if address:
            has_it &= row.address == _address_text(address)
        return Update(
            row=row(*device_key(device.app_id, device.device_id)),
            actions=[row.address.remove(), row.version.set(device.version)],
            condition=has_it,
        )


class ContactDevicesRow(Row):
    """The part of a contact's row that says where the contact is known."""

    device_ids = UnicodeSetAttribute(null=True)
    version = NumberAttribute()


def forget_device(row: type[ContactDevicesRow], before: Device) -> Update:
    """Return the update by which a device's contact is no longer known on it."""
    return Update(
        row=row(contact_partition(before.app_id, before.contact_id), "C"),
        actions=[row.device_ids.delete({before.device_id}), row.version.add(1)],
        condition=row.pk.exists(),
    )


def put_device(row: type[DeviceRow], device: Device, *, before: Device | None) -> Put | Update:
    """Return the write of a device's next state, on condition that it follows ``before``.

    Of a device that is known each attribute is set or removed: what was copied to the row of its
    contact stays there, unless it is another contact's now.
    """
    stored = _row_of(row, device)
    if before is None:
        return Put(row=stored, condition=row.pk.does_not_exist())
    left_alone = {"pk", "sk"}
    if device.contact_id == before.contact_id:
        left_alone |= {"audience"}
    values = stored.attribute_values
    actions: list[Action] = [
        attribute.set(values[name]) if name in values else attribute.remove()
        for name, attribute in row.get_attributes().items()
        if name not in left_alone
    ]
    return Update(row=stored, actions=actions, condition=row.version == before.version)


def device_of(row: DeviceRow, *, app_id: str) -> Device:
    """Return the device of a row."""
    return Device(
        app_id=app_id,
        device_id=row.device_id,
        contact_id=row.contact_id,
        is_anonymous=row.anonymous is not None,
        state=DeviceState(
            platform=Platform(row.platform),
            address=_address_of(row.address) if row.address else None,
            locale=row.locale,
            timezone=row.timezone,
            app_version=row.app_version,
            os_version=row.os_version,
            model=row.model,
            attributes=json.loads(row.attributes) if row.attributes else {},
            push_permission=PushPermission(row.push_permission),
        ),
        client_seq=int(row.client_seq),
        epoch=int(row.epoch),
        tags=frozenset(row.tags or ()),
        registered_at=from_rfc3339(row.registered_at),
        last_seen_at=from_rfc3339(row.last_seen_at),
        version=int(row.version),
    )


def _row_of(row: type[DeviceRow], device: Device) -> DeviceRow:
    state = device.state
    optional: dict[str, Any] = {
        "anonymous": (
            contact_partition(device.app_id, device.contact_id) if device.is_anonymous else None
        ),
        "address": _address_text(state.address) if state.address else None,
        "locale": state.locale,
        "timezone": state.timezone,
        "app_version": state.app_version,
        "os_version": state.os_version,
        "model": state.model,
        "attributes": json.dumps(dict(state.attributes)) if state.attributes else None,
        "tags": set(device.tags) or None,
    }
    return row(
        *device_key(device.app_id, device.device_id),
        device_id=device.device_id,
        contact_id=device.contact_id,
        platform=state.platform.value,
        push_permission=state.push_permission.value,
        client_seq=device.client_seq,
        epoch=device.epoch,
        registered_at=rfc3339(device.registered_at),
        last_seen_at=rfc3339(device.last_seen_at),
        version=device.version,
        **{name: value for name, value in optional.items() if value is not None},
    )


def _address_key(app_id: str, address: Address) -> tuple[str, str]:
    digest = sha256(_address_text(address).encode()).hexdigest()
    return f"APP#{app_id}#ADDR#{digest}", "ADDR"


def _address_text(address: Address) -> str:
    return f"{address.kind}:{address.value}"


def _address_of(text: str) -> Address:
    kind, _, value = text.partition(":")
    return Address(kind=AddressKind(kind), value=value)


def commit_or_stale(writes: dict[str, Write]) -> None:
    """Write all or nothing; a refused condition means that the decision was based on the past.

    Raises:
        StaleError: read and decide again.
    """
    try:
        commit(writes)
    except WriteRefusedError as error:
        raise StaleError(str(error)) from error

"""Registrations in memory; held to the same contract as the real stores."""

import hmac
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from threading import Lock

from typing_extensions import override

from shared.kernel.addresses import Address
from shared.kernel.envelope import Envelope
from shared.kernel.idempotency import Attempt, Remembered
from shared.kernel.paging import Page
from shared.kernel.principal import Role
from shared.registrations.errors import (
    AppChangedError,
    AppNotFoundError,
    DeviceNotFoundError,
    StaleError,
)
from shared.registrations.model.apps import App
from shared.registrations.model.contacts import Contact, Edge, Identifier
from shared.registrations.model.devices import Device
from shared.registrations.ports import (
    AppCheckVerifier,
    AppStore,
    ContactStore,
    DeviceStore,
    Hasher,
)


@dataclass
class Memory:
    """What the three stores share, as the real ones share a table."""

    apps: dict[str, App] = field(default_factory=dict)
    attempts: dict[str, Remembered] = field(default_factory=dict)
    grants: dict[tuple[str, str], Role] = field(default_factory=dict)
    devices: dict[tuple[str, str], Device] = field(default_factory=dict)
    owners: dict[tuple[str, Address], str] = field(default_factory=dict)
    contacts: dict[tuple[str, str], Contact] = field(default_factory=dict)
    identifiers: dict[tuple[str, str, str], str] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    events: list[Envelope] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)


class InMemoryAppStore(AppStore):
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    @override
    def get_app(self, app_id: str) -> App:
        try:
            return self._memory.apps[app_id]
        except KeyError:
            raise AppNotFoundError(app_id) from None

    @override
    def list_apps(self, *, limit: int, cursor: str | None) -> Page[App]:
        ids = sorted(app_id for app_id in self._memory.apps if cursor is None or app_id > cursor)
        page = ids[:limit]
        return Page(
            items=[self._memory.apps[app_id] for app_id in page],
            next_cursor=page[-1] if len(ids) > limit else None,
        )

    @override
    def app_ids(self) -> Iterator[str]:
        return iter(sorted(self._memory.apps))

    @override
    def add_app(self, app: App, event: Envelope, *, attempt: Attempt | None) -> None:
        with self._memory.lock:
            if app.app_id in self._memory.apps or (attempt and attempt.id in self._memory.attempts):
                raise StaleError(app.app_id)
            self._memory.apps[app.app_id] = app
            self._memory.events.append(event)
            if attempt:
                self._memory.attempts[attempt.id] = Remembered(
                    fingerprint=attempt.fingerprint, result=app.app_id
                )

    @override
    def replace_app(self, app: App, event: Envelope) -> None:
        with self._memory.lock:
            if self._memory.apps[app.app_id].version != app.version - 1:
                raise AppChangedError(app.app_id)
            self._memory.apps[app.app_id] = app
            self._memory.events.append(event)

    @override
    def recall(self, attempt: Attempt) -> Remembered | None:
        return self._memory.attempts.get(attempt.id)

    @override
    def grant(self, principal: str, *, app_id: str, role: Role) -> None:
        self._memory.grants[principal, app_id] = role

    @override
    def revoke(self, principal: str, *, app_id: str) -> None:
        self._memory.grants.pop((principal, app_id), None)

    @override
    def grants_of(self, principals: Sequence[str]) -> Mapping[str, Role]:
        strongest: dict[str, Role] = {}
        for (principal, app_id), role in self._memory.grants.items():
            if principal in principals:
                strongest[app_id] = max(role, strongest.get(app_id, role))
        return strongest

    @override
    def list_grants(self, *, limit: int, cursor: str | None) -> Page[tuple[str, str, Role]]:
        keys = sorted(f"{principal} {app_id}" for principal, app_id in self._memory.grants)
        after = [key for key in keys if cursor is None or key > cursor]
        page = [(*key.rsplit(" ", 1),) for key in after[:limit]]
        items = [(who, app_id, self._memory.grants[who, app_id]) for who, app_id in page]
        return Page(items=items, next_cursor=after[limit - 1] if len(after) > limit else None)


class InMemoryDeviceStore(DeviceStore):
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    @override
    def get_device(self, *, app_id: str, device_id: str) -> Device:
        try:
            return self._memory.devices[app_id, device_id]
        except KeyError:
            raise DeviceNotFoundError(device_id) from None

    @override
    def device_epoch(self, *, app_id: str, device_id: str) -> int | None:
        device = self._memory.devices.get((app_id, device_id))
        return device.epoch if device else None

    @override
    def owner_of(self, address: Address, *, app_id: str) -> str | None:
        return self._memory.owners.get((app_id, address))

    @override
    def commit_device(
        self,
        device: Device,
        *,
        before: Device | None,
        event: Envelope,
        loses_address: tuple[Device, Envelope] | None = None,
    ) -> None:
        with self._memory.lock:
            self._follows(device, before)
            new = device.state.address
            old = before.state.address if before else None
            if new and new != old:
                loser = loses_address[0].device_id if loses_address else device.device_id
                owner = self._memory.owners.get((device.app_id, new))
                if owner not in {None, loser}:
                    raise StaleError(device.device_id)
            if loses_address:
                other, lost = loses_address
                self._drops_address(other, new)
                self._memory.devices[other.app_id, other.device_id] = other
                self._memory.events.append(lost)
            if old and old != new:
                self._memory.owners.pop((device.app_id, old))
            if new:
                self._memory.owners[device.app_id, new] = device.device_id
            self._memory.devices[device.app_id, device.device_id] = device
            self._memory.events.append(event)

    @override
    def touch_device(self, device: Device, *, before: Device) -> None:
        with self._memory.lock:
            self._follows(device, before)
            self._memory.devices[device.app_id, device.device_id] = device

    @override
    def remove_device(self, device: Device, event: Envelope) -> None:
        with self._memory.lock:
            self._follows(device, device)
            del self._memory.devices[device.app_id, device.device_id]
            if device.state.address:
                del self._memory.owners[device.app_id, device.state.address]
            self._memory.events.append(event)

    @override
    def remove_address(self, device: Device, event: Envelope, *, address: Address) -> None:
        with self._memory.lock:
            self._drops_address(device, address)
            self._memory.devices[device.app_id, device.device_id] = device
            del self._memory.owners[device.app_id, address]
            self._memory.events.append(event)

    @override
    def devices(self, device_ids: Iterable[str], *, app_id: str) -> Sequence[Device]:
        found = (self._memory.devices.get((app_id, device_id)) for device_id in set(device_ids))
        return [device for device in found if device]

    @override
    def devices_of(self, contact_id: str, *, app_id: str) -> Sequence[Device]:
        mine = [
            device
            for device in self._memory.devices.values()
            if device.app_id == app_id and device.contact_id == contact_id
        ]
        return sorted(mine, key=lambda device: (device.registered_at, device.device_id))

    def _follows(self, device: Device, before: Device | None) -> None:
        stored = self._memory.devices.get((device.app_id, device.device_id))
        if (stored.version if stored else None) != (before.version if before else None):
            raise StaleError(device.device_id)

    def _drops_address(self, device: Device, address: Address | None) -> None:
        stored = self._memory.devices.get((device.app_id, device.device_id))
        if (
            stored is None
            or stored.version != device.version - 1
            or stored.state.address != address
        ):
            raise StaleError(device.device_id)


class InMemoryContactStore(ContactStore):
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    @override
    def get_contact(self, *, app_id: str, contact_id: str) -> Contact | None:
        return self._memory.contacts.get((app_id, contact_id))

    @override
    def contact_of(self, identifier: Identifier, *, app_id: str) -> str | None:
        key = (app_id, identifier.namespace, identifier.digest)
        return self._memory.identifiers.get(key)

    @override
    def edges_of(self, contact_id: str, *, app_id: str) -> Sequence[Edge]:
        return [
            edge
            for edge in self._memory.edges
            if edge.app_id == app_id and contact_id in {edge.contact_id, edge.origin}
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
        with self._memory.lock:
            self._follows(device, before)
            self._contact_follows(contact, contact_before)
            key = (device.app_id, identifier.namespace, identifier.digest)
            if contact_before is None and self._memory.identifiers.get(key) not in {
                None,
                contact.contact_id,
            }:
                raise StaleError(contact.contact_id)
            self._memory.identifiers[key] = contact.contact_id
            self._memory.contacts[device.app_id, contact.contact_id] = contact
            self._memory.devices[device.app_id, device.device_id] = device
            if edge:
                self._memory.edges.append(edge)
            self._memory.events.append(event)

    @override
    def commit_log_out(self, device: Device, *, before: Device, event: Envelope) -> None:
        with self._memory.lock:
            self._follows(device, before)
            self._memory.devices[device.app_id, device.device_id] = device
            self._memory.events.append(event)

    @override
    def commit_contact(
        self,
        contact: Contact,
        *,
        before: Contact | None,
        devices: Sequence[Device],
        event: Envelope,
    ) -> None:
        with self._memory.lock:
            self._contact_follows(contact, before)
            for device in devices:
                stored = self._memory.devices.get((device.app_id, device.device_id))
                if stored is None or stored.version != device.version - 1:
                    raise StaleError(device.device_id)
            for device in devices:
                self._memory.devices[device.app_id, device.device_id] = device
            self._memory.contacts[contact.app_id, contact.contact_id] = contact
            self._memory.events.append(event)

    def _follows(self, device: Device, before: Device) -> None:
        stored = self._memory.devices.get((device.app_id, device.device_id))
        if stored is None or stored.version != before.version:
            raise StaleError(device.device_id)

    def _contact_follows(self, contact: Contact, before: Contact | None) -> None:
        stored = self._memory.contacts.get((contact.app_id, contact.contact_id))
        if (stored.version if stored else None) != (before.version if before else None):
            raise StaleError(contact.contact_id)


class PlainHasher(Hasher):
    @override
    def digest(self, value: str, *, app_id: str, namespace: str) -> str:
        return hmac.digest(app_id.encode(), f"{namespace}:{value}".encode(), sha256).hex()


class TrustingAppCheck(AppCheckVerifier):
    """Believes the one token ``good``."""

    @override
    def is_valid(self, token: str, *, project_number: str, firebase_app_ids: Sequence[str]) -> bool:
        return token == "good"

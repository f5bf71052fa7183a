"""Registrations in memory; held to the same contract as the real stores."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from threading import Lock

from typing_extensions import override

from shared.kernel.addresses import Address
from shared.kernel.envelope import Envelope
from shared.kernel.events import Purpose
from shared.kernel.files import Rejected
from shared.kernel.idempotency import Attempt, Remembered
from shared.kernel.paging import Page
from shared.kernel.principal import Role
from shared.registrations.errors import (
    AppChangedError,
    AppNotFoundError,
    ContactErasedError,
    DeviceNotFoundError,
    ImportFailedError,
    ImportNotFoundError,
    SegmentChangedError,
    SegmentNameTakenError,
    SegmentNotFoundError,
    StaleError,
)
from shared.registrations.model.apps import App
from shared.registrations.model.audience import (
    Audience,
    AudienceMember,
    DeviceFacts,
    Happenings,
    PushConsent,
    shard_of,
)
from shared.registrations.model.audit import AuditEntry, AuditRange
from shared.registrations.model.contacts import Contact, Identifier
from shared.registrations.model.devices import Device
from shared.registrations.model.edges import Edge, Member, Person, alone
from shared.registrations.model.erasures import Erasure, ErasureState
from shared.registrations.model.imports import Import
from shared.registrations.model.segments import Segment
from shared.registrations.model.systems import Systems, WebhookSecret
from shared.registrations.model.write_keys import WriteKey, WriteKeys
from shared.registrations.ports import (
    AppCheckVerifier,
    AppStore,
    AudienceStore,
    AuditStore,
    Consents,
    ContactStore,
    DeviceStore,
    ErasureStore,
    Hasher,
    ImportFiles,
    ImportQueue,
    ImportStore,
    Intent,
    Join,
    KeyStore,
    Named,
    SegmentStore,
    Split,
    SystemStore,
    Upload,
    WriteKeyStore,
)


@dataclass
class Memory:
    """What the stores share, as the real ones share a table."""

    apps: dict[str, App] = field(default_factory=dict)
    attempts: dict[str, Remembered] = field(default_factory=dict)
    systems: dict[str, Systems] = field(default_factory=dict)
    write_keys: dict[str, WriteKeys] = field(default_factory=dict)
    imports: dict[tuple[str, str], Import] = field(default_factory=dict)
    grants: dict[tuple[str, str], Role] = field(default_factory=dict)
    devices: dict[tuple[str, str], Device] = field(default_factory=dict)
    owners: dict[tuple[str, Address], str] = field(default_factory=dict)
    contacts: dict[tuple[str, str], Contact] = field(default_factory=dict)
    identifiers: dict[tuple[str, str, str], str] = field(default_factory=dict)
    tombstones: dict[tuple[str, str, str], datetime] = field(default_factory=dict)
    erasures: dict[tuple[str, str], Erasure] = field(default_factory=dict)
    keys: dict[tuple[str, str], str] = field(default_factory=dict)
    edges: dict[str, Edge] = field(default_factory=dict)
    places: dict[tuple[str, str], Member] = field(default_factory=dict)
    intents: dict[tuple[str, str], Intent] = field(default_factory=dict)
    segments: dict[tuple[str, str], Segment] = field(default_factory=dict)
    versions: dict[tuple[str, str, int], Segment] = field(default_factory=dict)
    happenings: dict[tuple[str, str], Happenings] = field(default_factory=dict)
    audiences: dict[tuple[str, str], Audience] = field(default_factory=dict)
    events: list[Envelope] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def put_device(self, device: Device) -> None:
        """Store a device; what was copied of another contact to it goes."""
        key = (device.app_id, device.device_id)
        before = self.devices.get(key)
        if before and before.contact_id != device.contact_id:
            self.audiences.pop(key, None)
        self.devices[key] = device


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


class InMemorySystemStore(SystemStore):
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    @override
    def get_systems(self, app_id: str) -> Systems:
        return self._memory.systems.get(app_id) or Systems(app_id=app_id)

    @override
    def add_secret(
        self,
        systems: Systems,
        secret: WebhookSecret,
        event: Envelope,
        *,
        attempt: Attempt | None,
    ) -> None:
        with self._memory.lock:
            if attempt and attempt.id in self._memory.attempts:
                raise StaleError(secret.secret_id)
            self._replace(systems, event)
            if attempt:
                self._memory.attempts[attempt.id] = Remembered(
                    fingerprint=attempt.fingerprint, result=secret.secret_id
                )

    @override
    def remove_secret(self, systems: Systems, event: Envelope) -> None:
        with self._memory.lock:
            self._replace(systems, event)

    @override
    def replace_sealed(self, systems: Systems) -> None:
        with self._memory.lock:
            self._follow(systems)

    @override
    def recall(self, attempt: Attempt) -> Remembered | None:
        return self._memory.attempts.get(attempt.id)

    def _replace(self, systems: Systems, event: Envelope) -> None:
        self._follow(systems)
        self._memory.events.append(event)

    def _follow(self, systems: Systems) -> None:
        if self.get_systems(systems.app_id).version != systems.version - 1:
            raise StaleError(systems.app_id)
        self._memory.systems[systems.app_id] = systems


class InMemoryWriteKeyStore(WriteKeyStore):
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    @override
    def get_keys(self, app_id: str) -> WriteKeys:
        return self._memory.write_keys.get(app_id) or WriteKeys(app_id=app_id)

    @override
    def add_key(
        self, keys: WriteKeys, key: WriteKey, event: Envelope, *, attempt: Attempt | None
    ) -> None:
        with self._memory.lock:
            if attempt and attempt.id in self._memory.attempts:
                raise StaleError(key.key_id)
            self._replace(keys, event)
            if attempt:
                self._memory.attempts[attempt.id] = Remembered(
                    fingerprint=attempt.fingerprint, result=key.key_id
                )

    @override
    def remove_key(self, keys: WriteKeys, key: WriteKey, event: Envelope) -> None:
        with self._memory.lock:
            self._replace(keys, event)

    @override
    def app_of(self, digest: str) -> str | None:
        for app_id, keys in self._memory.write_keys.items():
            if any(key.digest == digest for key in keys.keys):
                return app_id
        return None

    @override
    def recall(self, attempt: Attempt) -> Remembered | None:
        return self._memory.attempts.get(attempt.id)

    def _replace(self, keys: WriteKeys, event: Envelope) -> None:
        if self.get_keys(keys.app_id).version != keys.version - 1:
            raise StaleError(keys.app_id)
        self._memory.write_keys[keys.app_id] = keys
        self._memory.events.append(event)


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
                self._memory.put_device(other)
                self._memory.events.append(lost)
            if old and old != new:
                self._memory.owners.pop((device.app_id, old))
            if new:
                self._memory.owners[device.app_id, new] = device.device_id
            self._memory.put_device(device)
            self._memory.events.append(event)

    @override
    def touch_device(self, device: Device, *, before: Device) -> None:
        with self._memory.lock:
            self._follows(device, before)
            self._memory.put_device(device)

    @override
    def remove_device(self, device: Device, event: Envelope) -> None:
        with self._memory.lock:
            self._follows(device, device)
            del self._memory.devices[device.app_id, device.device_id]
            self._memory.audiences.pop((device.app_id, device.device_id), None)
            if device.state.address:
                del self._memory.owners[device.app_id, device.state.address]
            self._memory.events.append(event)

    @override
    def remove_address(self, device: Device, event: Envelope, *, address: Address) -> None:
        with self._memory.lock:
            self._drops_address(device, address)
            self._memory.put_device(device)
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
    def get_contacts(self, contact_ids: Iterable[str], *, app_id: str) -> Sequence[Contact]:
        found = (self._memory.contacts.get((app_id, one)) for one in sorted(set(contact_ids)))
        return [contact for contact in found if contact]

    @override
    def named_by(self, identifiers: Sequence[Identifier], *, app_id: str) -> Named:
        memory = self._memory
        keys = {one: (app_id, one.namespace, one.digest) for one in identifiers}
        old = {one: (app_id, one.namespace, one.former or "") for one in identifiers}
        current = {
            one: memory.identifiers[keys[one]]
            for one in identifiers
            if keys[one] in memory.identifiers
        }
        former = {
            one: memory.identifiers[old[one]]
            for one in identifiers
            if old[one] in memory.identifiers
        }
        erased = [
            memory.tombstones[key]
            for key in (*keys.values(), *old.values())
            if key in memory.tombstones
        ]
        named = former | current
        return Named(
            contacts={one: named[one] for one in identifiers if one in named},
            former=frozenset(former) - frozenset(current),
            erased_at=max(erased, default=None),
        )

    @override
    def refile(
        self, contact: Contact, *, before: Contact, identifiers: Sequence[Identifier]
    ) -> None:
        with self._memory.lock:
            self._contact_follows(contact, before)
            self._identifiers_are_free(identifiers, contact)
            for one in identifiers:
                self._memory.identifiers.pop((contact.app_id, one.namespace, one.former or ""))
            self._store_contact(contact, identifiers)

    @override
    def root_of(self, contact_id: str, *, app_id: str) -> Member:
        place = self._place_of(contact_id, app_id=app_id)
        root = self._place_of(place.canonical, app_id=app_id)
        if root.erasure_id:
            raise ContactErasedError(contact_id)
        return root

    @override
    def roots_of(self, contact_ids: Collection[str], *, app_id: str) -> Mapping[str, Member]:
        places = {one: self._place_of(one, app_id=app_id) for one in contact_ids}
        roots = {
            one: self._place_of(place.canonical, app_id=app_id) for one, place in places.items()
        }
        return {one: root for one, root in roots.items() if root.erasure_id is None}

    @override
    def canonicals_of(self, contact_ids: Collection[str], *, app_id: str) -> Mapping[str, str]:
        return {one: self._place_of(one, app_id=app_id).canonical for one in contact_ids}

    @override
    def person_of(self, contact_id: str, *, app_id: str) -> Person:
        root = self.root_of(contact_id, app_id=app_id)
        others = root.members - {root.contact_id}
        return Person(root=root, others={one: self._place_of(one, app_id=app_id) for one in others})

    @override
    def edges_at(self, contact_id: str, *, app_id: str) -> Sequence[Edge]:
        return [
            edge
            for edge in self._memory.edges.values()
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
        identifiers: Sequence[Identifier],
        joins: Join | None,
        devices: Sequence[Device],
        event: Envelope,
    ) -> None:
        with self._memory.lock:
            self._device_follows(device, before.version)
            self._contact_follows(contact, contact_before)
            self._identifiers_are_free(identifiers, contact)
            self._devices_follow(devices)
            if joins:
                self._may_join(joins)
                self._join(joins)
            self._store_contact(contact, identifiers)
            self._store_devices([device, *devices])
            if not before.is_anonymous:
                self._forget(before)
            self._memory.events.append(event)

    @override
    def commit_log_out(self, device: Device, *, before: Device, event: Envelope) -> None:
        with self._memory.lock:
            self._device_follows(device, before.version)
            self._store_devices([device])
            self._forget(before)
            self._memory.events.append(event)

    @override
    def commit_contact(
        self,
        contact: Contact,
        *,
        before: Contact | None,
        identifiers: Sequence[Identifier] = (),
        devices: Sequence[Device],
        event: Envelope,
    ) -> None:
        with self._memory.lock:
            self._contact_follows(contact, before)
            self._identifiers_are_free(identifiers, contact)
            self._devices_follow(devices)
            self._store_contact(contact, identifiers)
            self._store_devices(devices)
            self._memory.events.append(event)

    @override
    def note_intent(self, intent: Intent) -> None:
        self._memory.intents[intent.app_id, intent.edge_id] = intent

    @override
    def drop_intent(self, intent: Intent) -> None:
        self._memory.intents.pop((intent.app_id, intent.edge_id), None)

    @override
    def intents(self, app_id: str) -> Sequence[Intent]:
        return [intent for intent in self._memory.intents.values() if intent.app_id == app_id]

    @override
    def commit_merge(self, join: Join, *, devices: Sequence[Device], event: Envelope) -> None:
        with self._memory.lock:
            self._may_join(join)
            self._devices_follow(devices)
            self._join(join)
            self._store_devices(devices)
            self._memory.events.append(event)

    @override
    def commit_unmerge(
        self,
        split: Split,
        *,
        devices: Sequence[Device],
        events: Sequence[Envelope],
        intent: Intent | None,
    ) -> None:
        with self._memory.lock:
            after = [*split.stays.places, *split.leaves.places]
            self._places_follow(split.before.places, after)
            self._devices_follow(devices)
            self._store_places(after)
            self._memory.edges[split.edge.edge_id] = split.edge
            self._store_devices(devices)
            self._memory.events += events
            if intent:
                self.note_intent(intent)

    @override
    def commit_apart(self, places: Sequence[Member], *, event: Envelope) -> None:
        with self._memory.lock:
            for place in places:
                stored = self._place_of(place.contact_id, app_id=place.app_id)
                if stored.version != place.version - 1:
                    raise StaleError(place.contact_id)
            self._store_places(places)
            self._memory.events.append(event)

    def _place_of(self, contact_id: str, *, app_id: str) -> Member:
        return self._memory.places.get((app_id, contact_id)) or alone(contact_id, app_id=app_id)

    def _may_join(self, join: Join) -> None:
        before = [*join.winner.places, *join.loser.places]
        self._places_follow(before, join.after.places)
        if join.intent and (join.intent.app_id, join.intent.edge_id) not in self._memory.intents:
            raise StaleError(join.intent.edge_id)

    def _join(self, join: Join) -> None:
        self._store_places(join.after.places)
        self._memory.edges[join.edge.edge_id] = join.edge
        if join.intent:
            self.drop_intent(join.intent)

    def _places_follow(self, before: Sequence[Member], after: Sequence[Member]) -> None:
        versions = {place.contact_id: place.version for place in before}
        for place in after:
            if place.version == versions[place.contact_id]:
                continue
            stored = self._place_of(place.contact_id, app_id=place.app_id)
            if stored.version != versions[place.contact_id]:
                raise StaleError(place.contact_id)

    def _store_places(self, places: Sequence[Member]) -> None:
        for place in places:
            self._memory.places[place.app_id, place.contact_id] = place

    def _device_follows(self, device: Device, version: int) -> None:
        stored = self._memory.devices.get((device.app_id, device.device_id))
        if stored is None or stored.version != version:
            raise StaleError(device.device_id)

    def _devices_follow(self, devices: Sequence[Device]) -> None:
        for device in devices:
            self._device_follows(device, device.version - 1)

    def _store_devices(self, devices: Sequence[Device]) -> None:
        for device in devices:
            self._memory.put_device(device)

    def _contact_follows(self, contact: Contact, before: Contact | None) -> None:
        stored = self._memory.contacts.get((contact.app_id, contact.contact_id))
        if (stored.version if stored else None) != (before.version if before else None):
            raise StaleError(contact.contact_id)

    def _identifiers_are_free(self, identifiers: Sequence[Identifier], contact: Contact) -> None:
        keys = [(contact.app_id, one.namespace, one.digest) for one in identifiers]
        owners = {self._memory.identifiers[key] for key in keys if key in self._memory.identifiers}
        if not owners <= {contact.contact_id}:
            raise StaleError(contact.contact_id)

    def _store_contact(self, contact: Contact, identifiers: Sequence[Identifier]) -> None:
        self._memory.contacts[contact.app_id, contact.contact_id] = contact
        for one in identifiers:
            key = (contact.app_id, one.namespace, one.digest)
            self._memory.identifiers[key] = contact.contact_id

    def _forget(self, before: Device) -> None:
        key = (before.app_id, before.contact_id)
        left = self._memory.contacts[key]
        self._memory.contacts[key] = replace(
            left, device_ids=left.device_ids - {before.device_id}, version=left.version + 1
        )


class InMemoryErasureStore(ErasureStore):
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    @override
    def begin(self, erasure: Erasure, *, places: Sequence[Member], event: Envelope) -> None:
        with self._memory.lock:
            stored = self._memory.places
            for place in places:
                before = stored.get((place.app_id, place.contact_id))
                if (before.version if before else 0) != place.version - 1:
                    raise StaleError(place.contact_id)
            for place in places:
                stored[place.app_id, place.contact_id] = place
            self._memory.erasures[erasure.app_id, erasure.contact_id] = erasure
            self._memory.events.append(event)

    @override
    def erasure_of(self, contact_id: str, *, app_id: str) -> Erasure | None:
        place = self._memory.places.get((app_id, contact_id))
        if place is None or place.erasure_id is None:
            return None
        return self._memory.erasures[app_id, place.canonical]

    @override
    def save(self, erasure: Erasure, *, events: Sequence[Envelope]) -> None:
        with self._memory.lock:
            key = (erasure.app_id, erasure.contact_id)
            if self._memory.erasures[key].version != erasure.version - 1:
                raise StaleError(erasure.erasure_id)
            done = erasure.state is ErasureState.DONE
            self._memory.erasures[key] = replace(erasure, device_ids=()) if done else erasure
            self._memory.events += events

    @override
    def open_erasures(self, app_id: str) -> Sequence[Erasure]:
        found = [one for one in self._memory.erasures.values() if one.app_id == app_id]
        return [one for one in found if one.state is not ErasureState.DONE]

    @override
    def forget_contact(self, contact_id: str, erasure: Erasure) -> None:
        with self._memory.lock:
            memory, app_id = self._memory, erasure.app_id
            memory.keys.pop((app_id, contact_id), None)
            memory.happenings.pop((app_id, contact_id), None)
            for edge in list(memory.edges.values()):
                if edge.app_id == app_id and contact_id in {edge.contact_id, edge.origin}:
                    del memory.edges[edge.edge_id]
            contact = memory.contacts.pop((app_id, contact_id), None)
            for one in contact.identifiers if contact else ():
                key = (app_id, one.namespace, one.digest)
                del memory.identifiers[key]
                memory.tombstones[key] = erasure.requested_at


class InMemoryKeyStore(KeyStore):
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    @override
    def data_key(self, contact_id: str, *, app_id: str) -> str | None:
        return self._memory.keys.get((app_id, contact_id))

    @override
    def add_data_key(self, contact_id: str, wrapped: str, *, app_id: str) -> str:
        return self._memory.keys.setdefault((app_id, contact_id), wrapped)

    @override
    def data_keys(self, app_id: str) -> Iterator[tuple[str, str]]:
        return iter([(one, key) for (of, one), key in self._memory.keys.items() if of == app_id])

    @override
    def replace_data_key(self, contact_id: str, wrapped: str, *, app_id: str, before: str) -> None:
        if self._memory.keys.get((app_id, contact_id)) == before:
            self._memory.keys[app_id, contact_id] = wrapped


class InMemorySegmentStore(SegmentStore):
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    @override
    def add_segment(self, segment: Segment, event: Envelope, *, attempt: Attempt | None) -> bool:
        with self._memory.lock:
            if attempt and attempt.id in self._memory.attempts:
                return False
            self._name_is_free(segment)
            self._store(segment, event)
            if attempt:
                self._memory.attempts[attempt.id] = Remembered(
                    fingerprint=attempt.fingerprint, result=segment.segment_id
                )
        return True

    @override
    def recall(self, attempt: Attempt) -> Remembered | None:
        return self._memory.attempts.get(attempt.id)

    @override
    def get_segment(self, segment_id: str, *, app_id: str, version: int | None = None) -> Segment:
        memory = self._memory
        found = memory.segments.get((app_id, segment_id))
        if version is not None:
            found = memory.versions.get((app_id, segment_id, version))
        if found is None:
            raise SegmentNotFoundError(segment_id)
        return found

    @override
    def list_segments(self, app_id: str, *, limit: int, cursor: str | None) -> Page[Segment]:
        mine = [one for (of, _), one in sorted(self._memory.segments.items()) if of == app_id]
        after = [one for one in mine if cursor is None or one.segment_id > cursor]
        page = after[:limit]
        more = page[-1].segment_id if len(after) > limit else None
        return Page(items=page, next_cursor=more)

    @override
    def replace_segment(self, segment: Segment, event: Envelope, *, before: Segment) -> None:
        with self._memory.lock:
            self._stands(before)
            self._name_is_free(segment)
            self._store(segment, event)

    @override
    def remove_segment(self, segment: Segment, event: Envelope) -> None:
        with self._memory.lock:
            self._stands(segment)
            del self._memory.segments[segment.app_id, segment.segment_id]
            self._memory.events.append(event)

    @override
    def event_types(self, app_id: str) -> Mapping[str, frozenset[str]]:
        asked: dict[str, frozenset[str]] = {}
        for (of, segment_id, _), version in self._memory.versions.items():
            if of == app_id and (of, segment_id) in self._memory.segments and version.event_types:
                asked[segment_id] = asked.get(segment_id, frozenset()) | version.event_types
        return asked

    def _stands(self, segment: Segment) -> None:
        stored = self._memory.segments.get((segment.app_id, segment.segment_id))
        if stored is None or stored.version != segment.version:
            raise SegmentChangedError(segment.segment_id)

    def _name_is_free(self, segment: Segment) -> None:
        for (app_id, segment_id), other in self._memory.segments.items():
            taken = (app_id, other.name) == (segment.app_id, segment.name)
            if taken and segment_id != segment.segment_id:
                raise SegmentNameTakenError(segment.name)

    def _store(self, segment: Segment, event: Envelope) -> None:
        key = (segment.app_id, segment.segment_id)
        self._memory.segments[key] = segment
        self._memory.versions[(*key, segment.version)] = segment
        self._memory.events.append(event)


class InMemoryAudienceStore(AudienceStore):
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    @override
    def page(
        self, app_id: str, shard: int, *, after: str | None, limit: int
    ) -> Page[AudienceMember]:
        ids = sorted(
            device_id
            for of, device_id in self._memory.devices
            if of == app_id and shard_of(device_id) == shard
        )
        page = [one for one in ids if after is None or one > after][:limit]
        items = [self._member(app_id, device_id) for device_id in page]
        return Page(items=items, next_cursor=page[-1] if len(page) == limit else None)

    @override
    def members(self, device_ids: Iterable[str], *, app_id: str) -> Sequence[AudienceMember]:
        known = self._memory.devices
        ids = sorted(one for one in set(device_ids) if (app_id, one) in known)
        return [self._member(app_id, device_id) for device_id in ids]

    @override
    def put_audience(self, device: Device, audience: Audience) -> bool:
        with self._memory.lock:
            key = (device.app_id, device.device_id)
            stored = self._memory.devices.get(key)
            known = self._memory.audiences.get(key, Audience())
            if stored is None or stored.contact_id != device.contact_id or known == audience:
                return False
            self._memory.audiences[key] = audience
            return True

    @override
    def happenings(self, contact_ids: Iterable[str], *, app_id: str) -> Mapping[str, Happenings]:
        known = self._memory.happenings
        return {one: known.get((app_id, one), Happenings()) for one in contact_ids}

    @override
    def replace_happenings(self, contact_id: str, happenings: Happenings, *, app_id: str) -> None:
        with self._memory.lock:
            before = self.happenings([contact_id], app_id=app_id)[contact_id]
            place = self._memory.places.get((app_id, contact_id))
            if before.version != happenings.version - 1 or (place and place.erasure_id):
                raise StaleError(contact_id)
            self._memory.happenings[app_id, contact_id] = happenings

    @override
    def forget_happenings(self, contact_id: str, *, app_id: str) -> None:
        with self._memory.lock:
            self._memory.happenings.pop((app_id, contact_id), None)

    def _member(self, app_id: str, device_id: str) -> AudienceMember:
        device = self._memory.devices[app_id, device_id]
        audience = self._memory.audiences.get((app_id, device_id), Audience())
        state = device.state
        facts = DeviceFacts(
            platform=state.platform,
            push_permission=state.push_permission,
            is_anonymous=device.is_anonymous,
            has_address=state.address is not None,
            registered_at=device.registered_at,
            last_seen_at=device.last_seen_at,
            locale=state.locale,
            timezone=state.timezone,
            app_version=state.app_version,
            os_version=state.os_version,
            model=state.model,
            tags=device.tags,
            attributes={**state.attributes, **audience.attributes},
            consents=audience.consents,
            happened={
                event_type: tuple(at.replace(microsecond=0) for at in instants)
                for event_type, instants in audience.happened.items()
            },
        )
        return AudienceMember(device_id=device_id, contact_id=device.contact_id, facts=facts)


@dataclass
class SpokenConsents(Consents):
    """What people said, by their contact."""

    said: dict[str, dict[Purpose, PushConsent]] = field(default_factory=dict)

    @override
    def of_person(self, contact_id: str, *, app_id: str) -> Mapping[Purpose, PushConsent]:
        return self.said.get(contact_id, {})


class PlainHasher(Hasher):
    """A hash per secret; ``keys`` may be changed, as a rotation does."""

    def __init__(self, *keys: str) -> None:
        self.keys = keys or ("first",)

    @override
    def digest(self, value: str, *, app_id: str, namespace: str) -> str:
        return self._hash(self.keys[0], app_id, namespace, value)

    @override
    def former(self, value: str, *, app_id: str, namespace: str) -> str | None:
        _, *previous = self.keys
        return self._hash(previous[0], app_id, namespace, value) if previous else None

    def _hash(self, *parts: str) -> str:
        return sha256("\0".join(parts).encode()).hexdigest()


class TrustingAppCheck(AppCheckVerifier):
    """Believes the one token ``good``."""

    @override
    def is_valid(self, token: str, *, project_number: str, firebase_app_ids: Sequence[str]) -> bool:
        return token == "good"


class InMemoryAuditStore(AuditStore):
    def __init__(self) -> None:
        self.kept: list[AuditEntry] = []

    @override
    def add_entry(self, entry: AuditEntry) -> None:
        self.kept.append(entry)

    @override
    def entries(self, app_id: str | None, wanted: AuditRange) -> Iterator[AuditEntry]:
        found = sorted(self.kept, key=lambda entry: entry.entry_id, reverse=True)
        return (
            entry
            for entry in found
            if entry.call.app_id == app_id
            and wanted.since <= entry.at < wanted.until
            and (wanted.before is None or entry.entry_id < wanted.before)
        )


class InMemoryImportStore(ImportStore):
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    @override
    def add_import(self, job: Import, event: Envelope, *, attempt: Attempt | None) -> None:
        with self._memory.lock:
            if attempt and attempt.id in self._memory.attempts:
                raise StaleError(job.import_id)
            self._memory.imports[job.app_id, job.import_id] = job
            self._memory.events.append(event)
            if attempt:
                self._memory.attempts[attempt.id] = Remembered(
                    fingerprint=attempt.fingerprint, result=job.import_id
                )

    @override
    def get_import(self, import_id: str, *, app_id: str) -> Import:
        try:
            return self._memory.imports[app_id, import_id]
        except KeyError:
            raise ImportNotFoundError(import_id) from None

    @override
    def list_imports(self, app_id: str, *, limit: int, cursor: str | None) -> Page[Import]:
        found = [
            job
            for (of, import_id), job in sorted(self._memory.imports.items(), reverse=True)
            if of == app_id and (cursor is None or import_id < cursor)
        ]
        more = found[limit - 1].import_id if len(found) > limit else None
        return Page(items=found[:limit], next_cursor=more)

    @override
    def save_import(self, job: Import, *, event: Envelope | None = None) -> None:
        with self._memory.lock:
            key = (job.app_id, job.import_id)
            if self._memory.imports[key].version != job.version - 1:
                raise StaleError(job.import_id)
            self._memory.imports[key] = job
            if event:
                self._memory.events.append(event)

    @override
    def recall(self, attempt: Attempt) -> Remembered | None:
        return self._memory.attempts.get(attempt.id)


class InMemoryImportFiles(ImportFiles):
    """Files by their import; ``uploads`` may be written by tests, as clients do."""

    def __init__(self) -> None:
        self.uploads: dict[str, bytes] = {}
        self.parts: dict[tuple[str, int], tuple[Rejected, ...]] = {}
        self.closed: dict[str, tuple[Rejected, ...]] = {}

    @override
    def upload_for(self, job: Import, *, at: datetime) -> Upload:
        return Upload(method="PUT", url=f"memory:{job.import_id}", headers={}, expires_at=at)

    @override
    def upload_tag(self, job: Import) -> str | None:
        content = self.uploads.get(job.import_id, b"")
        return sha256(content).hexdigest() if len(content) == job.size else None

    @override
    def read(self, job: Import, *, offset: int) -> Iterator[bytes]:
        for first in range(offset, job.size, 100):
            if self.upload_tag(job) != job.upload_tag:
                raise ImportFailedError("the upload was replaced", code="upload_changed")
            yield self.uploads[job.import_id][first : first + 100]

    @override
    def put_rejects(self, job: Import, rejects: Sequence[Rejected]) -> None:
        self.parts[job.import_id, job.cursor.line] = tuple(rejects)

    @override
    def close_rejects(self, job: Import) -> None:
        parts = sorted(
            (line, part) for (of, line), part in self.parts.items() if of == job.import_id
        )
        self.closed[job.import_id] = tuple(one for _, part in parts for one in part)

    @override
    def rejects_url(self, job: Import) -> str:
        return f"memory:{job.import_id}/rejects"


class RecordedQueue(ImportQueue):
    """Remembers for which imports a worker was called."""

    def __init__(self) -> None:
        self.called: list[str] = []

    @override
    def go_on(self, job: Import) -> None:
        self.called.append(job.import_id)

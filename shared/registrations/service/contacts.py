"""Use cases of contacts: who is behind a device, and what the app knows of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from shared.kernel.clock import Clock
from shared.kernel.envelope import Envelope, seal
from shared.kernel.events import DomainEvent
from shared.kernel.ids import Ids
from shared.registrations.errors import ContactNotFoundError, TooManyDevicesError
from shared.registrations.events import ContactIdentified, ContactUpdated, DeviceLoggedOut
from shared.registrations.model.contacts import MOST_DEVICES, Contact, Edge, Identifier
from shared.registrations.model.devices import AttributeValue, Device
from shared.registrations.ports import ContactStore, DeviceStore, Hasher
from shared.registrations.service.devices import until_settled

OIDC = "oidc"
"""The namespace of what an OIDC issuer calls a person: issuer and subject."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A contact with the devices on which it is known."""

    contact: Contact
    devices: Sequence[Device]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactService:
    """Identifies contacts and keeps their profiles."""

    contacts: ContactStore
    devices: DeviceStore
    hasher: Hasher
    clock: Clock
    ids: Ids

    def identify(self, *, app_id: str, device_id: str, issuer: str, subject: str) -> Device:
        """Bind a device to the contact that an issuer vouches for; again changes nothing.

        What happened on the device before joins the contact by an edge, unless somebody else was
        logged in: then the device changes hands, and nothing is joined.

        Raises:
            DeviceNotFoundError: the device is not registered.
            TooManyDevicesError: the contact has 50 devices already.
        """
        identifier = self._identifier(f"{issuer}#{subject}", app_id=app_id, namespace=OIDC)

        def try_once() -> Device:
            before = self.devices.get_device(app_id=app_id, device_id=device_id)
            known = self.contacts.contact_of(identifier, app_id=app_id)
            if known == before.contact_id:
                return before
            contact_before = (
                self.contacts.get_contact(app_id=app_id, contact_id=known) if known else None
            )
            return self._bind(before, contact_before, known, identifier)

        return until_settled(try_once)

    def log_out(self, *, app_id: str, device_id: str) -> Device:
        """Unbind a device from its contact: it is anonymous again, and its tokens are void.

        Raises:
            DeviceNotFoundError: the device is not registered.
        """

        def try_once() -> Device:
            before = self.devices.get_device(app_id=app_id, device_id=device_id)
            if before.is_anonymous:
                return before
            at = self.clock()
            after = before.logged_out(self.ids.new("con"), at=at)
            event = DeviceLoggedOut(
                app_id=app_id, occurred_at=at, contact_id=before.contact_id, device_id=device_id
            )
            self.contacts.commit_log_out(after, before=before, event=self._seal(event))
            return after

        return until_settled(try_once)

    def get_profile(self, *, app_id: str, contact_id: str) -> Profile:
        """Return a contact and its devices; an id that was joined to another answers that one.

        Raises:
            ContactNotFoundError: nothing is known under this id.
        """
        canonical = self.canonical(contact_id, app_id=app_id)
        devices = self.devices.devices_of(canonical, app_id=app_id)
        contact = self.contacts.get_contact(app_id=app_id, contact_id=canonical)
        if contact is None:
            contact = _anonymous(app_id, canonical, devices)
        return Profile(contact=contact, devices=devices)

    def update_contact(
        self,
        *,
        app_id: str,
        contact_id: str,
        add_tags: frozenset[str],
        remove_tags: frozenset[str],
        attributes: Mapping[str, AttributeValue | None],
    ) -> Profile:
        """Change a contact's tags and attributes, and copy the tags to its devices.

        Raises:
            ContactNotFoundError: nothing is known under this id.
        """

        def try_once() -> Profile:
            found = self.get_profile(app_id=app_id, contact_id=contact_id)
            after, changed = found.contact.tagged(
                add=add_tags, remove=remove_tags, attributes=attributes
            )
            if not changed:
                return found
            devices = [
                replace(device, tags=after.tags, version=device.version + 1)
                for device in found.devices
            ]
            event = ContactUpdated(
                app_id=app_id,
                occurred_at=self.clock(),
                contact_id=after.contact_id,
                changed=changed,
            )
            self.contacts.commit_contact(
                after,
                before=found.contact if found.contact.version else None,
                devices=devices,
                event=self._seal(event),
            )
            return Profile(contact=after, devices=devices)

        return until_settled(try_once)

    def canonical(self, contact_id: str, *, app_id: str) -> str:
        """Return the contact that ``contact_id`` was joined to, or itself."""
        return canonical_of(contact_id, app_id=app_id, contacts=self.contacts)

    def origins_of(
        self, contact_id: str, *, app_id: str, as_of: datetime | None = None
    ) -> Sequence[str]:
        """Return the contact and all that were joined to it by ``as_of``: its whole history."""
        canonical = self.canonical(contact_id, app_id=app_id)
        edges = self.contacts.edges_of(canonical, app_id=app_id)
        return [
            canonical,
            *(
                edge.origin
                for edge in edges
                if edge.contact_id == canonical and (as_of is None or edge.created_at <= as_of)
            ),
        ]

    def contact_of(self, *, app_id: str, issuer: str, subject: str) -> str | None:
        """Return the contact that an issuer's subject is, or ``None``."""
        identifier = self._identifier(f"{issuer}#{subject}", app_id=app_id, namespace=OIDC)
        return self.contacts.contact_of(identifier, app_id=app_id)

    def _bind(
        self,
        before: Device,
        contact_before: Contact | None,
        known: str | None,
        identifier: Identifier,
    ) -> Device:
        at = self.clock()
        contact_id = known or self.ids.new("con")
        contact = _with_device(contact_before, before, contact_id, identifier, at=at)
        after = before.bound_to(contact_id, tags=contact.tags)
        edge = self._edge(before, contact_id, at=at) if before.is_anonymous else None
        event = ContactIdentified(
            app_id=before.app_id,
            occurred_at=at,
            contact_id=contact_id,
            device_id=before.device_id,
            namespace=identifier.namespace,
            joined_contact_id=edge.origin if edge else None,
        )
        self.contacts.commit_identification(
            after,
            before=before,
            contact=contact,
            contact_before=contact_before,
            identifier=identifier,
            edge=edge,
            event=self._seal(event),
        )
        return after

    def _edge(self, device: Device, contact_id: str, *, at: datetime) -> Edge:
        return Edge(
            edge_id=self.ids.new("edg"),
            app_id=device.app_id,
            contact_id=contact_id,
            origin=device.contact_id,
            created_at=at,
        )

    def _identifier(self, value: str, *, app_id: str, namespace: str) -> Identifier:
        digest = self.hasher.digest(value, app_id=app_id, namespace=namespace)
        return Identifier(namespace=namespace, digest=digest, masked=f"…{value[-4:]}")

    def _seal(self, event: DomainEvent) -> Envelope:
        return seal(event, sequence=self.ids.sequence())


def canonical_of(contact_id: str, *, app_id: str, contacts: ContactStore) -> str:
    """Return the contact that ``contact_id`` was joined to, or itself."""
    for edge in contacts.edges_of(contact_id, app_id=app_id):
        if edge.origin == contact_id:
            return edge.contact_id
    return contact_id


def _with_device(
    contact: Contact | None,
    device: Device,
    contact_id: str,
    identifier: Identifier,
    *,
    at: datetime,
) -> Contact:
    if contact is None:
        return Contact(
            app_id=device.app_id,
            contact_id=contact_id,
            identifiers=(identifier,),
            device_ids=frozenset({device.device_id}),
            created_at=at,
        )
    devices = contact.device_ids | {device.device_id}
    if len(devices) > MOST_DEVICES:
        raise TooManyDevicesError(f"{MOST_DEVICES} devices")
    return replace(contact, device_ids=devices, version=contact.version + 1)


def _anonymous(app_id: str, contact_id: str, devices: Sequence[Device]) -> Contact:
    """Return the profile of a contact that has none: version 0 says that no row is there."""
    if not devices:
        raise ContactNotFoundError(contact_id)
    return Contact(
        app_id=app_id,
        contact_id=contact_id,
        device_ids=frozenset(device.device_id for device in devices),
        created_at=min(device.registered_at for device in devices),
        version=0,
    )

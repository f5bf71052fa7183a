"""Use cases of contacts: who is behind a device or an event, and what the app knows of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from shared.kernel.clock import Clock
from shared.kernel.envelope import Envelope, seal
from shared.kernel.events import DomainEvent
from shared.kernel.ids import Ids
from shared.registrations.errors import (
    AlreadyRegisteredError,
    ContactErasedError,
    ContactNotFoundError,
    ErasureRunningError,
    IdentifierTakenError,
    KeptApartError,
    StaleError,
    TooManyContactsError,
    TooManyDevicesError,
)
from shared.registrations.events import ContactIdentified, ContactUpdated, DeviceLoggedOut
from shared.registrations.model.contacts import (
    MOST_DEVICES,
    Contact,
    Identifier,
    attributes_of,
    tags_of,
)
from shared.registrations.model.devices import AttributeValue, Device
from shared.registrations.model.edges import EdgeCause, Person
from shared.registrations.model.identifiers import OIDC, check_limits, namespace
from shared.registrations.model.numbers import whereabouts_of
from shared.registrations.ports import ContactStore, DeviceStore, Join
from shared.registrations.service.devices import until_settled
from shared.registrations.service.identifiers import IdentifierService, NamedIdentifier
from shared.registrations.service.people import PeopleService
from shared.registrations.service.vault import VaultService


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A person as the app knows them, over all contacts that were joined."""

    app_id: str
    contact_id: str
    tags: frozenset[str]
    attributes: Mapping[str, AttributeValue]
    identifiers: Sequence[Identifier]
    devices: Sequence[Device]
    merges: Sequence[str]
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactService:
    """Identifies contacts and keeps their profiles."""

    contacts: ContactStore
    devices: DeviceStore
    people: PeopleService
    identifiers: IdentifierService
    vault: VaultService
    clock: Clock
    ids: Ids

    def identify(self, *, app_id: str, device_id: str, issuer: str, subject: str) -> Device:
        """Bind a device to the contact that an issuer vouches for; again changes nothing.

        What happened on the device before joins the contact by an edge, unless somebody else was
        logged in: then the device changes hands, and nothing is joined.

        Raises:
            DeviceNotFoundError: the device is not registered.
            TooManyDevicesError: the contact has 50 devices already.
            ErasureRunningError: the person, or who used the device before, is just being erased.
        """
        named = NamedIdentifier(namespace=OIDC, value=f"{issuer}#{subject}")
        identifier = self.identifiers.hide(named, app_id=app_id)

        def try_once() -> Device:
            before = self.devices.get_device(app_id=app_id, device_id=device_id)
            known = self.identifiers.find([identifier], app_id=app_id).contacts.get(identifier)
            if known == before.contact_id and not before.is_anonymous:
                return before
            try:
                return self._bind(before, known, replace(identifier, plain=None))
            except ContactErasedError as error:
                raise ErasureRunningError("try again in a minute") from error

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
        """Return a person; an id that was joined to another answers the one they are.

        Raises:
            ContactNotFoundError: nothing is known under this id.
        """
        return self._profile(self.contacts.person_of(contact_id, app_id=app_id))

    def assign(self, contact_id: str, *, app_id: str, device_id: str, namespace: str) -> bool:
        """Bind a device to the contact whom a file names; the answer says whether it was not yet.

        ``namespace`` is that of the identifier by which the file names the contact. Nothing is
        joined: the device has not spoken, so there is no history.

        Raises:
            DeviceNotFoundError: the device is not registered.
            AlreadyRegisteredError: the device registered itself in the meantime.
            TooManyDevicesError: the contact has 50 devices already.
        """

        def try_once() -> bool:
            before = self.devices.get_device(app_id=app_id, device_id=device_id)
            if before.has_spoken:
                raise AlreadyRegisteredError(device_id)
            if before.contact_id == contact_id and not before.is_anonymous:
                return False
            named_by = Identifier(namespace=namespace, digest="", masked="")
            self._bind(before, contact_id, named_by, joins_history=False)
            return True

        return until_settled(try_once)

    def update_contact(
        self,
        *,
        app_id: str,
        contact_id: str,
        add_tags: frozenset[str] = frozenset(),
        remove_tags: frozenset[str] = frozenset(),
        attributes: Mapping[str, AttributeValue | None],
        add_identifiers: Sequence[NamedIdentifier] = (),
    ) -> Profile:
        """Change a person's tags, attributes and identifiers; copy the tags to the devices.

        Raises:
            ContactNotFoundError: nothing is known under this id.
            IdentifierTakenError: an identifier names somebody else: merge the two, or do not.
            TooManyIdentifiersError: the contact has as many of that namespace as it may.
        """
        profile, _ = self.change_contact(
            app_id=app_id,
            contact_id=contact_id,
            add_tags=add_tags,
            remove_tags=remove_tags,
            attributes=attributes,
            add_identifiers=add_identifiers,
        )
        return profile

    def change_contact(
        self,
        *,
        app_id: str,
        contact_id: str,
        add_tags: frozenset[str] = frozenset(),
        remove_tags: frozenset[str] = frozenset(),
        attributes: Mapping[str, AttributeValue | None],
        add_identifiers: Sequence[NamedIdentifier] = (),
        dry_run: bool = False,
    ) -> tuple[Profile, bool]:
        """Do what ``update_contact`` does; the second part says whether that changes anything.

        With ``dry_run`` the rules are held, and nothing is written.
        """
        identifiers = [self.identifiers.hide(one, app_id=app_id) for one in add_identifiers]

        def try_once() -> tuple[Profile, bool]:
            person = self.contacts.person_of(contact_id, app_id=app_id)
            found = self._profile(person)
            owners = set(self.identifiers.find(identifiers, app_id=app_id).contacts.values())
            if not owners <= set(person.contact_ids):
                raise IdentifierTakenError("an identifier names another contact")
            before = self._contact(person.canonical, app_id=app_id)
            zones, countries = whereabouts_of(
                one for one in identifiers if one not in found.identifiers
            )
            event = ContactUpdated(
                app_id=app_id,
                occurred_at=self.clock(),
                contact_id=person.canonical,
                changed=_changed(found, before, add_tags, remove_tags, attributes, identifiers),
                zones=zones,
                countries=countries,
            )
            if not event.changed:
                return found, False
            told = self._seal(event)
            after = (before or self._blank(found)).marked(
                add=add_tags, remove=remove_tags, attributes=attributes, sequence=told.sequence
            )
            if dry_run:
                return found, True
            fresh = self._fresh(identifiers, found)
            after = replace(after, identifiers=(*after.identifiers, *fresh))
            others = self.contacts.get_contacts(person.others, app_id=app_id)
            tags = tags_of([after, *others])
            self.contacts.commit_contact(
                after,
                before=before,
                identifiers=fresh,
                devices=[
                    replace(device, tags=tags, version=device.version + 1)
                    for device in found.devices
                    if device.tags != tags
                ],
                event=told,
            )
            return self._profile(person), True

        return until_settled(try_once)

    def _bind(
        self,
        before: Device,
        known: str | None,
        identifier: Identifier,
        *,
        joins_history: bool = True,
    ) -> Device:
        at = self.clock()
        app_id = before.app_id
        contact_id = known or self.ids.new("con")
        contact_before = self._contact(contact_id, app_id=app_id)
        contact = _with_device(contact_before, before, contact_id, identifier, at=at)
        joins = self._login(before, contact_id) if before.is_anonymous and joins_history else None
        person = joins.after if joins else self.contacts.person_of(contact_id, app_id=app_id)
        others = [one for one in person.contact_ids if one != contact_id]
        tags = tags_of([contact, *self.contacts.get_contacts(others, app_id=app_id)])
        after = before.bound_to(contact_id, tags=tags)
        event = ContactIdentified(
            app_id=app_id,
            occurred_at=at,
            contact_id=contact_id,
            device_id=before.device_id,
            namespace=identifier.namespace,
            timezone=before.state.timezone,
            joined_contact_id=joins.edge.origin if joins else None,
        )
        devices = [
            device for device in self.people.retagged(person) if device.device_id != after.device_id
        ]
        try:
            self.contacts.commit_identification(
                after,
                before=before,
                contact=contact,
                contact_before=contact_before,
                identifiers=[] if known else [identifier],
                joins=joins,
                devices=devices,
                event=self._seal(event),
            )
        except StaleError:
            if joins:
                self.people.abandon(joins)
            raise
        return after

    def _login(self, before: Device, contact_id: str) -> Join | None:
        """Prepare the edge by which a device's anonymous history joins who logged in.

        A login never fails for what came before it: where nothing may be joined, nothing is.
        """
        winner = self.contacts.person_of(contact_id, app_id=before.app_id)
        anonymous = self.contacts.person_of(before.contact_id, app_id=before.app_id)
        if winner.canonical == anonymous.canonical:
            return None
        try:
            return self.people.joining(
                winner,
                anonymous,
                at_contact=contact_id,
                cause=EdgeCause.LOGIN,
                by=before.device_id,
            )
        except (KeptApartError, TooManyContactsError):
            return None

    def _profile(self, person: Person) -> Profile:
        app_id = person.root.app_id
        contacts = self.contacts.get_contacts(person.contact_ids, app_id=app_id)
        devices = self.people.devices_of(person.contact_ids, app_id=app_id)
        known_since = [contact.created_at for contact in contacts]
        known_since += [device.registered_at for device in devices]
        if not known_since and not person.others:
            raise ContactNotFoundError(person.canonical)
        return Profile(
            app_id=app_id,
            contact_id=person.canonical,
            tags=tags_of(contacts),
            attributes=attributes_of(contacts),
            identifiers=[one for contact in contacts for one in contact.identifiers],
            devices=sorted(devices, key=lambda device: (device.registered_at, device.device_id)),
            merges=[place.edge.edge_id for place in person.places if place.edge],
            created_at=min(known_since, default=self.clock()),
        )

    def _contact(self, contact_id: str, *, app_id: str) -> Contact | None:
        return next(iter(self.contacts.get_contacts([contact_id], app_id=app_id)), None)

    def _blank(self, profile: Profile) -> Contact:
        """Return the first profile of a contact that had none; its device was enough to know it."""
        return Contact(
            app_id=profile.app_id,
            contact_id=profile.contact_id,
            device_ids=frozenset(
                device.device_id
                for device in profile.devices
                if device.contact_id == profile.contact_id
            ),
            created_at=profile.created_at,
            version=0,
        )

    def _fresh(self, identifiers: Sequence[Identifier], found: Profile) -> list[Identifier]:
        """Return the identifiers that are new to a person, as the app keeps them.

        Raises:
            TooManyIdentifiersError: the person has as many of a namespace as one may.
        """
        known = set(found.identifiers)
        fresh = [one for one in dict.fromkeys(identifiers) if one not in known]
        held = [one.namespace for one in found.identifiers]
        for one in fresh:
            check_limits(held, adding=namespace(one.namespace))
            held.append(one.namespace)
        return self.vault.kept(fresh, app_id=found.app_id, contact_id=found.contact_id)

    def _seal(self, event: DomainEvent) -> Envelope:
        return seal(event, sequence=self.ids.sequence())


def _changed(
    found: Profile,
    own: Contact | None,
    add: frozenset[str],
    remove: frozenset[str],
    attributes: Mapping[str, AttributeValue | None],
    identifiers: Sequence[Identifier],
) -> tuple[str, ...]:
    """Return which parts of a profile a change touches.

    What is said of a person is noted under the canonical contact even where another contact of the
    person makes it true already: it must still be true when the two are parted.
    """
    tags = {name: mark.value for name, mark in own.tag_marks.items()} if own else {}
    held = {name: mark.value for name, mark in own.attribute_marks.items()} if own else {}
    touched = {
        "attributes": any(
            found.attributes.get(name) != value or held.get(name) != value
            for name, value in attributes.items()
        ),
        "identifiers": any(one not in found.identifiers for one in identifiers),
        "tags": any(tag not in found.tags or not tags.get(tag) for tag in add - remove)
        or any(tag in found.tags or tags.get(tag) for tag in remove),
    }
    return tuple(part for part, is_touched in touched.items() if is_touched)


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

"""What the registrations' services need from outside."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from shared.kernel.addresses import Address
from shared.kernel.envelope import Envelope
from shared.kernel.events import Purpose
from shared.kernel.idempotency import Attempt, Remembered
from shared.kernel.paging import Page
from shared.kernel.principal import Role
from shared.registrations.model.apps import App
from shared.registrations.model.audience import (
    Audience,
    AudienceMember,
    Happenings,
    PushConsent,
)
from shared.registrations.model.audit import AuditEntry, AuditRange
from shared.registrations.model.contacts import Contact, Identifier
from shared.registrations.model.devices import Device
from shared.registrations.model.edges import Edge, Member, Person
from shared.registrations.model.erasures import Erasure
from shared.registrations.model.import_rows import Rejected
from shared.registrations.model.imports import Import
from shared.registrations.model.segments import Segment
from shared.registrations.model.systems import Systems, WebhookSecret


class IntentKind(StrEnum):
    """What other domains are to do."""

    UNITE = "unite"
    SPLIT = "split"


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """Two people before, and the one they become by ``edge``; ``intent`` is done with then."""

    winner: Person
    loser: Person
    edge: Edge
    intent: "Intent | None" = None

    @property
    def after(self) -> Person:
        """Return the one person."""
        return self.winner.joined_by(self.edge, self.loser)


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """One person before, the removed edge, and the two people without it."""

    before: Person
    edge: Edge
    stays: Person
    leaves: Person


class AppStore(Protocol):
    """Apps, and the grants on them."""

    def get_app(self, app_id: str) -> App:
        """Return the app or raise ``AppNotFoundError``."""
        ...

    def list_apps(self, *, limit: int, cursor: str | None) -> Page[App]:
        """Return apps by id, which is the order of their creation."""
        ...

    def app_ids(self) -> Iterator[str]:
        """Yield the ids of all apps, in the order of their creation."""
        ...

    def add_app(self, app: App, event: Envelope, *, attempt: Attempt | None) -> None:
        """Store a new app, its event, and what its attempt came to (the app's id).

        Raises:
            StaleError: the attempt is remembered already.
        """
        ...

    def replace_app(self, app: App, event: Envelope) -> None:
        """Store the app's next version with its event.

        Raises:
            AppChangedError: another change came first.
        """
        ...

    def recall(self, attempt: Attempt) -> Remembered | None:
        """Return what an attempt of ``add_app`` came to before, if it did."""
        ...

    def grant(self, principal: str, *, app_id: str, role: Role) -> None:
        """Give a principal a role on an app, or on ``*``; the newest role stands."""
        ...

    def revoke(self, principal: str, *, app_id: str) -> None:
        """Take a principal's role on an app away; none is no error."""
        ...

    def grants_of(self, principals: Sequence[str]) -> Mapping[str, Role]:
        """Return the strongest role of these principals, by app."""
        ...

    def list_grants(self, *, limit: int, cursor: str | None) -> Page[tuple[str, str, Role]]:
        """Return all grants: principal, app, role; by principal."""
        ...


class SystemStore(Protocol):
    """The other systems of each app; ``systems`` is always the next version of what was read."""

    def get_systems(self, app_id: str) -> Systems:
        """Return the systems of an app as they are now; version 0: it never had any."""
        ...

    def add_secret(
        self,
        systems: Systems,
        secret: WebhookSecret,
        event: Envelope,
        *,
        attempt: Attempt | None,
    ) -> None:
        """Store the systems with a new secret, its event, and what its attempt came to (its id).

        Raises:
            StaleError: another change came first, or the attempt is remembered already.
        """
        ...

    def remove_secret(self, systems: Systems, event: Envelope) -> None:
        """Store the systems without a secret, with the event.

        Raises:
            StaleError: another change came first.
        """
        ...

    def replace_sealed(self, systems: Systems) -> None:
        """Store secrets that are sealed anew; of that nothing is told.

        Raises:
            StaleError: another change came first.
        """
        ...

    def recall(self, attempt: Attempt) -> Remembered | None:
        """Return what an attempt of ``add_secret`` came to before, if it did."""
        ...


class DeviceStore(Protocol):
    """Devices: one row per install, an address belongs to one device."""

    def get_device(self, *, app_id: str, device_id: str) -> Device:
        """Return the device or raise ``DeviceNotFoundError``."""
        ...

    def device_epoch(self, *, app_id: str, device_id: str) -> int | None:
        """Return the device's epoch, or ``None`` without the device."""
        ...

    def owner_of(self, address: Address, *, app_id: str) -> str | None:
        """Return the device that has this address."""
        ...

    def commit_device(
        self,
        device: Device,
        *,
        before: Device | None,
        event: Envelope,
        loses_address: tuple[Device, Envelope] | None = None,
    ) -> None:
        """Store a device's next state, move its address, and tell: all or nothing.

        ``before`` is the state it follows (``None``: there was none). ``loses_address`` is another
        device as it will be without the address that moves here, and the event that says so.

        Raises:
            StaleError: the device, the other one or the address changed in the meantime.
        """
        ...

    def touch_device(self, device: Device, *, before: Device) -> None:
        """Note that an unchanged device was seen: its clock and its sequence move, no event.

        Raises:
            StaleError: the device changed in the meantime.
        """
        ...

    def remove_device(self, device: Device, event: Envelope) -> None:
        """Forget a device and free its address.

        Raises:
            StaleError: the device changed in the meantime.
        """
        ...

    def remove_address(self, device: Device, event: Envelope, *, address: Address) -> None:
        """Take exactly this address from the device; ``device`` is as it will be.

        Raises:
            StaleError: the device has another address by now, or changed.
        """
        ...

    def devices(self, device_ids: Iterable[str], *, app_id: str) -> Sequence[Device]:
        """Return those of the devices that are registered, as they are now."""
        ...

    def devices_of(self, contact_id: str, *, app_id: str) -> Sequence[Device]:
        """Return the devices on which a contact is known, the newest registration last."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A merge or its undoing that other domains must hear of; it stays until all of them have.

    ``stays`` is the contact that goes on standing for the person, ``moves`` the root that joins it
    or leaves it, with ``members`` under it.
    """

    kind: IntentKind
    app_id: str
    edge_id: str
    stays: str
    moves: str
    members: frozenset[str]
    noted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Whom identifiers name.

    ``former`` are those that were found under the key before this one. ``erased_at`` is when a
    person who had one of them was erased last: what happened before then is not theirs any more.
    """

    contacts: Mapping[Identifier, str] = field(default_factory=dict)
    former: frozenset[Identifier] = frozenset()
    erased_at: datetime | None = None


class ContactStore(Protocol):
    """Contacts, their identifiers, and the edges that join them.

    Whatever asks for a person raises ``ContactErasedError`` for one that was erased.
    """

    def get_contacts(self, contact_ids: Iterable[str], *, app_id: str) -> Sequence[Contact]:
        """Return those of the profiles that exist: an anonymous contact has none of its own."""
        ...

    def named_by(self, identifiers: Sequence[Identifier], *, app_id: str) -> Named:
        """Return whom identifiers name, in one read; those that name nobody are left out."""
        ...

    def refile(
        self, contact: Contact, *, before: Contact, identifiers: Sequence[Identifier]
    ) -> None:
        """File identifiers of a contact under the current key, and no longer under the former.

        Raises:
            StaleError: the contact or an identifier changed in the meantime.
        """
        ...

    def root_of(self, contact_id: str, *, app_id: str) -> Member:
        """Return the root of a contact's person, which lists its members; at most two reads."""
        ...

    def roots_of(self, contact_ids: Collection[str], *, app_id: str) -> Mapping[str, Member]:
        """Return the root of each contact's person; of who was erased, none.

        Two reads for up to 100 contacts.
        """
        ...

    def canonicals_of(self, contact_ids: Collection[str], *, app_id: str) -> Mapping[str, str]:
        """Return the contact that stands for each contact's person; one read for up to 100."""
        ...

    def person_of(self, contact_id: str, *, app_id: str) -> Person:
        """Return a contact's whole person, with the edges that join it."""
        ...

    def edges_at(self, contact_id: str, *, app_id: str) -> Sequence[Edge]:
        """Return every edge that was ever made at a contact, oldest first."""
        ...

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
        """Bind a device to a contact; join its anonymous history; retag other devices; tell.

        Raises:
            StaleError: device, contact, identifier or person changed in the meantime.
        """
        ...

    def commit_log_out(self, device: Device, *, before: Device, event: Envelope) -> None:
        """Unbind a device from its contact, and tell.

        Raises:
            StaleError: the device changed in the meantime.
        """
        ...

    def commit_contact(
        self,
        contact: Contact,
        *,
        before: Contact | None,
        identifiers: Sequence[Identifier] = (),
        devices: Sequence[Device],
        event: Envelope,
    ) -> None:
        """Store a profile's next version and its new identifiers, retag the devices, and tell.

        Raises:
            StaleError: the contact, an identifier or a device changed in the meantime.
        """
        ...

    def note_intent(self, intent: Intent) -> None:
        """Note that other domains are about to hear of a merge."""
        ...

    def drop_intent(self, intent: Intent) -> None:
        """Note that all domains have heard; none is no error."""
        ...

    def intents(self, app_id: str) -> Sequence[Intent]:
        """Return the intents that are still noted, oldest first."""
        ...

    def commit_merge(self, join: Join, *, devices: Sequence[Device], event: Envelope) -> None:
        """Join two people by an edge, retag their devices, drop the edge's intent, and tell.

        Raises:
            StaleError: one of the people or devices changed in the meantime.
        """
        ...

    def commit_unmerge(
        self,
        split: Split,
        *,
        devices: Sequence[Device],
        events: Sequence[Envelope],
        intent: Intent | None,
    ) -> None:
        """Take an edge back, retag the devices of both people, note the intent, and tell.

        Raises:
            StaleError: the person or a device changed in the meantime.
        """
        ...

    def commit_apart(self, places: Sequence[Member], *, event: Envelope) -> None:
        """Store that contacts are different people, and tell.

        Raises:
            StaleError: a place changed in the meantime.
        """
        ...


class ErasureStore(Protocol):
    """Erasures, and what they take away."""

    def begin(self, erasure: Erasure, *, places: Sequence[Member], event: Envelope) -> None:
        """Store a new erasure, mark the person's places as erased, and tell.

        Raises:
            StaleError: a place changed in the meantime.
        """
        ...

    def erasure_of(self, contact_id: str, *, app_id: str) -> Erasure | None:
        """Return the erasure that took a contact away, or is about to."""
        ...

    def save(self, erasure: Erasure, *, events: Sequence[Envelope]) -> None:
        """Store an erasure's next state, and tell.

        Raises:
            StaleError: somebody else moved it on.
        """
        ...

    def open_erasures(self, app_id: str) -> Sequence[Erasure]:
        """Return the erasures that are not done, oldest first."""
        ...

    def forget_contact(self, contact_id: str, erasure: Erasure) -> None:
        """Delete a contact's profile, data key and edges.

        Of its identifiers stays, as long as the erasure says, that who had them was erased.

        Raises:
            StaleError: the contact changed in the meantime.
        """
        ...


class KeyStore(Protocol):
    """The contacts' data keys, wrapped."""

    def data_key(self, contact_id: str, *, app_id: str) -> str | None:
        """Return a contact's data key, if it has one."""
        ...

    def add_data_key(self, contact_id: str, wrapped: str, *, app_id: str) -> str:
        """Give a contact its data key, and return the one that stands: the first."""
        ...

    def data_keys(self, app_id: str) -> Iterator[tuple[str, str]]:
        """Yield the contacts of an app that have a data key, with it."""
        ...

    def replace_data_key(self, contact_id: str, wrapped: str, *, app_id: str, before: str) -> None:
        """Store a data key as it is wrapped now; nothing happens where it is not ``before``."""
        ...


class Cipher(Protocol):
    """Makes data keys, and encrypts under them; texts open only for the same ``about``."""

    def new_key(self, *, app_id: str, about: str) -> tuple[bytes, str]:
        """Return a fresh data key, plain and wrapped."""
        ...

    def unwrap(self, wrapped: str, *, app_id: str, about: str) -> bytes:
        """Return a data key."""
        ...

    def rewrap(self, wrapped: str, *, app_id: str, about: str) -> str | None:
        """Return a data key wrapped under the current secret; ``None``: it is already."""
        ...

    def seal(self, plain: bytes, key: bytes, *, about: str) -> str:
        """Return ``plain`` encrypted."""
        ...

    def open(self, sealed: str, key: bytes, *, about: str) -> bytes:
        """Return what was encrypted."""
        ...


class PersonalDomain(Protocol):
    """A domain that keeps something about contacts, and gives it out or up."""

    def export(
        self, contact_ids: Sequence[str], *, app_id: str, cursor: str | None, limit: int
    ) -> Page[Mapping[str, Any]]:
        """Return a page of all it keeps about a person's contacts, in plain values."""
        ...

    def erase(self, contact_ids: Sequence[str], *, app_id: str) -> None:
        """Delete all it keeps about contacts; again, after a crash, changes nothing more."""
        ...


class StatefulDomain(Protocol):
    """A domain that holds state per contact, and follows when people turn out to be one or two.

    Both calls may come again for the same edge, and must then change nothing more.
    """

    def unite(self, intent: Intent) -> None:
        """Make the state of the two people one, as strictly as the stricter of them."""
        ...

    def split(self, intent: Intent) -> None:
        """Give each of the two people the state that came from their own contacts."""
        ...


class Hasher(Protocol):
    """Hides identifiers: a keyed hash, the key per app."""

    def digest(self, value: str, *, app_id: str, namespace: str) -> str:
        """Return the hash by which an identifier is kept."""
        ...

    def former(self, value: str, *, app_id: str, namespace: str) -> str | None:
        """Return its hash under the key before this one; ``None`` unless the key is rotated."""
        ...


class AppCheckVerifier(Protocol):
    """Verifies Firebase App Check tokens."""

    def is_valid(self, token: str, *, project_number: str, firebase_app_ids: Sequence[str]) -> bool:
        """Say whether Firebase vouches for one of these apps with the token."""
        ...


class SegmentStore(Protocol):
    """Segments with all of their versions; a name belongs to one segment of an app."""

    def add_segment(self, segment: Segment, event: Envelope, *, attempt: Attempt | None) -> bool:
        """Store a new segment, its event, and what its attempt came to (its id).

        Say no, and store nothing, where the attempt is remembered already.

        Raises:
            SegmentNameTakenError: another segment of the app has the name.
        """
        ...

    def recall(self, attempt: Attempt) -> Remembered | None:
        """Return what an attempt of ``add_segment`` came to before, if it did."""
        ...

    def get_segment(self, segment_id: str, *, app_id: str, version: int | None = None) -> Segment:
        """Return a segment as it stands, or one of its versions, also of a deleted one.

        Raises:
            SegmentNotFoundError: there is none.
        """
        ...

    def list_segments(self, app_id: str, *, limit: int, cursor: str | None) -> Page[Segment]:
        """Return segments as they stand, by id, which is the order of their creation."""
        ...

    def replace_segment(self, segment: Segment, event: Envelope, *, before: Segment) -> None:
        """Store a segment's next version, with its event.

        Raises:
            SegmentChangedError: another change came first.
            SegmentNameTakenError: another segment of the app has the name.
        """
        ...

    def remove_segment(self, segment: Segment, event: Envelope) -> None:
        """Forget a segment but for its versions, free its name, and tell.

        Raises:
            SegmentChangedError: another change came first.
        """
        ...

    def event_types(self, app_id: str) -> Mapping[str, frozenset[str]]:
        """Return the types of events that any version of each segment asks for, by segment.

        Segments that ask for none, and deleted ones, are left out. It may be a moment behind.
        """
        ...


class AudienceStore(Protocol):
    """Device rows as rules see them, and what is copied to them of people."""

    def page(
        self, app_id: str, shard: int, *, after: str | None, limit: int
    ) -> Page[AudienceMember]:
        """Return devices of one of the shards by id, after one; it may be a moment behind."""
        ...

    def members(self, device_ids: Iterable[str], *, app_id: str) -> Sequence[AudienceMember]:
        """Return those of the devices that are registered, as they are now, by id."""
        ...

    def put_audience(self, device: Device, audience: Audience) -> bool:
        """Copy what is known of a device's contact to its row; say whether anything changed.

        Nothing changes where the device is another contact's by now, or gone. The device's version
        stays as it is.
        """
        ...

    def happenings(self, contact_ids: Iterable[str], *, app_id: str) -> Mapping[str, Happenings]:
        """Return the last happenings of each of the contacts."""
        ...

    def replace_happenings(self, contact_id: str, happenings: Happenings, *, app_id: str) -> None:
        """Store a contact's happenings, whose version is the next of what was read.

        Raises:
            StaleError: another change came first, or the contact was erased.
        """
        ...


class Consents(Protocol):
    """What people said to pushes."""

    def of_person(self, contact_id: str, *, app_id: str) -> Mapping[Purpose, PushConsent]:
        """Return what holds now for a contact's whole person; a purpose not named is not agreed."""


class AuditStore(Protocol):
    """The audit logs: one for each app, and one above apps (``None``)."""

    def add_entry(self, entry: AuditEntry) -> None:
        """Store an entry; it is kept for 400 days."""
        ...

    def entries(self, app_id: str | None, wanted: AuditRange) -> Iterator[AuditEntry]:
        """Yield the entries of a range, the newest first; reads page by page."""
        ...


class ImportStore(Protocol):
    """The imports of each app."""

    def add_import(self, job: Import, event: Envelope, *, attempt: Attempt | None) -> None:
        """Store a new import, its event, and what its attempt came to (its id).

        Raises:
            StaleError: the attempt is remembered already.
        """
        ...

    def get_import(self, import_id: str, *, app_id: str) -> Import:
        """Return the import as it is now, or raise ``ImportNotFoundError``."""
        ...

    def list_imports(self, app_id: str, *, limit: int, cursor: str | None) -> Page[Import]:
        """Return an app's imports, the newest first."""
        ...

    def save_import(self, job: Import, *, event: Envelope | None = None) -> None:
        """Store an import's next version, and tell.

        Raises:
            StaleError: another change came first.
        """
        ...

    def recall(self, attempt: Attempt) -> Remembered | None:
        """Return what an attempt of ``add_import`` came to before, if it did."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """Where a client sends an import's file: one request with these headers, until an instant."""

    method: str
    url: str
    headers: Mapping[str, str]
    expires_at: datetime


class ImportFiles(Protocol):
    """The files of imports: what was uploaded, and the rows that were rejected."""

    def upload_for(self, job: Import, *, at: datetime) -> Upload:
        """Return where the file of an import is sent, from ``at`` on for an hour."""
        ...

    def upload_tag(self, job: Import) -> str | None:
        """Return what names the content that was uploaded; ``None`` unless it has its size."""
        ...

    def read(self, job: Import, *, offset: int) -> Iterator[bytes]:
        """Yield the upload from a byte on, in chunks of a moderate size.

        Raises:
            ImportFailedError: it is not what it was when the import started.
        """
        ...

    def put_rejects(self, job: Import, rejects: Sequence[Rejected]) -> None:
        """Keep the rejects of the batch that begins at the import's cursor; again replaces them."""
        ...

    def close_rejects(self, job: Import) -> None:
        """Make one file of all rejects that are kept; again changes nothing."""
        ...

    def rejects_url(self, job: Import) -> str:
        """Return where the file of rejects can be fetched, for an hour."""
        ...


class ImportQueue(Protocol):
    """Wakes a worker for an import."""

    def go_on(self, job: Import) -> None:
        """Have a worker go on with an import."""
        ...

"""What contacts and their identifiers need from outside."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from shared.kernel.envelope import Envelope
from shared.registrations.model.contacts import Contact, Identifier
from shared.registrations.model.devices import Device
from shared.registrations.model.edges import Edge, Member, Person
from shared.registrations.ports.people import Intent, Join, Split


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


class Hasher(Protocol):
    """Hides identifiers: a keyed hash, the key per app."""

    def digest(self, value: str, *, app_id: str, namespace: str) -> str:
        """Return the hash by which an identifier is kept."""
        ...

    def former(self, value: str, *, app_id: str, namespace: str) -> str | None:
        """Return its hash under the key before this one; ``None`` unless the key is rotated."""
        ...

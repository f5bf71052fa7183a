"""Whom an event means: the contact that its identifiers name, joined and named on the way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from shared.kernel.clock import Clock
from shared.kernel.envelope import Envelope, seal
from shared.kernel.events import DomainEvent
from shared.kernel.ids import Ids
from shared.registrations.events import ContactUpdated
from shared.registrations.model.contacts import Contact, Identifier
from shared.registrations.model.edges import EdgeCause, Person
from shared.registrations.model.identifiers import namespace
from shared.registrations.ports import ContactStore, Hasher
from shared.registrations.service.devices import until_settled
from shared.registrations.service.identifiers import NamedIdentifier, hidden
from shared.registrations.service.people import PeopleService


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolutionService:
    """Finds the contact behind identifiers, or makes one."""

    contacts: ContactStore
    people: PeopleService
    hasher: Hasher
    clock: Clock
    ids: Ids

    def resolve(self, named: Sequence[NamedIdentifier], *, app_id: str, by: str) -> str:
        """Return the contact that an event's identifiers name; a new one if they name nobody.

        The identifier of the highest priority decides. Another one that names somebody else joins
        the two, unless a namespace forbids it or somebody marked them apart; one that names nobody
        is this contact's from now on, as far as its limits go. ``by`` is the event.

        Raises:
            InvalidIdentifierError: an identifier is no value of its namespace.
        """
        identifiers = sorted(
            (hidden(one, app_id=app_id, hasher=self.hasher) for one in named),
            key=lambda one: -namespace(one.namespace).priority,
        )

        def try_once() -> str:
            known = self.contacts.contacts_of(identifiers, app_id=app_id)
            contact_id = next((known[one] for one in identifiers if one in known), None)
            if contact_id is None:
                return self._create(identifiers, app_id=app_id)
            self._join_named(contact_id, known, app_id=app_id, by=by)
            fresh = [one for one in identifiers if one not in known]
            if fresh:
                self._name(contact_id, fresh, app_id=app_id)
            return contact_id

        return until_settled(try_once)

    def _create(self, identifiers: Sequence[Identifier], *, app_id: str) -> str:
        at = self.clock()
        contact = Contact(
            app_id=app_id,
            contact_id=self.ids.new("con"),
            identifiers=tuple(identifiers),
            created_at=at,
        )
        event = ContactUpdated(
            app_id=app_id, occurred_at=at, contact_id=contact.contact_id, changed=("identifiers",)
        )
        self.contacts.commit_contact(
            contact, before=None, identifiers=identifiers, devices=[], event=self._seal(event)
        )
        return contact.contact_id

    def _join_named(
        self, contact_id: str, known: Mapping[Identifier, str], *, app_id: str, by: str
    ) -> None:
        """Join to a contact all others whom the same event names, where that may be."""
        for other in dict.fromkeys(known.values()):
            one = self.contacts.person_of(contact_id, app_id=app_id)
            two = self.contacts.person_of(other, app_id=app_id)
            if one.canonical != two.canonical and self._may_be_one(one, two):
                self.people.merge(contact_id, other, app_id=app_id, cause=EdgeCause.RULE, by=by)

    def _may_be_one(self, one: Person, two: Person) -> bool:
        """Say whether a rule may join two people: not past a limit, not if marked apart."""
        if one.is_apart_from(two):
            return False
        both = [*one.contact_ids, *two.contact_ids]
        contacts = self.contacts.get_contacts(both, app_id=one.root.app_id)
        held = [found.namespace for contact in contacts for found in contact.identifiers]
        return all(held.count(name) <= namespace(name).limit for name in set(held))

    def _name(self, contact_id: str, fresh: Sequence[Identifier], *, app_id: str) -> None:
        """Give a contact new identifiers, as far as its limits go."""
        found = self.contacts.get_contacts([contact_id], app_id=app_id)
        if not found:
            return
        before = found[0]
        held = [one.namespace for one in before.identifiers]
        added = []
        for one in fresh:
            if held.count(one.namespace) < namespace(one.namespace).limit:
                held.append(one.namespace)
                added.append(one)
        if not added:
            return
        after = replace(
            before, identifiers=(*before.identifiers, *added), version=before.version + 1
        )
        event = ContactUpdated(
            app_id=app_id,
            occurred_at=self.clock(),
            contact_id=contact_id,
            changed=("identifiers",),
        )
        self.contacts.commit_contact(
            after, before=before, identifiers=added, devices=[], event=self._seal(event)
        )

    def _seal(self, event: DomainEvent) -> Envelope:
        return seal(event, sequence=self.ids.sequence())

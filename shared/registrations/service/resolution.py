"""Whom an event means: the contact that its identifiers name, joined and named on the way.

Named identifiers decide; an anonymous id decides only where there is nothing else. What was
anonymous joins a person by an edge, as at a login, so that it can be given back; and it joins one
person only: whoever uses the same tablet next is somebody else.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from shared.kernel.clock import Clock
from shared.kernel.envelope import Envelope, seal
from shared.kernel.events import DomainEvent
from shared.kernel.ids import Ids
from shared.registrations.errors import (
    ContactErasedError,
    KeptApartError,
    SamePersonError,
    TooManyContactsError,
    TooManyDevicesError,
)
from shared.registrations.events import ContactUpdated
from shared.registrations.model.contacts import Contact, Identifier
from shared.registrations.model.edges import EdgeCause, Person
from shared.registrations.model.identifiers import ANONYMOUS, Strength, namespace
from shared.registrations.model.numbers import whereabouts_of
from shared.registrations.ports import ContactStore, Named
from shared.registrations.service.devices import until_settled
from shared.registrations.service.identifiers import IdentifierService, NamedIdentifier
from shared.registrations.service.people import PeopleService
from shared.registrations.service.vault import VaultService


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolutionService:
    """Finds the contact behind identifiers, or makes one."""

    contacts: ContactStore
    people: PeopleService
    identifiers: IdentifierService
    vault: VaultService
    clock: Clock
    ids: Ids

    def recognise(
        self, named: Sequence[NamedIdentifier], *, app_id: str, at: datetime
    ) -> str | None:
        """Return what ``resolve`` would, where it would change nothing; else ``None``.

        One read where all identifiers name one contact, two where they name several of one person.

        Raises:
            InvalidIdentifierError: an identifier is no value of its namespace.
            BlockedIdentifierError: an identifier names nobody.
            ContactErasedError: who had one of them was erased after ``at``.
        """
        identifiers = self._hidden(named, app_id=app_id)
        found = self.contacts.named_by(identifiers, app_id=app_id)
        if found.former:
            return None
        return self._recognised(identifiers, _living(found, at=at), app_id=app_id)

    def resolve(
        self, named: Sequence[NamedIdentifier], *, app_id: str, at: datetime, by: str
    ) -> str:
        """Return the contact that an event's identifiers name; a new one if they name nobody.

        The identifier of the highest priority decides. Another one that names somebody else joins
        the two, unless a namespace forbids it or somebody marked them apart; one that names nobody
        is this contact's from now on, as far as the limits of its person go. ``named`` are one at
        least; ``at`` is when the event happened, ``by`` its id.

        Raises:
            InvalidIdentifierError: an identifier is no value of its namespace.
            BlockedIdentifierError: an identifier names nobody.
            ContactErasedError: who had one of them was erased after ``at``.
        """
        identifiers = self._hidden(named, app_id=app_id)

        def try_once() -> str:
            known = _living(self.identifiers.find(identifiers, app_id=app_id), at=at)
            recognised = self._recognised(identifiers, known, app_id=app_id)
            if recognised:
                return recognised
            fresh = [one for one in identifiers if one not in known]
            contact_id = self._meant(identifiers, known, app_id=app_id)
            if contact_id is None:
                contact_id = self._create(fresh, app_id=app_id)
            else:
                self._name(contact_id, fresh, app_id=app_id)
            self._join_known(contact_id, known, app_id=app_id, by=by)
            return contact_id

        return until_settled(try_once)

    def _hidden(self, named: Sequence[NamedIdentifier], *, app_id: str) -> list[Identifier]:
        """Return the identifiers as they are kept, each once, the highest priority first."""
        found = dict.fromkeys(self.identifiers.hide(one, app_id=app_id) for one in named)
        return sorted(found, key=lambda one: -namespace(one.namespace).priority)

    def _recognised(
        self, identifiers: Sequence[Identifier], known: Mapping[Identifier, str], *, app_id: str
    ) -> str | None:
        """Return the contact meant, if all identifiers name one person already."""
        if len(known) < len(identifiers):
            return None
        contact_ids = set(known.values())
        if len(contact_ids) > 1:
            people = self.contacts.canonicals_of(contact_ids, app_id=app_id)
            if len(set(people.values())) > 1:
                return None
        return known[identifiers[0]]

    def _meant(
        self, identifiers: Sequence[Identifier], known: Mapping[Identifier, str], *, app_id: str
    ) -> str | None:
        """Return the known contact that the deciding identifiers mean, or ``None``.

        A strong identifier that names nobody is somebody new, where the person whom a weaker one
        names has as many of it as one may: two customers who share an e-mail address are two.
        """
        deciding = [one for one in identifiers if one.namespace != ANONYMOUS] or identifiers
        contact_id = next((known[one] for one in deciding if one in known), None)
        first = deciding[0]
        if contact_id is None or first in known:
            return contact_id
        is_strong = namespace(first.namespace).strength is Strength.STRONG
        person = self.contacts.person_of(contact_id, app_id=app_id)
        if is_strong and not _within_limits([first], held=self._held_by(person)):
            return None
        return contact_id

    def _create(self, identifiers: Sequence[Identifier], *, app_id: str) -> str:
        at, contact_id = self.clock(), self.ids.new("con")
        named = _within_limits(identifiers, held=[])
        zones, countries = whereabouts_of(named)
        added = self._kept(named, contact_id, app_id=app_id)
        contact = Contact(
            app_id=app_id,
            contact_id=contact_id,
            identifiers=tuple(added),
            created_at=at,
        )
        event = ContactUpdated(
            app_id=app_id,
            occurred_at=at,
            contact_id=contact.contact_id,
            changed=("identifiers",),
            zones=zones,
            countries=countries,
        )
        self.contacts.commit_contact(
            contact, before=None, identifiers=added, devices=[], event=self._seal(event)
        )
        return contact.contact_id

    def _name(self, contact_id: str, fresh: Sequence[Identifier], *, app_id: str) -> None:
        """Give a contact new identifiers, as far as the limits of its person go."""
        person = self.contacts.person_of(contact_id, app_id=app_id)
        contacts = self.contacts.get_contacts(person.contact_ids, app_id=app_id)
        held = [one.namespace for contact in contacts for one in contact.identifiers]
        named = _within_limits(fresh, held=held)
        zones, countries = whereabouts_of(named)
        added = self._kept(named, contact_id, app_id=app_id)
        before = next((one for one in contacts if one.contact_id == contact_id), None)
        if before is None or not added:
            return
        after = replace(
            before, identifiers=(*before.identifiers, *added), version=before.version + 1
        )
        event = ContactUpdated(
            app_id=app_id,
            occurred_at=self.clock(),
            contact_id=contact_id,
            changed=("identifiers",),
            zones=zones,
            countries=countries,
        )
        self.contacts.commit_contact(
            after, before=before, identifiers=added, devices=[], event=self._seal(event)
        )

    def _kept(
        self, identifiers: Sequence[Identifier], contact_id: str, *, app_id: str
    ) -> list[Identifier]:
        return self.vault.kept(identifiers, app_id=app_id, contact_id=contact_id)

    def _join_known(
        self, contact_id: str, known: Mapping[Identifier, str], *, app_id: str, by: str
    ) -> None:
        """Join to a contact all others whom the same event names, where that may be."""
        for other in dict.fromkeys(whom for whom in known.values() if whom != contact_id):
            names = {one.namespace for one, whom in known.items() if whom == other}
            cause = EdgeCause.LOGIN if names == {ANONYMOUS} else EdgeCause.RULE
            one = self.contacts.person_of(contact_id, app_id=app_id)
            two = self.contacts.person_of(other, app_id=app_id)
            if one.canonical == two.canonical or not self._may_be_one(one, two, cause=cause):
                continue
            # An event is recorded also where its people cannot be joined, or were just now.
            with suppress(
                KeptApartError, SamePersonError, TooManyContactsError, TooManyDevicesError
            ):
                self.people.merge(contact_id, other, app_id=app_id, cause=cause, by=by)

    def _may_be_one(self, one: Person, two: Person, *, cause: EdgeCause) -> bool:
        """Say whether an event may join two people.

        Not if they are marked apart, not past a limit, and not through an anonymous id that has
        its person already.
        """
        if one.is_apart_from(two):
            return False
        held, joining = self._held_by(one), self._held_by(two)
        if cause is EdgeCause.LOGIN and set(held) - {ANONYMOUS} and set(joining) - {ANONYMOUS}:
            return False
        both = [*held, *joining]
        return all(both.count(name) <= namespace(name).limit for name in set(both))

    def _held_by(self, person: Person) -> list[str]:
        """Return the namespaces of a person's identifiers, one for each."""
        contacts = self.contacts.get_contacts(person.contact_ids, app_id=person.root.app_id)
        return [found.namespace for contact in contacts for found in contact.identifiers]

    def _seal(self, event: DomainEvent) -> Envelope:
        return seal(event, sequence=self.ids.sequence())


def _living(found: Named, *, at: datetime) -> Mapping[Identifier, str]:
    """Return whom identifiers name, for an event that happened ``at``.

    Raises:
        ContactErasedError: it was before who had one of them was erased.
    """
    if found.erased_at is not None and at <= found.erased_at:
        raise ContactErasedError("it happened before the person was erased")
    return found.contacts


def _within_limits(fresh: Iterable[Identifier], *, held: Iterable[str]) -> list[Identifier]:
    """Return those of new identifiers that somebody with identifiers of these namespaces may have.

    The first of them come first; the rest is left out.
    """
    namespaces, added = list(held), []
    for one in fresh:
        if namespaces.count(one.namespace) < namespace(one.namespace).limit:
            namespaces.append(one.namespace)
            added.append(one)
    return added

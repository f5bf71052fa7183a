"""Use cases of people: contacts joined and parted, and other domains told.

A merge is a saga, the stricter side first: the intent is noted, every stateful domain unites its
state, then the edge is committed. Unmerging goes the other way: edge first, then the domains split.
A crash in between leaves an intent, and people treated more strictly than need be, until a sweep
completes or undoes it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from shared.kernel.clock import Clock
from shared.kernel.envelope import Envelope, seal
from shared.kernel.events import DomainEvent
from shared.kernel.ids import Ids
from shared.registrations.errors import (
    ContactErasedError,
    EdgeNotFoundError,
    KeptApartError,
    SamePersonError,
    StaleError,
    TooManyDevicesError,
)
from shared.registrations.events import ContactMerged, ContactsKeptApart, ContactUnmerged
from shared.registrations.model.contacts import MOST_DEVICES, tags_of
from shared.registrations.model.devices import Device
from shared.registrations.model.edges import Edge, EdgeCause, Person
from shared.registrations.ports import (
    ContactStore,
    DeviceStore,
    Intent,
    IntentKind,
    Join,
    Split,
    StatefulDomain,
)
from shared.registrations.service.devices import until_settled

RESTING = timedelta(minutes=1)
"""An intent that is older was left by somebody who is gone: a saga takes seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleService:
    """Joins contacts to people and parts them."""

    contacts: ContactStore
    devices: DeviceStore
    domains: Sequence[StatefulDomain]
    clock: Clock
    ids: Ids

    def merge(self, contact_id: str, other: str, *, app_id: str, cause: EdgeCause, by: str) -> Edge:
        """Join two people; ``contact_id``'s goes on standing for both.

        Raises:
            SamePersonError: they are one already.
            KeptApartError: somebody marked them as different people.
            TooManyContactsError: the person would be made of more than 40 contacts.
            TooManyDevicesError: the person would have more than 50 devices.
        """

        def try_once() -> Edge:
            winner = self.contacts.person_of(contact_id, app_id=app_id)
            loser = self.contacts.person_of(other, app_id=app_id)
            return self._merge(winner, loser, at_contact=contact_id, cause=cause, by=by)

        return until_settled(try_once)

    def unmerge(self, contact_id: str, edge_id: str, *, app_id: str, by: str) -> None:
        """Take an edge back: each side is what it would be without it.

        Raises:
            EdgeNotFoundError: it joins nothing of this contact, or not any more.
        """

        def try_once() -> Intent:
            person = self.contacts.person_of(contact_id, app_id=app_id)
            stays, leaves = person.split_at(edge_id)
            edge = replace(person.edge(edge_id), removed_at=self.clock())
            intent = Intent(
                kind=IntentKind.SPLIT,
                app_id=app_id,
                edge_id=edge_id,
                stays=stays.canonical,
                moves=leaves.canonical,
                members=frozenset(leaves.contact_ids),
                noted_at=self.clock(),
            )
            self.contacts.commit_unmerge(
                Split(before=person, edge=edge, stays=stays, leaves=leaves),
                devices=[*self.retagged(stays), *self.retagged(leaves)],
                events=self._told_unmerged(stays, leaves, edge_id, app_id=app_id, by=by),
                intent=intent if self.domains else None,
            )
            return intent

        self._split(until_settled(try_once))

    def keep_apart(self, contact_id: str, other: str, *, app_id: str, by: str) -> None:
        """Mark two people as different: no event joins them, and no marketer by mistake.

        Raises:
            SamePersonError: they are one: take the merge back first.
        """

        def try_once() -> None:
            one = self.contacts.person_of(contact_id, app_id=app_id)
            two = self.contacts.person_of(other, app_id=app_id)
            if one.canonical == two.canonical:
                raise SamePersonError("take the merge back first")
            if one.is_apart_from(two):
                return
            places = [
                one.root.next(apart=one.root.apart | {two.canonical}),
                two.root.next(apart=two.root.apart | {one.canonical}),
            ]
            event = ContactsKeptApart(
                app_id=app_id,
                occurred_at=self.clock(),
                contact_id=one.canonical,
                other_contact_id=two.canonical,
                by=by,
            )
            self.contacts.commit_apart(places, event=self._seal(event))

        until_settled(try_once)

    def edges_at(self, contact_id: str, *, app_id: str) -> Sequence[Edge]:
        """Return every edge that was ever made at a contact, oldest first."""
        return self.contacts.edges_at(contact_id, app_id=app_id)

    def sweep(self, app_id: str) -> int:
        """Complete or undo what was left half done; return how many intents that were."""
        left = [
            intent
            for intent in self.contacts.intents(app_id)
            if self.clock() - intent.noted_at >= RESTING
        ]
        for intent in left:
            self._settle(intent)
        return len(left)

    def _settle(self, intent: Intent) -> None:
        if intent.kind is IntentKind.SPLIT:
            self._split(intent)
            return
        try:
            is_joined = self._is_joined(intent)
        except ContactErasedError:
            is_joined = True  # the domains forget all of it anyway
        if is_joined:
            self.contacts.drop_intent(intent)
        else:
            self._take_back(intent)

    def joining(
        self, winner: Person, loser: Person, *, at_contact: str, cause: EdgeCause, by: str
    ) -> Join:
        """Prepare to join two people: the domains have united when this returns.

        Raises:
            KeptApartError: somebody marked them as different people.
            TooManyContactsError: the person would be made of more than 40 contacts.
        """
        if winner.is_apart_from(loser):
            raise KeptApartError("these contacts were marked as different people")
        edge = Edge(
            edge_id=self.ids.new("edg"),
            app_id=winner.root.app_id,
            contact_id=at_contact,
            origin=loser.canonical,
            cause=cause,
            by=by,
            created_at=self.clock(),
        )
        winner.joined_by(edge, loser)
        if not self.domains:
            return Join(winner=winner, loser=loser, edge=edge)
        intent = Intent(
            kind=IntentKind.UNITE,
            app_id=edge.app_id,
            edge_id=edge.edge_id,
            stays=winner.canonical,
            moves=loser.canonical,
            members=frozenset(loser.contact_ids),
            noted_at=self.clock(),
        )
        self.contacts.note_intent(intent)
        for domain in self.domains:
            domain.unite(intent)
        return Join(winner=winner, loser=loser, edge=edge, intent=intent)

    def abandon(self, join: Join) -> None:
        """Undo what ``joining`` prepared: the edge was not committed."""
        if join.intent:
            self._take_back(join.intent)

    def retagged(self, person: Person) -> list[Device]:
        """Return a person's devices that have other tags than the person, with the right ones."""
        app_id = person.root.app_id
        tags = tags_of(self.contacts.get_contacts(person.contact_ids, app_id=app_id))
        return [
            replace(device, tags=tags, version=device.version + 1)
            for device in self.devices_of(person.contact_ids, app_id=app_id)
            if device.tags != tags
        ]

    def devices_of(self, contact_ids: Iterable[str], *, app_id: str) -> list[Device]:
        """Return the devices on which any of the contacts is known."""
        return [
            device
            for contact_id in contact_ids
            for device in self.devices.devices_of(contact_id, app_id=app_id)
        ]

    def _merge(
        self, winner: Person, loser: Person, *, at_contact: str, cause: EdgeCause, by: str
    ) -> Edge:
        if winner.canonical == loser.canonical:
            raise SamePersonError("they are one person already")
        app_id = winner.root.app_id
        both = [*winner.contact_ids, *loser.contact_ids]
        if len(self.devices_of(both, app_id=app_id)) > MOST_DEVICES:
            raise TooManyDevicesError(f"at most {MOST_DEVICES} devices together")
        join = self.joining(winner, loser, at_contact=at_contact, cause=cause, by=by)
        event = ContactMerged(
            app_id=app_id,
            occurred_at=join.edge.created_at,
            contact_id=winner.canonical,
            merged_contact_id=loser.canonical,
            edge_id=join.edge.edge_id,
            cause=cause,
            by=by,
        )
        try:
            self.contacts.commit_merge(
                join, devices=self.retagged(join.after), event=self._seal(event)
            )
        except StaleError:
            self.abandon(join)
            raise
        return join.edge

    def _is_joined(self, intent: Intent) -> bool:
        person = self.contacts.person_of(intent.moves, app_id=intent.app_id)
        try:
            person.edge(intent.edge_id)
        except EdgeNotFoundError:
            return False
        return True

    def _take_back(self, intent: Intent) -> None:
        """Undo a merge of which the edge was never committed."""
        for domain in self.domains:
            domain.split(replace(intent, kind=IntentKind.SPLIT))
        self.contacts.drop_intent(intent)

    def _split(self, intent: Intent) -> None:
        if not self.domains:
            return
        for domain in self.domains:
            domain.split(intent)
        self.contacts.drop_intent(intent)

    def _told_unmerged(
        self, stays: Person, leaves: Person, edge_id: str, *, app_id: str, by: str
    ) -> list[Envelope]:
        at = self.clock()
        return [
            self._seal(
                ContactUnmerged(
                    app_id=app_id,
                    occurred_at=at,
                    contact_id=one.canonical,
                    other_contact_id=other.canonical,
                    edge_id=edge_id,
                    by=by,
                )
            )
            for one, other in ((stays, leaves), (leaves, stays))
        ]

    def _seal(self, event: DomainEvent) -> Envelope:
        return seal(event, sequence=self.ids.sequence())

"""Who is the same person: contact ids joined by edges, each of which can be taken back.

Live edges form trees. The root of a tree is its canonical contact. An edge hangs the root of one
tree below some contact of another, so removing one always leaves two trees whose roots are known:
the root as it was, and the edge's origin.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from shared.registrations.errors import EdgeNotFoundError, TooManyContactsError

MOST_MEMBERS = 40
"""Contacts that one person may be made of; with 50 devices they fit into one transaction of 100."""


class EdgeCause(StrEnum):
    """Why two contacts were joined."""

    LOGIN = "login"
    """Somebody logged in where they had been anonymous."""
    RULE = "rule"
    """One event named identifiers of both."""
    HAND = "hand"
    """A marketer said so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """Says that ``origin`` is the same person as ``contact_id``, since when, and who said so.

    ``origin`` was its person's root then; ``contact_id`` is the contact to which the evidence led.
    Edges are never deleted: one that was taken back has ``removed_at``.
    """

    edge_id: str
    app_id: str
    contact_id: str
    origin: str
    cause: EdgeCause
    by: str
    created_at: datetime
    removed_at: datetime | None = None

    def is_live(self, *, at: datetime | None = None) -> bool:
        """Say whether the edge joined its ends at an instant, or joins them now."""
        if at is None:
            return self.removed_at is None
        return self.created_at <= at and (self.removed_at is None or at < self.removed_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A contact's place in its person.

    ``members`` are all contacts of the person, and lie at the root. ``edge`` joins this contact to
    the tree above it. ``apart`` are contacts that are somebody else, whatever an event may say.
    ``version`` counts writes; 0 says that nothing is stored, since the contact was never joined.
    ``erasure_id`` says that the contact was erased, and by which request: nothing joins it again.
    """

    app_id: str
    contact_id: str
    canonical: str
    edge: Edge | None = None
    members: frozenset[str] = frozenset()
    apart: frozenset[str] = frozenset()
    version: int = 0
    erasure_id: str | None = None

    @property
    def is_root(self) -> bool:
        """Say whether this contact is its person's canonical one."""
        return self.canonical == self.contact_id

    def next(
        self,
        *,
        canonical: str | None = None,
        members: frozenset[str] | None = None,
        apart: frozenset[str] | None = None,
    ) -> "Member":
        """Return the member with some of it changed, and its version counted."""
        return replace(
            self,
            canonical=self.canonical if canonical is None else canonical,
            members=self.members if members is None else members,
            apart=self.apart if apart is None else apart,
            version=self.version + 1,
        )


def erased(place: Member, *, erasure_id: str) -> Member:
    """Return what is left of a contact's place in its person: that it was erased."""
    return Member(
        app_id=place.app_id,
        contact_id=place.contact_id,
        canonical=place.canonical,
        version=place.version + 1,
        erasure_id=erasure_id,
    )


def alone(contact_id: str, *, app_id: str) -> Member:
    """Return the place of a contact that was never joined to another."""
    return Member(
        app_id=app_id,
        contact_id=contact_id,
        canonical=contact_id,
        members=frozenset({contact_id}),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """All contacts of one person, with the places they have in it."""

    root: Member
    others: Mapping[str, Member] = field(default_factory=dict)

    @property
    def canonical(self) -> str:
        """Return the contact that stands for the person."""
        return self.root.contact_id

    @property
    def contact_ids(self) -> Sequence[str]:
        """Return all contacts of the person: the canonical one first, then by id."""
        return [self.canonical, *sorted(self.others)]

    @property
    def places(self) -> Sequence[Member]:
        """Return the places of all contacts of the person."""
        return [self.root, *(self.others[one] for one in sorted(self.others))]

    def is_apart_from(self, other: "Person") -> bool:
        """Say whether somebody marked the two as different people."""
        theirs = set(other.contact_ids)
        return any(place.apart & theirs for place in self.places) or any(
            place.apart & set(self.contact_ids) for place in other.places
        )

    def joined_by(self, edge: Edge, other: "Person") -> "Person":
        """Return the person that ``edge`` makes of this one and ``other``, whose root it joins.

        Raises:
            TooManyContactsError: it would be made of more than 40 contacts.
        """
        members = self.root.members | other.root.members
        if len(members) > MOST_MEMBERS:
            raise TooManyContactsError(f"{len(members)} contacts")
        canonical = self.canonical
        moved = {
            place.contact_id: place.next(canonical=canonical, members=frozenset())
            for place in other.places
        }
        moved[other.canonical] = replace(moved[other.canonical], edge=edge)
        return Person(root=self.root.next(members=members), others={**self.others, **moved})

    def edge(self, edge_id: str) -> Edge:
        """Return a live edge of the person.

        Raises:
            EdgeNotFoundError: it joins nothing here, or not any more.
        """
        for place in self.others.values():
            if place.edge and place.edge.edge_id == edge_id:
                return place.edge
        raise EdgeNotFoundError(edge_id)

    def split_at(self, edge_id: str) -> tuple["Person", "Person"]:
        """Return the two people that are left without an edge: this one, and who was its origin's.

        Raises:
            EdgeNotFoundError: it joins nothing here, or not any more.
        """
        edge = self.edge(edge_id)
        leaving = self._below(edge.origin)
        stays = {one: place for one, place in self.others.items() if one not in leaving}
        goes = {
            one: self.others[one].next(canonical=edge.origin)
            for one in leaving
            if one != edge.origin
        }
        origin = self.others[edge.origin].next(canonical=edge.origin, members=leaving)
        root = self.root.next(members=self.root.members - leaving)
        return (
            Person(root=root, others=stays),
            Person(root=replace(origin, edge=None), others=goes),
        )

    def _below(self, top: str) -> frozenset[str]:
        """Return a contact and all that hang below it."""
        found = {top}
        grown = True
        while grown:
            below = {
                one
                for one, place in self.others.items()
                if place.edge and place.edge.contact_id in found
            }
            grown = not below <= found
            found |= below
        return frozenset(found)


def component(edges: Iterable[Edge], contact_id: str, *, at: datetime | None = None) -> set[str]:
    """Return who was the same person as ``contact_id`` at an instant, or is now, from raw edges."""
    live = [edge for edge in edges if edge.is_live(at=at)]
    found = {contact_id}
    grown = True
    while grown:
        reached = {
            end
            for edge in live
            if found & {edge.contact_id, edge.origin}
            for end in (edge.contact_id, edge.origin)
        }
        grown = not reached <= found
        found |= reached
    return found

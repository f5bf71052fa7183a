"""One person as the policy knows them: the contacts joined, what reached them, what they said.

Contacts are joined by links, one for every edge of a merge, and a person is what hangs together.
Everything is kept by the contact it came from, so joining is a union and parting a restriction.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from shared.contact_policy.model.control_groups import ControlGroup, is_control
from shared.contact_policy.model.pressure import Pressure
from shared.contact_policy.model.standing import Standing

_ASSUMED = "~"
"""Begins the name of a link that was never told, but must be there: an older merge."""


class Link(NamedTuple):
    """Two contacts that an edge joins."""

    one: str
    other: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A person; ``contact_id`` is the contact that stands for them and holds what is kept.

    ``links`` are by edge id. A person of one contact has none. ``regroupings`` counts how often
    the contact that stands for the person joined another, was joined, or parted.
    """

    app_id: str
    contact_id: str
    pressure: Pressure = field(default_factory=Pressure)
    standing: Standing = field(default_factory=Standing)
    links: Mapping[str, Link] = field(default_factory=dict)
    regroupings: int = 0

    @property
    def contact_ids(self) -> frozenset[str]:
        """Return every contact of the person."""
        return frozenset({self.contact_id}.union(*self.links.values()))

    def others_than(self, contact_id: str) -> frozenset[str]:
        """Return the contacts of the person but one."""
        return self.contact_ids - {contact_id}

    def with_control(self, groups: Iterable[ControlGroup]) -> "Person":
        """Return the person with the control groups noted into which their own id falls.

        Noted before a union, since the united person may stand under another id.
        """
        fallen = {group.id for group in groups if is_control(group, self.contact_id)}
        part = self.standing.part(self.contact_id)
        if fallen <= part.control_groups:
            return self
        noted = replace(part, control_groups=part.control_groups | fallen)
        return replace(self, standing=self.standing.with_part(self.contact_id, noted))

    def united(self, other: "Person", *, edge_id: str, link: Link) -> "Person":
        """Return one person of two; both were one already if ``other`` is the same."""
        links = {**other.links, **self.links, edge_id: link}
        if other.contact_id == self.contact_id:
            return replace(self, links=links)
        return replace(
            self,
            pressure=self.pressure.united(other.pressure),
            standing=self.standing.united(other.standing),
            links=links,
        )

    def assuming(self, other: "Person", link: Link) -> "Person":
        """Return one person of two whom a merge joins that nobody told us of."""
        return self.united(other, edge_id=f"{_ASSUMED}{link.other}", link=link)

    def parted(
        self, edge_id: str, *, stays: str, moves: str, members: frozenset[str]
    ) -> list["Person"]:
        """Return the people that are left when an edge is taken back; one if others still join.

        ``members`` are the contacts that go with ``moves``. Who stands for a part is the contact
        that did, else ``moves`` or ``stays``.
        """
        links = _without(self.links, edge_id, members)
        groups = _hanging_together(self.contact_ids, links)
        near = next((group for group in groups if stays in group), frozenset())
        if moves not in near:
            # A merge tells who stood for a person, not at which contact it joined them. Now it
            # shows: who leaves with ``moves`` had joined on that side.
            links = {
                name: _at(moves, link, members) if near.issuperset(link) else link
                for name, link in links.items()
            }
            groups = _hanging_together(self.contact_ids, links)
        preferred = (self.contact_id, moves, stays)
        return [self._part(contacts, links, preferred) for contacts in groups]

    def _part(
        self, contacts: frozenset[str], links: Mapping[str, Link], preferred: Iterable[str]
    ) -> "Person":
        root = next(one for one in (*preferred, *sorted(contacts)) if one in contacts)
        is_same = root == self.contact_id
        others = self.contact_ids - contacts
        pressure, standing = self.pressure.split(others)[0], self.standing.split(others)[0]
        return Person(
            app_id=self.app_id,
            contact_id=root,
            pressure=pressure if is_same else replace(pressure, version=0),
            standing=standing if is_same else replace(standing, version=0),
            links={name: link for name, link in links.items() if link.one in contacts},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What is stored under a contact: the person, or where to find them (``moved_to``).

    The versions count the writes of the two items; 0 is nothing stored. ``regroupings`` counts
    those that wrote both because people were joined or parted.
    """

    contact_id: str
    pressure_version: int = 0
    standing_version: int = 0
    regroupings: int = 0
    person: Person | None = None
    moved_to: str | None = None


def _without(links: Mapping[str, Link], edge_id: str, members: frozenset[str]) -> dict[str, Link]:
    """Return the links without an edge; if it was never told, without what was assumed for it."""
    if edge_id in links:
        return {name: link for name, link in links.items() if name != edge_id}
    return {
        name: link
        for name, link in links.items()
        if not (name.startswith(_ASSUMED) and _crosses(link, members))
    }


def _crosses(link: Link, members: frozenset[str]) -> bool:
    """Say whether a link joins a member with somebody who is none."""
    return len(members.intersection(link)) == 1


def _at(contact_id: str, link: Link, members: frozenset[str]) -> Link:
    """Return a link that crosses with its outer end at a contact instead."""
    if not _crosses(link, members):
        return link
    return Link(contact_id, link.other if link.other in members else link.one)


def _hanging_together(contacts: frozenset[str], links: Mapping[str, Link]) -> list[frozenset[str]]:
    """Return the groups of contacts that links join, in the order of their first ids."""
    groups = [frozenset({contact}) for contact in sorted(contacts)]
    for link in links.values():
        joined = [group for group in groups if not group.isdisjoint(link)]
        groups = [group for group in groups if group.isdisjoint(link)]
        groups.append(frozenset[str]().union(*joined))
    return sorted(groups, key=min)

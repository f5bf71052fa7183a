"""Use cases of people who turn out to be one, or two: what is kept of them follows."""

from collections.abc import Iterable
from dataclasses import dataclass

from shared.contact_policy.model.people import Link, Person, Place
from shared.contact_policy.ports import Intent, Pause, PersonStore, PolicyStore
from shared.contact_policy.service.settling import until_settled


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonService:
    """Joins what reached two people and what they said, and gives each their own back.

    Every edge is a link of the person; what hangs together by links is one. So a merge that was
    given up parts only whom no other edge joins, and the same call twice changes nothing more.
    """

    people: PersonStore
    policies: PolicyStore
    pause: Pause

    def unite(self, intent: Intent) -> None:
        """Make two people one: the touches of both count, and the strictest word wins.

        Each keeps the control groups they are in, so nobody leaks out of one by another id.

        Raises:
            PersonBusyError: others kept changing them; nothing was written.
        """
        until_settled(lambda: self._unite(intent), pause=self.pause)

    def split(self, intent: Intent) -> None:
        """Give the people whom an edge joined back what came from their own contacts.

        Raises:
            PersonBusyError: others kept changing them; nothing was written.
        """
        until_settled(lambda: self._split(intent), pause=self.pause)

    def _unite(self, intent: Intent) -> None:
        places = self._places({intent.stays, intent.moves, *intent.members}, intent.app_id)
        winner = _person_at(intent.stays, places)
        if intent.edge_id in winner.links:
            return
        _, control = self.policies.rules(intent.app_id)
        united = winner.with_control(control.groups)
        link = Link(intent.stays, intent.moves)
        for contact_id in (intent.moves, *sorted(intent.members)):
            other = _person_at(contact_id, places)
            if other.contact_id != united.contact_id:
                other = other.with_control(control.groups)
            if contact_id == intent.moves:
                united = united.united(other, edge_id=intent.edge_id, link=link)
            elif contact_id not in united.contact_ids:
                united = united.assuming(other, Link(intent.moves, contact_id))
        self.people.regroup([united], places=places)

    def _split(self, intent: Intent) -> None:
        places = self._places({intent.stays, intent.moves}, intent.app_id)
        person = _person_at(intent.moves, places)
        parts = person.parted(
            intent.edge_id,
            stays=intent.stays,
            moves=intent.moves,
            members=frozenset(intent.members),
        )
        if [part.links for part in parts] != [person.links]:
            self.people.regroup(parts, places=places)

    def _places(self, contact_ids: set[str], app_id: str) -> dict[str, Place]:
        """Return what is stored under contacts, and under all others of the same people."""
        places: dict[str, Place] = {}
        wanted = contact_ids
        while wanted:
            places |= self.people.places(wanted, app_id=app_id)
            wanted = _pointed_to(places.values()) - places.keys()
        return places


def _pointed_to(places: Iterable[Place]) -> set[str]:
    found: set[str] = set()
    for place in places:
        if place.moved_to is not None:
            found.add(place.moved_to)
        if place.person is not None:
            found |= place.person.contact_ids
    return found


def _person_at(contact_id: str, places: dict[str, Place]) -> Person:
    place = places[contact_id]
    while place.person is None:
        place = places[place.moved_to or contact_id]
    return place.person

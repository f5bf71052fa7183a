"""Who is one person, and who hears of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from shared.registrations.model.edges import Edge, Person


class IntentKind(StrEnum):
    """What other domains are to do."""

    UNITE = "unite"
    SPLIT = "split"


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
class Join:
    """Two people before, and the one they become by ``edge``; ``intent`` is done with then."""

    winner: Person
    loser: Person
    edge: Edge
    intent: Intent | None = None

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

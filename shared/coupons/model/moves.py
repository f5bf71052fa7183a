"""Where the noted uses of a contact are, once it is one person with another."""

from dataclasses import dataclass, replace
from enum import StrEnum


class MoveState(StrEnum):
    """How far a move is; in its midst nobody notes a use of the contact."""

    JOINING = "joining"
    MOVED = "moved"
    PARTING = "parting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """The fact that a contact's uses are noted under another one.

    ``edges`` are what joins the two: while there is one, they are one. ``version`` counts writes;
    0 is nothing stored.
    """

    app_id: str
    contact_id: str
    moved_to: str
    state: MoveState
    edges: frozenset[str] = frozenset()
    version: int = 0

    def joined_by(self, edge_id: str) -> "Move":
        """Return the move with one edge more."""
        return replace(self, edges=self.edges | {edge_id})

    def without(self, edge_id: str) -> "Move":
        """Return the move with one edge less."""
        return replace(self, edges=self.edges - {edge_id})

"""Use cases of people who turn out to be one, or two: what they used follows."""

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import replace as replaced

from shared.coupons.errors import RedemptionContendedError
from shared.coupons.model.moves import Move, MoveState
from shared.coupons.model.redemptions import Place
from shared.coupons.model.uses import Uses
from shared.coupons.ports.redemptions import Intent, Pause, UseStore

ATTEMPTS = 16
MOST_MOVES = 8
"""Contacts that stand for one another in a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonService:
    """Unites what two people used under limits of each person, and gives each their own back.

    While it is done, who wants to note a use of the contact that moves waits: a crash in between
    leaves them waiting until the call comes again, and never with a use too many.
    """

    uses: UseStore
    pause: Pause

    def unite(self, intent: Intent) -> None:
        """Count the uses of two people together; again changes nothing more.

        Raises:
            RedemptionContendedError: others kept changing them; again does the rest.
        """
        move = self._move_of(intent)
        if move.state is MoveState.MOVED and intent.edge_id in move.edges:
            return
        is_new = not move.edges or move.state is not MoveState.MOVED
        if is_new:
            move = self._put(replaced(move, state=MoveState.JOINING, moved_to=intent.stays))
            home = self._home_of(intent.stays, intent.app_id)
            for place, uses in self.uses.of_contact(intent.moves, app_id=intent.app_id).items():
                self._add(replaced(place, subject_id=home), uses)
                self._change(place, lambda kept: replaced(kept, entries=()))
        self._put(replaced(move.joined_by(intent.edge_id), state=MoveState.MOVED))

    def split(self, intent: Intent) -> None:
        """Give the people whom an edge joined what they used themselves; again changes nothing.

        Raises:
            RedemptionContendedError: others kept changing them; again does the rest.
        """
        move = self._move_of(intent).without(intent.edge_id)
        if move.version == 0:
            return
        if move.edges:
            self._put(move)
            return
        move = self._put(replaced(move, state=MoveState.PARTING))
        home = self._home_of(move.moved_to, intent.app_id)
        origins = {intent.moves, *intent.members}
        for place, uses in self.uses.of_contact(home, app_id=intent.app_id).items():
            _, leaving = uses.split(origins)
            if leaving.entries:
                self._add(replaced(place, subject_id=intent.moves), leaving)
                self._change(place, lambda kept: kept.split(origins)[0])
        if not self.uses.remove_move(move):
            raise RedemptionContendedError("somebody else joins or parts the same people")

    def _move_of(self, intent: Intent) -> Move:
        found = self.uses.move_of(intent.moves, app_id=intent.app_id)
        return found or Move(
            app_id=intent.app_id,
            contact_id=intent.moves,
            moved_to=intent.stays,
            state=MoveState.JOINING,
        )

    def _put(self, move: Move) -> Move:
        if not self.uses.put_move(move):
            raise RedemptionContendedError("somebody else joins or parts the same people")
        return replaced(move, version=move.version + 1)

    def _home_of(self, contact_id: str, app_id: str) -> str:
        """Return under which contact the uses of a person are noted."""
        for _ in range(MOST_MOVES):
            move = self.uses.move_of(contact_id, app_id=app_id)
            if move is None:
                return contact_id
            contact_id = move.moved_to
        raise RedemptionContendedError("contacts stand for one another in a ring")

    def _add(self, place: Place, uses: Uses) -> None:
        self._change(place, lambda kept: kept.united(uses))

    def _change(self, place: Place, change: Callable[[Uses], Uses]) -> None:
        for attempt in range(ATTEMPTS):
            kept = self.uses.uses(place)
            changed = change(kept)
            if changed == kept or self.uses.replace(place, changed):
                return
            self.pause(attempt)
        raise RedemptionContendedError("others kept using the same limit")

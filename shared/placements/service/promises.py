"""Strict caps: what a decision gives is promised in the person's state before it is answered.

All placements of a request are promised by one write, which is refused if anybody wrote since the
state was read: then it is decided again on what stands. So no two decisions count on the same room
under a cap, whenever they come. A promise counts until it is shown, then for good, or lapses.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from shared.placements.errors import StaleError
from shared.placements.model.ad_state import AdState, Seen
from shared.placements.model.engagements import Grant
from shared.placements.ports.decisions import AdStates, Pause
from shared.placements.service.settling import until_settled

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided(Generic[T]):
    """What was decided on a state, and the promises that it needs; none: nothing is written."""

    outcome: T
    promises: Sequence[Seen] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PromiseService:
    """Makes promises, and turns them into what was shown.

    ``longest`` returns the longest window of any live cap of an app.
    """

    states: AdStates
    longest: Callable[[str], timedelta]
    pause: Pause

    def reserve(
        self, state: AdState, decide_again: Callable[[AdState], Decided[T]], *, at: datetime
    ) -> T:
        """Decide on a state that was just read, and write what is promised.

        ``decide_again`` is called with ``state``, and with what stands where somebody wrote since.
        It gives its promises the same tokens each time, and the contact that asks as their origin.

        Raises:
            AdStateContendedError: others kept changing the person's state.
        """
        known = state

        def once() -> T:
            nonlocal known
            decided = decide_again(known)
            if not decided.promises or self._is_promised(known, decided.promises, at):
                return decided.outcome
            known = self.states.read_latest(state.contact_id, app_id=state.app_id)
            if known.has_promised(decided.promises):
                # The write was made, and its answer lost.
                return decided.outcome
            raise StaleError(state.contact_id)

        return until_settled(once, pause=self.pause)

    def show(self, contact_id: str, seen: Seen, *, app_id: str, at: datetime) -> None:
        """Note an impression: its promise becomes firm, or it counts from now on; again: nothing.

        Raises:
            AdStateContendedError: others kept changing the person's state.
        """
        self.show_all(contact_id, [seen], app_id=app_id, at=at)

    def show_all(self, contact_id: str, seen: Sequence[Seen], *, app_id: str, at: datetime) -> None:
        """Note impressions as ``show`` does, all by one write.

        Raises:
            AdStateContendedError: others kept changing the person's state.
        """

        def once() -> None:
            before = after = self.states.read_latest(contact_id, app_id=app_id)
            for one in seen:
                after = after.shown(replace(one, origin=one.origin or contact_id))
            if after == before:
                return
            if not self.states.replace(self._purged(after, at), before=before):
                raise StaleError(contact_id)

        until_settled(once, pause=self.pause)

    def confirm(self, grant: Grant, *, at: datetime) -> bool:
        """Make the promise of an ad an impression; ``False``: it lapsed, or was never made.

        The same again says the same.

        Raises:
            AdStateContendedError: others kept changing the person's state.
        """
        state = self.states.read_latest(grant.contact_id, app_id=grant.app_id)
        found = next((one for one in state.seen if one.token_id == grant.token_id), None)
        if found is None or not found.counts(at):
            return False
        self.show(grant.contact_id, found, app_id=grant.app_id, at=at)
        return True

    def _is_promised(self, state: AdState, promises: Sequence[Seen], at: datetime) -> bool:
        return self.states.replace(self._purged(state, at).promised(promises), before=state)

    def _purged(self, state: AdState, at: datetime) -> AdState:
        return state.purged(at, longest=self.longest(state.app_id))

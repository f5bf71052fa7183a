"""Notes uses of people, devices and codes, each in its one small item."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from shared.coupons.errors import RedemptionContendedError
from shared.coupons.model.limits import Subject
from shared.coupons.model.moves import MoveState
from shared.coupons.model.places import Counted
from shared.coupons.model.redemptions import Entry, Place, Redemption
from shared.coupons.model.uses import Use, Uses
from shared.coupons.ports.redemptions import Found, Pause, RedemptionStore, UseStore
from shared.kernel.clock import Clock

GRACE = timedelta(seconds=20)
"""How long a request may take from its first write to its last, and a bit: longer than a function
runs. What is older and came to nothing never will. It is correct to give up a try at any time;
the grace saves those that are under way from beginning again."""

ATTEMPTS = 16
MOST_MOVES = 8
"""Times that a person may be joined or parted while one use of theirs is noted."""


class OvertakenError(Exception):
    """This try of a redemption was given up, or another made it: look again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notes:
    """Notes and forgets uses; who finds an item full makes sure that each use in it counts."""

    uses: UseStore
    redemptions: RedemptionStore
    expire: Callable[[Redemption], object]
    clock: Clock
    pause: Pause

    def note(self, counted: Counted, use: Use) -> Place | None:
        """Note a use; return where it lies now, ``None`` where the limit allows no use more.

        A contact's uses may move while one is noted: then it is noted again, where they are.

        Raises:
            OvertakenError: a later try of the redemption noted its own.
            RedemptionContendedError: others kept changing the item, or the person.
        """
        home = self._home_of(counted.place)
        for _ in range(MOST_MOVES):
            if not self._noted(replace(counted, place=home), use):
                return None
            now = self._home_of(counted.place)
            if now == home:
                return home
            self._forget_at(home, use.redemption_id, attempt=use.attempt)
            home = now
        raise RedemptionContendedError("the person was joined and parted all the time")

    def forget(self, place: Place, redemption_id: str, *, attempt: int) -> None:
        """Forget the use that a try of a redemption noted, if it is there.

        Where others keep changing the item it stays: the next who finds the item full forgets it.
        """
        self._forget_at(self._home_of(place), redemption_id, attempt=attempt)

    def lessen(self, place: Place, redemption_id: str, *, to: int) -> None:
        """Count at most so much of a redemption."""
        self._change(self._home_of(place), lambda uses: uses.lessened(redemption_id, to=to))

    def _home_of(self, place: Place) -> Place:
        """Return where uses of a place are noted now; in the midst of a move, wait for its end."""
        if place.subject is not Subject.CONTACT:
            return place
        contact_id = place.subject_id
        for attempt in range(ATTEMPTS):
            move = self.uses.move_of(contact_id, app_id=place.app_id)
            if move is None:
                return replace(place, subject_id=contact_id)
            if move.state is MoveState.MOVED:
                contact_id = move.moved_to
            else:
                self.pause(attempt)
        raise RedemptionContendedError("the person is being joined or parted")

    def _noted(self, counted: Counted, use: Use) -> bool:
        for attempt in range(ATTEMPTS):
            uses = self.uses.uses(counted.place).pruned(counted.window)
            mine = uses.of(use.redemption_id)
            if mine and mine.attempt > use.attempt:
                raise OvertakenError(use.redemption_id)
            if mine and _is_same(mine, use):
                return True
            if not uses.allow(use, limit=counted.limit, window=counted.window):
                uses = self._living(uses, counted, use.redemption_id)
                if not uses.allow(use, limit=counted.limit, window=counted.window):
                    return False
            if self.uses.replace(counted.place, uses.with_use(use)):
                return True
            self.pause(attempt)
        raise RedemptionContendedError("others kept using the same limit")

    def _forget_at(self, place: Place, redemption_id: str, *, attempt: int) -> None:
        self._change(place, lambda uses: uses.without(redemption_id, attempt=attempt))

    def _change(self, place: Place, change: Callable[[Uses], Uses]) -> None:
        for attempt in range(ATTEMPTS):
            uses = self.uses.uses(place)
            changed = change(uses)
            if changed == uses or self.uses.replace(place, changed):
                return
            self.pause(attempt)

    def _living(self, uses: Uses, counted: Counted, own_id: str) -> Uses:
        """Return the uses without those that do not count, or never came to be."""
        others = [use for use in uses.within(counted.window) if use.redemption_id != own_id]
        ids = [use.redemption_id for use in others]
        found = self.redemptions.find_many(ids, app_id=counted.place.app_id)
        for use in others:
            if not self._counts(use, found[use.redemption_id], counted.place):
                uses = uses.without(use.redemption_id, attempt=use.attempt)
        return uses

    def _counts(self, use: Use, found: Found, place: Place) -> bool:
        redemption, now = found.redemption, self.clock()
        if redemption is None:
            return self._may_come(use, found, place)
        if redemption.has_run_out(now):
            self.expire(redemption)
            again = self.redemptions.find(use.redemption_id, app_id=place.app_id)
            redemption = again.redemption or redemption
        return holds(redemption, place)

    def _may_come(self, use: Use, found: Found, place: Place) -> bool:
        """Say whether a use may still come to be; one that is late is given up, for good."""
        if found.attempt != use.attempt:
            return False
        if self.clock() - use.at < GRACE:
            return True
        return not self.redemptions.give_up(
            use.redemption_id, app_id=place.app_id, attempt=use.attempt
        )


def holds(redemption: Redemption, place: Place) -> bool:
    """Say whether a redemption holds a use under a limit now."""
    return any(
        isinstance(draw, Entry) and draw.place.is_of_same_limit(place) for draw in redemption.draws
    )


def _is_same(mine: Use, use: Use) -> bool:
    """Say whether a use is noted already, and not so long ago that it may lie in another window."""
    return replace(mine, at=use.at) == use and use.at - mine.at < GRACE

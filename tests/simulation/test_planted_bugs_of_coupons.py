"""The simulation sees what it should: each bug here breaks one rule, and is caught."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from typing_extensions import override

from shared.coupons.model.redemptions import Place, Redemption, Spent, Ticket
from shared.coupons.model.tickets import OpenWindow
from shared.coupons.model.uses import Uses
from shared.coupons.ports.redemptions import NOTHING, Added, Change, Found
from shared.kernel.envelope import Envelope
from tests.fakes.redemptions import (
    InMemoryRedemptionStore,
    InMemoryTicketStore,
    InMemoryUseStore,
)
from tests.simulation.coupons import Shop
from tests.simulation.test_coupons import SCHEDULES


class DrawsWithoutLooking(InMemoryTicketStore):
    """Gives out the next number whether or not one is left."""

    @override
    def draw(self, place: Place, counter: int) -> int | None:
        self.memory.take(place, counter, drawn=1, left=-1)
        return self.memory.counters[place, counter].drawn


class PutsBackWithoutASlot(InMemoryTicketStore):
    """Puts a swept ticket back, and lets its number be used all the same."""

    @override
    def void(self, ticket: Ticket) -> bool:
        is_voided = super().void(ticket)
        slot = self.memory.slots[ticket]
        if slot.redemption_id is None:
            del self.memory.slots[ticket]
        return is_voided


class PutsBackTwice(InMemoryTicketStore):
    """Puts a ticket back whenever it is asked."""

    @override
    def void(self, ticket: Ticket) -> bool:
        if not super().void(ticket):
            self.memory.take(ticket.place, ticket.shard, left=1)
        return True


class ResizesInTwoWrites(InMemoryTicketStore):
    """Changes what a window grants, and its counter only where nothing fails in between."""

    @override
    def resize(self, window: OpenWindow, *, by: int, counter: int, version: int) -> bool:
        is_written = super().resize(window, by=by, counter=counter, version=version)
        if is_written and self.memory.counters[window.place, counter].drawn % 2:
            self.memory.take(window.place, counter, left=-by)
        return is_written


class OpensWithLimitsOfYesterday(InMemoryTicketStore):
    """Opens a window and does not look whether the limits still are what they were."""

    @override
    def open_window(self, window: OpenWindow, *, shares: Sequence[int]) -> None:
        version = self.memory.versions[window.place.app_id, window.place.coupon_id]
        super().open_window(replace(window, version=version), shares=shares)


class OpensAnew(InMemoryTicketStore):
    """Opens a window that another process opened before."""

    @override
    def open_window(self, window: OpenWindow, *, shares: Sequence[int]) -> None:
        self.memory.windows.pop(window.place, None)
        super().open_window(window, shares=shares)


class WritesOverOthers(InMemoryUseStore):
    """Notes uses over what somebody else noted meanwhile."""

    @override
    def replace(self, place: Place, uses: Uses) -> bool:
        return super().replace(place, replace(uses, version=self.uses(place).version))


class GivesUpNobody(InMemoryRedemptionStore):
    """Says that a try is given up, and lets it go on."""

    @override
    def give_up(self, redemption_id: str, *, app_id: str, attempt: int) -> bool:
        found = self.find(redemption_id, app_id=app_id)
        return found.redemption is None


class UsesWhatWasSwept(InMemoryRedemptionStore):
    """Writes a redemption over the slots that a sweep left."""

    @override
    def add(self, redemption: Redemption, events: Sequence[Envelope]) -> Added:
        for draw in redemption.draws:
            if isinstance(draw, Ticket):
                self.memory.slots.pop(draw, None)
        return super().add(redemption, events)


class AddsAgain(InMemoryRedemptionStore):
    """Makes a redemption that is there already."""

    @override
    def add(self, redemption: Redemption, events: Sequence[Envelope]) -> Added:
        self.memory.redemptions.pop((redemption.app_id, redemption.redemption_id), None)
        return super().add(redemption, events)


class SpendsWithoutLooking(InMemoryRedemptionStore):
    """Draws an amount whether or not it is left."""

    @override
    def _can_spend(self, spent: Sequence[Spent]) -> bool:
        return True


class ChangesWhateverWas(InMemoryRedemptionStore):
    """Changes a redemption though somebody else changed it meanwhile."""

    @override
    def change(self, change: Change) -> bool:
        key = (change.before.app_id, change.before.redemption_id)
        version = self.memory.redemptions[key].version
        return super().change(replace(change, before=replace(change.before, version=version)))


class KeepsWhatIsReleased(InMemoryRedemptionStore):
    """Changes a redemption, and gives nothing back."""

    @override
    def change(self, change: Change) -> bool:
        return super().change(replace(change, returns=NOTHING))


class TellsNothingOfChanges(InMemoryRedemptionStore):
    """Changes a redemption without its events."""

    @override
    def change(self, change: Change) -> bool:
        return super().change(replace(change, events=()))


class ForgetsWhenItEnds(InMemoryRedemptionStore):
    """Does not note when a reservation ends."""

    @override
    def _note_due(self, redemption: Redemption) -> None:
        return


class LooksLate(InMemoryRedemptionStore):
    """Shows reservations as if they were held for two minutes longer."""

    @override
    def find(self, redemption_id: str, *, app_id: str) -> Found:
        found = super().find(redemption_id, app_id=app_id)
        return replace(found, redemption=_held_for(found.redemption, timedelta(minutes=2)))

    @override
    def change(self, change: Change) -> bool:
        before = _held_for(change.before, -timedelta(minutes=2))
        after = _held_for(change.after, -timedelta(minutes=2))
        assert before is not None
        assert after is not None
        return super().change(replace(change, before=before, after=after))


def _held_for(made: Redemption | None, by: timedelta) -> Redemption | None:
    if made is None or made.reserved_until is None:
        return made
    return replace(made, reserved_until=made.reserved_until + by)


BUGS: Mapping[str, tuple[dict[str, Any], set[str]]] = {
    "a number is drawn though none is left": (
        {"tickets": DrawsWithoutLooking},
        {"a limit was passed", "a counter is below nothing"},
    ),
    "a ticket that was put back is used": (
        {"tickets": PutsBackWithoutASlot},
        {"a limit was passed", "the counters do not add up to the limit"},
    ),
    "a ticket is put back twice": (
        {"tickets": PutsBackTwice},
        {"a limit was passed", "the counters do not add up to the limit"},
    ),
    "a limit is changed by half": (
        {"tickets": ResizesInTwoWrites},
        {"the counters do not add up to the limit"},
    ),
    "a window is opened by old limits": (
        {"tickets": OpensWithLimitsOfYesterday},
        {"a running limit is not what was decided", "a use leaked"},
    ),
    "a window is opened twice": (
        {"tickets": OpensAnew},
        {"a limit was passed", "the counters do not add up to the limit"},
    ),
    "uses are written over": (
        {"uses": WritesOverOthers},
        {"a person was given more than their limit"},
    ),
    "a try that was given up goes on": (
        {"redemptions": GivesUpNobody},
        {"a person was given more than their limit"},
    ),
    "a slot is written twice": (
        {"redemptions": UsesWhatWasSwept},
        {"a limit was passed", "the counters do not add up to the limit"},
    ),
    "a redemption is made twice": (
        {"redemptions": AddsAgain},
        {"slots and redemptions differ", "redemptions and events differ"},
    ),
    "a budget is drawn though nothing is left": (
        {"redemptions": SpendsWithoutLooking},
        {"a counter is below nothing"},
    ),
    "a redemption is changed twice": (
        {"redemptions": ChangesWhateverWas},
        {"redemptions and events differ", "the counters do not add up to the limit"},
    ),
    "what is released does not come back": (
        {"redemptions": KeepsWhatIsReleased},
        {"slots and redemptions differ"},
    ),
    "a change is not told": (
        {"redemptions": TellsNothingOfChanges},
        {"redemptions and events differ"},
    ),
    "a reservation is never ended": (
        {"redemptions": ForgetsWhenItEnds},
        {"a reservation never ended"},
    ),
    "a reservation is committed too late": (
        {"redemptions": LooksLate},
        {"it was committed after it ran out"},
    ),
}
"""Each breaks one rule, and what must come of it within the schedules of CI: any of these."""


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_seen(bug: str) -> None:
    parts, violations = BUGS[bug]
    assert any(violations & set(Shop(seed, **parts).run()) for seed in range(SCHEDULES))

"""The simulation sees what it should: each bug here breaks one rule, and is caught."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from typing_extensions import override

from shared.contact_events.model.firing import Instance, InstanceState
from shared.contact_events.ports import Entry, HasTime
from shared.contact_events.service.firing import FireService
from shared.contact_events.service.virtual import Known
from shared.kernel.decisions import Reservation
from shared.kernel.envelope import Envelope
from tests.simulation.test_triggers import SCHEDULES
from tests.simulation.triggers import Company, WatchedInstances

MINUTE = timedelta(minutes=1)


class WritesOverOthers(WatchedInstances):
    """Ends an instance whether or not somebody else ended it meanwhile."""

    @override
    def replace(self, instance: Instance, *, event: Envelope | None = None) -> None:
        key = instance.app_id, instance.contact_id, instance.trigger_id, instance.cause
        super().replace(replace(instance, writes=self.kept[key].writes + 1), event=event)


class StartsAgain(WatchedInstances):
    """Starts anew for an event that comes twice."""

    @override
    def add(self, instance: Instance, *, entry: Entry | None) -> None:
        key = instance.app_id, instance.contact_id, instance.trigger_id, instance.cause
        self.kept.pop(key, None)
        super().add(instance, entry=entry)


class TellsNothing(WatchedInstances):
    """Ends an instance without its event."""

    @override
    def replace(self, instance: Instance, *, event: Envelope | None = None) -> None:
        super().replace(instance)


class TellsBefore(WatchedInstances):
    """Tells what an instance comes to before it is known whether it does."""

    @override
    def replace(self, instance: Instance, *, event: Envelope | None = None) -> None:
        if event:
            self.told.append(event)
        super().replace(instance)


class AdmitsAnybody(WatchedInstances):
    """Has a person enter, whoever had them enter meanwhile."""

    @override
    def add(self, instance: Instance, *, entry: Entry | None) -> None:
        super().add(instance, entry=None)
        if entry:
            key = instance.app_id, entry.contact_id, instance.trigger_id
            self.entered[key] = instance.caused_at


class EntersBeforeItStarts(WatchedInstances):
    """Notes the entry in a write of its own, and the instance where nothing fails in between."""

    @override
    def add(self, instance: Instance, *, entry: Entry | None) -> None:
        if entry and self.entered.get((instance.app_id, entry.contact_id, instance.trigger_id)):
            return
        key = (instance.app_id, instance.contact_id, instance.trigger_id)
        if entry and instance.started_at.microsecond // 1000 % 2:
            self.entered[key] = instance.caused_at
            return
        super().add(instance, entry=entry)


class ForgetsWhatIsPutOff(WatchedInstances):
    """Takes the timer away and sets no new one."""

    @override
    def replace(self, instance: Instance, *, event: Envelope | None = None) -> None:
        super().replace(instance, event=event)
        if instance.state is InstanceState.WAITING:
            self.lanes[instance.minute].clear()


class FindsWhatIsDueLater(WatchedInstances):
    """Hands out what is due within the next minutes too."""

    @override
    def due_in(self, app_id: str, *, minute: datetime) -> Iterator[Instance]:
        for later in range(8):
            yield from super().due_in(app_id, minute=minute + later * MINUTE)


class LooksAtNothing(FireService):
    """Fires what is due, and trusts that the bus brought what cancels."""

    @override
    def fire_due(self, app_id: str, *, has_time: HasTime = lambda: True) -> Mapping[str, int]:
        trusting = FireService(
            running=self.running,
            instances=self.instances,
            ledger=Known(),
            persons=self.persons,
            permits=self.permits,
            clock=self.clock,
            ids=self.ids,
        )
        return trusting.fire_due(app_id, has_time=has_time)


class MarksFirst(FireService):
    """Notes that all is swept, and sweeps then."""

    @override
    def fire_due(self, app_id: str, *, has_time: HasTime = lambda: True) -> Mapping[str, int]:
        minute = self.instances.swept_until(app_id)
        while minute is not None and minute + 2 * MINUTE <= self.clock():
            self.instances.mark_swept(app_id, until=minute + MINUTE)
            for instance in self.instances.due_in(app_id, minute=minute):
                self._settled(instance)
            minute += MINUTE
        return {}


class GivesBackEveryPlace(FireService):
    """Counts a place no more whenever somebody else was quicker, also to fire by it."""

    @override
    def _give_back(self, instance: Instance, reservation: Reservation | None) -> None:
        if reservation:
            self.permits.give_back(reservation)


BUGS: Mapping[str, tuple[dict[str, Any], set[str]]] = {
    "an instance is written over": (
        {"instances": WritesOverOthers},
        {"an instance ended twice"},
    ),
    "an event starts twice": (
        {"instances": StartsAgain},
        {"an instance ended twice", "requests and instances differ"},
    ),
    "an end is not told": (
        {"instances": TellsNothing},
        {"requests and instances differ"},
    ),
    "an end is told in a write of its own": (
        {"instances": TellsBefore},
        {"requests and instances differ"},
    ),
    "an entry is not held to what was read": (
        {"instances": AdmitsAnybody},
        {"a person entered twice"},
    ),
    "an entry is noted without its instance": (
        {"instances": EntersBeforeItStarts},
        {"a person never entered"},
    ),
    "what is put off has no timer": (
        {"instances": ForgetsWhatIsPutOff},
        {"an instance never ended"},
    ),
    "what is due later is handed out": (
        {"instances": FindsWhatIsDueLater},
        {"it fired too early"},
    ),
    "nobody looks at the ledger again": (
        {"firing": LooksAtNothing},
        {"it fired although it was cancelled in time"},
    ),
    "a minute is marked before it is swept": (
        {"firing": MarksFirst},
        {"an instance never ended", "it never ends"},
    ),
    "a place is given back that somebody fired by": (
        {"firing": GivesBackEveryPlace},
        {"it fired without a place"},
    ),
}
"""Each breaks one rule, and what must come of it within the schedules of CI: any of these."""


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_seen(bug: str) -> None:
    parts, violations = BUGS[bug]
    assert any(violations & set(Company(seed, **parts).run()) for seed in range(SCHEDULES))

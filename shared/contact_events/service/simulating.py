"""What a trigger would have done: the very engine, over the ledger, on a virtual clock."""

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from typing_extensions import override

from shared.contact_events.errors import SimulationTooLargeError
from shared.contact_events.model.firing import SETTLED, Instance
from shared.contact_events.model.hours import hours
from shared.contact_events.model.trigger_documents import trigger_of
from shared.contact_events.model.triggers import Trigger, TriggerApproval, TriggerRule
from shared.contact_events.ports import (
    EventStore,
    KnownTriggers,
    Permits,
    Persons,
)
from shared.contact_events.service.firing import FireService
from shared.contact_events.service.following import FollowService
from shared.contact_events.service.triggers import RunningTriggers
from shared.contact_events.service.virtual import InMemoryInstances, Known
from shared.kernel.decisions import Allow, Candidate, Decision, Reservation
from shared.kernel.envelope import Envelope
from shared.kernel.errors import FieldProblem, InvalidFieldsError
from shared.kernel.ids import Ids, made_at

MOST_EVENTS = 20_000
"""Of one simulation, of all types: what an answer has time for."""

LONGEST_SPAN = timedelta(days=8)
"""Each hour is 16 reads of the index, also where nothing happened."""

READERS = 16
MOST_SAMPLES = 20

_MINUTE = timedelta(minutes=1)
_SIMULATED = "trg_" + "0" * 26


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """What would have come of a trigger: how many came to each state, and the first of them.

    ``events`` is how many were read. Those still ``waiting`` are due after the end.
    """

    events: int
    counts: Mapping[str, int]
    people: int
    samples: Sequence[Instance]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationService:
    """Plays the ledger of some hours to a trigger. It writes nothing, and asks no policy.

    Events come in the order in which they were recorded, each at the instant of its recording;
    timers are swept every minute. People are who they are today.
    """

    ledger: EventStore
    persons: Persons

    def simulate(
        self, document: Any, *, app_id: str, since: datetime, until: datetime
    ) -> Simulated:
        """Return what would have come of a trigger from ``since`` to ``until``.

        Raises:
            TriggerInvalidError: the document breaks rules.
            InvalidFieldsError: it is no span, or one of more than 8 days.
            SimulationTooLargeError: more than 20,000 events were recorded in its hours.
        """
        rule = trigger_of(document)
        _check_span(since, until)
        events = self._events(app_id, since=since, until=until)
        play = Play(rule=rule, app_id=app_id, persons=self.persons, at=since)
        play.run(events, until=until)
        return play.result()

    def _events(self, app_id: str, *, since: datetime, until: datetime) -> Sequence[Envelope]:
        """Return what was recorded, oldest first; hours are read several at a time."""

        def read(hour: datetime) -> list[Envelope]:
            recorded = self.ledger.events_in(hour, app_id=app_id)
            return list(islice(recorded, MOST_EVENTS + 1))

        unread, found = list(hours(since, until)), list[Envelope]()
        with ThreadPoolExecutor(READERS) as readers:
            for start in range(0, len(unread), READERS):
                for part in readers.map(read, unread[start : start + READERS]):
                    found += part
                if len(found) > MOST_EVENTS:
                    raise SimulationTooLargeError(f"more than {MOST_EVENTS} events")
        within = (one for one in found if since <= made_at(one.sequence) < until)
        return sorted(within, key=lambda event: event.sequence)


@dataclass(kw_only=True)
class Play:
    """A trigger in force, a ledger that is empty at first, and a clock that events move on."""

    rule: TriggerRule
    app_id: str
    persons: Persons
    at: datetime
    instances: InMemoryInstances = field(default_factory=InMemoryInstances)
    known: Known = field(default_factory=Known)
    read: int = 0

    def __post_init__(self) -> None:
        running = RunningTriggers(
            triggers=_OneTrigger(_in_force(self.rule, app_id=self.app_id, at=self.at)),
            elapsed=lambda: 0.0,
        )
        self._follow = FollowService(
            running=running,
            instances=self.instances,
            ledger=self.known,
            persons=self.persons,
            clock=self._clock,
        )
        self._fire = FireService(
            running=running,
            instances=self.instances,
            ledger=self.known,
            persons=self.persons,
            permits=_EverythingAllowed(),
            clock=self._clock,
            ids=Ids(clock=self._clock),
        )

    def run(self, events: Sequence[Envelope], *, until: datetime) -> None:
        """Have events happen in their order, and all that is due before ``until``."""
        for event in events:
            self._go_on_to(made_at(event.sequence))
            self.read += 1
            self.known.add(event)
            self._follow.follow(event)
        self._go_on_to(until + SETTLED)

    def result(self) -> Simulated:
        """Return what came of it."""
        found = sorted(self.instances.kept.values(), key=lambda one: (one.started_at, one.cause))
        return Simulated(
            events=self.read,
            counts=Counter(one.state.value for one in found),
            people=len({one.contact_id for one in found}),
            samples=found[:MOST_SAMPLES],
        )

    def _go_on_to(self, at: datetime) -> None:
        """Sweep all minutes that end before an instant, each at the first instant it may be."""
        while (due := self.instances.next_due()) and due + _MINUTE + SETTLED <= at:
            self.at = max(self.at, due + _MINUTE + SETTLED)
            self.instances.mark_swept(self.app_id, until=due)
            self._fire.fire_due(self.app_id)
        self.at = max(self.at, at)

    def _clock(self) -> datetime:
        return self.at


class _EverythingAllowed(Permits):
    """A policy without rules: what people said, and what reached them, is of today."""

    @override
    def ask(self, candidate: Candidate, *, key: str) -> tuple[Decision, Reservation | None]:
        return Allow(), None

    @override
    def give_back(self, reservation: Reservation) -> None:
        return


@dataclass(frozen=True)
class _OneTrigger(KnownTriggers):
    """The one trigger of a simulation, which nobody changes."""

    trigger: Trigger

    @override
    def triggers_of(self, app_id: str) -> Sequence[Trigger]:
        return [self.trigger]

    @override
    def rule_of(self, trigger_id: str, version: int, *, app_id: str) -> TriggerRule | None:
        return self.trigger.rule


def _in_force(rule: TriggerRule, *, app_id: str, at: datetime) -> Trigger:
    draft = Trigger(
        app_id=app_id,
        trigger_id=_SIMULATED,
        rule=rule,
        version=1,
        authors=(),
        created_at=at,
        updated_at=at,
    )
    return replace(draft, approval=TriggerApproval(version=1, by="simulation", at=at))


def _check_span(since: datetime, until: datetime) -> None:
    if timedelta(0) < until - since <= LONGEST_SPAN:
        return
    detail = f"an instant after `from`, by {LONGEST_SPAN.days} days at most"
    problem = FieldProblem(pointer="/to", code="span", detail=detail)
    raise InvalidFieldsError("the span is unusable", fields=[problem])

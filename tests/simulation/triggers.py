"""Triggers, three people, a bus that forgets and repeats, sweepers that crash; and what must be.

The services' own code runs over stores that fail: a process dies before or after any call, a reply
is lost, a call is throttled, an event comes late, twice, before its cause, or never; two sweepers
and the policy come in between. Which, and when, a seed decides.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random
from typing import Any

from typing_extensions import override

from shared.contact_events.errors import StaleError
from shared.contact_events.model.firing import Instance, InstanceState
from shared.contact_events.model.trigger_documents import trigger_of
from shared.contact_events.model.triggers import Trigger, TriggerApproval
from shared.contact_events.ports import Permits
from shared.contact_events.service.firing import FireService
from shared.contact_events.service.following import FollowService
from shared.contact_events.service.triggers import RunningTriggers
from shared.contact_events.service.virtual import InMemoryInstances, Known
from shared.kernel.decisions import Allow, Candidate, Decision, Defer, Drop, Gate, Reason
from shared.kernel.decisions import Reservation as Held
from shared.kernel.envelope import Envelope
from shared.kernel.ids import Ids
from tests.fakes.clock import NOON, ManualClock
from tests.fakes.triggers import InMemoryTriggerStore, JoinedPersons
from tests.simulation.processes import KilledError, Process
from tests.simulation.stage import Call, Port, ReplyLostError, ThrottledError
from tests.unit.contact_events.test_triggers import APP, REMINDER, an_event

MINUTE = timedelta(minutes=1)
PEOPLE, PUSHES = 3, 6
MOST_TICKS = 3_000
"""Many times what the slowest of 100,000 schedules took: whoever is not done by then never ends."""
CALM = 150
"""From this tick on nothing fails any more: all must come to its end."""

_FAULTS = (KilledError, ReplyLostError, ThrottledError, StaleError)


def person(number: int) -> str:
    return f"con_{number:026d}"


class FickleReservations(Permits):
    """Allows, puts off or refuses as chance has it; ``held`` are the places that count."""

    def __init__(self, chance: Random, clock: ManualClock) -> None:
        self.chance = chance
        self.clock = clock
        self.held: dict[str, Held] = {}

    @override
    def ask(self, candidate: Candidate, *, key: str) -> tuple[Decision, Held | None]:
        why = (Reason(gate=Gate.CAP, rule="cap", detail="Enough."),)
        drawn = self.chance.random()
        if key in self.held:
            return Allow(), self.held[key]
        if drawn < 0.15:
            return Drop(because=why), None
        if drawn < 0.35:
            return Defer(until=self.clock() + 5 * MINUTE, because=why), None
        self.held[key] = Held(
            reservation_id=f"rsv_{key}", app_id=APP, contact_id=candidate.contact_id
        )
        return Allow(), self.held[key]

    @override
    def give_back(self, reservation: Held) -> None:
        self.held.pop(reservation.reservation_id.removeprefix("rsv_"), None)


class WatchedInstances(InMemoryInstances):
    """Instances whose every end is noted: each must have one."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: Counter[str] = Counter()

    @override
    def replace(self, instance: Instance, *, event: Envelope | None = None) -> None:
        super().replace(instance, event=event)
        if instance.state.is_final:
            self.ends[instance.instance_id] += 1


@dataclass
class Job:
    """Something that a process does; it comes again where it ``comes_again`` after a failure."""

    work: Callable[[Callable[[object], Any]], object]
    comes_again: bool


class Company:
    """A trigger in force, those whom it reminds, and all who start, cancel and fire."""

    def __init__(
        self,
        seed: int,
        *,
        instances: type[WatchedInstances] = WatchedInstances,
        following: type[FollowService] = FollowService,
        firing: type[FireService] = FireService,
    ) -> None:
        self.chance = Random(seed)  # noqa: S311 - a seed must repeat the run
        self.clock = ManualClock(NOON)
        self.ids = Ids(clock=self.clock, chance=self.chance.getrandbits)
        self.instances = instances()
        self.ledger = Known()
        self.policy = FickleReservations(self.chance, self.clock)
        self.persons = JoinedPersons()
        self.kinds = following, firing
        self.reentry = self.chance.choice(["each", "each", "once"])
        self.trigger = self._in_force()
        self.violations: list[str] = []
        self.waiting: list[Job] = []
        self.running: list[tuple[Process, Job]] = []
        self.current: Process | None = None
        self.is_calm = False
        self.causes: list[Envelope] = []
        self.cancelling: dict[str, Envelope] = {}
        self.plan = self._plan()

    def run(self) -> list[str]:
        """Let everything happen; return what must never be, and was."""
        try:
            for tick in range(MOST_TICKS):
                self.is_calm = self.is_calm or tick >= CALM
                if self.violations or not self._act():
                    break
            else:
                self.violations.append("it never ends")
        finally:
            for process, _ in self.running:
                process.kill()
        if not self.violations:
            self._look_at_ends()
        return self.violations

    def _in_force(self) -> Trigger:
        triggers = InMemoryTriggerStore()
        rule = trigger_of({**REMINDER, "after": "PT10M", "reentry": self.reentry})
        trigger = Trigger(
            app_id=APP,
            trigger_id="trg_" + "1" * 26,
            rule=rule,
            version=1,
            authors=("ann",),
            created_at=NOON,
            updated_at=NOON,
        )
        approval = TriggerApproval(version=1, by="ben", at=NOON)
        triggers.add(replace(trigger, approval=approval), event=an_event("trigger.approved.v1"))
        self.triggers = triggers
        return trigger

    def _plan(self) -> list[Callable[[], None]]:
        """Return what people do, in an order that has openings before their pushes too."""
        plan: list[Callable[[], None]] = []
        for number in range(PUSHES):
            who, opens = person(self.chance.randrange(PEOPLE)), self.chance.random() < 0.5
            plan.append(lambda number=number, who=who: self._send(number, who))  # type: ignore[misc]
            if opens:
                plan.append(lambda number=number, who=who: self._open(number, who))  # type: ignore[misc]
        self.chance.shuffle(plan)
        return plan

    def _send(self, number: int, who: str) -> None:
        cause = self._happens("message.sent.v1", number, who)
        self.causes.append(cause)

    def _open(self, number: int, who: str) -> None:
        opened = self._happens("message.opened.v1", number, who)
        self.cancelling[f"msg_{number}"] = opened

    def _happens(self, event_type: str, number: int, who: str) -> Envelope:
        event = replace(
            an_event(event_type, self.clock(), contact_id=who, message_id=f"msg_{number}"),
            sequence=self.ids.sequence(),
        )
        self.ledger.add(event)
        is_opening = event_type == "message.opened.v1"
        drawn = self.chance.random()
        # The bus may forget an opening, which the ledger knows all the same.
        times = 0 if is_opening and drawn < 0.3 else 2 if drawn < 0.5 else 1
        for _ in range(times):
            self.waiting.append(Job(work=lambda port: self._follow(port, event), comes_again=True))
        return event

    def _follow(self, port: Callable[[object], Any], event: Envelope) -> None:
        following, _ = self.kinds
        following(
            running=self._known(),
            instances=port(self.instances),
            ledger=port(self.ledger),
            persons=self.persons,
            clock=self.clock,
        ).follow(event)

    def _sweep(self, port: Callable[[object], Any]) -> None:
        _, firing = self.kinds
        firing(
            running=self._known(),
            instances=port(self.instances),
            ledger=port(self.ledger),
            persons=self.persons,
            permits=port(self.policy),
            clock=self.clock,
            ids=self.ids,
        ).fire_due(APP)

    def _known(self) -> RunningTriggers:
        return RunningTriggers(triggers=self.triggers, elapsed=lambda: 0.0)

    def _through(self, call: Call) -> Any:
        """Make a call of the process that has the turn, if it comes to that."""
        assert self.current
        self.current.step()
        self.clock.advance(timedelta(milliseconds=self.chance.randrange(40)))
        before, after = self.chance.random(), self.chance.random()
        if not self.is_calm and before < 0.04:
            raise KilledError if before < 0.02 else ThrottledError
        answer = call.make()
        if not self.is_calm and after < 0.04:
            raise KilledError if after < 0.02 else ReplyLostError
        return answer

    def _act(self) -> bool:
        """Have one thing happen; say whether there was anything left to happen."""
        if self.running and self.chance.random() < 0.6:
            self._go_on()
        elif self.plan and self.chance.random() < 0.4:
            self.plan.pop()()
        elif self.waiting and len(self.running) < 3 and self.chance.random() < 0.6:
            self._start(self.waiting.pop(self.chance.randrange(len(self.waiting))))
        elif self.running:
            self._go_on()
        elif self.plan or self.waiting or self.instances.next_due():
            self._wait()
        else:
            return False
        return True

    def _wait(self) -> None:
        """Let some minutes pass, and have one or two sweepers look."""
        self.clock.advance(MINUTE * self.chance.choice([1, 1, 2, 5]))
        for _ in range(self.chance.choice([1, 1, 2])):
            self.waiting.append(Job(work=self._sweep, comes_again=False))

    def _start(self, job: Job) -> None:
        def port(real: object) -> Any:
            return Port(real, self._through)

        self.running.append((Process(lambda: job.work(port)), job))

    def _go_on(self) -> None:
        process, job = self.chance.choice(self.running)
        self.current = process
        process.resume(self.chance.randrange(1, 6))
        self.current = None
        if not process.is_over:
            return
        self.running.remove((process, job))
        if process.error is not None and not isinstance(process.error, _FAULTS):
            raise process.error
        if process.error is not None and job.comes_again:
            self.waiting.append(job)

    def _look_at_ends(self) -> None:
        """Note what must not be when all is over.

        A place that a killed sweeper held may count for what did not fire, until its hold ends.
        """
        requested = self._told("contact.requested.v1")
        suppressed = self._told("trigger.suppressed.v1")
        for instance in self.instances.kept.values():
            name, state = instance.instance_id, instance.state
            if not state.is_final:
                self.violations.append("an instance never ended")
            if self.instances.ends[name] > 1:
                self.violations.append("an instance ended twice")
            if requested[name] != int(state is InstanceState.FIRED):
                self.violations.append("requests and instances differ")
            if suppressed[name] != int(state is InstanceState.SUPPRESSED):
                self.violations.append("suppressions and instances differ")
            if state is InstanceState.FIRED and name not in self.policy.held:
                self.violations.append("it fired without a place")
            self._look_at_truth(instance)
        self._look_at_starts()

    def _told(self, event_type: str) -> Counter[str]:
        told = (one for one in self.instances.told if one.type == event_type)
        return Counter(one.data["instance_id"] for one in told)

    def _look_at_truth(self, instance: Instance) -> None:
        """Note an instance whose end is not what the ledger says."""
        opened = self.cancelling.get(instance.ids["message_id"])
        is_opened = opened is not None and opened.time < instance.first_due_at
        if is_opened and instance.state is InstanceState.FIRED:
            self.violations.append("it fired although it was cancelled in time")
        if instance.state is InstanceState.CANCELLED and opened is None:
            self.violations.append("it was cancelled by nothing")
        fired_at = instance.ended_at
        if instance.state is InstanceState.FIRED and fired_at and fired_at < instance.due_at:
            self.violations.append("it fired too early")

    def _look_at_starts(self) -> None:
        started = Counter(one.cause for one in self.instances.kept.values())
        people = Counter(one.contact_id for one in self.instances.kept.values())
        if self.reentry == "once":
            if any(count > 1 for count in people.values()):
                self.violations.append("a person entered twice")
            if {one.subject.id for one in self.causes} != set(people):
                self.violations.append("a person never entered")
        elif started != Counter(one.id for one in self.causes):
            self.violations.append("an event started nothing")

"""Triggers in memory, and a policy that answers as it is told; instances are the simulation's."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from typing_extensions import override

from shared.contact_events.errors import StaleError
from shared.contact_events.model.triggers import Trigger, TriggerRule
from shared.contact_events.ports import Permits, Persons, Reservations, TriggerStore
from shared.kernel.decisions import Allow, Candidate, Decision, Reservation
from shared.kernel.envelope import Envelope


@dataclass
class InMemoryTriggerStore(TriggerStore):
    kept: dict[tuple[str, str], Trigger] = field(default_factory=dict)
    rules: dict[tuple[str, str, int], TriggerRule] = field(default_factory=dict)
    told: list[Envelope] = field(default_factory=list)

    @override
    def add(self, trigger: Trigger, *, event: Envelope) -> None:
        self._write(trigger, event)

    @override
    def find(self, trigger_id: str, *, app_id: str) -> Trigger | None:
        return self.kept.get((app_id, trigger_id))

    @override
    def triggers_of(self, app_id: str) -> Sequence[Trigger]:
        return [one for (whose, _), one in sorted(self.kept.items()) if whose == app_id]

    @override
    def rule_of(self, trigger_id: str, version: int, *, app_id: str) -> TriggerRule | None:
        return self.rules.get((app_id, trigger_id, version))

    @override
    def replace(self, trigger: Trigger, *, event: Envelope) -> None:
        self._write(trigger, event)

    @override
    def remove(self, trigger: Trigger, *, event: Envelope) -> None:
        key = trigger.app_id, trigger.trigger_id
        if self.kept.get(key) != trigger:
            raise StaleError(trigger.trigger_id)
        del self.kept[key]
        self.told.append(event)

    def _write(self, trigger: Trigger, event: Envelope) -> None:
        key = trigger.app_id, trigger.trigger_id
        before = self.kept.get(key)
        if (before.writes if before else 0) != trigger.writes - 1:
            raise StaleError(trigger.trigger_id)
        self.kept[key] = trigger
        self.rules[(*key, trigger.version)] = trigger.rule
        self.told.append(event)


@dataclass
class JoinedPersons(Persons):
    """Contacts who are each a person, but for those who are told to be one; and the erased."""

    joined: list[list[str]] = field(default_factory=list)
    erased: set[str] = field(default_factory=set)

    @override
    def origins_of(self, contact_id: str, *, app_id: str) -> Sequence[str]:
        if contact_id in self.erased:
            return ()
        return next((one for one in self.joined if contact_id in one), [contact_id])


@dataclass
class AnsweringPolicy(Permits):
    """Answers in turn what it is told to, then allows; ``held`` are the places that count."""

    clock: Callable[[], datetime]
    answers: list[Decision] = field(default_factory=list)
    asked: list[Candidate] = field(default_factory=list)
    held: dict[str, Reservation] = field(default_factory=dict)

    @override
    def ask(self, candidate: Candidate, *, key: str) -> tuple[Decision, Reservation | None]:
        self.asked.append(candidate)
        answer = self.answers.pop(0) if self.answers else Allow()
        if not isinstance(answer, Allow):
            return answer, None
        reservation = Reservation(
            reservation_id=f"rsv_{key}",
            app_id=candidate.app_id,
            contact_id=candidate.contact_id,
            expires_at=self.clock() + timedelta(hours=2),
        )
        return answer, self.held.setdefault(key, reservation)

    @override
    def give_back(self, reservation: Reservation) -> None:
        self.held = {key: one for key, one in self.held.items() if one != reservation}


@dataclass
class GivenBack(Reservations):
    redemptions: list[str] = field(default_factory=list)

    @override
    def release(self, redemption_id: str, *, app_id: str) -> None:
        self.redemptions.append(redemption_id)

"""What triggers started for a person, and why each came to what it is."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.contact_events.model.firing import Instance, cancelled_by
from shared.contact_events.model.triggers import Running, TriggerRule
from shared.contact_events.ports import InstanceStore, KnownTriggers, Persons, Timelines
from shared.contact_events.service.following import person_events
from shared.kernel.envelope import Envelope

MOST_EXPLAINED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Considered:
    """An event of the person that was looked at, and whether it cancels by what is known now."""

    event: Envelope
    cancels: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """An instance, the rule that started it, and the events of the types that may cancel it."""

    instance: Instance
    rule: TriggerRule
    considered: Sequence[Considered]


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceService:
    """Reads instances, over everything that was joined to a contact."""

    triggers: KnownTriggers
    instances: InstanceStore
    ledger: Timelines
    persons: Persons

    def list_instances(
        self, trigger_id: str, *, contact_id: str, app_id: str
    ) -> Sequence[Instance]:
        """Return what a trigger started for a person, the newest first; of the erased nothing."""
        found = [
            instance
            for origin in self.persons.origins_of(contact_id, app_id=app_id)
            for instance in self.instances.instances_of(
                origin, trigger_id=trigger_id, app_id=app_id
            )
        ]
        return sorted(found, key=lambda one: (one.started_at, one.cause), reverse=True)

    def explain(self, trigger_id: str, *, contact_id: str, app_id: str) -> Sequence[Explained]:
        """Return what a trigger started for a person last, with all that was looked at.

        What was recorded after an instance ended is looked at here too, and did not count.
        """
        origins = self.persons.origins_of(contact_id, app_id=app_id)
        found = self.list_instances(trigger_id, contact_id=contact_id, app_id=app_id)
        explained = (self._explained(one, origins) for one in found[:MOST_EXPLAINED])
        return [one for one in explained if one]

    def _explained(self, instance: Instance, origins: Sequence[str]) -> Explained | None:
        rule = self.triggers.rule_of(
            instance.trigger_id, instance.trigger_version, app_id=instance.app_id
        )
        if rule is None:
            return None
        running = Running(
            app_id=instance.app_id,
            trigger_id=instance.trigger_id,
            version=instance.trigger_version,
            rule=rule,
        )
        considered = [
            Considered(event=one, cancels=cancelled_by(running, instance, [one]) is not None)
            for one in person_events(self.ledger, running, instance, origins=origins)
            if running.may_be_cancelled_by(one)
        ]
        return Explained(instance=instance, rule=rule, considered=considered)

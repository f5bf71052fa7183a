"""Follows what happens: starts what waits, and cancels it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shared.contact_events.errors import StaleError
from shared.contact_events.events import TriggerFired
from shared.contact_events.model.firing import (
    KEYED_BEFORE,
    Instance,
    InstanceState,
    cancelled_by,
    is_too_late,
    looks_from,
    started,
)
from shared.contact_events.model.timelines import TimelineQuery
from shared.contact_events.model.triggers import Reentry, Running
from shared.contact_events.ports import (
    Entry,
    InstanceStore,
    Persons,
    Reservations,
    Timelines,
)
from shared.contact_events.service.timeline import merged
from shared.contact_events.service.triggers import RunningTriggers
from shared.kernel.clock import Clock
from shared.kernel.envelope import Envelope

ATTEMPTS = 5
"""Others who have the same person enter the same trigger at this instant are few."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowService:
    """Holds each event against the triggers in force; again, an event changes nothing more."""

    running: RunningTriggers
    instances: InstanceStore
    ledger: Timelines
    persons: Persons
    clock: Clock

    def follow(self, event: Envelope) -> None:
        """Start what an event starts, and cancel what it cancels.

        Raises:
            StaleError: the person kept entering otherwise: follow again.
        """
        for running in self.running.running_in(event.app_id):
            if running.starts_by(event):
                self._start(running, event)
            if event.subject.kind == "contact" and running.may_be_cancelled_by(event):
                self._cancel(running, event)

    def _start(self, running: Running, cause: Envelope) -> None:
        at = self.clock()
        origins = self.persons.origins_of(cause.subject.id, app_id=cause.app_id)
        if not origins or is_too_late(running, cause, at=at):
            return
        instance = started(running, cause, at=at)
        known = person_events(self.ledger, running, instance, origins=origins)
        if found := cancelled_by(running, instance, known):
            instance = instance.ended(InstanceState.CANCELLED, at=at, because=found.id)
        for attempt in range(ATTEMPTS):
            try:
                self._enter(running, instance, origins)
            except StaleError:
                if attempt + 1 == ATTEMPTS:
                    raise
            else:
                return

    def _enter(self, running: Running, instance: Instance, origins: Sequence[str]) -> None:
        """Store the instance if the person may enter, by what is known of all their contacts."""
        if running.rule.reentry is Reentry.EACH:
            self.instances.add(instance, entry=None)
            return
        entered = self.instances.entries(
            origins, trigger_id=instance.trigger_id, app_id=instance.app_id
        )
        last = max(entered.values(), default=None)
        if running.rule.admits(instance.caused_at, entered_at=last):
            entry = Entry(contact_id=origins[0], before=entered.get(origins[0]))
            self.instances.add(instance, entry=entry)

    def _cancel(self, running: Running, event: Envelope) -> None:
        for contact_id in self.persons.origins_of(event.subject.id, app_id=event.app_id):
            for instance in self.instances.instances_of(
                contact_id, trigger_id=running.trigger_id, app_id=event.app_id
            ):
                if instance.state is InstanceState.WAITING:
                    self._cancel_one(instance, event)

    def _cancel_one(self, instance: Instance, event: Envelope) -> None:
        version = self.running.version(
            instance.trigger_id, instance.trigger_version, app_id=instance.app_id
        )
        if version is None or not cancelled_by(version, instance, [event]):
            return
        ended = instance.ended(InstanceState.CANCELLED, at=self.clock(), because=event.id)
        try:
            self.instances.replace(ended)
        except StaleError:
            # It ended, or was put off: then it looks at the ledger again before it fires.
            return


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformingService:
    """Does what triggers have our own domains do; again, it changes nothing more."""

    reservations: Reservations

    def perform(self, event: Envelope) -> None:
        """Do what a ``trigger.fired.v1`` says."""
        if event.type == TriggerFired.type:
            for redemption_id in event.data["redemption_ids"]:
                self.reservations.release(redemption_id, app_id=event.app_id)


def person_events(
    ledger: Timelines, running: Running, instance: Instance, *, origins: Sequence[str]
) -> Iterator[Envelope]:
    """Yield the person's events that decide about an instance, oldest first."""
    since = looks_from(running, instance)
    if since is None:
        return
    query = TimelineQuery(since=since - KEYED_BEFORE, until=instance.due_at)
    for placed in merged(ledger, origins, app_id=instance.app_id, query=query):
        yield placed.event

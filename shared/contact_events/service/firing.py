"""Fires what is due: each instance once, or it is cancelled, put off or suppressed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from shared.contact_events.errors import StaleError
from shared.contact_events.events import ContactRequested, TriggerFired, TriggerSuppressed
from shared.contact_events.model.firing import (
    SETTLED,
    Instance,
    InstanceState,
    Suppression,
    cancelled_by,
    candidate_of,
    held_reservations,
)
from shared.contact_events.model.triggers import RequestContact
from shared.contact_events.ports import HasTime, InstanceStore, Permits, Persons, Timelines
from shared.contact_events.service.following import person_events
from shared.contact_events.service.triggers import RunningTriggers
from shared.kernel.clock import Clock
from shared.kernel.decisions import Allow, Defer, Reason, Reservation
from shared.kernel.envelope import Envelope, seal
from shared.kernel.events import DomainEvent
from shared.kernel.ids import ULID_LENGTH, Ids

RELEASES = "release_reservations"
PUT_OFF = "put_off"

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class FireService:
    """Takes what is due to its end, under the contact policy.

    What an instance comes to is written with its event, on the condition that nobody changed the
    instance meanwhile: of all who sweep and cancel at once, one writes.
    """

    running: RunningTriggers
    instances: InstanceStore
    ledger: Timelines
    persons: Persons
    permits: Permits
    clock: Clock
    ids: Ids

    def fire_due(self, app_id: str, *, has_time: HasTime = lambda: True) -> Mapping[str, int]:
        """Take up what is due, and return how many came to which state.

        All minutes that nobody has swept yet are worked on in turn, so an outage is caught up
        with. A minute that could not be finished is begun again by the next call; what was taken
        up is gone from it by then.
        """
        minute, counts = self.instances.swept_until(app_id), Counter[str]()
        while minute is not None and minute + _MINUTE + SETTLED <= self.clock():
            for instance in self.instances.due_in(app_id, minute=minute):
                if not has_time():
                    return counts
                counts.update(self._settled(instance))
            minute += _MINUTE
            self.instances.mark_swept(app_id, until=minute)
        return counts

    def _settled(self, instance: Instance) -> Sequence[str]:
        """Take up one instance; say what it came to, unless another was quicker."""
        origins = self.persons.origins_of(instance.contact_id, app_id=instance.app_id)
        if not origins:
            self.instances.erase(instance.contact_id, app_id=instance.app_id)
            return ()
        try:
            return [self._settle(instance, origins)]
        except StaleError:
            return ()

    def _settle(self, instance: Instance, origins: Sequence[str]) -> str:
        running = self.running.version(
            instance.trigger_id, instance.trigger_version, app_id=instance.app_id
        )
        trigger = self.running.trigger(instance.trigger_id, app_id=instance.app_id)
        if running is None or trigger is None:
            return self._suppress(instance, origins, Suppression.TRIGGER_DELETED)
        if trigger.is_paused:
            return self._suppress(instance, origins, Suppression.TRIGGER_PAUSED)
        known = list(person_events(self.ledger, running, instance, origins=origins))
        if found := cancelled_by(running, instance, known):
            self._end(instance, InstanceState.CANCELLED, because=found.id)
            return InstanceState.CANCELLED
        if isinstance(running.rule.then, RequestContact):
            return self._request(instance, origins, running.rule.then)
        return self._release(instance, origins, known)

    def _request(self, instance: Instance, origins: Sequence[str], request: RequestContact) -> str:
        candidate = candidate_of(request, instance, contact_id=origins[0])
        decision, reservation = self.permits.ask(candidate, key=instance.instance_id)
        if isinstance(decision, Defer):
            self.instances.replace(instance.put_off(decision.until, at=self.clock()))
            return PUT_OFF
        if not isinstance(decision, Allow):
            first = decision.because[0].rule
            return self._suppress(instance, origins, first, because=decision.because)
        event = ContactRequested(
            app_id=instance.app_id,
            occurred_at=self.clock(),
            channel=request.channel,
            contact_id=origins[0],
            purpose=request.purpose,
            trigger_id=instance.trigger_id,
            trigger_version=instance.trigger_version,
            instance_id=instance.instance_id,
            text=request.text,
            topic=request.topic,
            offer_key=request.offer_key,
            reservation_id=reservation.reservation_id if reservation else None,
            reserved_until=reservation.expires_at if reservation else None,
        )
        try:
            self._end(instance, InstanceState.FIRED, event=event)
        except StaleError:
            self._give_back(instance, reservation)
            raise
        return InstanceState.FIRED

    def _give_back(self, instance: Instance, reservation: Reservation | None) -> None:
        """Count the place no more, if the instance came to another end than firing by it.

        One that still waits asks again by the same key, and gets the same place.
        """
        stands = self.instances.find(
            instance.trigger_id,
            instance.cause,
            contact_id=instance.contact_id,
            app_id=instance.app_id,
        )
        keeps = {InstanceState.FIRED, InstanceState.WAITING}
        if reservation and not (stands and stands.state in keeps):
            self.permits.give_back(reservation)

    def _release(
        self, instance: Instance, origins: Sequence[str], known: Sequence[Envelope]
    ) -> str:
        held = held_reservations(known, coupon_id=instance.ids.get("coupon_id"))
        if not held:
            return self._suppress(instance, origins, Suppression.NOTHING_RESERVED)
        event = TriggerFired(
            app_id=instance.app_id,
            occurred_at=self.clock(),
            contact_id=origins[0],
            trigger_id=instance.trigger_id,
            trigger_version=instance.trigger_version,
            instance_id=instance.instance_id,
            action=RELEASES,
            redemption_ids=held,
        )
        self._end(instance, InstanceState.FIRED, event=event)
        return InstanceState.FIRED

    def _suppress(
        self,
        instance: Instance,
        origins: Sequence[str],
        reason: str,
        *,
        because: Sequence[Reason] = (),
    ) -> str:
        event = TriggerSuppressed(
            app_id=instance.app_id,
            occurred_at=self.clock(),
            contact_id=origins[0],
            trigger_id=instance.trigger_id,
            trigger_version=instance.trigger_version,
            instance_id=instance.instance_id,
            reason=reason,
            because=tuple(one.plain() for one in because),
        )
        self._end(instance, InstanceState.SUPPRESSED, event=event, because=reason)
        return InstanceState.SUPPRESSED

    def _end(
        self,
        instance: Instance,
        state: InstanceState,
        *,
        event: DomainEvent | None = None,
        because: str | None = None,
    ) -> None:
        ended = instance.ended(state, at=self.clock(), because=because)
        told = None
        if event:
            sequence = self.ids.sequence(after=instance.cause[-ULID_LENGTH:])
            told = seal(event, sequence=sequence, cause=instance.cause)
        self.instances.replace(ended, event=told)

"""Triggers, what they started, and whom they ask."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.contact_events.model.firing import Instance
from shared.contact_events.model.triggers import Trigger, TriggerRule
from shared.kernel.decisions import Candidate, Decision, Reservation
from shared.kernel.envelope import Envelope


class KnownTriggers(Protocol):
    """Triggers with all their versions, read by whoever starts and fires them."""

    def triggers_of(self, app_id: str) -> Sequence[Trigger]:
        """Return all triggers of an app, in the order of their creation."""
        ...

    def rule_of(self, trigger_id: str, version: int, *, app_id: str) -> TriggerRule | None:
        """Return what a version says, also of a trigger that was deleted."""
        ...


class TriggerStore(KnownTriggers, Protocol):
    """Triggers, each changed by compare-and-swap."""

    def add(self, trigger: Trigger, *, event: Envelope) -> None:
        """Store a new trigger, and tell."""
        ...

    def find(self, trigger_id: str, *, app_id: str) -> Trigger | None:
        """Return a trigger."""
        ...

    def replace(self, trigger: Trigger, *, event: Envelope) -> None:
        """Store a trigger's next write, with its version where that is new, and tell.

        Raises:
            StaleError: another came first, or it was deleted.
        """
        ...

    def remove(self, trigger: Trigger, *, event: Envelope) -> None:
        """Delete a trigger as it was read, and tell; its versions stay.

        Raises:
            StaleError: another came first.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A person's entry into a trigger, kept under the contact that stands for the person.

    ``before`` is when they had entered last, as it was read under this contact.
    """

    contact_id: str
    before: datetime | None


class InstanceStore(Protocol):
    """Instances of triggers under their contacts, and their timers by the minute.

    An instance that waits has a timer; both change together, and the ledger with them.
    """

    def add(self, instance: Instance, *, entry: Entry | None) -> None:
        """Store an instance, with its timer while it waits, and the person's entry.

        Where one stands under its trigger and cause, nothing is written. Where an app's mark is
        not set yet, it is set to the minute in which the instance started.

        Raises:
            StaleError: the person entered otherwise meanwhile.
        """
        ...

    def entries(
        self, contact_ids: Sequence[str], *, trigger_id: str, app_id: str
    ) -> Mapping[str, datetime]:
        """Return when contacts entered a trigger last; without those who never did."""
        ...

    def find(self, trigger_id: str, cause: str, *, contact_id: str, app_id: str) -> Instance | None:
        """Return the instance that an event started for a contact."""
        ...

    def instances_of(self, contact_id: str, *, trigger_id: str, app_id: str) -> Sequence[Instance]:
        """Return a contact's instances of a trigger, by the order of their causes."""
        ...

    def replace(self, instance: Instance, *, event: Envelope | None = None) -> None:
        """Store an instance's next write, move or end its timer, and tell.

        Raises:
            StaleError: another came first, or the contact was erased.
        """
        ...

    def due_in(self, app_id: str, *, minute: datetime) -> Iterator[Instance]:
        """Yield the instances that are due in a minute."""
        ...

    def swept_until(self, app_id: str) -> datetime | None:
        """Return the minute up to which all is swept; ``None`` if nothing ever started."""
        ...

    def mark_swept(self, app_id: str, *, until: datetime) -> None:
        """Note that all before a minute is swept; the mark never goes back."""
        ...

    def kept_of(self, contact_id: str, *, app_id: str) -> Sequence[Instance]:
        """Return all instances of a contact, by trigger and cause."""
        ...

    def erase(self, contact_id: str, *, app_id: str) -> None:
        """Delete a contact's instances, timers and entries; again, it deletes nothing more."""
        ...


class Persons(Protocol):
    """Whom a contact stands for, as far as triggers need it."""

    def origins_of(self, contact_id: str, *, app_id: str) -> Sequence[str]:
        """Return all contacts of a person, first the one that stands for them.

        Of who was erased there is none.
        """
        ...


class Permits(Protocol):
    """The contact policy, as triggers ask it."""

    def ask(self, candidate: Candidate, *, key: str) -> tuple[Decision, Reservation | None]:
        """Decide, and hold a place for what is allowed; the same key gets the same place."""
        ...

    def give_back(self, reservation: Reservation) -> None:
        """Count a place no more; again changes nothing."""
        ...


class Reservations(Protocol):
    """The coupons' reservations."""

    def release(self, redemption_id: str, *, app_id: str) -> None:
        """Give back what is held; what is not held any more stays as it is."""
        ...

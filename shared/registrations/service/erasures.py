"""Use cases of erasure: a person is marked, then forgotten, then what was under way is as well.

An erasure is marked in one transaction, and from then on nobody can be joined to the person, logged
in as them, or told of. What is known goes in steps that may each come twice, so a crash costs only
the time until the next sweep. An hour later a second round takes what was under way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from shared.kernel.clock import Clock
from shared.kernel.envelope import Envelope, seal
from shared.kernel.events import DomainEvent
from shared.kernel.ids import Ids
from shared.registrations.errors import ContactNotFoundError, ErasureNotFoundError
from shared.registrations.events import ContactErased, DeviceUnregistered, ErasureRequested
from shared.registrations.model.edges import Person, erased
from shared.registrations.model.erasures import Erasure, ErasureState
from shared.registrations.ports import (
    ContactStore,
    DeviceStore,
    ErasureStore,
    PersonalDomain,
)
from shared.registrations.service.devices import until_settled


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureService:
    """Takes requests to erase a person, and says how far each got."""

    contacts: ContactStore
    devices: DeviceStore
    erasures: ErasureStore
    clock: Clock
    ids: Ids

    def erase_contact(self, contact_id: str, *, app_id: str, by: str) -> Erasure:
        """Mark a person as erased, with all contacts that were joined; again changes nothing.

        Raises:
            ContactNotFoundError: nothing is known under this id.
        """

        def try_once() -> Erasure:
            if begun := self.erasures.erasure_of(contact_id, app_id=app_id):
                return begun
            return self._begin(self.contacts.person_of(contact_id, app_id=app_id), by=by)

        return until_settled(try_once)

    def get_erasure(self, contact_id: str, *, app_id: str) -> Erasure:
        """Return how far the erasure of a contact got.

        Raises:
            ErasureNotFoundError: nobody asked for one.
        """
        found = self.erasures.erasure_of(contact_id, app_id=app_id)
        if found is None:
            raise ErasureNotFoundError(contact_id)
        return found

    def _begin(self, person: Person, *, by: str) -> Erasure:
        app_id, at = person.root.app_id, self.clock()
        contact_ids = tuple(person.contact_ids)
        devices = [
            device.device_id
            for one in contact_ids
            for device in self.devices.devices_of(one, app_id=app_id)
        ]
        if not devices and not self.contacts.get_contacts(contact_ids, app_id=app_id):
            raise ContactNotFoundError(person.canonical)
        erasure = Erasure(
            app_id=app_id,
            erasure_id=self.ids.new("era"),
            contact_id=person.canonical,
            contact_ids=contact_ids,
            device_ids=tuple(devices),
            by=by,
            requested_at=at,
        )
        event = ErasureRequested(
            app_id=app_id,
            occurred_at=at,
            contact_id=person.canonical,
            erasure_id=erasure.erasure_id,
            contact_ids=contact_ids,
            by=by,
        )
        self.erasures.begin(
            erasure,
            places=[erased(place, erasure_id=erasure.erasure_id) for place in person.places],
            event=seal(event, sequence=self.ids.sequence()),
        )
        return erasure


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgettingService:
    """Does what erasures ask for: each step again does nothing more, so a crash loses nothing."""

    devices: DeviceStore
    erasures: ErasureStore
    domains: Sequence[PersonalDomain]
    clock: Clock
    ids: Ids

    def work(self, contact_id: str, *, app_id: str) -> Erasure:
        """Take an erasure as far as it can go now; a sweep does the rest.

        Raises:
            ErasureNotFoundError: nobody asked to erase this contact.
        """
        erasure = self.erasures.erasure_of(contact_id, app_id=app_id)
        if erasure is None:
            raise ErasureNotFoundError(contact_id)
        return self._round(erasure)

    def sweep(self, app_id: str) -> int:
        """Take every open erasure of an app further; return how many are still open."""
        rounds = [self._round(erasure) for erasure in self.erasures.open_erasures(app_id)]
        return sum(one.state is not ErasureState.DONE for one in rounds)

    def _round(self, erasure: Erasure) -> Erasure:
        at = self.clock()
        if not erasure.is_due(at=at):
            return erasure
        self._forget(erasure)
        if erasure.state is ErasureState.REQUESTED:
            after, told = erasure.settling(at=at), []
        else:
            after, told = erasure.done(at=at), [self._told_erased(erasure)]
        self.erasures.save(after, events=told)
        return after

    def _forget(self, erasure: Erasure) -> None:
        """Delete all that is known of a person: reachability first, the ledger's rows last."""
        app_id, contact_ids = erasure.app_id, erasure.contact_ids
        bound = [
            device.device_id
            for one in contact_ids
            for device in self.devices.devices_of(one, app_id=app_id)
        ]
        for device_id in {*erasure.device_ids, *bound}:
            until_settled(partial(self._unregister, device_id, erasure))
        for one in contact_ids:
            until_settled(partial(self.erasures.forget_contact, one, erasure))
        for domain in self.domains:
            domain.erase(contact_ids, app_id=app_id)

    def _unregister(self, device_id: str, erasure: Erasure) -> None:
        """Forget a device of the person, but not one that came again as somebody else's."""
        found = self.devices.devices([device_id], app_id=erasure.app_id)
        if not found:
            return
        device = found[0]
        is_new = device.registered_at > erasure.requested_at
        if is_new and device.contact_id not in erasure.contact_ids:
            return
        event = DeviceUnregistered(
            app_id=erasure.app_id,
            occurred_at=self.clock(),
            contact_id=device.contact_id,
            device_id=device_id,
        )
        self.devices.remove_device(device, self._seal(event))

    def _told_erased(self, erasure: Erasure) -> Envelope:
        event = ContactErased(
            app_id=erasure.app_id,
            occurred_at=self.clock(),
            erasure_id=erasure.erasure_id,
            contact_ids=erasure.contact_ids,
        )
        return self._seal(event)

    def _seal(self, event: DomainEvent) -> Envelope:
        return seal(event, sequence=self.ids.sequence())

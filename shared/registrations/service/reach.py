"""How contacts and devices can be reached: what senders ask."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from shared.kernel.addresses import Address, Target
from shared.kernel.clock import Clock
from shared.kernel.envelope import seal
from shared.kernel.ids import Ids
from shared.registrations.errors import ContactErasedError
from shared.registrations.model.devices import Device, PushPermission
from shared.registrations.ports import ContactStore, DeviceStore
from shared.registrations.service.devices import address_removed, until_settled


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachService:
    """Finds the devices behind ids, as they are right now."""

    device_store: DeviceStore
    contact_store: ContactStore
    clock: Clock
    ids: Ids

    def targets(self, device_ids: Iterable[str], *, app_id: str) -> Mapping[str, Target]:
        """Return those of the devices that are registered."""
        found = self.device_store.devices(device_ids, app_id=app_id)
        return {device.device_id: _target_of(device) for device in found}

    def targets_of_contact(self, contact_id: str, *, app_id: str) -> Sequence[Target]:
        """Return the devices on which a contact, or any whom it was joined to, is known."""
        return [
            _target_of(device)
            for one in sorted(self._members(contact_id, app_id=app_id))
            for device in self.device_store.devices_of(one, app_id=app_id)
        ]

    def is_same_person(self, one: str, other: str, *, app_id: str) -> bool:
        """Say whether two contact ids are the same person's."""
        return other in self._members(one, app_id=app_id)

    def remove_dead_address(self, *, app_id: str, device_id: str, address: Address) -> bool:
        """Take an address that a push service called dead from its device, if it still has it.

        Says whether it did: a device that has another address by now keeps that one.
        """

        def try_once() -> bool:
            found = self.device_store.devices([device_id], app_id=app_id)
            if not found or found[0].state.address != address:
                return False
            event = address_removed(found[0], at=self.clock(), reason="unregistered")
            self.device_store.remove_address(
                found[0].without_address(),
                seal(event, sequence=self.ids.sequence()),
                address=address,
            )
            return True

        return until_settled(try_once)

    def _members(self, contact_id: str, *, app_id: str) -> frozenset[str]:
        """Return all contacts of a person; none of one that was erased."""
        try:
            return self.contact_store.root_of(contact_id, app_id=app_id).members
        except ContactErasedError:
            return frozenset()


def _target_of(device: Device) -> Target:
    return Target(
        device_id=device.device_id,
        contact_id=device.contact_id,
        address=device.state.address,
        is_muted=device.state.push_permission is PushPermission.DENIED,
        locale=device.state.locale,
    )

"""What devices need from outside."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from shared.kernel.addresses import Address
from shared.kernel.envelope import Envelope
from shared.registrations.model.devices import Device


class DeviceStore(Protocol):
    """Devices: one row per install, an address belongs to one device."""

    def get_device(self, *, app_id: str, device_id: str) -> Device:
        """Return the device or raise ``DeviceNotFoundError``."""
        ...

    def device_epoch(self, *, app_id: str, device_id: str) -> int | None:
        """Return the device's epoch, or ``None`` without the device."""
        ...

    def owner_of(self, address: Address, *, app_id: str) -> str | None:
        """Return the device that has this address."""
        ...

    def commit_device(
        self,
        device: Device,
        *,
        before: Device | None,
        event: Envelope,
        loses_address: tuple[Device, Envelope] | None = None,
    ) -> None:
        """Store a device's next state, move its address, and tell: all or nothing.

        ``before`` is the state it follows (``None``: there was none). ``loses_address`` is another
        device as it will be without the address that moves here, and the event that says so.

        Raises:
            StaleError: the device, the other one or the address changed in the meantime.
        """
        ...

    def touch_device(self, device: Device, *, before: Device) -> None:
        """Note that an unchanged device was seen: its clock and its sequence move, no event.

        Raises:
            StaleError: the device changed in the meantime.
        """
        ...

    def remove_device(self, device: Device, event: Envelope) -> None:
        """Forget a device and free its address.

        Raises:
            StaleError: the device changed in the meantime.
        """
        ...

    def remove_address(self, device: Device, event: Envelope, *, address: Address) -> None:
        """Take exactly this address from the device; ``device`` is as it will be.

        Raises:
            StaleError: the device has another address by now, or changed.
        """
        ...

    def devices(self, device_ids: Iterable[str], *, app_id: str) -> Sequence[Device]:
        """Return those of the devices that are registered, as they are now."""
        ...

    def devices_of(self, contact_id: str, *, app_id: str) -> Sequence[Device]:
        """Return the devices on which a contact is known, the newest registration last."""
        ...

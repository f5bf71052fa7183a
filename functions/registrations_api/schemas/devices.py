"""Devices, on the wire."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import Field, StrictInt

from functions.registrations_api.schemas import Attributes, Locale, Word, Zone
from shared.kernel.addresses import Address, AddressKind
from shared.platform.http.schemas import In, Out
from shared.registrations.model.apps import (
    Platform,
)
from shared.registrations.model.devices import AttributeValue, Device, DeviceState, PushPermission


class AddressIn(In):
    """Where FCM finds the installation."""

    kind: AddressKind
    value: Annotated[str, Field(min_length=8, max_length=1024, pattern=r"^[!-~]+$")]


class DeviceIn(In):
    """What an installation says of itself: the whole state, each time."""

    platform: Platform
    address: AddressIn | None = None
    locale: Locale | None = None
    timezone: Zone | None = None
    app_version: Word | None = None
    os_version: Word | None = None
    model: Word | None = None
    attributes: Attributes = Field(default_factory=dict)
    push_permission: PushPermission = PushPermission.UNKNOWN
    client_seq: Annotated[
        StrictInt,
        Field(ge=0, le=2**53 - 1, description="Counts up with every change; the highest wins."),
    ]

    def state(self) -> DeviceState:
        """Return the state in the words of the model."""
        address = self.address
        return DeviceState(
            platform=self.platform,
            address=Address(kind=address.kind, value=address.value) if address else None,
            locale=self.locale,
            timezone=self.timezone,
            app_version=self.app_version,
            os_version=self.os_version,
            model=self.model,
            attributes=dict(self.attributes),
            push_permission=self.push_permission,
        )


class AddressOut(Out):
    """Where FCM finds the installation."""

    kind: AddressKind
    value: str


class DeviceOut(Out):
    """A device as it is registered."""

    app_id: str
    device_id: str
    contact_id: str
    is_anonymous: bool
    platform: Platform
    address: AddressOut | None
    locale: str | None
    timezone: str | None
    app_version: str | None
    os_version: str | None
    model: str | None
    attributes: dict[str, AttributeValue]
    push_permission: PushPermission
    client_seq: int
    registered_at: datetime
    last_seen_at: datetime

    @classmethod
    def of(cls, device: Device) -> Self:
        """Render a device."""
        return cls(**_rendered(device))


class RegisteredDeviceOut(DeviceOut):
    """A device with the token that proves from now on that it is itself."""

    device_token: str

    @classmethod
    def with_token(cls, device: Device, *, token: str) -> Self:
        """Render a device with its token."""
        return cls(**_rendered(device), device_token=token)


def _rendered(device: Device) -> dict[str, Any]:
    state = device.state
    address = state.address
    return {
        "app_id": device.app_id,
        "device_id": device.device_id,
        "contact_id": device.contact_id,
        "is_anonymous": device.is_anonymous,
        "platform": state.platform,
        "address": AddressOut(kind=address.kind, value=address.value) if address else None,
        "locale": state.locale,
        "timezone": state.timezone,
        "app_version": state.app_version,
        "os_version": state.os_version,
        "model": state.model,
        "attributes": dict(state.attributes),
        "push_permission": state.push_permission,
        "client_seq": device.client_seq,
        "registered_at": device.registered_at,
        "last_seen_at": device.last_seen_at,
    }


class IdentifyIn(In):
    """The proof of who is using the device: a token of one of the app's issuers."""

    user_token: Annotated[str, Field(min_length=16, max_length=16_384)]

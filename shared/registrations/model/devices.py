"""A device: one installation of an app, and the rule by which its registrations are ordered."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from shared.kernel.addresses import Address
from shared.kernel.errors import InvalidFieldsError
from shared.registrations.model.apps import Platform, zone_problems

AttributeValue: TypeAlias = str | int | float | bool

NEVER_SPOKE = -1
"""The ``client_seq`` of a device that an import told of: before the first that a device says."""


class PushPermission(StrEnum):
    """What the person allowed the app to show."""

    GRANTED = "granted"
    DENIED = "denied"
    PROVISIONAL = "provisional"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceState:
    """What a device says of itself."""

    platform: Platform
    address: Address | None = None
    locale: str | None = None
    timezone: str | None = None
    app_version: str | None = None
    os_version: str | None = None
    model: str | None = None
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)
    push_permission: PushPermission = PushPermission.UNKNOWN

    def __post_init__(self) -> None:
        problems = zone_problems(self.timezone, "/timezone") if self.timezone else []
        if problems:
            raise InvalidFieldsError("the device is not well described", fields=problems)

    def differences(self, other: "DeviceState") -> tuple[str, ...]:
        """Return the names of the fields in which two states differ."""
        names = sorted(self.__dataclass_fields__)
        return tuple(name for name in names if getattr(self, name) != getattr(other, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One installation.

    ``client_seq`` orders what the installation says: the highest wins, whatever the clocks say.
    Tokens of an ``epoch`` below this one are void. ``is_anonymous`` says that nobody logged in;
    the contact is then the device's own. ``version`` counts writes, for compare and swap.
    """

    app_id: str
    device_id: str
    contact_id: str
    is_anonymous: bool
    state: DeviceState
    client_seq: int
    epoch: int
    tags: frozenset[str] = frozenset()
    registered_at: datetime
    last_seen_at: datetime
    version: int = 1

    @property
    def has_spoken(self) -> bool:
        """Say whether the device registered itself: until then, only an import told of it."""
        return self.client_seq > NEVER_SPOKE

    def may_be_claimed_with(self, state: DeviceState) -> bool:
        """Say whether an installation may register as this device, without a token to prove it.

        An imported device has no token yet. Where it is somebody's, its address proves it: nobody
        else knows that, and a device id may be guessed.
        """
        is_at_home = state.address is not None and state.address == self.state.address
        return not self.has_spoken and (self.is_anonymous or is_at_home)

    def refreshed(self, state: DeviceState, *, client_seq: int, at: datetime) -> "Device":
        """Return the device after it said something new."""
        return replace(
            self, state=state, client_seq=client_seq, last_seen_at=at, version=self.version + 1
        )

    def without_address(self) -> "Device":
        """Return the device when it can no longer be reached."""
        return replace(self, state=replace(self.state, address=None), version=self.version + 1)

    def bound_to(self, contact_id: str, *, tags: frozenset[str]) -> "Device":
        """Return the device after its contact proved who they are."""
        return replace(
            self, contact_id=contact_id, is_anonymous=False, tags=tags, version=self.version + 1
        )

    def logged_out(self, anonymous_contact_id: str, *, at: datetime) -> "Device":
        """Return the device after its contact left: anonymous again, and its tokens void."""
        return replace(
            self,
            contact_id=anonymous_contact_id,
            is_anonymous=True,
            tags=frozenset(),
            epoch=next_epoch(self.epoch, at=at),
            version=self.version + 1,
        )


def first_epoch(at: datetime) -> int:
    """Return the epoch of a device that registers at ``at``.

    It starts at the clock's seconds, so that a device which was unregistered and comes back does
    not make its old tokens valid again.
    """
    return int(at.timestamp())


def next_epoch(epoch: int, *, at: datetime) -> int:
    """Return an epoch that voids every token issued before ``at``."""
    return max(epoch + 1, int(at.timestamp()))

"""Use cases of devices."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from shared.kernel.clock import Clock
from shared.kernel.envelope import Envelope, seal
from shared.kernel.events import DomainEvent
from shared.kernel.ids import Ids
from shared.registrations.errors import (
    AddressTakenError,
    AlreadyRegisteredError,
    AppCheckRequiredError,
    DeviceNotFoundError,
    DeviceTokenRequiredError,
    StaleError,
)
from shared.registrations.events import (
    DeviceAddressRemoved,
    DeviceRegistered,
    DeviceUnregistered,
    DeviceUpdated,
)
from shared.registrations.model.apps import App, AppCheckMode, AppCheckVerdict
from shared.registrations.model.devices import NEVER_SPOKE, Device, DeviceState, first_epoch
from shared.registrations.ports import AppCheckVerifier, AppStore, DeviceStore

ATTEMPTS = 10
"""Changes of one device meet rarely; each round of a race has a winner, so ten rounds are ample."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceService:
    """Registers, refreshes and forgets installations."""

    devices: DeviceStore
    apps: AppStore
    app_check: AppCheckVerifier
    clock: Clock
    ids: Ids

    def register_device(
        self,
        *,
        app_id: str,
        device_id: str,
        state: DeviceState,
        client_seq: int,
        owns: Callable[[Device], bool],
        app_check_token: str | None,
    ) -> tuple[Device, bool]:
        """Register a device, or refresh it; the second part says that it is new.

        What is not newer than the last ``client_seq`` changes nothing: the answer is the device as
        it stands. ``owns`` says whether the caller proved that a known device is theirs; one that
        only an import told of has no proof yet.

        Raises:
            AppNotFoundError: there is no such app.
            AppCheckRequiredError: the app wants an App Check token for a first registration.
            DeviceTokenRequiredError: the device is known, and not the caller's.
            StaleError: the device changed in every one of ten attempts.
        """

        def try_once() -> tuple[Device, bool]:
            before = self._find(app_id=app_id, device_id=device_id)
            if before is None:
                verdict = self._app_check_verdict(self.apps.get_app(app_id), app_check_token)
                return self._create(app_id, device_id, state, client_seq, verdict), True
            if before.may_be_claimed_with(state):
                self._app_check_verdict(self.apps.get_app(app_id), app_check_token)
            elif not owns(before):
                raise DeviceTokenRequiredError(f"{device_id} is taken; send its device token")
            return self._refresh(before, state, client_seq), False

        return until_settled(try_once)

    def import_device(
        self, *, app_id: str, device_id: str, state: DeviceState, dry_run: bool = False
    ) -> bool:
        """Write a device of which a file tells; the answer says whether that changes anything.

        It stays as it is until the installation registers itself, which then has the word.

        Raises:
            AlreadyRegisteredError: the device registered itself.
            AddressTakenError: the address belongs to a device that did.
        """

        def try_once() -> bool:
            before = self._find(app_id=app_id, device_id=device_id)
            if before and before.has_spoken:
                raise AlreadyRegisteredError(device_id)
            if before and not before.state.differences(state):
                return False
            if dry_run:
                self._expect_free(state, app_id=app_id, device_id=device_id)
            elif before is None:
                self._create(app_id, device_id, state, NEVER_SPOKE, AppCheckVerdict.NOT_ASKED)
            else:
                self._change(before, state, NEVER_SPOKE)
            return True

        return until_settled(try_once)

    def get_device(self, *, app_id: str, device_id: str) -> Device:
        """Return a device.

        Raises:
            DeviceNotFoundError: there is none.
        """
        return self.devices.get_device(app_id=app_id, device_id=device_id)

    def unregister_device(self, *, app_id: str, device_id: str) -> None:
        """Forget a device and free its address.

        Raises:
            DeviceNotFoundError: there is none.
        """

        def try_once() -> None:
            device = self.devices.get_device(app_id=app_id, device_id=device_id)
            event = DeviceUnregistered(
                app_id=app_id,
                occurred_at=self.clock(),
                contact_id=device.contact_id,
                device_id=device_id,
            )
            self.devices.remove_device(device, self._seal(event))

        until_settled(try_once)

    def _create(
        self,
        app_id: str,
        device_id: str,
        state: DeviceState,
        client_seq: int,
        verdict: AppCheckVerdict,
    ) -> Device:
        at = self.clock()
        device = Device(
            app_id=app_id,
            device_id=device_id,
            contact_id=self.ids.new("con"),
            is_anonymous=True,
            state=state,
            client_seq=client_seq,
            epoch=first_epoch(at),
            registered_at=at,
            last_seen_at=at,
        )
        event = DeviceRegistered(
            app_id=app_id,
            occurred_at=at,
            contact_id=device.contact_id,
            device_id=device_id,
            platform=state.platform,
            timezone=state.timezone,
            push_permission=state.push_permission,
            address_kind=state.address.kind if state.address else None,
            app_check=verdict,
        )
        self._commit(device, before=None, event=event)
        return device

    def _refresh(self, before: Device, state: DeviceState, client_seq: int) -> Device:
        if client_seq <= before.client_seq:
            return before
        if not before.state.differences(state):
            after = before.refreshed(state, client_seq=client_seq, at=self.clock())
            self.devices.touch_device(after, before=before)
            return after
        return self._change(before, state, client_seq)

    def _change(self, before: Device, state: DeviceState, client_seq: int) -> Device:
        after = before.refreshed(state, client_seq=client_seq, at=self.clock())
        event = DeviceUpdated(
            app_id=after.app_id,
            occurred_at=after.last_seen_at,
            contact_id=after.contact_id,
            device_id=after.device_id,
            timezone=state.timezone,
            changed=before.state.differences(state),
        )
        self._commit(after, before=before, event=event)
        return after

    def _commit(self, device: Device, *, before: Device | None, event: DomainEvent) -> None:
        told = self._seal(event)
        loser = self._loser_of_address(device, before=before)
        if loser and loser.has_spoken and not device.has_spoken:
            raise AddressTakenError(loser.device_id)
        at = self.clock()
        lost = address_removed(loser, at=at, reason="moved") if loser else None
        loses = (loser.without_address(), self._seal(lost)) if loser and lost else None
        self.devices.commit_device(device, before=before, event=told, loses_address=loses)

    def _loser_of_address(self, device: Device, *, before: Device | None) -> Device | None:
        """Return the other device that has the address which ``device`` brings, if any."""
        address = device.state.address
        if address is None or (before and before.state.address == address):
            return None
        owner = self.devices.owner_of(address, app_id=device.app_id)
        if owner is None or owner == device.device_id:
            return None
        return self._find(app_id=device.app_id, device_id=owner)

    def _expect_free(self, state: DeviceState, *, app_id: str, device_id: str) -> None:
        """Hold an address against the devices that registered themselves.

        Raises:
            AddressTakenError: it belongs to one of them.
        """
        owner = self.devices.owner_of(state.address, app_id=app_id) if state.address else None
        other = self._find(app_id=app_id, device_id=owner) if owner else None
        if other and other.has_spoken and other.device_id != device_id:
            raise AddressTakenError(other.device_id)

    def _app_check_verdict(self, app: App, token: str | None) -> AppCheckVerdict:
        """Judge a first registration; enforcing turns everything but a valid token away."""
        check = app.app_check
        if check.mode is AppCheckMode.OFF:
            return AppCheckVerdict.NOT_ASKED
        if token is None:
            verdict = AppCheckVerdict.MISSING
        elif self.app_check.is_valid(
            token,
            project_number=check.project_number or "",
            firebase_app_ids=check.firebase_app_ids,
        ):
            verdict = AppCheckVerdict.VALID
        else:
            verdict = AppCheckVerdict.INVALID
        if check.mode is AppCheckMode.ENFORCE and verdict is not AppCheckVerdict.VALID:
            raise AppCheckRequiredError(f"X-Firebase-AppCheck is {verdict}")
        return verdict

    def _find(self, *, app_id: str, device_id: str) -> Device | None:
        try:
            return self.devices.get_device(app_id=app_id, device_id=device_id)
        except DeviceNotFoundError:
            return None

    def _seal(self, event: DomainEvent) -> Envelope:
        return seal(event, sequence=self.ids.sequence())


def address_removed(device: Device, *, at: datetime, reason: str) -> DeviceAddressRemoved:
    """Return the event that a device can no longer be reached."""
    return DeviceAddressRemoved(
        app_id=device.app_id,
        occurred_at=at,
        contact_id=device.contact_id,
        device_id=device.device_id,
        reason=reason,
    )


def until_settled(try_once: Callable[[], T]) -> T:
    """Return what ``try_once`` returns, reading and deciding again while others win the race.

    Raises:
        StaleError: others won ten times.
    """
    for _ in range(ATTEMPTS - 1):
        try:
            return try_once()
        except StaleError:
            continue
    return try_once()

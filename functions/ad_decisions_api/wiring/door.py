"""The door of devices that ask for ads: what decisions know of a person says who may ask."""

from dataclasses import dataclass
from functools import cache

from typing_extensions import override

from functions.ad_decisions_api.wiring.states import asker, let_in
from functions.ad_decisions_api.wiring.stores import (
    ad_states,
    app_store,
    contact_store,
    device_store,
)
from shared.placements.ports.decisions import AdStates
from shared.platform.auth import deployment
from shared.platform.auth.doors import Doors
from shared.platform.auth.errors import UnauthenticatedError
from shared.platform.hashing import IdentifierHasher
from shared.platform.secrets_manager import Secret
from shared.platform.settings import settings
from shared.registrations.service.callers import CallerService
from shared.registrations.service.identifiers import IdentifierService


@dataclass(frozen=True, slots=True, kw_only=True)
class AskingDevices(CallerService):
    """Knows the epoch of a device by the state of the contact that its token names.

    So one read of half a unit lets in, and is decided by. The device's own row is asked where that
    state does not know the device: the first time, and when a token names nobody.
    """

    states: AdStates

    @override
    def device_epoch(self, *, app_id: str, device_id: str, named: str | None) -> int | None:
        if named is not None:
            state = self.states.read(named, app_id=app_id)
            # A device that was not there when it was asked for has the epoch 0.
            epoch = state.device_epochs.get(device_id, 0)
            let_in(named, app_id=app_id, state=state)
            if epoch:
                return epoch
        return self._by_its_row(device_id, app_id, named)

    def _by_its_row(self, device_id: str, app_id: str, named: str | None) -> int | None:
        found = self.devices.devices([device_id], app_id=app_id)
        if not found:
            return None
        device = found[0]
        if device.contact_id != named:
            let_in(device.contact_id, app_id=app_id)
        return device.epoch


@cache
def doors() -> Doors:
    """Return the doors of this process."""
    return deployment.doors(
        AskingDevices(
            apps=app_store(),
            devices=device_store(),
            contacts=contact_store(),
            identifiers=IdentifierService(
                contacts=contact_store(),
                hasher=IdentifierHasher(keys=Secret(id=settings().identifier_secret).keys),
            ),
            states=ad_states(),
        )
    )


def asking_contact() -> str:
    """Return the contact whose device asks.

    Raises:
        UnauthenticatedError: no device has passed the door.
    """
    known = asker()
    if known is None:
        raise UnauthenticatedError
    return known.contact_id

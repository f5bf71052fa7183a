"""What the doors ask: grants, trusted issuers, epochs of devices, who a subject is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.kernel.principal import Issuer, Role
from shared.registrations.errors import AppNotFoundError, ContactErasedError
from shared.registrations.model.identifiers import OIDC
from shared.registrations.ports import AppStore, ContactStore, DeviceStore
from shared.registrations.service.identifiers import IdentifierService, NamedIdentifier


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerService:
    """Knows the callers of this deployment."""

    apps: AppStore
    devices: DeviceStore
    contacts: ContactStore
    identifiers: IdentifierService

    def grants_of(self, principals: Sequence[str]) -> Mapping[str, Role]:
        """Return the strongest role of these principals on each app, or on ``*``."""
        return self.apps.grants_of(principals)

    def issuers_of(self, app_id: str) -> Sequence[Issuer]:
        """Return the app's own OIDC issuers; none for an unknown app."""
        try:
            return self.apps.get_app(app_id).issuers
        except AppNotFoundError:
            return ()

    def device_epoch(self, *, app_id: str, device_id: str, named: str | None) -> int | None:
        """Return the epoch below which a device's tokens are void; ``None`` without the device.

        It is the device's own row that says so, whatever contact its token names.
        """
        del named
        return self.devices.device_epoch(app_id=app_id, device_id=device_id)

    def contact_of(self, *, app_id: str, issuer: str, subject: str) -> str | None:
        """Return the contact that stands for an issuer's subject, or ``None``."""
        named = NamedIdentifier(namespace=OIDC, value=f"{issuer}#{subject}")
        identifier = self.identifiers.hide(named, app_id=app_id)
        # Not ``find``: whoever only asks has no right to refile.
        known = self.contacts.named_by([identifier], app_id=app_id).contacts.get(identifier)
        try:
            return self.contacts.root_of(known, app_id=app_id).contact_id if known else None
        except ContactErasedError:
            return None

"""The use case of new keys: what the old ones wrapped and hid is brought under the current ones."""

from dataclasses import dataclass, replace
from functools import partial

from shared.registrations.model.contacts import Contact, Identifier
from shared.registrations.ports import Cipher, ContactStore, KeyStore, SystemStore
from shared.registrations.service.devices import until_settled
from shared.registrations.service.identifiers import IdentifierService, NamedIdentifier
from shared.registrations.service.vault import VaultService


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """How many contacts a rotation looked at, and how many keys and identifiers it changed."""

    contacts: int = 0
    rewrapped: int = 0
    refiled: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationService:
    """Brings an app's data keys, kept identifiers and webhook secrets under the current secrets.

    Identifiers of which only the hash is kept cannot be hashed anew: each is refiled when it is
    next told, and is forgotten with the former key if that never happens.
    """

    contacts: ContactStore
    keys: KeyStore
    systems: SystemStore
    cipher: Cipher
    identifiers: IdentifierService
    vault: VaultService

    def rotate(self, app_id: str) -> Rotated:
        """Rewrap every key, and refile every identifier of which the value is kept."""
        told = Rotated(rewrapped=until_settled(partial(self._rewrap_systems, app_id)))
        for contact_id, wrapped in self.keys.data_keys(app_id):
            fresh = self.cipher.rewrap(wrapped, app_id=app_id, about=contact_id)
            if fresh is not None:
                self.keys.replace_data_key(contact_id, fresh, app_id=app_id, before=wrapped)
            refiled = until_settled(partial(self._refile, contact_id, app_id=app_id))
            told = replace(
                told,
                contacts=told.contacts + 1,
                rewrapped=told.rewrapped + (fresh is not None),
                refiled=told.refiled + refiled,
            )
        return told

    def _rewrap_systems(self, app_id: str) -> int:
        systems = self.systems.get_systems(app_id)
        anew = {
            secret.secret_id: fresh
            for secret in systems.secrets
            if (fresh := self.cipher.rewrap(secret.sealed, app_id=app_id, about=secret.secret_id))
        }
        if anew:
            self.systems.replace_sealed(systems.sealed_anew(anew))
        return len(anew)

    def _refile(self, contact_id: str, *, app_id: str) -> int:
        for contact in self.contacts.get_contacts([contact_id], app_id=app_id):
            outdated = self._outdated(contact)
            if outdated:
                self.identifiers.refile(contact_id, outdated, app_id=app_id)
            return len(outdated)
        return 0

    def _outdated(self, contact: Contact) -> list[Identifier]:
        """Return a contact's identifiers that are filed under the former key, hashed anew."""
        about = {"app_id": contact.app_id, "contact_id": contact.contact_id}
        values = [(one, self.vault.value_of(one, **about)) for one in contact.identifiers]
        anew = [
            (one, self.identifiers.hide(_named(one, value), app_id=contact.app_id))
            for one, value in values
            if value is not None
        ]
        return [fresh for one, fresh in anew if fresh.former == one.digest]


def _named(identifier: Identifier, value: str) -> NamedIdentifier:
    return NamedIdentifier(namespace=identifier.namespace, value=value)

"""What is kept of a person in secret: encrypted under a data key of each contact's own."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from shared.registrations.model.contacts import Identifier
from shared.registrations.ports import AppStore, Cipher, KeyStore


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultService:
    """Seals and opens what is about a contact; without its data key, nobody can."""

    keys: KeyStore
    apps: AppStore
    cipher: Cipher

    def seal(self, plain: bytes, *, app_id: str, contact_id: str, about: str) -> str:
        """Return ``plain`` sealed for a contact; it opens only for the same ``about``."""
        key = self._key(contact_id, app_id=app_id)
        return self.cipher.seal(plain, key, about=f"{contact_id} {about}")

    def open(self, sealed: str, *, app_id: str, contact_id: str, about: str) -> bytes | None:
        """Return what was sealed for a contact; ``None`` once its data key is gone."""
        wrapped = self.keys.data_key(contact_id, app_id=app_id)
        if wrapped is None:
            return None
        key = self.cipher.unwrap(wrapped, app_id=app_id, about=contact_id)
        return self.cipher.open(sealed, key, about=f"{contact_id} {about}")

    def kept(
        self, identifiers: Sequence[Identifier], *, app_id: str, contact_id: str
    ) -> list[Identifier]:
        """Return identifiers with their values sealed, as far as the app keeps them."""
        if not identifiers:
            return []
        namespaces = self.apps.get_app(app_id).kept_identifiers
        return [
            self._sealed(one, app_id=app_id, contact_id=contact_id)
            if one.namespace in namespaces
            else replace(one, plain=None)
            for one in identifiers
        ]

    def value_of(self, identifier: Identifier, *, app_id: str, contact_id: str) -> str | None:
        """Return a contact's identifier as it was told; ``None`` where it is not kept."""
        if identifier.sealed is None:
            return None
        about = _about(identifier)
        plain = self.open(identifier.sealed, app_id=app_id, contact_id=contact_id, about=about)
        return plain.decode() if plain is not None else None

    def _sealed(self, identifier: Identifier, *, app_id: str, contact_id: str) -> Identifier:
        if identifier.plain is None:
            return identifier
        sealed = self.seal(
            identifier.plain.encode(),
            app_id=app_id,
            contact_id=contact_id,
            about=_about(identifier),
        )
        return replace(identifier, sealed=sealed, plain=None)

    def _key(self, contact_id: str, *, app_id: str) -> bytes:
        wrapped = self.keys.data_key(contact_id, app_id=app_id)
        if wrapped is None:
            _, fresh = self.cipher.new_key(app_id=app_id, about=contact_id)
            wrapped = self.keys.add_data_key(contact_id, fresh, app_id=app_id)
        return self.cipher.unwrap(wrapped, app_id=app_id, about=contact_id)


def _about(identifier: Identifier) -> str:
    """Return what a sealed value is about; a new key of the hashes does not change it."""
    return f"identifier {identifier.namespace} {identifier.masked}"

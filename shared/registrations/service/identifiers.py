"""Identifiers as people write them, and as they are kept."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from shared.registrations.model.contacts import Contact, Identifier
from shared.registrations.model.identifiers import masked, namespace, normalised
from shared.registrations.ports import ContactStore, Hasher, Named


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedIdentifier:
    """An identifier as somebody wrote it."""

    namespace: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentifierService:
    """Hides identifiers, and finds whom they name."""

    contacts: ContactStore
    hasher: Hasher

    def hide(self, named: NamedIdentifier, *, app_id: str) -> Identifier:
        """Return an identifier as it is kept: its hash, and what may be shown of it.

        Raises:
            UnknownNamespaceError: there is no such namespace.
            InvalidIdentifierError: it is no value of its namespace.
            BlockedIdentifierError: the value names nobody.
        """
        of = namespace(named.namespace)
        value = normalised(named.value, of=of)
        return Identifier(
            namespace=of.name,
            digest=self.hasher.digest(value, app_id=app_id, namespace=of.name),
            former=self.hasher.former(value, app_id=app_id, namespace=of.name),
            masked=masked(value, of=of),
            plain=value,
        )

    def find(self, identifiers: Sequence[Identifier], *, app_id: str) -> Named:
        """Return whom identifiers name.

        One that was filed under the former key is filed under the current one on the way: so a
        rotation moves who is active, and the former key can go.
        """
        found = self.contacts.named_by(identifiers, app_id=app_id)
        for one in found.former:
            self.refile(found.contacts[one], [one], app_id=app_id)
        return found

    def refile(self, contact_id: str, identifiers: Sequence[Identifier], *, app_id: str) -> None:
        """File identifiers of a contact under the current key.

        Raises:
            StaleError: the contact changed in the meantime.
        """
        held = self.contacts.get_contacts([contact_id], app_id=app_id)
        if held:
            after = _refiled(held[0], identifiers)
            self.contacts.refile(after, before=held[0], identifiers=identifiers)


def _refiled(contact: Contact, identifiers: Sequence[Identifier]) -> Contact:
    current = {(one.namespace, one.former): one.digest for one in identifiers}
    return replace(
        contact,
        identifiers=tuple(
            replace(one, digest=current.get((one.namespace, one.digest), one.digest))
            for one in contact.identifiers
        ),
        version=contact.version + 1,
    )

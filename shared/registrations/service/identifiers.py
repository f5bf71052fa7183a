"""Identifiers as people write them, and as they are kept."""

from dataclasses import dataclass

from shared.registrations.model.contacts import Identifier
from shared.registrations.model.identifiers import masked, namespace, normalised
from shared.registrations.ports import Hasher


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedIdentifier:
    """An identifier as somebody wrote it."""

    namespace: str
    value: str


def hidden(named: NamedIdentifier, *, app_id: str, hasher: Hasher) -> Identifier:
    """Return an identifier as it is kept: its hash, and what may be shown of it.

    Raises:
        UnknownNamespaceError: there is no such namespace.
        InvalidIdentifierError: it is no value of its namespace.
        BlockedIdentifierError: the value names nobody.
    """
    of = namespace(named.namespace)
    value = normalised(named.value, of=of)
    digest = hasher.digest(value, app_id=app_id, namespace=of.name)
    return Identifier(namespace=of.name, digest=digest, masked=masked(value, of=of))

"""A contact: a person, as one app knows them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from shared.registrations.errors import ProfileTooLargeError
from shared.registrations.model.devices import AttributeValue

MOST_DEVICES = 50
"""A contact's tags are copied to its devices in one transaction, of at most 100 items."""

MOST_TAGS = 100
LARGEST_ATTRIBUTES = 8_192
"""Bytes of JSON: a profile is read with every decision about its contact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identifier:
    """A name by which something outside knows a contact.

    ``digest`` is the keyed hash that finds it; ``masked`` is all that may be shown of it.
    """

    namespace: str
    digest: str
    masked: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A person's profile. Tags are copied to the contact's devices, where segments look."""

    app_id: str
    contact_id: str
    tags: frozenset[str] = frozenset()
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)
    identifiers: tuple[Identifier, ...] = ()
    device_ids: frozenset[str] = frozenset()
    created_at: datetime
    version: int = 1

    def tagged(
        self,
        *,
        add: frozenset[str],
        remove: frozenset[str],
        attributes: Mapping[str, AttributeValue | None],
    ) -> tuple["Contact", tuple[str, ...]]:
        """Return the contact with tags added and removed, and attributes set (``None`` removes).

        The second part names what changed: ``tags``, ``attributes``.

        Raises:
            ProfileTooLargeError: it would have more than 100 tags or 8 kB of attributes.
        """
        tags = (self.tags | add) - remove
        merged = {**self.attributes, **attributes}
        kept = {name: value for name, value in merged.items() if value is not None}
        changed = tuple(
            name
            for name, differs in (
                ("attributes", kept != dict(self.attributes)),
                ("tags", tags != self.tags),
            )
            if differs
        )
        if not changed:
            return self, ()
        if len(tags) > MOST_TAGS or len(json.dumps(kept).encode()) > LARGEST_ATTRIBUTES:
            raise ProfileTooLargeError(
                f"{MOST_TAGS} tags, {LARGEST_ATTRIBUTES} bytes of attributes"
            )
        return replace(self, tags=tags, attributes=kept, version=self.version + 1), changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """Says that ``origin`` is the same person as ``contact_id``, since when and by which event."""

    edge_id: str
    app_id: str
    contact_id: str
    origin: str
    created_at: datetime

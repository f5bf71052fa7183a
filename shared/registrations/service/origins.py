"""Which contacts a person is made of, now or as was known: what whoever reads histories asks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.registrations.model.edges import component
from shared.registrations.ports import ContactStore, DeviceStore


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginService:
    """Reads people, and changes none. Each raises ``ContactErasedError`` for who was erased."""

    contacts: ContactStore
    devices: DeviceStore

    def canonical(self, contact_id: str, *, app_id: str) -> str:
        """Return the contact that stands for the person of ``contact_id``; at most two reads."""
        return self.contacts.root_of(contact_id, app_id=app_id).contact_id

    def origins_of(
        self, contact_id: str, *, app_id: str, as_of: datetime | None = None
    ) -> Sequence[str]:
        """Return all contacts of a person, now or as was known at ``as_of``: its whole history."""
        root = self.contacts.root_of(contact_id, app_id=app_id)
        if as_of is not None:
            return self._origins_as_of(contact_id, app_id=app_id, at=as_of)
        return [root.contact_id, *sorted(root.members - {root.contact_id})]

    def is_known(self, contact_id: str, *, app_id: str) -> bool:
        """Say whether anything is known under an id: a profile, a device, or an edge."""
        root = self.contacts.root_of(contact_id, app_id=app_id)
        return (
            root.members != {contact_id}
            or bool(self.contacts.get_contacts([contact_id], app_id=app_id))
            or bool(self.devices.devices_of(contact_id, app_id=app_id))
        )

    def _origins_as_of(self, contact_id: str, *, app_id: str, at: datetime) -> Sequence[str]:
        """Follow the edges that were live at an instant, from contact to contact."""
        found, unread, edges = {contact_id}, {contact_id}, {}
        while unread:
            for one in unread:
                edges.update(
                    {edge.edge_id: edge for edge in self.contacts.edges_at(one, app_id=app_id)}
                )
            reached = component(edges.values(), contact_id, at=at)
            unread, found = reached - found, found | reached
        return [contact_id, *sorted(found - {contact_id})]

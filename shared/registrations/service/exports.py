"""The export of a person: all that is kept about them, page by page, as plain values."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from shared.kernel.errors import FieldProblem, InvalidFieldsError
from shared.kernel.paging import Page, cursor_of, place_of
from shared.registrations.errors import ContactNotFoundError
from shared.registrations.model.contacts import Contact
from shared.registrations.model.devices import Device
from shared.registrations.model.edges import Edge, Person
from shared.registrations.ports import ContactStore, DeviceStore, PersonalDomain
from shared.registrations.service.vault import VaultService

Item: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportService:
    """Gives out all that is kept about a person.

    ``domains`` are the others that keep something, by the name under which their items come.
    """

    contacts: ContactStore
    devices: DeviceStore
    vault: VaultService
    domains: Mapping[str, PersonalDomain]

    def export(self, contact_id: str, *, app_id: str, cursor: str | None, limit: int) -> Page[Item]:
        """Return a page of a person's data: ``{"kind", "data"}`` each.

        The cursor is all the state there is: whoever was interrupted goes on with it.

        Raises:
            ContactNotFoundError: nothing is known under this id.
            InvalidFieldsError: the cursor is none of an export.
        """
        person = self.contacts.person_of(contact_id, app_id=app_id)
        parts = list(self._parts(person))
        number, inner = _place(cursor, parts=len(parts))
        page = parts[number](inner, limit)
        if page.next_cursor is not None:
            following: str | None = f"{number} {page.next_cursor}"
        else:
            following = f"{number + 1} " if number + 1 < len(parts) else None
        return Page(items=page.items, next_cursor=following and cursor_of(following))

    def _parts(self, person: Person) -> Iterator[Callable[[str | None, int], Page[Item]]]:
        """Yield what reads each part: the person itself in one page, then domain by domain."""
        app_id, contact_ids = person.root.app_id, person.contact_ids

        def itself(_cursor: str | None, _limit: int) -> Page[Item]:
            return Page(items=list(self._itself(person)))

        def of_domain(kind: str, domain: PersonalDomain) -> Callable[..., Page[Item]]:
            def read(cursor: str | None, limit: int) -> Page[Item]:
                page = domain.export(contact_ids, app_id=app_id, cursor=cursor, limit=limit)
                items = [{"kind": kind, "data": item} for item in page.items]
                return Page(items=items, next_cursor=page.next_cursor)

            return read

        yield itself
        for kind, domain in self.domains.items():
            yield of_domain(kind, domain)

    def _itself(self, person: Person) -> Iterator[Item]:
        app_id, contact_ids = person.root.app_id, person.contact_ids
        contacts = self.contacts.get_contacts(contact_ids, app_id=app_id)
        devices = [
            device for one in contact_ids for device in self.devices.devices_of(one, app_id=app_id)
        ]
        if not contacts and not devices:
            raise ContactNotFoundError(person.canonical)
        yield {"kind": "person", "data": {"contact_id": person.canonical, "joined": contact_ids}}
        for contact in contacts:
            yield {"kind": "contact", "data": self._contact(contact)}
        for device in devices:
            yield {"kind": "device", "data": _device(device)}
        edges: dict[str, Edge] = {}
        for one in contact_ids:
            edges |= {edge.edge_id: edge for edge in self.contacts.edges_at(one, app_id=app_id)}
        for edge in edges.values():
            yield {"kind": "merge", "data": _edge(edge)}

    def _contact(self, contact: Contact) -> Item:
        about = {"app_id": contact.app_id, "contact_id": contact.contact_id}
        identifiers = [
            {
                "namespace": one.namespace,
                "masked": one.masked,
                "value": self.vault.value_of(one, **about),
            }
            for one in contact.identifiers
        ]
        return {
            "contact_id": contact.contact_id,
            "created_at": contact.created_at,
            "tags": sorted(name for name, mark in contact.tag_marks.items() if mark.value),
            "attributes": {
                name: mark.value
                for name, mark in contact.attribute_marks.items()
                if mark.value is not None
            },
            "identifiers": identifiers,
        }


def _device(device: Device) -> Item:
    state = device.state
    return {
        "device_id": device.device_id,
        "contact_id": device.contact_id,
        "platform": state.platform,
        "address": {"kind": state.address.kind, "value": state.address.value}
        if state.address
        else None,
        "locale": state.locale,
        "timezone": state.timezone,
        "app_version": state.app_version,
        "os_version": state.os_version,
        "model": state.model,
        "attributes": dict(state.attributes),
        "push_permission": state.push_permission,
        "registered_at": device.registered_at,
        "last_seen_at": device.last_seen_at,
    }


def _edge(edge: Edge) -> Item:
    return {
        "edge_id": edge.edge_id,
        "contact_id": edge.contact_id,
        "origin": edge.origin,
        "cause": edge.cause,
        "created_at": edge.created_at,
        "removed_at": edge.removed_at,
    }


def _place(cursor: str | None, *, parts: int) -> tuple[int, str | None]:
    """Return which part a cursor is in, and where in it."""
    if cursor is None:
        return 0, None
    number, _, inner = place_of(cursor).partition(" ")
    if not (number.isdecimal() and int(number) < parts):
        problem = FieldProblem(
            pointer="query/cursor", code="cursor", detail="use the next_cursor of an answer"
        )
        raise InvalidFieldsError("the cursor is unusable", fields=[problem])
    return int(number), inner or None

"""Contacts, identifiers and edges in DynamoDB."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.exceptions import DoesNotExist
from typing_extensions import override

from shared.kernel.clock import from_rfc3339, rfc3339
from shared.kernel.envelope import Envelope
from shared.platform.dynamodb import Check, Delete, Put, Row, Update, Write, bind
from shared.platform.ledger import Ledger
from shared.registrations.errors import ContactErasedError
from shared.registrations.model.contacts import Contact, Identifier, Mark
from shared.registrations.model.devices import Device
from shared.registrations.model.edges import Edge, EdgeCause, Member, Person, alone
from shared.registrations.ports import ContactStore, Intent, IntentKind, Join, Named, Split
from shared.registrations.store.devices import (
    ContactDevicesRow,
    DeviceRow,
    commit_or_stale,
    contact_partition,
    device_key,
    forget_device,
    put_device,
)


class ContactRow(ContactDevicesRow):
    """A contact's profile; marks are JSON: name to value and sequence."""

    contact_id = UnicodeAttribute()
    tag_marks = UnicodeAttribute()
    attribute_marks = UnicodeAttribute()
    identifiers = UnicodeAttribute()
    created_at = UnicodeAttribute()


class MemberRow(Row):
    """A contact's place in its person."""

    contact_id = UnicodeAttribute()
    canonical = UnicodeAttribute()
    edge = UnicodeAttribute(null=True)
    members = UnicodeSetAttribute(null=True)
    apart = UnicodeSetAttribute(null=True)
    version = NumberAttribute()
    erasure_id = UnicodeAttribute(null=True)


class EdgeRow(Row):
    """An edge, as one of its two ends keeps it for good."""

    edge = UnicodeAttribute()


class IdentifierRow(Row):
    """Which contact an identifier names, and when somebody was erased who had it before."""

    contact_id = UnicodeAttribute(null=True)
    erased_at = UnicodeAttribute(null=True)
    expires_at = NumberAttribute(null=True)


class _IntentRow(Row):
    """A merge or its undoing that other domains have not all heard of."""

    intent = UnicodeAttribute()


class DynamoContactStore(ContactStore):
    """Contacts, in the registrations table."""

    def __init__(self, *, table: str, ledger: Ledger) -> None:
        self._contact = bind(ContactRow, table=table)
        self._member = bind(MemberRow, table=table)
        self._edge = bind(EdgeRow, table=table)
        self._identifier = bind(IdentifierRow, table=table)
        self._intent = bind(_IntentRow, table=table)
        self._device = bind(DeviceRow, table=table)
        self._ledger = ledger

    @override
    def get_contacts(self, contact_ids: Iterable[str], *, app_id: str) -> Sequence[Contact]:
        keys = [(contact_partition(app_id, one), "C") for one in contact_ids]
        rows = self._contact.batch_get(keys, consistent_read=True)
        found = [contact_of(row, app_id=app_id) for row in rows]
        return sorted(found, key=lambda contact: contact.contact_id)

    @override
    def named_by(self, identifiers: Sequence[Identifier], *, app_id: str) -> Named:
        named = {identifier_key(app_id, one): one for one in identifiers}
        former = {_former_key(app_id, one): one for one in identifiers if one.former}
        asked = [*named, *former]
        rows = list(self._identifier.batch_get(asked, consistent_read=True)) if asked else []
        erased = [row.erased_at for row in rows if row.erased_at]
        found = {(row.pk, row.sk): row.contact_id for row in rows if row.contact_id}
        current = {one: found[key] for key, one in named.items() if key in found}
        old = {one: found[key] for key, one in former.items() if key in found}
        known = old | current
        return Named(
            contacts={one: known[one] for one in identifiers if one in known},
            former=frozenset(old) - frozenset(current),
            erased_at=from_rfc3339(max(erased)) if erased else None,
        )

    @override
    def refile(
        self, contact: Contact, *, before: Contact, identifiers: Sequence[Identifier]
    ) -> None:
        row = self._identifier
        commit_or_stale(
            {
                "contact": self._put(contact, before=before),
                **self._identifier_writes(identifiers, contact=contact),
                **{
                    f"former {one.former}": Delete(
                        row=row(*_former_key(contact.app_id, one)),
                        condition=row.contact_id == contact.contact_id,
                    )
                    for one in identifiers
                },
            }
        )

    @override
    def root_of(self, contact_id: str, *, app_id: str) -> Member:
        place = self._place_of(contact_id, app_id=app_id)
        root = place if place.is_root else self._place_of(place.canonical, app_id=app_id)
        if root.erasure_id:
            raise ContactErasedError(contact_id)
        return root

    @override
    def roots_of(self, contact_ids: Collection[str], *, app_id: str) -> Mapping[str, Member]:
        places = self._places_of(contact_ids, app_id=app_id)
        joined = {place.canonical for place in places.values() if not place.is_root}
        above = self._places_of(joined, app_id=app_id)
        roots = {one: above.get(place.canonical, place) for one, place in places.items()}
        return {one: root for one, root in roots.items() if root.erasure_id is None}

    @override
    def canonicals_of(self, contact_ids: Collection[str], *, app_id: str) -> Mapping[str, str]:
        keys = [(contact_partition(app_id, one), "M") for one in set(contact_ids)]
        rows = self._member.batch_get(keys, consistent_read=True)
        joined = {row.contact_id: row.canonical for row in rows}
        return {one: joined.get(one, one) for one in contact_ids}

    @override
    def person_of(self, contact_id: str, *, app_id: str) -> Person:
        root = self.root_of(contact_id, app_id=app_id)
        keys = [(contact_partition(app_id, one), "M") for one in root.members - {root.contact_id}]
        rows = self._member.batch_get(keys, consistent_read=True) if keys else ()
        places = (_member_of(row, app_id=app_id) for row in rows)
        return Person(root=root, others={place.contact_id: place for place in places})

    @override
    def edges_at(self, contact_id: str, *, app_id: str) -> Sequence[Edge]:
        rows = self._edge.query(
            contact_partition(app_id, contact_id),
            self._edge.sk.startswith("L#"),
            consistent_read=True,
        )
        return [edge_of(row.edge, app_id=app_id) for row in rows]

    @override
    def commit_identification(
        self,
        device: Device,
        *,
        before: Device,
        contact: Contact,
        contact_before: Contact | None,
        identifiers: Sequence[Identifier],
        joins: Join | None,
        devices: Sequence[Device],
        event: Envelope,
    ) -> None:
        writes: dict[str, Write] = {
            "device": put_device(self._device, device, before=before),
            "contact": self._put(contact, before=contact_before),
            "event": self._ledger.record(event),
            **self._identifier_writes(identifiers, contact=contact),
            **self._retagged(devices),
        }
        if joins:
            writes |= self._join_writes(joins)
        if not before.is_anonymous:
            writes["contact_left"] = forget_device(self._contact, before)
        commit_or_stale(writes)

    @override
    def commit_log_out(self, device: Device, *, before: Device, event: Envelope) -> None:
        commit_or_stale(
            {
                "device": put_device(self._device, device, before=before),
                "contact": forget_device(self._contact, before),
                "event": self._ledger.record(event),
            }
        )

    @override
    def commit_contact(
        self,
        contact: Contact,
        *,
        before: Contact | None,
        identifiers: Sequence[Identifier] = (),
        devices: Sequence[Device],
        event: Envelope,
    ) -> None:
        commit_or_stale(
            {
                "contact": self._put(contact, before=before),
                "event": self._ledger.record(event),
                **self._identifier_writes(identifiers, contact=contact),
                **self._retagged(devices),
            }
        )

    @override
    def note_intent(self, intent: Intent) -> None:
        self._intent_row(intent).save()

    @override
    def drop_intent(self, intent: Intent) -> None:
        self._intent_row(intent).delete()

    @override
    def intents(self, app_id: str) -> Sequence[Intent]:
        rows = self._intent.query(f"APP#{app_id}#INTENTS", consistent_read=True)
        return [_intent_of(row.intent, app_id=app_id) for row in rows]

    @override
    def commit_merge(self, join: Join, *, devices: Sequence[Device], event: Envelope) -> None:
        commit_or_stale(
            {
                **self._join_writes(join),
                **self._retagged(devices),
                "event": self._ledger.record(event),
            }
        )

    @override
    def commit_unmerge(
        self,
        split: Split,
        *,
        devices: Sequence[Device],
        events: Sequence[Envelope],
        intent: Intent | None,
    ) -> None:
        writes: dict[str, Write] = {
            **self._moved(split.before, [*split.stays.places, *split.leaves.places]),
            **self._edge_writes(split.edge),
            **self._retagged(devices),
            **{f"event {event.id}": self._ledger.record(event) for event in events},
        }
        if intent:
            writes["intent"] = Put(row=self._intent_row(intent))
        commit_or_stale(writes)

    @override
    def commit_apart(self, places: Sequence[Member], *, event: Envelope) -> None:
        writes: dict[str, Write] = {
            f"place {place.contact_id}": put_place(self._member, place) for place in places
        }
        commit_or_stale({**writes, "event": self._ledger.record(event)})

    def _place_of(self, contact_id: str, *, app_id: str) -> Member:
        try:
            row = self._member.get(contact_partition(app_id, contact_id), "M", consistent_read=True)
        except DoesNotExist:
            return alone(contact_id, app_id=app_id)
        return _member_of(row, app_id=app_id)

    def _places_of(self, contact_ids: Collection[str], *, app_id: str) -> Mapping[str, Member]:
        keys = [(contact_partition(app_id, one), "M") for one in set(contact_ids)]
        rows = self._member.batch_get(keys, consistent_read=True) if keys else ()
        found = {row.contact_id: _member_of(row, app_id=app_id) for row in rows}
        return {one: found.get(one) or alone(one, app_id=app_id) for one in contact_ids}

    def _join_writes(self, join: Join) -> dict[str, Write]:
        before = Person(
            root=join.winner.root,
            others={**join.winner.others, **{p.contact_id: p for p in join.loser.places}},
        )
        writes = {**self._moved(before, join.after.places), **self._edge_writes(join.edge)}
        if join.intent:
            # A sweep that took the intent back has also told the domains: then this comes too late.
            writes["intent"] = Delete(
                row=self._intent(*_intent_key(join.edge)), condition=self._intent.pk.exists()
            )
        return writes

    def _moved(self, before: Person, after: Sequence[Member]) -> dict[str, Write]:
        """Return the writes of the places that changed."""
        versions = {place.contact_id: place.version for place in before.places}
        return {
            f"place {place.contact_id}": put_place(self._member, place)
            for place in after
            if place.version != versions[place.contact_id]
        }

    def _edge_writes(self, edge: Edge) -> dict[str, Write]:
        return {
            f"edge at {end}": Put(
                row=self._edge(
                    contact_partition(edge.app_id, end), f"L#{edge.edge_id}", edge=_edge_text(edge)
                )
            )
            for end in (edge.contact_id, edge.origin)
        }

    def _identifier_writes(
        self, identifiers: Sequence[Identifier], *, contact: Contact
    ) -> dict[str, Write]:
        row = self._identifier
        return {
            # That somebody was erased who had it before stays beside the new owner.
            f"identifier {one.digest}": Update(
                row=row(*identifier_key(contact.app_id, one)),
                actions=[row.contact_id.set(contact.contact_id), row.expires_at.remove()],
                condition=row.contact_id.does_not_exist() | (row.contact_id == contact.contact_id),
            )
            for one in identifiers
        }

    def _put(self, contact: Contact, *, before: Contact | None) -> Write:
        row = self._contact
        if before and before.version == contact.version:
            return Check(row=_row_of(row, contact), condition=row.version == before.version)
        follows = row.version == before.version if before else row.pk.does_not_exist()
        return Put(row=_row_of(row, contact), condition=follows)

    def _retagged(self, devices: Sequence[Device]) -> dict[str, Write]:
        """Return the writes that copy a person's tags to the devices; each is one version on."""
        row = self._device
        return {
            f"device {device.device_id}": Update(
                row=row(*device_key(device.app_id, device.device_id)),
                actions=[
                    row.tags.set(set(device.tags)) if device.tags else row.tags.remove(),
                    row.version.set(device.version),
                ],
                condition=row.version == device.version - 1,
            )
            for device in devices
        }

    def _intent_row(self, intent: Intent) -> _IntentRow:
        key = f"APP#{intent.app_id}#INTENTS", intent.edge_id
        return self._intent(*key, intent=_intent_text(intent))


def identifier_key(app_id: str, identifier: Identifier) -> tuple[str, str]:
    """Return where it lies whom an identifier names."""
    return f"APP#{app_id}#I#{identifier.namespace}#{identifier.digest}", "I"


def _former_key(app_id: str, identifier: Identifier) -> tuple[str, str]:
    return f"APP#{app_id}#I#{identifier.namespace}#{identifier.former}", "I"


def put_place(row: type[MemberRow], place: Member) -> Put:
    """Return the write of a contact's next place, on condition that it follows the last."""
    follows = row.version == place.version - 1 if place.version > 1 else row.pk.does_not_exist()
    stored = row(
        contact_partition(place.app_id, place.contact_id),
        "M",
        contact_id=place.contact_id,
        canonical=place.canonical,
        edge=_edge_text(place.edge) if place.edge else None,
        members=set(place.members) or None,
        apart=set(place.apart) or None,
        version=place.version,
        erasure_id=place.erasure_id,
    )
    return Put(row=stored, condition=follows)


def _intent_key(edge: Edge) -> tuple[str, str]:
    return f"APP#{edge.app_id}#INTENTS", edge.edge_id


def _row_of(row: type[ContactRow], contact: Contact) -> ContactRow:
    identifiers = [
        [one.namespace, one.digest, one.masked, one.sealed] for one in contact.identifiers
    ]
    return row(
        contact_partition(contact.app_id, contact.contact_id),
        "C",
        contact_id=contact.contact_id,
        tag_marks=_marks_text(contact.tag_marks),
        attribute_marks=_marks_text(contact.attribute_marks),
        identifiers=json.dumps(identifiers),
        device_ids=set(contact.device_ids) or None,
        created_at=rfc3339(contact.created_at),
        version=contact.version,
    )


def contact_of(row: ContactRow, *, app_id: str) -> Contact:
    """Return the contact of a row."""
    return Contact(
        app_id=app_id,
        contact_id=row.contact_id,
        tag_marks=_marks_of(row.tag_marks),
        attribute_marks=_marks_of(row.attribute_marks),
        identifiers=tuple(
            Identifier(namespace=namespace, digest=digest, masked=masked, sealed=sealed)
            for namespace, digest, masked, sealed in json.loads(row.identifiers)
        ),
        device_ids=frozenset(row.device_ids or ()),
        created_at=from_rfc3339(row.created_at),
        version=int(row.version),
    )


def _marks_text(marks: Mapping[str, Mark[Any]]) -> str:
    return json.dumps({name: [mark.value, mark.sequence] for name, mark in marks.items()})


def _marks_of(text: str) -> dict[str, Mark[Any]]:
    return {name: Mark(value, sequence) for name, (value, sequence) in json.loads(text).items()}


def _member_of(row: MemberRow, *, app_id: str) -> Member:
    return Member(
        app_id=app_id,
        contact_id=row.contact_id,
        canonical=row.canonical,
        edge=edge_of(row.edge, app_id=app_id) if row.edge else None,
        members=frozenset(row.members or ()),
        apart=frozenset(row.apart or ()),
        version=int(row.version),
        erasure_id=row.erasure_id,
    )


def _edge_text(edge: Edge) -> str:
    fields = [edge.edge_id, edge.contact_id, edge.origin, edge.cause.value, edge.by]
    return json.dumps([*fields, rfc3339(edge.created_at), _instant_text(edge.removed_at)])


def edge_of(text: str, *, app_id: str) -> Edge:
    """Return the edge that a row keeps as text."""
    edge_id, contact_id, origin, cause, by, created_at, removed_at = json.loads(text)
    return Edge(
        edge_id=edge_id,
        app_id=app_id,
        contact_id=contact_id,
        origin=origin,
        cause=EdgeCause(cause),
        by=by,
        created_at=from_rfc3339(created_at),
        removed_at=from_rfc3339(removed_at) if removed_at else None,
    )


def _instant_text(at: datetime | None) -> str | None:
    return rfc3339(at) if at else None


def _intent_text(intent: Intent) -> str:
    fields = [intent.kind.value, intent.edge_id, intent.stays, intent.moves]
    return json.dumps([*fields, sorted(intent.members), rfc3339(intent.noted_at)])


def _intent_of(text: str, *, app_id: str) -> Intent:
    kind, edge_id, stays, moves, members, noted_at = json.loads(text)
    return Intent(
        kind=IntentKind(kind),
        app_id=app_id,
        edge_id=edge_id,
        stays=stays,
        moves=moves,
        members=frozenset(members),
        noted_at=from_rfc3339(noted_at),
    )

"""What other domains know of who uses coupons: registrations, and the contact policy."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from typing_extensions import override

from shared.coupons.model.rules import Circumstances
from shared.coupons.ports.claims import Member, Members, People, Segments
from shared.kernel.clock import Clock
from shared.kernel.events import Channel
from shared.registrations.errors import ContactErasedError
from shared.registrations.model.audience import AUDIENCE_SHARDS, AudienceMember
from shared.registrations.model.devices import PushPermission
from shared.registrations.model.edges import Member as PersonRoot
from shared.registrations.model.rules import matches
from shared.registrations.ports import AudienceStore, ContactStore, DeviceStore, SegmentStore
from shared.registrations.service.origins import OriginService
from shared.registrations.service.standing import KnownSegments

Consents = Callable[[str, str], frozenset[Channel]]
"""Returns on which channels a contact's person agrees to marketing now, by app and contact."""

SeenAds = Callable[[str, str], frozenset[str]]
"""Returns the placements in which a contact's person saw ads, by app and contact."""

_NOBODY = "none"
"""Looked up in the place of who is not known: no device and no contact has this id."""

_ALLOWED = frozenset({PushPermission.GRANTED, PushPermission.PROVISIONAL})


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredPeople(People):
    """Who is known by their device, or by their login.

    A contact is in a segment by the device that asks, or without one by any of theirs.
    """

    audience: AudienceStore
    contacts: ContactStore
    devices: DeviceStore
    segments: KnownSegments
    consents: Consents
    seen_ads: SeenAds
    clock: Clock

    @override
    def know(self, circumstances: Circumstances) -> Circumstances:
        device = self._device(circumstances)
        named = circumstances.contact_id or (device.contact_id if device else None)
        person = self._person(named, app_id=circumstances.app_id)
        canonical = person.contact_id if person else None
        known = replace(
            circumstances,
            contact_id=canonical,
            origin_id=_origin(person, named, device) if person else None,
            members=person.members if person else frozenset(),
            consents=self.consents(circumstances.app_id, canonical or _NOBODY),
            segments=self._segments(circumstances, device, canonical),
            placements_seen=self.seen_ads(circumstances.app_id, canonical or _NOBODY),
        )
        return _with_facts(known, device) if device else known

    @override
    def person_of(self, contact_id: str, *, app_id: str) -> str | None:
        origins = OriginService(contacts=self.contacts, devices=self.devices)
        try:
            if not origins.is_known(contact_id, app_id=app_id):
                return None
            return origins.canonical(contact_id, app_id=app_id)
        except ContactErasedError:
            return None

    @override
    def contact_of(self, device_id: str, *, app_id: str) -> str | None:
        found = self.devices.devices([device_id], app_id=app_id)
        person = self._person(found[0].contact_id, app_id=app_id) if found else None
        return person.contact_id if person else None

    def _device(self, circumstances: Circumstances) -> AudienceMember | None:
        device_id = circumstances.device_id or _NOBODY
        found = self.audience.members([device_id], app_id=circumstances.app_id)
        return found[0] if found else None

    def _person(self, contact_id: str | None, *, app_id: str) -> PersonRoot | None:
        try:
            root = self.contacts.root_of(contact_id or _NOBODY, app_id=app_id)
        except ContactErasedError:
            return None
        return None if contact_id is None else root

    def _segments(
        self, circumstances: Circumstances, device: AudienceMember | None, contact_id: str | None
    ) -> frozenset[str]:
        members: Iterable[AudienceMember] = [device] if device else ()
        app_id = circumstances.app_id
        if circumstances.device_id is None and contact_id is not None:
            theirs = self.devices.devices_of(contact_id, app_id=app_id)
            members = self.audience.members([one.device_id for one in theirs], app_id=app_id)
        now = self.clock()
        return frozenset(
            segment.segment_id
            for segment in self.segments.of_app(app_id)
            for member in members
            if matches(segment.rule, member.facts, now)
        )


def _origin(person: PersonRoot, named: str | None, device: AudienceMember | None) -> str | None:
    """Return the contact under whom a person asks; ``None``: the one that stands for them.

    A device tells it best: who logged in is known by the contact that stands for them.
    """
    if device is not None and device.contact_id in person.members:
        named = device.contact_id
    return named if named != person.contact_id else None


def _with_facts(who: Circumstances, device: AudienceMember) -> Circumstances:
    facts = device.facts
    return replace(
        who,
        platform=facts.platform.value,
        app_version=facts.app_version,
        push_permission=facts.push_permission in _ALLOWED,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredSegments(Segments):
    """The registrations' segments, device by device: ``after`` is ``<shard>/<device>``."""

    segments: SegmentStore
    audience: AudienceStore

    @override
    def check(self, segment_id: str, *, app_id: str) -> None:
        self.segments.get_segment(segment_id, app_id=app_id)

    @override
    def members(
        self, segment_id: str, *, app_id: str, after: str | None, limit: int, at: datetime
    ) -> Members:
        rule = self.segments.get_segment(segment_id, app_id=app_id).rule
        shard, _, device_id = (after or "0/").partition("/")
        page = self.audience.page(app_id, int(shard), after=device_id or None, limit=limit)
        following = f"{shard}/{page.next_cursor}" if page.next_cursor else f"{int(shard) + 1}/"
        is_last = page.next_cursor is None and int(shard) + 1 == AUDIENCE_SHARDS
        return Members(
            found=[
                Member(contact_id=one.contact_id, device_id=one.device_id)
                for one in page.items
                if matches(rule, one.facts, at)
            ],
            after=None if is_last else following,
        )

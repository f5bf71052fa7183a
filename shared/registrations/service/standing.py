"""Use case of those who judge a person as a whole: what is known of them over all their devices."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from shared.kernel.kept import Kept
from shared.registrations.model.apps import country_of
from shared.registrations.model.audience import AudienceMember
from shared.registrations.model.contacts import tags_of
from shared.registrations.model.devices import Device
from shared.registrations.model.rules import matches
from shared.registrations.model.segments import Segment
from shared.registrations.ports import AudienceStore, ContactStore, DeviceStore, SegmentStore

FRESH_SECONDS = 10
PAGE = 100


@dataclass(slots=True, kw_only=True)
class KnownSegments:
    """The segments of each app, at most ten seconds behind.

    ``elapsed`` counts seconds, from whenever it likes.
    """

    segments: SegmentStore
    elapsed: Callable[[], float]
    _known: Kept[Sequence[Segment]] = field(init=False)

    def __post_init__(self) -> None:
        self._known = Kept(read=self._read, seconds=FRESH_SECONDS, elapsed=self.elapsed)

    def of_app(self, app_id: str) -> Sequence[Segment]:
        """Return all segments of an app."""
        return self._known.of(app_id)

    def _read(self, app_id: str) -> Sequence[Segment]:
        found: list[Segment] = []
        cursor = None
        while True:
            page = self.segments.list_segments(app_id, limit=PAGE, cursor=cursor)
            found += page.items
            cursor = page.next_cursor
            if cursor is None:
                return found


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonStanding:
    """What is known of a person.

    ``tags`` are their contacts' and their devices'. ``timezone`` (IANA) and ``country`` (ISO 3166-1
    alpha-2, by its locale) are those of the device seen last. ``epochs`` are of their devices, and
    of the one that was asked about: 0 where there is no such device.
    """

    contact_id: str
    segments: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    timezone: str | None = None
    country: str | None = None
    epochs: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingService:
    """Reads what stands now. A person is in a segment by any of their devices."""

    audience: AudienceStore
    contacts: ContactStore
    devices: DeviceStore
    segments: KnownSegments

    def standing_of(
        self,
        contact_id: str,
        *,
        app_id: str,
        device_id: str | None,
        segment_ids: Collection[str],
        at: datetime,
    ) -> PersonStanding:
        """Return what is known of a contact's person; of segments, in which of some they are.

        Raises:
            ContactErasedError: the person was erased.
        """
        person = self.contacts.person_of(contact_id, app_id=app_id)
        devices = self._devices(person.contact_ids, device_id, app_id=app_id)
        theirs = [one for one in devices if one.contact_id in person.contact_ids]
        members = self._members(theirs, app_id=app_id) if segment_ids else ()
        known = self.contacts.get_contacts(person.contact_ids, app_id=app_id)
        latest = max(theirs, key=lambda one: (one.last_seen_at, one.device_id), default=None)
        return PersonStanding(
            contact_id=person.canonical,
            segments=frozenset(
                segment.segment_id
                for segment in (self.segments.of_app(app_id) if members else ())
                if segment.segment_id in segment_ids
                and any(matches(segment.rule, member.facts, at) for member in members)
            ),
            tags=tags_of(known).union(*(device.tags for device in theirs)),
            timezone=latest.state.timezone if latest else None,
            country=country_of(latest.state.locale or "") if latest else None,
            epochs=_epochs(devices, asked=device_id),
        )

    def _members(self, devices: Sequence[Device], *, app_id: str) -> Sequence[AudienceMember]:
        return self.audience.members([one.device_id for one in devices], app_id=app_id)

    def _devices(
        self, contact_ids: Iterable[str], device_id: str | None, *, app_id: str
    ) -> Collection[Device]:
        """Return the devices of some contacts and the one asked about, whosever it is."""
        found = {
            device.device_id: device
            for one in contact_ids
            for device in self.devices.devices_of(one, app_id=app_id)
        }
        if device_id is not None and device_id not in found:
            # Which devices are anonymous may be known a moment late.
            found |= {
                one.device_id: one for one in self.devices.devices([device_id], app_id=app_id)
            }
        return found.values()


def _epochs(devices: Iterable[Device], *, asked: str | None) -> Mapping[str, int]:
    epochs = {} if asked is None else {asked: 0}
    return epochs | {device.device_id: device.epoch for device in devices}

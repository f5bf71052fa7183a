"""Use cases of audiences: whom rules mean, how many these are, and what rules are asked about.

What is copied of a person to their devices is for planning and estimates only. It follows what
happened by seconds; whether somebody may be contacted is asked when something is sent.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from shared.kernel.clock import Clock
from shared.kernel.kept import Kept
from shared.kernel.paging import Page
from shared.registrations.errors import ContactErasedError, StaleError
from shared.registrations.model.audience import (
    Audience,
    AudienceMember,
    Happening,
    happened_to,
)
from shared.registrations.model.contacts import attributes_of
from shared.registrations.model.devices import Device
from shared.registrations.model.edges import Person
from shared.registrations.model.estimates import Estimate, Tally
from shared.registrations.model.rules import Rule, matches
from shared.registrations.ports import (
    AudienceStore,
    Consents,
    ContactStore,
    DeviceStore,
    SegmentStore,
)
from shared.registrations.service.devices import ATTEMPTS, until_settled

ENOUGH = 5_000
"""Devices: an app that has no more is counted, of a larger one so many say enough of the rest."""

PAGE = 1_000
"""Devices of a page: of 1 kB each, what DynamoDB reads at once."""

FRESH_SECONDS = 10

TOLD_BY = frozenset(
    {
        "consent.granted.v1",
        "consent.requested.v1",
        "consent.withdrawn.v1",
        "preferences.updated.v1",
        "contact.identified.v1",
        "contact.merged.v1",
        "contact.unmerged.v1",
        "contact.updated.v1",
    }
)
"""Events after which something else may be true of a person, or of the devices they use.

A registration is none: a device begins with a contact of its own, of whom nothing is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AudienceService:
    """Pages an app's devices, and estimates how many of them a rule matches.

    ``shuffled`` returns the numbers of all shards, in an order of its own each time.
    """

    audience: AudienceStore
    shuffled: Callable[[], Sequence[int]]
    clock: Clock

    def page(
        self, app_id: str, shard: int, *, after: str | None = None, limit: int = PAGE
    ) -> Page[AudienceMember]:
        """Return devices of one of the 64 shards, in the order of their ids.

        A page costs a read unit for each 8 kB of its devices' rows, and holds no other page. The
        last page may be empty. Rows may be a moment behind.
        """
        return self.audience.page(app_id, shard, after=after, limit=limit)

    def members(self, device_ids: Iterable[str], *, app_id: str) -> Sequence[AudienceMember]:
        """Return those of some devices that are registered, as they are now, to explain a rule."""
        return self.audience.members(device_ids, app_id=app_id)

    def estimate(self, rule: Rule, *, app_id: str) -> Estimate:
        """Return how many of an app's devices a rule matches.

        Whole shards are read, in an order of chance, until they had 5,000 devices; of an app with
        fewer these are all shards, and the size is exact. Of an app with more than 320,000 devices
        one shard is enough, and its 64th part is read.
        """
        now, tally, shards_read = self.clock(), Tally(), 0
        for shard in self.shuffled():
            for page in self._pages(app_id, shard):
                matched = [member for member in page if matches(rule, member.facts, now)]
                tally.add(matched, devices_read=len(page))
            shards_read += 1
            if tally.devices_read >= ENOUGH:
                break
        return tally.estimate(shards_read=shards_read)

    def _pages(self, app_id: str, shard: int) -> Iterator[Sequence[AudienceMember]]:
        after: str | None = None
        while True:
            page = self.page(app_id, shard, after=after)
            yield page.items
            after = page.next_cursor
            if after is None:
                return


@dataclass(slots=True, kw_only=True)
class AskedEvents:
    """The types of events that segments ask for, at most ten seconds behind.

    ``elapsed`` counts seconds, from whenever it likes.
    """

    segments: SegmentStore
    elapsed: Callable[[], float]
    _known: Kept[frozenset[str]] = field(init=False)

    def __post_init__(self) -> None:
        self._known = Kept(read=self._read, seconds=FRESH_SECONDS, elapsed=self.elapsed)

    def of_app(self, app_id: str) -> frozenset[str]:
        """Return the types, without the app's organisation."""
        return self._known.of(app_id)

    def _read(self, app_id: str) -> frozenset[str]:
        return frozenset[str]().union(*self.segments.event_types(app_id).values())


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectionService:
    """Copies what rules ask about a person to the rows of their devices.

    ``asked`` returns the types of events that an app's segments ask for.
    """

    audience: AudienceStore
    contacts: ContactStore
    devices: DeviceStore
    consents: Consents
    asked: Callable[[str], frozenset[str]]

    def hear(self, contact_id: str, event_type: str, happening: Happening, *, app_id: str) -> bool:
        """Note an event if a segment asks for it; say whether there may be something to copy.

        Raises:
            StaleError: others wrote first ten times.
        """
        is_asked_for = event_type in self.asked(app_id)
        if is_asked_for:
            self.note(contact_id, event_type, happening, app_id=app_id)
        return is_asked_for or event_type in TOLD_BY

    def forget(self, contact_id: str, *, app_id: str) -> None:
        """Delete what was noted of a contact, and what was copied to their devices."""
        self.audience.forget_happenings(contact_id, app_id=app_id)
        for device in self.devices.devices_of(contact_id, app_id=app_id):
            self.audience.put_audience(device, Audience())

    def note(self, contact_id: str, event_type: str, happening: Happening, *, app_id: str) -> None:
        """Remember that an event happened to a contact; noted again it is the same.

        It stays under this contact, whoever it is joined to: parted, each has their own again. Of
        somebody who was erased nothing is remembered.

        Raises:
            StaleError: others wrote first ten times.
        """

        def try_once() -> None:
            self.contacts.root_of(contact_id, app_id=app_id)
            before = self.audience.happenings([contact_id], app_id=app_id)[contact_id]
            after = before.with_one(event_type, happening)
            if after is not before:
                self.audience.replace_happenings(contact_id, after, app_id=app_id)

        try:
            until_settled(try_once)
        except ContactErasedError:
            return

    def project(self, contact_id: str, *, app_id: str) -> None:
        """Copy what is known now of a contact's person to their devices.

        It reads again after it wrote, and writes again if something else is so by then. So of two
        who copy at once neither leaves the devices with what the other knew better.

        Raises:
            StaleError: something changed in every one of ten rounds.
        """
        for _ in range(ATTEMPTS):
            try:
                person = self.contacts.person_of(contact_id, app_id=app_id)
            except ContactErasedError:
                return
            known = self._known(person)
            devices = self._devices(person.contact_ids, app_id=app_id)
            if not [one for one in devices if self.audience.put_audience(one, known)]:
                return
        raise StaleError(contact_id)

    def _known(self, person: Person) -> Audience:
        app_id, contact_ids = person.root.app_id, person.contact_ids
        happenings = self.audience.happenings(contact_ids, app_id=app_id)
        return Audience(
            consents=self.consents.of_person(person.canonical, app_id=app_id),
            attributes=attributes_of(self.contacts.get_contacts(contact_ids, app_id=app_id)),
            happened=happened_to(happenings.values(), self.asked(app_id)),
        )

    def _devices(self, contact_ids: Iterable[str], *, app_id: str) -> list[Device]:
        return [
            device
            for contact_id in contact_ids
            for device in self.devices.devices_of(contact_id, app_id=app_id)
        ]

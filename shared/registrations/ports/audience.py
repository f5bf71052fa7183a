"""What segments and audiences need from outside."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from shared.kernel.envelope import Envelope
from shared.kernel.events import Purpose
from shared.kernel.idempotency import Attempt, Remembered
from shared.kernel.paging import Page
from shared.registrations.model.audience import Audience, AudienceMember, Happenings, PushConsent
from shared.registrations.model.devices import Device
from shared.registrations.model.segments import Segment


class SegmentStore(Protocol):
    """Segments with all of their versions; a name belongs to one segment of an app."""

    def add_segment(self, segment: Segment, event: Envelope, *, attempt: Attempt | None) -> bool:
        """Store a new segment, its event, and what its attempt came to (its id).

        Say no, and store nothing, where the attempt is remembered already.

        Raises:
            SegmentNameTakenError: another segment of the app has the name.
        """
        ...

    def recall(self, attempt: Attempt) -> Remembered | None:
        """Return what an attempt of ``add_segment`` came to before, if it did."""
        ...

    def get_segment(self, segment_id: str, *, app_id: str, version: int | None = None) -> Segment:
        """Return a segment as it stands, or one of its versions, also of a deleted one.

        Raises:
            SegmentNotFoundError: there is none.
        """
        ...

    def list_segments(self, app_id: str, *, limit: int, cursor: str | None) -> Page[Segment]:
        """Return segments as they stand, by id, which is the order of their creation."""
        ...

    def replace_segment(self, segment: Segment, event: Envelope, *, before: Segment) -> None:
        """Store a segment's next version, with its event.

        Raises:
            SegmentChangedError: another change came first.
            SegmentNameTakenError: another segment of the app has the name.
        """
        ...

    def remove_segment(self, segment: Segment, event: Envelope) -> None:
        """Forget a segment but for its versions, free its name, and tell.

        Raises:
            SegmentChangedError: another change came first.
        """
        ...

    def event_types(self, app_id: str) -> Mapping[str, frozenset[str]]:
        """Return the types of events that any version of each segment asks for, by segment.

        Segments that ask for none, and deleted ones, are left out. It may be a moment behind.
        """
        ...


class AudienceStore(Protocol):
    """Device rows as rules see them, and what is copied to them of people."""

    def page(
        self, app_id: str, shard: int, *, after: str | None, limit: int
    ) -> Page[AudienceMember]:
        """Return devices of one of the shards by id, after one; it may be a moment behind."""
        ...

    def members(self, device_ids: Iterable[str], *, app_id: str) -> Sequence[AudienceMember]:
        """Return those of the devices that are registered, as they are now, by id."""
        ...

    def put_audience(self, device: Device, audience: Audience) -> bool:
        """Copy what is known of a device's contact to its row; say whether anything changed.

        Nothing changes where the device is another contact's by now, or gone. The device's version
        stays as it is.
        """
        ...

    def happenings(self, contact_ids: Iterable[str], *, app_id: str) -> Mapping[str, Happenings]:
        """Return the last happenings of each of the contacts."""
        ...

    def replace_happenings(self, contact_id: str, happenings: Happenings, *, app_id: str) -> None:
        """Store a contact's happenings, whose version is the next of what was read.

        Raises:
            StaleError: another change came first, or the contact was erased.
        """
        ...

    def forget_happenings(self, contact_id: str, *, app_id: str) -> None:
        """Delete what happened to a contact; again, it deletes nothing more."""
        ...


class Consents(Protocol):
    """What people said to pushes."""

    def of_person(self, contact_id: str, *, app_id: str) -> Mapping[Purpose, PushConsent]:
        """Return what holds now for a contact's whole person; a purpose not named is not agreed."""

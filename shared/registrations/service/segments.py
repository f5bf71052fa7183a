"""Use cases of segments: editors define whom a campaign is for."""

from dataclasses import dataclass

from shared.kernel.clock import Clock
from shared.kernel.envelope import Envelope, seal
from shared.kernel.idempotency import Attempt
from shared.kernel.ids import Ids
from shared.kernel.paging import Page
from shared.registrations.errors import SegmentChangedError, TooManyEventTypesError
from shared.registrations.events import SegmentCreated, SegmentDeleted, SegmentUpdated
from shared.registrations.model.rules import Rule
from shared.registrations.model.segments import MOST_EVENT_TYPES, Segment
from shared.registrations.ports import AppStore, SegmentStore


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentService:
    """Keeps segments, each with all of its versions."""

    segments: SegmentStore
    apps: AppStore
    clock: Clock
    ids: Ids

    def create_segment(
        self, name: str, rule: Rule, *, app_id: str, by: str, attempt: Attempt | None
    ) -> tuple[Segment, bool]:
        """Store a new segment; say whether the attempt had made it before.

        Raises:
            AppNotFoundError: there is no such app.
            SegmentNameTakenError: another segment has the name.
            TooManyEventTypesError: the app's segments would name more than 20 types of events.
            IdempotencyKeyReusedError: the attempt's key belongs to another request.
            SegmentNotFoundError: the attempt had made it, and it was deleted since.
        """
        self.apps.get_app(app_id)
        if attempt and (before := self._recall(attempt, app_id=app_id)):
            return before, True
        at = self.clock()
        segment = Segment(
            app_id=app_id,
            segment_id=self.ids.new("seg"),
            name=name,
            rule=rule,
            created_at=at,
            updated_at=at,
        )
        self._check_event_types(segment)
        event = self._told(SegmentCreated, segment, by=by)
        if self.segments.add_segment(segment, event, attempt=attempt) or attempt is None:
            return segment, False
        return self._recall(attempt, app_id=app_id) or segment, True

    def get_segment(self, segment_id: str, *, app_id: str, version: int | None = None) -> Segment:
        """Return a segment as it stands, or one of its versions, also of a deleted one.

        Raises:
            SegmentNotFoundError: there is none.
        """
        return self.segments.get_segment(segment_id, app_id=app_id, version=version)

    def list_segments(self, app_id: str, *, limit: int, cursor: str | None) -> Page[Segment]:
        """Return a page of an app's segments, in the order of their creation."""
        return self.segments.list_segments(app_id, limit=limit, cursor=cursor)

    def update_segment(
        self, segment_id: str, *, app_id: str, name: str, rule: Rule, version: int, by: str
    ) -> Segment:
        """Replace name and rule; ``version`` is the one that was read and changed.

        Raises:
            SegmentNotFoundError: there is none.
            SegmentChangedError: another version stands by now.
            SegmentNameTakenError: another segment has the name.
            TooManyEventTypesError: the app's segments would name more than 20 types of events.
        """
        before = self.segments.get_segment(segment_id, app_id=app_id)
        if before.version != version:
            raise SegmentChangedError(f"version {before.version} stands")
        after = before.changed_to(name=name, rule=rule, at=self.clock())
        self._check_event_types(after)
        event = self._told(SegmentUpdated, after, by=by)
        self.segments.replace_segment(after, event, before=before)
        return after

    def delete_segment(self, segment_id: str, *, app_id: str, by: str) -> None:
        """Delete a segment; its versions stay for what pinned them.

        Raises:
            SegmentNotFoundError: there is none.
            SegmentChangedError: somebody changed it at the same time.
        """
        segment = self.segments.get_segment(segment_id, app_id=app_id)
        self.segments.remove_segment(segment, self._told(SegmentDeleted, segment, by=by))

    def _check_event_types(self, segment: Segment) -> None:
        """Hold the types of events of all segments together to what is remembered of a person.

        Two who define segments at once may pass it together: it bounds cost, no more.

        Raises:
            TooManyEventTypesError: they would be more than 20.
        """
        if not segment.event_types:
            return
        known = self.segments.event_types(segment.app_id).values()
        together = segment.event_types.union(*known)
        if len(together) > MOST_EVENT_TYPES:
            raise TooManyEventTypesError(f"{len(together)} types of events")

    def _recall(self, attempt: Attempt, *, app_id: str) -> Segment | None:
        before = self.segments.recall(attempt)
        if before is None:
            return None
        attempt.check(before.fingerprint)
        return self.segments.get_segment(before.result, app_id=app_id)

    def _told(
        self,
        kind: type[SegmentCreated | SegmentUpdated | SegmentDeleted],
        segment: Segment,
        *,
        by: str,
    ) -> Envelope:
        event = kind(
            app_id=segment.app_id,
            occurred_at=self.clock(),
            segment_id=segment.segment_id,
            name=segment.name,
            version=segment.version,
            by=by,
        )
        return seal(event, sequence=self.ids.sequence())

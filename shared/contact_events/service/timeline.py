"""Reads a contact's events."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from itertools import islice

from shared.contact_events.errors import EventNotFoundError, TimelineNotFoundError
from shared.contact_events.model.timelines import Placed, TimelineQuery
from shared.contact_events.ports import Contacts, EventStore, Timelines
from shared.kernel.envelope import Envelope
from shared.kernel.ids import is_ulid, made_at
from shared.kernel.paging import Page

MOST_SCANNED = 1_000
"""A page looks at so many events at most; behind a rare filter it may come short, with a cursor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineService:
    """Reads a contact's events over everything that was joined to the contact."""

    events: EventStore
    contacts: Contacts

    def timeline(
        self, contact_id: str, *, app_id: str, query: TimelineQuery, limit: int
    ) -> Page[Envelope]:
        """Return a page of a contact's timeline.

        Raises:
            TimelineNotFoundError: nothing is known under this id.
        """
        origins = self.contacts.origins_of(contact_id, app_id=app_id, as_of=query.as_of)
        found = merged(self.events, origins, app_id=app_id, query=query)
        page: list[Envelope] = []
        last: Placed | None = None
        scanned = 0
        for placed in islice(found, MOST_SCANNED):
            if len(page) == limit:
                return Page(items=page, next_cursor=last.place.cursor if last else None)
            scanned, last = scanned + 1, placed
            if query.covers(placed.event) and _was_recorded(placed, query.as_of):
                page.append(placed.event)
        # Who has events is known: so only an empty timeline asks whether it is anybody's.
        if last is None and not self.contacts.is_known(contact_id, app_id=app_id):
            raise TimelineNotFoundError(contact_id)
        more = scanned == MOST_SCANNED and last is not None
        return Page(items=page, next_cursor=last.place.cursor if more and last else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventService:
    """Reads single events."""

    events: EventStore

    def get_event(self, event_id: str, *, app_id: str) -> Envelope:
        """Return an event by its public id.

        Raises:
            EventNotFoundError: the app has none, or it went with its contact.
        """
        sequence = event_id.removeprefix("evt_")
        if is_ulid(sequence):
            for event in self.events.events_of([sequence], app_id=app_id):
                return event
        raise EventNotFoundError(event_id)


def merged(
    ledger: Timelines, origins: Sequence[str], *, app_id: str, query: TimelineQuery
) -> Iterator[Placed]:
    """Yield the events of several contacts in the order of one timeline."""
    timelines = (ledger.timeline(origin, app_id=app_id, query=query) for origin in origins)
    return merge(*timelines, key=lambda found: found.place, reverse=query.newest_first)


def _was_recorded(placed: Placed, as_of: datetime | None) -> bool:
    return as_of is None or made_at(placed.event.sequence) <= as_of

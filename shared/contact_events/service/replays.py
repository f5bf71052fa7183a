"""Reads a range of the ledger again: for a subscription, for a projection, for the archive."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from shared.contact_events.model.hours import HOUR, SETTLED, hours
from shared.contact_events.model.replays import Slice, Span, last_before
from shared.contact_events.ports import EventStore
from shared.kernel.clock import Clock
from shared.kernel.envelope import Envelope
from shared.kernel.ids import made_at

MOST_EVENTS = 500
"""Of a slice."""

MOST_HOURS = 48
"""Of a slice; an hour in which an app was silent costs sixteen reads of the index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayReader:
    """Reads an app's events slice by slice, in the order of their sequences.

    Events of the last five minutes are not read: the index that leads to them may lag, and an event
    that it shows late would be passed over. Who asks for them gets a slice that is over before
    them, and may go on from its ``after``.
    """

    events: EventStore
    clock: Clock

    def read(
        self, span: Span, *, app_id: str, after: str | None = None, limit: int = MOST_EVENTS
    ) -> Slice:
        """Return the events of a range after a place; without one, from its beginning.

        At most ``limit`` events of one hour are looked at, and at most ``MOST_HOURS`` hours.
        """
        until = self._until(span)
        place = max(after or "", last_before(span.since))
        for hour in islice(_hours_after(place, until), MOST_HOURS):
            last = last_before(min(hour + HOUR, until))
            page = self.events.page_of(hour, app_id=app_id, after=place, last=last, limit=limit)
            place = page.after or last
            if page.events:
                wanted = [event for event in page.events if span.covers(event)]
                return Slice(
                    events=wanted,
                    after=place,
                    read=len(page.events),
                    is_over=place >= last_before(until),
                )
        return Slice(events=(), after=place, read=0, is_over=place >= last_before(until))

    def all(self, span: Span, *, app_id: str) -> Iterator[Envelope]:
        """Yield every event of a range that is settled."""
        after = None
        is_over = False
        while not is_over:
            found = self.read(span, app_id=app_id, after=after)
            after, is_over = found.after, found.is_over
            yield from found.events

    def _until(self, span: Span) -> datetime:
        return max(span.since, min(span.until, self.clock() - SETTLED))


def _hours_after(place: str, until: datetime) -> Iterator[datetime]:
    """Yield the hours that may have an event after a place, up to an instant."""
    for hour in hours(made_at(place), until):
        if place < last_before(hour + HOUR):
            yield hour

"""The projections as the rebuilding asks them: each by the service that makes it every day.

What is done once a call, for all events of an hour, a day or a campaign, is remembered: a
projection is made for one call.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from typing_extensions import override

from shared.contact_events.errors import RecordsKeptError
from shared.contact_events.model.hours import HOUR, hour_of
from shared.contact_events.ports import Projection
from shared.contact_events.service.reports import CountService
from shared.kernel.envelope import Envelope
from shared.kernel.ids import made_at
from shared.placements.errors import DayNotSettledError
from shared.placements.events import SOURCE as PLACEMENTS
from shared.placements.service.mending import MendingService
from shared.push.events import SOURCE as PUSH
from shared.push.service.results import MarkService
from shared.registrations.model.audience import Happening
from shared.registrations.service.audience import ProjectionService


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience(Projection):
    """What segments ask of people, at their contacts and on their devices.

    Whomever it forgets it copies anew, also where the event that told of it left the ledger.
    """

    projection: ProjectionService

    @property
    @override
    def is_forgettable(self) -> bool:
        return True

    @override
    def forget(self, events: Sequence[Envelope], *, app_id: str) -> None:
        for contact_id in sorted(_contacts(events)):
            self.projection.forget(contact_id, app_id=app_id)

    @override
    def take(self, events: Sequence[Envelope], *, app_id: str) -> None:
        for event in events:
            if event.subject.kind == "contact":
                happening = Happening(event.time, event.sequence)
                self.projection.hear(event.subject.id, event.type, happening, app_id=app_id)
        for contact_id in sorted(_contacts(events)):
            self.projection.project(contact_id, app_id=app_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Results(Projection):
    """What followed on the messages of campaigns.

    What a campaign is for stays when its marks go: live events are held against it all the while.
    """

    marks: MarkService
    forgotten: set[str] = field(default_factory=set)

    @property
    @override
    def is_forgettable(self) -> bool:
        return True

    @override
    def forget(self, events: Sequence[Envelope], *, app_id: str) -> None:
        told = {event.data.get("campaign_id") for event in events if event.source == PUSH}
        campaigns = {one for one in told if isinstance(one, str)} - self.forgotten
        for campaign_id in sorted(campaigns):
            self.marks.marks.forget_marks(campaign_id, app_id=app_id)
        self.forgotten.update(campaigns)

    @override
    def take(self, events: Sequence[Envelope], *, app_id: str) -> None:
        self.marks.take(events)


@dataclass(frozen=True, slots=True, kw_only=True)
class Channels(Projection):
    """What each hour came to: an hour is counted whole, when its first event is met."""

    counting: CountService
    done: set[datetime] = field(default_factory=set)

    @property
    @override
    def is_forgettable(self) -> bool:
        return True

    @override
    def forget(self, events: Sequence[Envelope], *, app_id: str) -> None:
        for hour in self._new(events):
            self.counting.counts.forget_counts(hour, app_id=app_id)

    @override
    def take(self, events: Sequence[Envelope], *, app_id: str) -> None:
        for hour in self._new(events):
            self.counting.count(hour, hour + HOUR, app_ids=[app_id])

    def _new(self, events: Sequence[Envelope]) -> Iterator[datetime]:
        for hour in sorted({hour_of(made_at(event.sequence)) for event in events}):
            yield from () if hour in self.done else (hour,)
            self.done.add(hour)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdCounters(Projection):
    """What came of flights: days in which nothing is counted any more are set right.

    Who was erased is not in the ledger, and what they brought was paid for.
    """

    mending: MendingService
    done: set[date] = field(default_factory=set)

    @property
    @override
    def is_forgettable(self) -> bool:
        return False

    @override
    def forget(self, events: Sequence[Envelope], *, app_id: str) -> None:
        raise RecordsKeptError("ad_counters")

    @override
    def take(self, events: Sequence[Envelope], *, app_id: str) -> None:
        of_ads = [event for event in events if event.source == PLACEMENTS]
        if not of_ads:
            return
        zone = ZoneInfo(self.mending.zones.zone_of(app_id))
        days = {made_at(event.sequence).astimezone(zone).date() for event in of_ads}
        for day in sorted(days - self.done):
            try:
                self.mending.mend(app_id, day)
            except DayNotSettledError:
                # The stream may bring something of it yet.
                continue
            self.done.add(day)


def _contacts(events: Sequence[Envelope]) -> set[str]:
    return {event.subject.id for event in events if event.subject.kind == "contact"}

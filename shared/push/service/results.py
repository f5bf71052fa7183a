"""Marks what happens after campaigns' messages, and sums it up."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from shared.kernel.clock import from_rfc3339
from shared.kernel.decisions import Gate
from shared.kernel.envelope import Envelope
from shared.kernel.events import MessageSuppressed
from shared.kernel.kept import Kept
from shared.push.events import (
    SOURCE,
    CampaignScheduled,
    MessageClicked,
    MessageConverted,
    MessageDelivered,
    MessageOpened,
    MessageSent,
)
from shared.push.model import place_of_message
from shared.push.model.books import books_of
from shared.push.model.campaigns import ZONES_APART, Conversion
from shared.push.model.results import Goal, Mark, MarkKind, Results, results_of
from shared.push.ports import MarkStore, Persons, RunBooks, SentCampaigns, ToldEvents

GOALS_AGE = 10.0
"""Seconds for which a process believes what it read of an app's goals."""

_KIND_OF_TYPE = {
    MessageDelivered.type: MarkKind.DELIVERED,
    MessageOpened.type: MarkKind.OPENED,
    MessageClicked.type: MarkKind.CLICKED,
    MessageConverted.type: MarkKind.CONVERTED,
}


@dataclass(slots=True, kw_only=True)
class GoalCache:
    """The goals of apps, read again when they are older than 10 s; ``elapsed`` is in seconds."""

    store: MarkStore
    elapsed: Callable[[], float]
    _goals: Kept[Sequence[Goal]] = field(init=False)

    def __post_init__(self) -> None:
        self._goals = Kept(read=self.store.goals_of, seconds=GOALS_AGE, elapsed=self.elapsed)

    def goals_of(self, app_id: str) -> Sequence[Goal]:
        """Return what the campaigns of an app are for."""
        return self._goals.of(app_id)

    def forget(self, app_id: str) -> None:
        """Read an app's goals again when next asked."""
        self._goals.forget(app_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkService:
    """Takes events of the bus: each may come twice, and in any order."""

    marks: MarkStore
    goals: GoalCache
    told: ToldEvents
    persons: Persons

    def take(self, events: Sequence[Envelope]) -> None:
        """Mark what events tell of campaigns' messages; the same events again change nothing."""
        for event in events:
            if event.type == CampaignScheduled.type and event.source == SOURCE:
                self._note_goal(event)
        by_app: dict[str, list[Mark]] = {}
        for event in events:
            by_app.setdefault(event.app_id, []).extend(self._marks_of(event))
        for app_id, marks in by_app.items():
            if marks:
                self.marks.add_marks(marks, app_id=app_id)

    def _note_goal(self, event: Envelope) -> None:
        goal = _goal_of(event)
        if goal:
            self.marks.put_goal(goal)
            self.goals.forget(event.app_id)

    def _marks_of(self, event: Envelope) -> Iterator[Mark]:
        if event.source == SOURCE and event.type in _KIND_OF_TYPE:
            mark = _mark_of(event, _KIND_OF_TYPE[event.type])
            if mark:
                yield mark
        if event.subject.kind == "contact":
            yield from self._conversions(event)

    def _conversions(self, event: Envelope) -> Iterator[Mark]:
        goals = [
            goal
            for goal in self.goals.goals_of(event.app_id)
            if goal.is_reached_by(event.type, event.time)
        ]
        if not goals:
            return
        by_campaign = {goal.campaign_id: goal for goal in goals}
        contacts = self.persons.origins_of(event.subject.id, app_id=event.app_id)
        since = min(goal.since for goal in goals)
        # Instants are kept by the millisecond, and a range ends before its end.
        until = event.time + timedelta(milliseconds=1)
        for told in self.told.told(contacts, app_id=event.app_id, since=since, until=until):
            goal = by_campaign.get(str(told.data.get("campaign_id")))
            kind = _conversion_after(told)
            if goal is None or kind is None:
                continue
            if timedelta(0) <= event.time - told.time <= goal.conversion.within:
                mark = _mark_of(told, kind)
                if mark:
                    yield mark


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultService:
    """Says what came of campaigns."""

    campaigns: SentCampaigns
    books: RunBooks
    marks: MarkStore

    def results(self, campaign_id: str, *, app_id: str) -> Results:
        """Return what came of a campaign up to now; of one that was not sent, nothing.

        Raises:
            CampaignNotFoundError: the app has no such campaign.
        """
        campaign = self.campaigns.get_campaign(campaign_id, app_id=app_id)
        if campaign.run_id is None:
            return Results(campaign=campaign)
        run = self.campaigns.get_run(campaign.run_id, campaign_id=campaign_id, app_id=app_id)
        marked = self.marks.marks_of(campaign_id, app_id=app_id)
        return results_of(campaign, books_of(self.books.lines(run)), marked)


def _conversion_after(told: Envelope) -> MarkKind | None:
    """Return as what a conversion after a message counts; ``None``: the message was not sent."""
    if told.type == MessageSent.type:
        return MarkKind.CONVERTED
    is_control = told.type == MessageSuppressed.type and told.data.get("decision") == "drop"
    if is_control and told.data.get("reason") == Gate.CONTROL_GROUP:
        return MarkKind.CONVERTED_UNTOLD
    return None


def _mark_of(event: Envelope, kind: MarkKind) -> Mark | None:
    """Return the mark of a message that an event is about; ``None``: it is of no campaign."""
    data: Mapping[str, object] = event.data
    place = place_of_message(str(data.get("message_id")))
    campaign_id, variant = data.get("campaign_id"), data.get("variant")
    if place is None or not isinstance(campaign_id, str) or not isinstance(variant, str):
        return None
    return Mark(
        campaign_id=campaign_id,
        chunk_id=place[0],
        index=place[1],
        variant=variant,
        kind=kind,
    )


def _goal_of(event: Envelope) -> Goal | None:
    """Return what a campaign that was just scheduled is for; ``None``: it names nothing."""
    told = event.data
    if told.get("conversion") is None:
        return None
    within = timedelta(seconds=float(told["converts_within"]))
    return Goal(
        app_id=event.app_id,
        campaign_id=told["campaign_id"],
        conversion=Conversion(type=told["conversion"], within=within),
        # In local time somebody's instant may lie before the campaign began.
        since=from_rfc3339(told["starts_at"]) - ZONES_APART,
        until=from_rfc3339(told["ends_at"]) + within,
    )

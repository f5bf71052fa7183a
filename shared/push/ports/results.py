"""What results need from outside."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from shared.kernel.envelope import Envelope
from shared.push.model.books import Line
from shared.push.model.campaigns import Campaign, Run
from shared.push.model.results import Goal, Mark, Marked


class SentCampaigns(Protocol):
    """Campaigns and their runs, as far as results need them; a part of ``CampaignStore``."""

    def get_campaign(self, campaign_id: str, *, app_id: str) -> Campaign:
        """Return the campaign or raise ``CampaignNotFoundError``."""
        ...

    def get_run(self, run_id: str, *, campaign_id: str, app_id: str) -> Run:
        """Return a run or raise ``CampaignNotFoundError``."""
        ...


class RunBooks(Protocol):
    """The books of runs; a part of ``PlanStore``."""

    def lines(self, run: Run) -> Sequence[Line]:
        """Return the line of every chunk of a run."""
        ...


class MarkStore(Protocol):
    """What happened after the messages of campaigns, and what campaigns are for."""

    def add_marks(self, marks: Iterable[Mark], *, app_id: str) -> None:
        """Store marks; those that are there change nothing."""
        ...

    def marks_of(self, campaign_id: str, *, app_id: str) -> Iterable[Marked]:
        """Return the marks of a campaign; those of one chunk and variant lie together."""
        ...

    def forget_marks(self, campaign_id: str, *, app_id: str) -> None:
        """Delete the marks of a campaign; what it is for stays."""
        ...

    def put_goal(self, goal: Goal) -> None:
        """Store what a campaign is for; it is forgotten some time after it is over."""
        ...

    def goals_of(self, app_id: str) -> Sequence[Goal]:
        """Return what the campaigns of an app are for."""
        ...


class ToldEvents(Protocol):
    """The ledger, as far as it says what became of the messages to a person."""

    def told(
        self, contact_ids: Sequence[str], *, app_id: str, since: datetime, until: datetime
    ) -> Sequence[Envelope]:
        """Return push's own events about some contacts, of messages planned within the range."""
        ...


class Persons(Protocol):
    """Who is one person."""

    def origins_of(self, contact_id: str, *, app_id: str) -> Sequence[str]:
        """Return the contact and all that were joined to it; nobody for who was erased."""
        ...

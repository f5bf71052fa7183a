"""What campaigns need from outside."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

from shared.kernel.envelope import Envelope
from shared.kernel.idempotency import Attempt, Remembered
from shared.kernel.paging import Page
from shared.push.model import Chunk
from shared.push.model.books import Line
from shared.push.model.campaigns import Booking, Campaign, CampaignState, Run
from shared.push.model.planning import Member, ShardPlan
from shared.push.model.throttle import Allowance


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignRules:
    """What an app asks of its campaigns; ``None`` is no limit.

    An audience of more than ``approval_above`` devices needs a second person's approval. At most
    ``sends_per_day`` messages are planned for a day of the app's zone.
    """

    approval_above: int | None = None
    sends_per_day: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignApp:
    """An app, as far as campaigns need it."""

    name: str
    default_locale: str
    default_zone: str
    can_push: bool
    rules: CampaignRules = CampaignRules()


class CampaignApps(Protocol):
    """The apps, as far as campaigns need them."""

    def campaign_app(self, app_id: str) -> CampaignApp:
        """Return what is known of an app; for an unknown one, raise as the registrations do."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AudiencePage:
    """Some of a shard's devices that fit; ``after`` is where the next page begins, if any."""

    members: Sequence[Member]
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AudienceEstimate:
    """About how many devices fit; ``low`` and ``high`` bound it with 95 %, equal where exact."""

    devices: int
    low: int
    high: int
    sample: tuple[Member, ...] = ()

    @property
    def is_exact(self) -> bool:
        """Say whether every device was looked at."""
        return self.low == self.high


class Segments(Protocol):
    """The segments of an app, as far as campaigns need them; for unknown ones they raise."""

    def current_version(self, segment_id: str, *, app_id: str) -> int:
        """Return a segment's newest version."""
        ...

    def estimate(self, segment_id: str, *, version: int, app_id: str) -> AudienceEstimate:
        """Return about how many devices fit."""
        ...


class Audience(Protocol):
    """The devices of an app, shard by shard."""

    def page(
        self, run: Run, shard: int, *, after: str | None, limit: int, at: datetime
    ) -> AudiencePage:
        """Look at ``limit`` devices of a shard after one of them, in the order of their ids."""
        ...


class CampaignStore(Protocol):
    """Campaigns, their runs, and the list of those that something is still to be done for."""

    def add_campaign(self, campaign: Campaign, event: Envelope, *, attempt: Attempt | None) -> bool:
        """Store a new campaign, its event, and what its attempt came to (the campaign's id).

        Returns ``False``, with nothing stored, where the attempt is remembered already.
        """
        ...

    def recall(self, attempt: Attempt, *, app_id: str) -> Remembered | None:
        """Return what an attempt came to before, if it did."""
        ...

    def get_campaign(self, campaign_id: str, *, app_id: str) -> Campaign:
        """Return the campaign or raise ``CampaignNotFoundError``."""
        ...

    def list_campaigns(self, app_id: str, *, limit: int, cursor: str | None) -> Page[Campaign]:
        """Return a page of campaigns, in the order of their creation."""
        ...

    def replace_campaign(
        self,
        campaign: Campaign,
        event: Envelope | None,
        *,
        before: Campaign,
        run: Run | None = None,
        booking: Booking | None = None,
    ) -> None:
        """Store the version after ``before``, its event, a run that begins, and what is booked.

        A run that begins is on the list of its app from then on. Fewer than no messages of a
        ``booking`` are given back.

        Raises:
            CampaignChangedError: ``before`` is not the version that stands.
            BudgetExceededError: the day's budget has not so much left.
        """
        ...

    def state_of(self, campaign_id: str, *, app_id: str) -> CampaignState:
        """Return where a campaign stands at this moment: what was acknowledged is seen."""
        ...

    def get_run(self, run_id: str, *, campaign_id: str, app_id: str) -> Run:
        """Return a run or raise ``CampaignNotFoundError``."""
        ...

    def unsettled(self, app_id: str) -> Sequence[tuple[str, str]]:
        """Return the campaign's and the run's id of every run that is not settled."""
        ...

    def settle(self, run: Run) -> None:
        """Take a run off the list: nothing is to be done for it any more."""
        ...

    def booked(self, app_id: str, day: date) -> int:
        """Return how many messages are booked of a day's budget."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A chunk that waits for its release."""

    chunk_id: str
    due_at: datetime
    size: int


class PlanStore(Protocol):
    """What was planned of runs: shards, chunks with their lines, what waits for its release."""

    def shard_plans(self, run: Run) -> Sequence[ShardPlan]:
        """Return how far each shard is planned that was begun."""
        ...

    def shard_plan(self, run: Run, shard: int) -> ShardPlan:
        """Return how far a shard is planned, as it is at this moment."""
        ...

    def add_step(self, run: Run, plan: ShardPlan, chunks: Sequence[Chunk]) -> None:
        """Store a step: its chunks, which wait for their release, and how far its shard is now.

        Raises:
            PlanAdvancedError: another planner has written this step, or the campaign is not being
                planned any more (of a rehearsal: it is over).
        """
        ...

    def lines(self, run: Run) -> Sequence[Line]:
        """Return the line of every chunk of a run."""
        ...

    def asked(self, run: Run) -> datetime | None:
        """Return when others were last asked to work on the run, if they were."""
        ...

    def note_asked(self, run: Run, *, at: datetime) -> None:
        """Note that others were asked to work on the run."""
        ...

    def due(self, run: Run, *, until: datetime | None, limit: int) -> Sequence[Waiting]:
        """Return chunks that wait and are due, the earliest first; ``None``: whenever due."""
        ...

    def released(self, run: Run, waiting: Sequence[Waiting]) -> None:
        """Note that chunks wait no more."""
        ...

    def allowance(self, run: Run) -> Allowance | None:
        """Return what the run's throttle lets go; ``None`` before the first use."""
        ...

    def replace_allowance(
        self, run: Run, allowance: Allowance, *, before: Allowance | None
    ) -> bool:
        """Store what is left; ``False``, with nothing stored, where another was faster."""
        ...


class Jobs(Protocol):
    """Work for the functions behind queues."""

    def plan(self, run: Run, shards: Sequence[int]) -> None:
        """Have shards of a run planned."""
        ...

    def advance(self, run: Run, *, after: timedelta = timedelta(0)) -> None:
        """Have a run taken on: what is due released, what is over ended."""
        ...

    def send(self, run: Run, released: Sequence[tuple[Waiting, timedelta]]) -> None:
        """Have released chunks worked on, each after a while, which is at most 15 minutes."""
        ...

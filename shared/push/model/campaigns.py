"""A campaign: one message to an audience, planned, approved, sent, and accounted for."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from shared.kernel.decisions import DEFAULT_PRIORITY
from shared.kernel.errors import FieldProblem, InvalidFieldsError
from shared.kernel.zones import is_zone
from shared.push.errors import CampaignStateError
from shared.push.model.messages import DeliveryMode
from shared.push.model.templates import TemplateDraft

MOST_VARIANTS = 10
LONGEST_AHEAD = timedelta(days=366)
LONGEST_CONVERSION = timedelta(days=30)

SEND_WITHIN = timedelta(days=1)
"""How long after its instant a message is still worth sending, unless `expires_at` says so."""

ZONES_APART = timedelta(hours=26)
"""From the first zone's local time (UTC+14) to the last one's (UTC-12)."""


class CampaignState(StrEnum):
    """Where a campaign stands."""

    DRAFT = "draft"
    APPROVED = "approved"
    SCHEDULED = "scheduled"
    PLANNING = "planning"
    SENDING = "sending"
    PAUSED = "paused"
    DONE = "done"
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        """Say whether nothing follows."""
        return self in {CampaignState.DONE, CampaignState.CANCELLED}

    @property
    def is_running(self) -> bool:
        """Say whether messages are, or will be, under way without a further word of anybody."""
        return self in {CampaignState.SCHEDULED, CampaignState.PLANNING, CampaignState.SENDING}


_RUNNING = frozenset(state for state in CampaignState if state.is_running)

LEADS_TO: Mapping[CampaignState, frozenset[CampaignState]] = {
    CampaignState.DRAFT: frozenset(
        {CampaignState.APPROVED, CampaignState.SCHEDULED, CampaignState.CANCELLED}
    ),
    CampaignState.APPROVED: frozenset(
        {CampaignState.DRAFT, CampaignState.SCHEDULED, CampaignState.CANCELLED}
    ),
    CampaignState.SCHEDULED: frozenset(
        {CampaignState.PLANNING, CampaignState.PAUSED, CampaignState.CANCELLED}
    ),
    CampaignState.PLANNING: frozenset(
        {CampaignState.SENDING, CampaignState.PAUSED, CampaignState.CANCELLED}
    ),
    CampaignState.SENDING: frozenset(
        {CampaignState.DONE, CampaignState.PAUSED, CampaignState.CANCELLED}
    ),
    CampaignState.PAUSED: _RUNNING | {CampaignState.CANCELLED},
    CampaignState.DONE: frozenset(),
    CampaignState.CANCELLED: frozenset(),
}
"""What may follow a state; from paused a campaign goes back to where it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One of the texts that share an audience; shares are by ``weight`` (1 to 1,000)."""

    name: str
    template_id: str
    weight: int = 1
    variables: Mapping[str, str] = field(default_factory=dict)


REDEMPTION = "coupon.redeemed.v1"
"""What a campaign is for, unless it says so itself."""

EXPECTED_RATE = 0.05
"""Who converts untold, unless the marketer knows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """What the campaign is for: an event of this type by the person, ``within`` so long.

    ``type`` is without the app's organisation, such as ``purchase.completed.v1``. Of those who are
    not told ``expected_rate`` (0 to 1) do it, by what is known before.
    """

    type: str = REDEMPTION
    within: timedelta = timedelta(days=7)
    expected_rate: float = EXPECTED_RATE


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """When a campaign is sent; without ``at`` and ``wall`` it is as soon as it may.

    ``at`` is one instant. ``wall`` is what the clock on the wall shows (without a zone): in
    ``zone`` for everybody, or, where that is ``None``, in each device's own zone.
    """

    at: datetime | None = None
    wall: datetime | None = None
    zone: str | None = None

    @property
    def is_local(self) -> bool:
        """Say whether each device has its own instant."""
        return self.wall is not None and self.zone is None

    def first(self) -> datetime | None:
        """Return the earliest instant that it may mean; ``None``: at once."""
        if self.wall is None:
            return self.at
        if self.zone is not None:
            return instant_of(self.wall, zone=self.zone)
        return self.wall.replace(tzinfo=UTC) - timedelta(hours=14)

    def last(self) -> datetime | None:
        """Return the latest instant that it may mean; ``None``: at once."""
        if not self.is_local or self.wall is None:
            return self.first()
        return self.wall.replace(tzinfo=UTC) + timedelta(hours=12)

    def instant_for(self, zone: str | None, *, app_zone: str, started_at: datetime) -> datetime:
        """Return when a device in a zone is due; one whose zone nobody knows is in the app's."""
        if self.wall is None:
            return self.at or started_at
        return instant_of(self.wall, zone=self.zone or zone or app_zone)


@lru_cache(maxsize=1_024)
def instant_of(wall: datetime, *, zone: str) -> datetime:
    """Return when clocks in a zone show ``wall``.

    Of an hour that comes twice it is the first; an hour that clocks skip is as long after the gap
    as it would have been into it (PEP 495).
    """
    return wall.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignDraft:
    """What a marketer decides.

    ``segment_version`` pins the segment. ``holdout_percent`` of the people are not told, to see
    what telling does. ``expires_at`` is when it is worth nothing any more. With ``copy_kept_for`` a
    copy stays in each person's inbox, for so long.
    """

    name: str
    segment_id: str
    segment_version: int
    variants: tuple[Variant, ...]
    timing: Timing = Timing()
    throttle_per_minute: int | None = None
    expires_at: datetime | None = None
    holdout_percent: float = 0
    delivery: DeliveryMode = DeliveryMode.AT_LEAST_ONCE
    conversion: Conversion | None = None
    offer_key: str | None = None
    priority: int = DEFAULT_PRIORITY
    copy_kept_for: timedelta | None = None

    def __post_init__(self) -> None:
        problems = list(self._problems())
        if problems:
            raise InvalidFieldsError("the campaign is not well described", fields=problems)

    def _problems(self) -> list[FieldProblem]:
        problems = []
        names = [one.name for one in self.variants]
        if not 1 <= len(names) <= MOST_VARIANTS:
            problems.append(_problem("/variants", "count", f"1 to {MOST_VARIANTS} variants"))
        problems += [
            _problem(f"/variants/{at}/name", "taken", "another variant has it")
            for at, name in enumerate(names)
            if name in names[:at]
        ]
        if self.timing.zone and not is_zone(self.timing.zone):
            return [*problems, _problem("/timezone", "timezone", "not an IANA time zone")]
        last = self.timing.last()
        if self.expires_at and last and self.expires_at <= last:
            detail = "after the last instant at which somebody is due"
            problems.append(_problem("/expires_at", "order", detail))
        return problems

    def deadline(self, planned_at: datetime) -> datetime:
        """Return from when on a message that is due at ``planned_at`` is not sent any more."""
        return self.expires_at or planned_at + SEND_WITHIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """Who said yes, when, and to which versions of the templates, by variant."""

    by: str
    at: datetime
    templates: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """Messages that a campaign takes of a day's budget, which has ``limit`` in all."""

    day: date
    messages: int
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """A campaign as it is kept; ``version`` counts its writes, for compare and swap.

    ``run_id`` names the run of its sending, ``rehearsal_id`` that of its latest rehearsal.
    ``paused_from`` is where it goes back to. ``starts_at`` is when its planning is due. Nobody of
    ``authors``, who drafted or changed it, may approve it.
    """

    app_id: str
    campaign_id: str
    draft: CampaignDraft
    state: CampaignState = CampaignState.DRAFT
    authors: tuple[str, ...]
    created_at: datetime
    updated_at: datetime
    approval: Approval | None = None
    booking: Booking | None = None
    run_id: str | None = None
    rehearsal_id: str | None = None
    paused_from: CampaignState | None = None
    starts_at: datetime | None = None
    version: int = 1

    def moved_to(self, state: CampaignState, *, at: datetime) -> "Campaign":
        """Return the campaign in another state.

        Raises:
            CampaignStateError: that state does not follow this one.
        """
        follows = state in LEADS_TO[self.state]
        if self.state is CampaignState.PAUSED and state is not CampaignState.CANCELLED:
            follows = state is self.paused_from
        if not follows:
            raise CampaignStateError(f"it is {self.state}: it cannot become {state}")
        return replace(
            self,
            state=state,
            paused_from=self.state if state is CampaignState.PAUSED else None,
            updated_at=at,
            version=self.version + 1,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One passage of a campaign through the pipeline, in earnest or as a rehearsal; never changed.

    It pins all that planning and sending read: the draft, the templates' texts, by variant, and
    what is known of the app. ``run_id`` is a ULID.
    """

    app_id: str
    campaign_id: str
    run_id: str
    is_rehearsal: bool
    draft: CampaignDraft
    templates: Mapping[str, TemplateDraft]
    app_name: str
    app_locale: str
    app_zone: str
    started_at: datetime

    @property
    def text(self) -> TemplateDraft:
        """Return a template of the run, for what all of them agree on: purpose and topic."""
        return self.templates[self.draft.variants[0].name]


def _problem(pointer: str, code: str, detail: str) -> FieldProblem:
    return FieldProblem(pointer=pointer, code=code, detail=detail)

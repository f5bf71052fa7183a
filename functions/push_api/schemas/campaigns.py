"""Campaigns, on the wire."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Self, TypeAlias

from aws_lambda_powertools.event_handler.openapi.params import Path
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from functions.push_api.schemas import Variables
from functions.push_api.schemas.inbox import CopyIn, CopyOut
from functions.push_api.schemas.results import BooksOut, DetectableOut
from shared.kernel.clock import whole_milliseconds
from shared.kernel.decisions import DEFAULT_PRIORITY
from shared.platform.http.schemas import In, Instant, Out
from shared.push.model import DeliveryMode
from shared.push.model.books import Books
from shared.push.model.campaigns import (
    EXPECTED_RATE,
    LONGEST_CONVERSION,
    MOST_VARIANTS,
    REDEMPTION,
    Campaign,
    CampaignDraft,
    CampaignState,
    Conversion,
    Run,
    Timing,
    Variant,
)
from shared.push.model.estimates import Forecast
from shared.push.service.campaigns import Estimate

if TYPE_CHECKING:
    from shared.push.model.explaining import Answer, Explanation
    from shared.push.service.trials import Trial

CampaignId: TypeAlias = Annotated[str, Path(pattern=r"^cmp_[0-9A-Z]{26}$")]
RunId: TypeAlias = Annotated[str, Path(pattern=r"^[0-9A-Z]{26}$")]
ContactId: TypeAlias = Annotated[str, Field(pattern=r"^con_[0-9A-Z]{26}$")]
Name: TypeAlias = Annotated[str, Field(min_length=1, max_length=100)]
SegmentId: TypeAlias = Annotated[str, Field(pattern=r"^seg_[0-9A-Z]{26}$")]
SendAt: TypeAlias = Annotated[
    str,
    Field(
        pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})?$",
        description="An instant (`2026-12-01T08:00:00Z`), or what the clock on the wall shows"
        " (`2026-12-01T09:00`): in `timezone`, or with `local_time` in each device's own zone.",
        examples=["2026-12-01T09:00"],
    ),
]
Zone: TypeAlias = Annotated[
    str, Field(min_length=1, max_length=64, pattern=r"^[!-~]+$", examples=["Europe/Zurich"])
]
Throttle: TypeAlias = Annotated[
    int, Field(ge=1, le=600_000, description="Messages that may begin in a minute.")
]
Percent: TypeAlias = Annotated[
    float,
    Field(ge=0, le=50, description="Of the people: not told, to see what telling does."),
]
OfferKey: TypeAlias = Annotated[str, Field(min_length=1, max_length=128)]


class VariantIn(In):
    """One of the texts that share the audience."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,20}$")]
    template_id: Annotated[str, Field(pattern=r"^tpl_[0-9A-Z]{26}$")]
    weight: Annotated[int, Field(ge=1, le=1_000)] = 1
    variables: Variables = Field(default_factory=dict)


class ConversionIn(In):
    """What the campaign is for: an event by the person, within so long after the message."""

    type: Annotated[
        str,
        Field(
            pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*\.v[0-9]{1,3}$",
            max_length=100,
            description="Without the app's organisation.",
            examples=["purchase.completed.v1"],
        ),
    ] = REDEMPTION
    within_hours: Annotated[int, Field(ge=1, le=LONGEST_CONVERSION // timedelta(hours=1))] = 168
    expected_rate: Annotated[
        float,
        Field(
            ge=0.0001,
            le=0.99,
            description="Which part of the people does it without being told, by what you know:"
            " the estimate says what such a campaign can show.",
        ),
    ] = EXPECTED_RATE

    def conversion(self) -> Conversion:
        """Return the conversion in the words of the model."""
        return Conversion(
            type=self.type,
            within=timedelta(hours=self.within_hours),
            expected_rate=self.expected_rate,
        )


Variants: TypeAlias = Annotated[
    tuple[VariantIn, ...], Field(min_length=1, max_length=MOST_VARIANTS)
]


class _TimingIn(In):
    """When a campaign is sent; without `send_at`, as soon as it may."""

    send_at: SendAt | None = None
    timezone: Zone | None = None
    local_time: bool = False

    @model_validator(mode="after")
    def _one_meaning(self) -> Self:
        self.timing()
        return self

    def timing(self) -> Timing:
        """Return the timing in the words of the model."""
        if self.send_at is None:
            if self.timezone or self.local_time:
                raise PydanticCustomError("incomplete", "timezone and local_time need send_at")
            return Timing()
        try:
            at = datetime.fromisoformat(self.send_at)
        except ValueError as error:
            raise PydanticCustomError("datetime", "send_at is no date and time") from error
        given = sum((at.tzinfo is not None, self.timezone is not None, self.local_time))
        if given != 1:
            raise PydanticCustomError(
                "one_of", "send_at has an offset, or comes with timezone, or with local_time"
            )
        if at.tzinfo is not None:
            return Timing(at=whole_milliseconds(at))
        return Timing(wall=at.replace(microsecond=0), zone=self.timezone)


class CampaignIn(_TimingIn):
    """A new campaign."""

    name: Name
    segment_id: SegmentId
    segment_version: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="By default the newest; the campaign keeps it."
    )
    variants: Variants
    throttle_per_minute: Throttle | None = None
    expires_at: Instant | None = Field(
        default=None,
        description="Nothing is sent from then on. By default a day after each device's instant.",
    )
    holdout_percent: Percent = 0
    delivery: DeliveryMode = DeliveryMode.AT_LEAST_ONCE
    conversion: ConversionIn | None = Field(
        default_factory=ConversionIn,
        description="By default a redeemed coupon within a week; `null`: nothing is counted.",
    )
    offer_key: OfferKey | None = None
    priority: Annotated[int, Field(ge=0, le=100)] = DEFAULT_PRIORITY
    inbox: CopyIn | None = None

    def draft(self) -> CampaignDraft:
        """Return the draft in the words of the model."""
        return CampaignDraft(
            name=self.name,
            segment_id=self.segment_id,
            segment_version=self.segment_version or 0,
            variants=_variants(self.variants),
            timing=self.timing(),
            throttle_per_minute=self.throttle_per_minute,
            expires_at=self.expires_at,
            holdout_percent=self.holdout_percent,
            delivery=self.delivery,
            conversion=self.conversion.conversion() if self.conversion else None,
            offer_key=self.offer_key,
            priority=self.priority,
            copy_kept_for=self.inbox.kept_for if self.inbox else None,
        )


class CampaignChangeIn(_TimingIn):
    """What a draft becomes; what is left out stays. `version` is the one that was read."""

    version: Annotated[int, Field(ge=1)]
    name: Name | None = None
    segment_id: SegmentId | None = None
    segment_version: Annotated[int, Field(ge=1)] | None = None
    variants: Variants | None = None
    throttle_per_minute: Throttle | None = None
    expires_at: Instant | None = None
    holdout_percent: Percent | None = None
    delivery: DeliveryMode | None = None
    conversion: ConversionIn | None = None
    offer_key: OfferKey | None = None
    priority: Annotated[int, Field(ge=0, le=100)] | None = None
    inbox: CopyIn | None = None

    def changes(self) -> Mapping[str, Any]:
        """Return what changes, in the words of the model."""
        sent = {name: getattr(self, name) for name in self.model_fields_set}
        found = {
            name: value
            for name, value in sent.items()
            if name not in {"version", "send_at", "timezone", "local_time", "inbox"}
            and (value is not None or name in _NULLABLE)
        }
        if self.variants:
            found["variants"] = _variants(self.variants)
        if self.conversion:
            found["conversion"] = self.conversion.conversion()
        if "segment_id" in found and "segment_version" not in found:
            found["segment_version"] = 0
        if "send_at" in self.model_fields_set:
            found["timing"] = self.timing()
        if "inbox" in self.model_fields_set:
            found["copy_kept_for"] = self.inbox.kept_for if self.inbox else None
        return found


_NULLABLE = frozenset({"throttle_per_minute", "expires_at", "conversion", "offer_key"})


def _variants(variants: tuple[VariantIn, ...]) -> tuple[Variant, ...]:
    return tuple(
        Variant(
            name=one.name,
            template_id=one.template_id,
            weight=one.weight,
            variables=dict(one.variables),
        )
        for one in variants
    )


class ApprovalIn(In):
    """A second person's yes."""

    name: Name = Field(description="The campaign's name, typed by hand.")


class TrialIn(In):
    """Some devices that get a campaign's text before its audience."""

    device_ids: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")], ...],
        Field(min_length=1, max_length=20),
    ]
    variant: Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,20}$")] | None = Field(
        default=None, description="By default each device gets the variant that it would get."
    )


class VariantOut(Out):
    """One of the texts."""

    name: str
    template_id: str
    weight: int
    variables: Mapping[str, str]


class ConversionOut(Out):
    """What the campaign is for."""

    type: str
    within_hours: int
    expected_rate: float


class ApprovalOut(Out):
    """Who said yes, and when."""

    by: str
    at: datetime


class CampaignOut(Out):
    """A campaign."""

    campaign_id: str
    name: str
    state: CampaignState
    segment_id: str
    segment_version: int
    variants: tuple[VariantOut, ...]
    send_at: str | None
    timezone: str | None
    local_time: bool
    throttle_per_minute: int | None
    expires_at: datetime | None
    holdout_percent: float
    delivery: DeliveryMode
    conversion: ConversionOut | None
    offer_key: str | None
    priority: int
    inbox: CopyOut | None
    approval: ApprovalOut | None
    run_id: str | None = Field(description="Of its sending.")
    rehearsal_id: str | None = Field(description="The run of its latest rehearsal.")
    starts_at: datetime | None = Field(description="When its audience is planned.")
    authors: tuple[str, ...]
    created_at: datetime
    updated_at: datetime
    version: int

    @classmethod
    def of(cls, campaign: Campaign) -> Self:
        """Render a campaign."""
        draft, timing = campaign.draft, campaign.draft.timing
        return cls(
            campaign_id=campaign.campaign_id,
            state=campaign.state,
            **{name: getattr(draft, name) for name in _PLAIN},
            variants=tuple(
                VariantOut.model_validate(one, from_attributes=True) for one in draft.variants
            ),
            send_at=_send_at(timing),
            timezone=timing.zone,
            local_time=timing.is_local,
            conversion=(
                ConversionOut(
                    type=draft.conversion.type,
                    within_hours=draft.conversion.within // timedelta(hours=1),
                    expected_rate=draft.conversion.expected_rate,
                )
                if draft.conversion
                else None
            ),
            approval=(
                ApprovalOut(by=campaign.approval.by, at=campaign.approval.at)
                if campaign.approval
                else None
            ),
            inbox=CopyOut.of(draft.copy_kept_for),
            **{name: getattr(campaign, name) for name in _KEPT},
        )


_PLAIN = (
    "name",
    "segment_id",
    "segment_version",
    "throttle_per_minute",
    "expires_at",
    "holdout_percent",
    "delivery",
    "offer_key",
    "priority",
)
_KEPT = ("run_id", "rehearsal_id", "starts_at", "authors", "created_at", "updated_at", "version")


def _send_at(timing: Timing) -> str | None:
    if timing.wall is not None:
        return timing.wall.isoformat()
    return timing.at.isoformat().replace("+00:00", "Z") if timing.at else None


class CampaignsOut(Out):
    """A page of campaigns."""

    items: tuple[CampaignOut, ...]
    next_cursor: str | None


class ForecastOut(Out):
    """What sending takes."""

    messages: int
    held_out: int
    minutes: float = Field(description="From the first message to the last.")
    bottleneck: str = Field(description="What bounds the time.")
    quota_share: float = Field(description="Of FCM's 600,000 messages a minute, at the peak.")
    cost_usd: float = Field(description="At list prices of us-east-1; FCM is free.")

    @classmethod
    def of(cls, found: Forecast) -> Self:
        """Render a forecast."""
        return cls(
            messages=found.messages,
            held_out=found.held_out,
            minutes=round(found.minutes, 1),
            bottleneck=found.bottleneck,
            quota_share=round(found.quota_share, 6),
            cost_usd=round(found.cost, 4),
        )


class CampaignEstimateOut(Out):
    """What sending a campaign would take, by what is known now."""

    devices: int
    low: int = Field(description="With high: 95 % of such samples bound the truth so.")
    high: int
    exact: bool
    sample: tuple[str, ...] = Field(description="Some of the devices.")
    first_at: datetime
    last_at: datetime
    forecast: ForecastOut
    detectable: tuple[DetectableOut, ...] = Field(
        description="What the campaign can show: nothing without a conversion to count."
    )
    needs_approval: bool
    budget_left: int | None = Field(description="Of the day's, before this campaign.")

    @classmethod
    def of(cls, found: Estimate) -> Self:
        """Render an estimate."""
        audience = found.audience
        return cls(
            devices=audience.devices,
            low=audience.low,
            high=audience.high,
            exact=audience.is_exact,
            sample=tuple(one.device_id for one in audience.sample),
            first_at=found.first_at,
            last_at=found.last_at,
            forecast=ForecastOut.of(found.forecast),
            detectable=tuple(
                DetectableOut.model_validate(one, from_attributes=True) for one in found.detectable
            ),
            needs_approval=found.needs_approval,
            budget_left=found.budget_left,
        )


class RehearsalOut(Out):
    """A passage of a campaign through the pipeline without delivery."""

    campaign_id: str
    run_id: str
    started_at: datetime
    done: bool = Field(description="Whether every message has its final state.")
    books: BooksOut
    variants: Mapping[str, BooksOut]
    forecast: ForecastOut

    @classmethod
    def of(cls, run: Run, books: Books, *, is_done: bool, found: Forecast) -> Self:
        """Render a rehearsal."""
        return cls(
            campaign_id=run.campaign_id,
            run_id=run.run_id,
            started_at=run.started_at,
            done=is_done,
            books=BooksOut.of(books),
            variants={
                one.name: BooksOut.of(books.of_variant(one.name)) for one in run.draft.variants
            },
            forecast=ForecastOut.of(found),
        )


class TrialOut(Out):
    """What became of one device's trial: a message, or why there is none."""

    device_id: str
    variant: str
    message_id: str | None
    problem: str | None

    @classmethod
    def of(cls, trial: "Trial") -> Self:
        """Render a trial."""
        return cls.model_validate(trial, from_attributes=True)


class TrialsOut(Out):
    """What became of a trial on some devices."""

    trials: tuple[TrialOut, ...]


class AnswerOut(Out):
    """What a gate says: whether it lets the message pass, and from which input."""

    gate: str
    passes: bool
    input: Mapping[str, Any]
    answer: str

    @classmethod
    def of(cls, found: "Answer") -> Self:
        """Render an answer."""
        return cls(
            gate=found.gate, passes=found.passes, input=dict(found.input), answer=found.answer
        )


class OutcomeOut(Out):
    """What became of a device's message."""

    fate: str = Field(examples=["sent", "held_out", "capped", "quiet", "no_consent"])
    final: bool
    message_id: str | None
    at: datetime | None
    reason: str | None
    due_at: datetime | None
    because: tuple[Mapping[str, Any], ...]


class DeviceExplanationOut(Out):
    """One device of the person."""

    device_id: str
    outcome: OutcomeOut
    answers: tuple[AnswerOut, ...]


class ExplanationOut(Out):
    """Why a campaign told a person, or did not."""

    campaign_id: str
    contact_id: str
    state: CampaignState
    asked_at: datetime
    answers: tuple[AnswerOut, ...]
    devices: tuple[DeviceExplanationOut, ...]

    @classmethod
    def of(cls, found: "Explanation") -> Self:
        """Render an explanation."""
        return cls(
            campaign_id=found.campaign_id,
            contact_id=found.contact_id,
            state=found.state,
            asked_at=found.asked_at,
            answers=tuple(AnswerOut.of(one) for one in found.answers),
            devices=tuple(
                DeviceExplanationOut(
                    device_id=one.device_id,
                    outcome=OutcomeOut(
                        fate=one.outcome.fate,
                        final=one.outcome.is_final,
                        message_id=one.outcome.message_id,
                        at=one.outcome.at,
                        reason=one.outcome.reason,
                        due_at=one.outcome.due_at,
                        because=tuple(dict(reason) for reason in one.outcome.because),
                    ),
                    answers=tuple(AnswerOut.of(answer) for answer in one.answers),
                )
                for one in found.devices
            ),
        )

"""What the contact policy API takes and returns on the wire."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Self, TypeAlias

from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from pydantic import AfterValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from shared.contact_policy.model.control_groups import ControlGroup
from shared.contact_policy.model.document import document_of
from shared.contact_policy.model.history import CaseRecord, Proof
from shared.contact_policy.model.policy import Hours, Period, Weekday, Window
from shared.contact_policy.model.standing import (
    ConsentKey,
    ConsentStatus,
    FrequencyWish,
    Preferences,
)
from shared.contact_policy.ports import PutPolicy
from shared.contact_policy.service.consents import Statement
from shared.contact_policy.service.decisions import Answer
from shared.kernel.decisions import (
    DEFAULT_PRIORITY,
    Allow,
    Candidate,
    Decision,
    Defer,
    Drop,
    Reason,
    Reservation,
)
from shared.kernel.events import Channel, Purpose
from shared.kernel.zones import is_zone
from shared.platform.http.schemas import In, Instant, Out

AppId: TypeAlias = Annotated[str, Path(pattern=r"^app_[0-9A-Z]{26}$")]
ContactId: TypeAlias = Annotated[str, Path(pattern=r"^con_[0-9A-Z]{26}$")]
ReservationId: TypeAlias = Annotated[str, Path(pattern=r"^rsv_[0-9A-Z]{52}$")]
CaseId: TypeAlias = Annotated[str, Path(pattern=r"^[A-Za-z0-9_.:-]{1,128}$")]
Token: TypeAlias = Annotated[str, Path(min_length=16, max_length=1_024, pattern=r"^[!-~]+$")]
Version: TypeAlias = Annotated[int | None, Query(ge=0, le=2**31)]
Limit: TypeAlias = Annotated[int, Query(ge=1, le=200)]
Cursor: TypeAlias = Annotated[str | None, Query(max_length=512)]
Word: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{1,64}$")]
Text: TypeAlias = Annotated[str, Field(min_length=1, max_length=128)]


def _zone(name: str) -> str:
    if not is_zone(name):
        raise PydanticCustomError("timezone", "not an IANA time zone")
    return name


def _minutes(time: str) -> int:
    hours, _, minutes = time.partition(":")
    return int(hours) * 60 + int(minutes)


def _time(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


class PolicyOut(Out):
    """An app's policy; version 0 is the default, which holds until another is put."""

    version: int
    document: dict[str, Any]
    by: str | None
    at: datetime | None

    @classmethod
    def of(cls, put: PutPolicy) -> Self:
        """Render a policy."""
        document = dict(document_of(put.policy))
        return cls(version=put.version, document=document, by=put.by, at=put.at)


class PoliciesOut(Out):
    """A page of the policies that were in force, the newest first."""

    items: tuple[PolicyOut, ...]
    next_cursor: str | None


class ContactIdentifierIn(In):
    """An identifier by which the caller knows a contact."""

    namespace: Annotated[str, Field(pattern=r"^(customer|email|phone|anonymous)$")]
    value: Annotated[str, Field(min_length=1, max_length=512)]


class DecisionIn(In):
    """What somebody wants to tell a person."""

    contact_id: Annotated[str | None, Field(pattern=r"^con_[0-9A-Z]{26}$")] = None
    identifiers: Annotated[tuple[ContactIdentifierIn, ...], Field(max_length=10)] = Field(
        default=(), description="Instead of `contact_id`, for whoever knows people by these."
    )
    channel: Channel
    purpose: Purpose = Purpose.MARKETING
    topic: Word | None = None
    weight: Annotated[float | None, Field(gt=0, le=100, allow_inf_nan=False)] = None
    offer_key: Text | None = None
    priority: Annotated[int, Field(ge=0, le=100)] = DEFAULT_PRIORITY
    campaign_id: Text | None = None
    expires_at: Instant | None = None
    reserve: bool = Field(
        default=False, description="Count it from now on, until `expires_at` of the answer."
    )
    hold_seconds: Annotated[int, Field(ge=1, le=7_200)] = 900

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if (self.contact_id is None) == (not self.identifiers):
            raise PydanticCustomError("one_of", "either contact_id or identifiers")
        return self

    def candidate(self, contact_id: str, *, app_id: str) -> Candidate:
        """Return what is asked for, of this contact."""
        return Candidate(
            app_id=app_id,
            contact_id=contact_id,
            channel=self.channel,
            purpose=self.purpose,
            topic=self.topic,
            weight=self.weight,
            offer_key=self.offer_key,
            priority=self.priority,
            campaign_id=self.campaign_id,
            expires_at=self.expires_at,
        )

    def hold(self) -> timedelta:
        """Return for how long a reservation counts unless it is committed."""
        return timedelta(seconds=self.hold_seconds)


def decision_word(decision: Decision) -> str:
    """Return the word for a decision."""
    return {Allow: "allow", Defer: "defer", Drop: "drop"}[type(decision)]


class ReasonOut(Out):
    """Why, with the rule's figure, and until when."""

    gate: str
    rule: str
    detail: str
    limit: float | None
    count: float | None
    until: datetime | None
    reference: str | None

    @classmethod
    def of(cls, reason: Reason) -> Self:
        """Render a reason."""
        return cls.model_validate(reason, from_attributes=True)


class DecisionOut(Out):
    """Whether a person may be told now."""

    decision: Annotated[str, Field(pattern=r"^(allow|defer|drop)$")]
    because: tuple[ReasonOut, ...]
    until: datetime | None = Field(description="When a deferred request passes what deferred it.")
    try_channel: Channel | None = Field(description="Where the same would be allowed now.")
    reservation_id: str | None
    expires_at: datetime | None = Field(description="Until when the reservation is held.")

    @classmethod
    def of(cls, answer: Answer) -> Self:
        """Render a decision, with what was reserved."""
        decision, reservation = answer
        return cls(
            decision=decision_word(decision),
            because=tuple(ReasonOut.of(reason) for reason in decision.because),
            until=decision.until if isinstance(decision, Defer) else None,
            try_channel=None if isinstance(decision, Allow) else decision.try_channel,
            reservation_id=reservation.reservation_id if reservation else None,
            expires_at=reservation.expires_at if reservation else None,
        )


class ReservationOut(Out):
    """A touch that is counted."""

    reservation_id: str
    contact_id: str

    @classmethod
    def of(cls, reservation: Reservation) -> Self:
        """Render a reservation."""
        return cls.model_validate(reservation, from_attributes=True)


class FrequencyIn(In):
    """A person's own cap on marketing."""

    limit: Annotated[int, Field(ge=0, le=1_000)]
    per: Period


class WindowIn(In):
    """When the person may be contacted, in their local time; it may cross midnight."""

    model_config = ConfigDict(populate_by_name=True)

    days: Annotated[frozenset[Weekday], Field(min_length=1)] = frozenset(Weekday)
    opens: Annotated[str, Field(alias="from", pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    closes: Annotated[str, Field(alias="to", pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")]

    @model_validator(mode="after")
    def _opens_at_all(self) -> Self:
        if self.opens == self.closes:
            raise PydanticCustomError("empty", "a window closes at another time than it opens")
        return self

    def window(self) -> Window:
        """Return the window in the words of the model."""
        return Window(days=self.days, opens=_minutes(self.opens), closes=_minutes(self.closes))


class PreferencesIn(In):
    """A person's wishes, as a whole: what is left out is wished no more."""

    channels_off: frozenset[Channel] = frozenset()
    topics_off: Annotated[frozenset[Word], Field(max_length=100)] = frozenset()
    frequency: FrequencyIn | None = None
    paused_until: Instant | None = None
    hours: Annotated[tuple[WindowIn, ...], Field(min_length=1, max_length=21)] | None = None
    preferred_channel: Channel | None = None
    zone: Annotated[str, Field(max_length=64), AfterValidator(_zone)] | None = None

    def wishes(self, *, at: datetime) -> Preferences:
        """Return the wishes in the words of the model."""
        frequency = self.frequency
        return Preferences(
            at=at,
            channels_off=self.channels_off,
            topics_off=self.topics_off,
            frequency=FrequencyWish(limit=frequency.limit, per=frequency.per)
            if frequency
            else None,
            paused_until=self.paused_until,
            hours=Hours(windows=tuple(one.window() for one in self.hours)) if self.hours else None,
            preferred_channel=self.preferred_channel,
            zone=self.zone,
        )


class FrequencyOut(Out):
    """A person's own cap on marketing."""

    limit: int
    per: Period

    @classmethod
    def of(cls, wish: FrequencyWish) -> Self:
        """Render a wish."""
        return cls.model_validate(wish, from_attributes=True)


class WindowOut(Out):
    """When the person may be contacted, in their local time."""

    days: tuple[Weekday, ...]
    opens: str = Field(serialization_alias="from")
    closes: str = Field(serialization_alias="to")

    @classmethod
    def of(cls, window: Window) -> Self:
        """Render a window."""
        return cls(
            days=tuple(day for day in Weekday if day in window.days),
            opens=_time(window.opens),
            closes=_time(window.closes),
        )


class PreferencesOut(Out):
    """A person's wishes, over all contacts that were joined."""

    channels_off: tuple[Channel, ...]
    topics_off: tuple[str, ...]
    frequency: FrequencyOut | None
    paused_until: datetime | None
    hours: tuple[WindowOut, ...] | None
    preferred_channel: Channel | None
    zone: str | None

    @classmethod
    def of(cls, wishes: Preferences) -> Self:
        """Render wishes."""
        return cls(
            channels_off=tuple(sorted(wishes.channels_off)),
            topics_off=tuple(sorted(wishes.topics_off)),
            frequency=FrequencyOut.of(wishes.frequency) if wishes.frequency else None,
            paused_until=wishes.paused_until,
            hours=tuple(map(WindowOut.of, wishes.hours.windows)) if wishes.hours else None,
            preferred_channel=wishes.preferred_channel,
            zone=wishes.zone,
        )


class ConsentStatusIn(StrEnum):
    """What is to be written down; `confirmed` becomes `granted`, of what is pending alone."""

    GRANTED = "granted"
    PENDING = "pending"
    CONFIRMED = "confirmed"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"


class ConsentIn(In):
    """What a person says about being contacted, and how that can be shown."""

    purpose: Purpose = Purpose.MARKETING
    channel: Channel | None = Field(default=None, description="All channels if left out.")
    topic: Word | None = Field(default=None, description="All topics if left out.")
    status: ConsentStatusIn = Field(
        description=(
            "`pending` asks for a confirmation (double opt-in). `confirmed` is that confirmation, "
            "and is refused unless the same purpose, channel and topic are pending for this "
            "contact; its proof says `granted`. `granted` needs no question before."
        )
    )
    obtained_by: Text = Field(description="The form, call or system in which it was said.")
    text: Annotated[str, Field(min_length=1, max_length=2_000)] | None = Field(
        default=None, description="What the person was shown."
    )
    text_version: Text | None = None
    expires_at: Instant | None = None

    def statement(self, contact_id: str, *, app_id: str, by: str) -> Statement:
        """Return what is said, of this contact, written down by ``by``."""
        return Statement(
            app_id=app_id,
            contact_id=contact_id,
            key=ConsentKey(self.purpose, self.channel, self.topic),
            obtained_by=self.obtained_by,
            by=by,
            text=self.text,
            text_version=self.text_version,
            expires_at=self.expires_at,
        )


class ConsentOut(Out):
    """One word about consent, with its proof."""

    proof_id: str
    contact_id: str
    purpose: Purpose
    channel: Channel | None
    topic: str | None
    status: ConsentStatus
    text: str | None
    text_version: str | None
    obtained_by: str
    by: str
    at: datetime
    expires_at: datetime | None

    @classmethod
    def of(cls, proof: Proof) -> Self:
        """Render a proof."""
        return cls(
            proof_id=proof.proof_id,
            contact_id=proof.contact_id,
            purpose=proof.key.purpose,
            channel=proof.key.channel,
            topic=proof.key.topic,
            status=proof.status,
            text=proof.text,
            text_version=proof.text_version,
            obtained_by=proof.obtained_by,
            by=proof.by,
            at=proof.at,
            expires_at=proof.expires_at,
        )


class ConsentsOut(Out):
    """A page of all that a person said about consent, the newest first."""

    items: tuple[ConsentOut, ...]
    next_cursor: str | None


class LinkIn(In):
    """For which message links are made."""

    topic: Word | None = Field(
        default=None, description="What one click switches off; all marketing if left out."
    )


class LinkOut(Out):
    """Links for a person, to be put into what is sent to them; good for 400 days."""

    preferences_url: str
    unsubscribe_url: str
    headers: dict[str, str] = Field(description="For e-mail: one-click unsubscribe (RFC 8058).")

    @classmethod
    def at(cls, base: str, *, preferences: str, unsubscribe: str) -> Self:
        """Render links below an address, with their tokens."""
        one_click = f"{base}/unsubscribe/{unsubscribe}"
        return cls(
            preferences_url=f"{base}/preferences/{preferences}",
            unsubscribe_url=one_click,
            headers={
                "List-Unsubscribe": f"<{one_click}>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            },
        )


class CaseIn(In):
    """Something of a person that is not settled: marketing rests until it is."""

    kind: Word = "complaint"
    case_id: Annotated[str | None, Field(pattern=r"^[A-Za-z0-9_.:-]{1,128}$")] = Field(
        default=None, description="The other system's own name for it; once."
    )


class CaseOut(Out):
    """A case."""

    case_id: str
    contact_id: str
    kind: str
    opened_at: datetime
    closed_at: datetime | None

    @classmethod
    def of(cls, case: CaseRecord) -> Self:
        """Render a case."""
        return cls.model_validate(case, from_attributes=True)


class ControlGroupIn(In):
    """A share of people who are not contacted, so that the effect of contacting shows."""

    percent: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)]
    channels: frozenset[Channel] | None = Field(default=None, description="All if left out.")
    campaign_id: Text | None = Field(default=None, description="The global group if left out.")


class ControlGroupOut(Out):
    """A control group; who is in it is drawn by a hash of the contact."""

    control_group_id: str
    percent: float
    channels: tuple[Channel, ...] | None
    campaign_id: str | None

    @classmethod
    def of(cls, group: ControlGroup) -> Self:
        """Render a control group; its salt is nobody's business."""
        return cls(
            control_group_id=group.id,
            percent=group.percent,
            channels=tuple(sorted(group.channels)) if group.channels is not None else None,
            campaign_id=group.campaign_id,
        )


class ControlGroupsOut(Out):
    """An app's control groups, oldest first."""

    items: tuple[ControlGroupOut, ...]
    next_cursor: None = None

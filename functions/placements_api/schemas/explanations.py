"""Why decisions about ads come out as they do, on the wire."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Self, TypeAlias

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr, model_validator
from pydantic_core import PydanticCustomError

from shared.placements.model.explaining import AdTrace, Explanation, SlotTrace
from shared.placements.model.matching import ComparisonAnswer
from shared.placements.model.part_documents import written
from shared.placements.model.requests import (
    MOST_ADS,
    MOST_PLACEMENTS,
    Consent,
    DecisionRequest,
    NoAd,
    Wanted,
)
from shared.placements.model.targeting_text import printed
from shared.placements.service.replaying import Replayed
from shared.platform.http.schemas import In, Out
from shared.registrations.model.apps import Platform

MOST_TRACES = 100
"""Ads of which is told what they met, in each placement."""

Word: TypeAlias = Annotated[str, Field(min_length=1, max_length=64)]
Keywords: TypeAlias = Annotated[tuple[Word, ...], Field(max_length=50)]
Value: TypeAlias = (
    StrictBool | StrictInt | StrictFloat | Annotated[StrictStr, Field(max_length=256)]
)
Attributes: TypeAlias = Annotated[
    dict[Annotated[str, Field(pattern=r"^[^$]", max_length=64)], Value], Field(max_length=50)
]


class TriedPlacementIn(In):
    """A placement that would be filled."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9-]+$", max_length=64, examples=["home-top"])]
    count: Annotated[StrictInt, Field(ge=1, le=MOST_ADS)] = 1
    keywords: Keywords = ()
    attributes: Attributes = Field(default_factory=dict)

    def wanted(self) -> Wanted:
        """Return what is wanted, in the words of the model."""
        return Wanted(
            name=self.name,
            count=self.count,
            keywords=frozenset(self.keywords),
            attributes=self.attributes,
        )


class AdTrialIn(In):
    """Who would ask, and for what: a device by its id, or a contact on no device in particular.

    What the device last said of itself holds, unless it is named here.
    """

    device_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")] | None = None
    contact_id: Annotated[str, Field(pattern=r"^con_[0-9A-Z]{26}$")] | None = None
    placements: Annotated[
        tuple[TriedPlacementIn, ...], Field(min_length=1, max_length=MOST_PLACEMENTS)
    ]
    keywords: Keywords = ()
    attributes: Attributes = Field(default_factory=dict)
    capping: StrictBool = Field(
        default=True, description="The person agrees that we count what they see."
    )
    personalisation: StrictBool = Field(
        default=True, description="They agree to ads by what is known of them."
    )
    platform: Platform | None = None
    app_version: Word | None = None
    os_version: Word | None = None
    locale: Word | None = None
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$", examples=["CH"])] | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.device_id is None) is (self.contact_id is None):
            raise PydanticCustomError("one_of", "either a device or a contact")
        if len({one.name for one in self.placements}) < len(self.placements):
            raise PydanticCustomError("twice", "a placement is named once; see count")
        return self

    def wanted(self) -> tuple[Wanted, ...]:
        """Return what is wanted, in the words of the model."""
        return tuple(one.wanted() for one in self.placements)

    def consent(self) -> Consent:
        """Return what the person lets the app do."""
        return Consent(capping=self.capping, personalisation=self.personalisation)

    def said(self) -> dict[str, str]:
        """Return what is named of the device."""
        named = {
            "platform": self.platform and self.platform.value,
            "app_version": self.app_version,
            "os_version": self.os_version,
            "locale": self.locale,
            "country": self.country,
        }
        return {name: value for name, value in named.items() if value is not None}


class NoAdReasonOut(Out):
    """Why an ad was refused, or a placement got fewer ads than it wanted."""

    code: int = Field(description="OpenRTB's no-bid reason; from 500 on our own.")
    reason: str = Field(examples=["frequency_cap"])

    @classmethod
    def of(cls, reason: NoAd) -> Self:
        """Render a reason."""
        return cls(code=int(reason), reason=reason.name.lower())


class TargetingAnswerOut(Out):
    """One comparison of a flight's targeting, what was found, and whether it holds."""

    pointer: str = Field(description="Its place in the targeting as JSON.")
    comparison: str
    found: Any
    holds: bool

    @classmethod
    def of(cls, answer: ComparisonAnswer) -> Self:
        """Render an answer."""
        return cls(
            pointer=answer.pointer,
            comparison=printed(answer.comparison),
            found=written(answer.found),
            holds=answer.holds,
        )


class AdTraceOut(Out):
    """What one ad met in one placement.

    `order` is when it was drawn; null: never, since others filled the placement before, or it was
    refused before any draw. `gate` is what refused it, with the `figures` that were looked at.
    """

    ad_id: str
    flight_id: str
    tier: int
    is_given: bool
    order: int | None
    gate: str | None
    reason: NoAdReasonOut | None
    figures: dict[str, Any]
    answers: tuple[TargetingAnswerOut, ...]

    @classmethod
    def of(cls, trace: AdTrace) -> Self:
        """Render what an ad met."""
        return cls(
            ad_id=trace.ad_id,
            flight_id=trace.flight_id,
            tier=trace.tier,
            is_given=trace.is_given,
            order=trace.order,
            gate=None if trace.gate is None else trace.gate.name.lower(),
            reason=None if trace.reason is None else NoAdReasonOut.of(trace.reason),
            figures=_plain(trace.figures),
            answers=tuple(TargetingAnswerOut.of(one) for one in trace.answers),
        )


class SlotTraceOut(Out):
    """What happened in one placement: those that were given, then those that were drawn."""

    name: str
    wanted: int
    given: int
    no_ad: NoAdReasonOut | None
    ads: tuple[AdTraceOut, ...]
    left_out: int = Field(
        description=f"Ads beyond {MOST_TRACES}: ask about a flight by `flight_id`."
    )

    @classmethod
    def of(cls, slot: SlotTrace, *, flight_id: str | None) -> Self:
        """Render what happened in a placement, to the ads of one flight where one is named."""
        asked = [one for one in slot.ads if flight_id in {None, one.flight_id}]
        told = sorted(asked, key=_by_how_far)[:MOST_TRACES]
        return cls(
            name=slot.name,
            wanted=slot.wanted,
            given=slot.given,
            no_ad=None if slot.no_ad is None else NoAdReasonOut.of(slot.no_ad),
            ads=tuple(AdTraceOut.of(one) for one in told),
            left_out=len(asked) - len(told),
        )


class AdTrialOut(Out):
    """What would be decided at this moment, and why; nothing was counted."""

    at: datetime
    device_id: str | None
    contact_id: str
    snapshot_version: int
    snapshot_hash: str
    placements: tuple[SlotTraceOut, ...]
    ghosts: tuple[str, ...] = Field(
        description="Flights that would be shown, but for that the person is kept from them."
    )

    @classmethod
    def tried(
        cls, request: DecisionRequest, explanation: Explanation, *, flight_id: str | None
    ) -> Self:
        """Render what would be decided."""
        return cls.model_validate(_explained(request, explanation, flight_id))


class ExplainedDecisionOut(AdTrialOut):
    """A decision that was made, made again from what was kept of it."""

    decision_id: str
    is_same: bool = Field(description="It came out bit for bit as it was given then.")

    @classmethod
    def of(cls, replayed: Replayed, *, flight_id: str | None) -> Self:
        """Render a decision."""
        request = replayed.record.request
        told = _explained(request, replayed.explanation, flight_id)
        known = {"decision_id": request.decision_id, "is_same": replayed.is_same}
        return cls.model_validate({**told, **known})


def _explained(
    request: DecisionRequest, explanation: Explanation, flight_id: str | None
) -> dict[str, Any]:
    return {
        "at": request.at,
        "device_id": request.device_id or None,
        "contact_id": request.contact_id,
        "snapshot_version": explanation.snapshot_version,
        "snapshot_hash": explanation.snapshot_hash,
        "placements": [SlotTraceOut.of(slot, flight_id=flight_id) for slot in explanation.slots],
        "ghosts": list(explanation.outcome.ghosts),
    }


def _by_how_far(trace: AdTrace) -> tuple[bool, float, int]:
    order = float("inf") if trace.order is None else trace.order
    return not trace.is_given, order, trace.tier


def _plain(figures: Mapping[str, object]) -> dict[str, Any]:
    return {name: _plain_value(value) for name, value in figures.items()}


def _plain_value(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain_value(one) for one in value]
    return written(value)

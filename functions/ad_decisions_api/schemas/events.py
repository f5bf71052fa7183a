"""What devices tell of ads, and how it was taken."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field

from shared.placements.model.engagements import Engagement
from shared.placements.service.engagements import MOST_REPORTS, Answer, Report, Standing
from shared.platform.auth.ad_tokens import LONGEST
from shared.platform.http.schemas import In, Instant, Out


class AdEventType(StrEnum):
    """What becomes of an ad that a device shows; to claim its coupon is a route of coupons."""

    LOADED = "loaded"
    IMPRESSION = "impression"
    VIEWABLE50 = "viewable50"
    VIEWABLE100 = "viewable100"
    CLICK = "click"
    CONVERSION = "conversion"

    @property
    def engagement(self) -> Engagement:
        """Return the same in the words of the model."""
        return Engagement(self.value)


class AdEventIn(In):
    """One event of an ad that was given to the device."""

    token: Annotated[str, Field(min_length=1, max_length=LONGEST)]
    type: AdEventType
    at: Instant | None = Field(default=None, description="By the device's clock; left out: now.")

    def report(self) -> Report:
        """Return the event in the words of the model."""
        return Report(token=self.token, engagement=self.type.engagement, at=self.at)


class AdEventsIn(In):
    """A batch of events, in any order."""

    events: Annotated[tuple[AdEventIn, ...], Field(min_length=1, max_length=MOST_REPORTS)]


class AdEventOut(Out):
    """How one event was taken."""

    status: Standing
    reason: str | None = Field(
        description="Why it is rejected: it is kept, and neither counted nor billed.",
        examples=["late"],
    )


class AdEventsOut(Out):
    """How a batch was taken: an answer for each event, in the order in which they were sent."""

    results: tuple[AdEventOut, ...]

    @classmethod
    def of(cls, answers: Sequence[Answer]) -> Self:
        """Render how events were taken."""
        return cls(
            results=tuple(AdEventOut(status=one.standing, reason=one.reason) for one in answers)
        )

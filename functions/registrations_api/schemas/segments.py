"""What the routes of segments take and return on the wire."""

from datetime import datetime
from typing import Annotated, Any, Self, TypeAlias

from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from pydantic import Field, StrictInt

from shared.platform.http.schemas import In, Out
from shared.registrations.model.apps import Platform
from shared.registrations.model.estimates import Estimate
from shared.registrations.model.rule_documents import document_of, rule_of
from shared.registrations.model.rules import Rule
from shared.registrations.model.segments import Segment

LAST_VERSION = 2**31 - 1

SegmentId: TypeAlias = Annotated[str, Path(pattern=r"^seg_[0-9A-Z]{26}$")]
Version: TypeAlias = Annotated[
    int | None,
    Query(ge=1, le=LAST_VERSION, description="A version of the past, also of a deleted segment."),
]
SegmentName: TypeAlias = Annotated[
    str, Field(min_length=1, max_length=100, description="Unique among the app's segments.")
]
RuleDocument: TypeAlias = Annotated[
    dict[str, Any],
    Field(
        description="`all`, `any` or `not` of rules; or one question: `tag`, `attribute`, `device`,"
        " `seen`, `registered`, `consent` or `event`.",
        examples=[{"all": [{"tag": "vip"}, {"not": {"seen": {"within_days": 30}}}]}],
    ),
]


class RuleIn(In):
    """A rule that says whom a segment means."""

    rule: RuleDocument

    def parsed(self) -> Rule:
        """Return the rule in the words of the model.

        Raises:
            SegmentInvalidError: it has problems; each is named at its place.
        """
        return rule_of(self.rule)


class SegmentIn(RuleIn):
    """A new segment."""

    name: SegmentName


class SegmentChangeIn(SegmentIn):
    """A segment's next version."""

    version: Annotated[
        StrictInt, Field(ge=1, le=LAST_VERSION, description="The version that was read.")
    ]


class SegmentOut(Out):
    """A segment, in one version."""

    segment_id: str
    name: str
    rule: dict[str, Any]
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, segment: Segment) -> Self:
        """Render a segment."""
        return cls(
            segment_id=segment.segment_id,
            name=segment.name,
            rule=document_of(segment.rule),
            version=segment.version,
            created_at=segment.created_at,
            updated_at=segment.updated_at,
        )


class SegmentsOut(Out):
    """A page of segments."""

    items: tuple[SegmentOut, ...]
    next_cursor: str | None


class SampledOut(Out):
    """One of the devices that a rule matches."""

    device_id: str
    contact_id: str


class EstimateOut(Out):
    """How many devices a rule matches now, and how that is known."""

    size: int
    low: int = Field(description="With `high`: where the size lies in 95 of 100 cases.")
    high: int
    is_exact: bool = Field(description="Every device was looked at.")
    by_platform: dict[Platform, int]
    reachable: int = Field(description="Those of them that a push could show on.")
    sample: tuple[SampledOut, ...] = Field(description="At most ten of the devices.")
    devices_read: int
    shards_read: int = Field(description="Of 64, into which devices fall by a hash of their id.")

    @classmethod
    def of(cls, found: Estimate) -> Self:
        """Render an estimate."""
        return cls.model_validate(found, from_attributes=True)

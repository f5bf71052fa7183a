"""Replays of the ledger into subscriptions, on the wire."""

from datetime import datetime
from typing import Annotated, Self, TypeAlias

from aws_lambda_powertools.event_handler.openapi.params import Path
from pydantic import Field, StrictBool, StrictInt

from shared.contact_events.model.resending import (
    HIGHEST_RATE,
    USUAL_RATE,
    Outlook,
    Replay,
    ReplayState,
)
from shared.contact_events.service.resending import ReplayTerms
from shared.platform.http.schemas import In, Instant, Out

ReplayId: TypeAlias = Annotated[str, Path(pattern=r"^rpl_[0-9A-Z]{26}$")]
EventType: TypeAlias = Annotated[
    str, Field(min_length=1, max_length=255, examples=["purchase.completed.v1"])
]


class ReplayIn(In):
    """What is sent again: by when events were recorded, `from` inclusive, `to` exclusive."""

    since: Instant = Field(alias="from")
    until: Instant | None = Field(alias="to", default=None, description="Left out: now.")
    types: Annotated[
        tuple[EventType, ...],
        Field(max_length=20, description="Without the organisation before them; none: all."),
    ] = ()
    per_minute: Annotated[
        StrictInt, Field(ge=1, le=HIGHEST_RATE, description="Events that are sent at most.")
    ] = USUAL_RATE
    dry_run: StrictBool = Field(default=False, description="Count them, and send nothing.")

    def terms(self) -> ReplayTerms:
        """Return what is asked for."""
        return ReplayTerms(
            since=self.since,
            until=self.until,
            types=frozenset(self.types),
            per_minute=self.per_minute,
        )


class ReplayOut(Out):
    """A replay, and how far it is."""

    replay_id: str
    subscription_id: str
    since: datetime = Field(serialization_alias="from")
    until: datetime = Field(serialization_alias="to")
    types: tuple[str, ...]
    per_minute: int
    state: ReplayState
    read: int = Field(description="Events of the range and its types, so far.")
    sent: int = Field(description="Those that passed the filter: they arrived, or are deliveries.")
    created_by: str
    created_at: datetime
    ended_at: datetime | None = Field(description="Null: it is running.")

    @classmethod
    def of(cls, found: Replay) -> Self:
        """Render a replay."""
        return cls(
            replay_id=found.replay_id,
            subscription_id=found.subscription_id,
            since=found.span.since,
            until=found.span.until,
            types=tuple(sorted(found.span.types)),
            per_minute=found.per_minute,
            state=found.state,
            read=found.read,
            sent=found.sent,
            created_by=found.created_by,
            created_at=found.created_at,
            ended_at=found.ended_at,
        )


class OutlookOut(Out):
    """What a replay would send; nothing is sent."""

    read: int = Field(description="Events that were looked at.")
    wanted: int = Field(description="Those that pass the filter.")
    is_whole: bool = Field(description="False: there are more than one dry run takes in.")

    @classmethod
    def of(cls, found: Outlook) -> Self:
        """Render an outlook."""
        return cls(read=found.read, wanted=found.wanted, is_whole=found.is_whole)


class ReplaysOut(Out):
    """A page of replays."""

    items: tuple[ReplayOut, ...]
    next_cursor: str | None

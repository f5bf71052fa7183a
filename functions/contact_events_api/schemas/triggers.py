"""Triggers, on the wire."""

from datetime import datetime
from typing import Annotated, Any, Self, TypeAlias

from aws_lambda_powertools.event_handler.openapi.params import Path
from pydantic import Field

from shared.contact_events.model.firing import Instance, InstanceState
from shared.contact_events.model.trigger_documents import document_of
from shared.contact_events.model.triggers import Trigger, TriggerState
from shared.contact_events.service.explaining import Considered, Explained
from shared.contact_events.service.simulating import Simulated
from shared.platform.http.schemas import In, Instant, Out

TriggerId: TypeAlias = Annotated[str, Path(pattern=r"^trg_[0-9A-Z]{26}$")]
Document: TypeAlias = Annotated[
    dict[str, Any],
    Field(
        description="When this event, then that, after so long, unless: see docs/triggers.md.",
        examples=[
            {
                "name": "unopened push",
                "when": {"type": "message.sent.v1", "filter": "channel = 'push'"},
                "after": "PT1H",
                "unless": [{"type": "message.opened.v1", "same": "message"}],
                "then": {
                    "request": {"channel": "email", "purpose": "marketing", "text": "spring-offer"}
                },
            }
        ],
    ),
]
Version: TypeAlias = Annotated[int, Field(ge=1, le=1_000_000)]


class TriggerIn(In):
    """A new trigger."""

    document: Document


class TriggerChangeIn(In):
    """What a trigger is to say; `version` is the one that was read."""

    version: Version
    document: Document


class TriggerApprovalIn(In):
    """A yes to the version that was reviewed."""

    version: Version


class SimulationIn(In):
    """A trigger, and the hours of the ledger to play to it: by when events were recorded."""

    document: Document
    since: Instant = Field(alias="from")
    until: Instant = Field(alias="to")


class TriggerOut(Out):
    """A trigger. `in_force` is the version that starts and fires."""

    trigger_id: str
    version: int
    state: TriggerState
    in_force: int | None
    document: dict[str, Any]
    authors: tuple[str, ...] = Field(description="Since the last approval: they may not approve.")
    approved_by: str | None
    approved_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, trigger: Trigger) -> Self:
        """Render a trigger."""
        approval = trigger.approval
        return cls(
            trigger_id=trigger.trigger_id,
            version=trigger.version,
            state=trigger.state,
            in_force=trigger.in_force,
            document=document_of(trigger.rule),
            authors=trigger.authors,
            approved_by=approval.by if approval else None,
            approved_at=approval.at if approval else None,
            created_at=trigger.created_at,
            updated_at=trigger.updated_at,
        )


class TriggersOut(Out):
    """All triggers of an app, 100 at most, in the order of their creation."""

    items: tuple[TriggerOut, ...]


class InstanceOut(Out):
    """One start of a trigger for a person.

    `because` says why it ended: the event that cancelled it, or the rule that said no.
    """

    instance_id: str
    trigger_version: int
    contact_id: str
    cause: str = Field(description="The event that started it.")
    caused_at: datetime
    started_at: datetime
    due_at: datetime
    state: InstanceState
    ended_at: datetime | None
    because: str | None

    @classmethod
    def of(cls, instance: Instance) -> Self:
        """Render an instance."""
        return cls(
            instance_id=instance.instance_id,
            trigger_version=instance.trigger_version,
            contact_id=instance.contact_id,
            cause=instance.cause,
            caused_at=instance.caused_at,
            started_at=instance.started_at,
            due_at=instance.due_at,
            state=instance.state,
            ended_at=instance.ended_at,
            because=instance.because,
        )


class InstancesOut(Out):
    """What a trigger started for a person, the newest first."""

    items: tuple[InstanceOut, ...]


class ConsideredOut(Out):
    """An event of a type that may cancel, and whether it does by what is known now."""

    event_id: str
    type: str
    time: datetime
    cancels: bool

    @classmethod
    def of(cls, considered: Considered) -> Self:
        """Render an event that was looked at."""
        event = considered.event
        return cls(event_id=event.id, type=event.type, time=event.time, cancels=considered.cancels)


class InstanceExplanationOut(Out):
    """Why a start of a trigger came to what it is."""

    instance: InstanceOut
    document: dict[str, Any] = Field(description="The version that started it.")
    considered: tuple[ConsideredOut, ...]

    @classmethod
    def of(cls, found: Explained) -> Self:
        """Render an explanation."""
        return cls(
            instance=InstanceOut.of(found.instance),
            document=document_of(found.rule),
            considered=tuple(ConsideredOut.of(one) for one in found.considered),
        )


class InstanceExplanationsOut(Out):
    """Why a trigger's last starts for a person came to what they are, the newest first."""

    items: tuple[InstanceExplanationOut, ...]


class SimulationOut(Out):
    """What would have come of a trigger, if the policy allowed everything."""

    events: int = Field(description="Events that were read.")
    people: int = Field(description="Contacts for whom it started.")
    counts: dict[str, int] = Field(description="Starts by the state they came to.")
    samples: tuple[InstanceOut, ...] = Field(description="The first of them.")

    @classmethod
    def of(cls, found: Simulated) -> Self:
        """Render what a simulation came to."""
        return cls(
            events=found.events,
            people=found.people,
            counts=dict(found.counts),
            samples=tuple(InstanceOut.of(one) for one in found.samples),
        )

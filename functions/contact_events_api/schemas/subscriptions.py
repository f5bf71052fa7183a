"""Subscriptions and their deliveries, on the wire."""

from datetime import datetime
from typing import Annotated, Any, Self, TypeAlias

from aws_lambda_powertools.event_handler.openapi.params import Path
from pydantic import Field, StrictInt

from shared.contact_events.cesql.words import MAX_LENGTH
from shared.contact_events.model.deliveries import Attempted, Delivery, DeliveryState
from shared.contact_events.model.subscriptions import (
    MessageMode,
    PauseReason,
    Subscription,
    SubscriptionState,
)
from shared.kernel.envelope import public_id
from shared.kernel.targets import MAX_URL
from shared.platform.http.schemas import In, Out

SubscriptionId: TypeAlias = Annotated[str, Path(pattern=r"^sub_[0-9A-Z]{26}$")]
DeliveryId: TypeAlias = Annotated[str, Path(pattern=r"^dlv_[0-9A-Z]{26}$")]

LAST_VERSION = 2**31 - 1

Url: TypeAlias = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_URL,
        description="https on port 443, with a name as its host.",
        examples=["https://hooks.example.com/in"],
    ),
]
Filter: TypeAlias = Annotated[
    str,
    Field(
        max_length=MAX_LENGTH,
        description="CESQL on the event's attributes, and on `data_<name>`; empty: every event.",
        examples=["type LIKE '%.purchase.completed.v1' AND data_amount >= 10000"],
    ),
]
Description: TypeAlias = Annotated[str, Field(max_length=200)]


class SubscriptionIn(In):
    """Where events are sent, and which."""

    url: Url
    filter: Filter | None = None
    mode: Annotated[
        MessageMode, Field(description="Each event alone, or several in a JSON array.")
    ] = MessageMode.STRUCTURED
    description: Description = ""


class SubscriptionChangeIn(In):
    """What changes of a subscription; what is left out stays."""

    version: Annotated[
        StrictInt, Field(ge=1, le=LAST_VERSION, description="The version that was read.")
    ]
    url: Url | None = None
    filter: Filter | None = None
    mode: MessageMode | None = None
    description: Description | None = None
    state: SubscriptionState | None = None


class SubscriptionOut(Out):
    """A subscription; its secrets are not shown."""

    subscription_id: str
    url: str
    filter: str | None
    mode: MessageMode
    description: str
    state: SubscriptionState
    reason: PauseReason | None = Field(description="Why it is paused; null: it is not.")
    failing_since: datetime | None = Field(
        description="Since when its receiver took nothing; null: it takes what it is sent."
    )
    secrets: int = Field(description="How many secrets sign: two for a day after a change.")
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, found: Subscription, *, at: datetime) -> Self:
        """Render a subscription as of an instant."""
        return cls(**_described(found, at=at))


class SubscriptionWithSecretOut(SubscriptionOut):
    """A subscription with its newest secret, shown once."""

    secret: str = Field(description="As Standard Webhooks writes it: `whsec_<base64>`.")

    @classmethod
    def with_secret(cls, found: Subscription, *, secret: str, at: datetime) -> Self:
        """Render a subscription together with the text of its secret."""
        return cls(**_described(found, at=at), secret=secret)


class SubscriptionsOut(Out):
    """The subscriptions of an app."""

    items: tuple[SubscriptionOut, ...]


class AttemptedOut(Out):
    """What came of one attempt."""

    arrived: bool
    status: int | None = Field(description="Of the answer; null: there was none.")
    failure: str | None = Field(description="Why there was no answer, or nothing was sent.")
    milliseconds: int
    beginning: str = Field(description="How the answer's body begins: at most 1,024 bytes.")

    @classmethod
    def of(cls, found: Attempted) -> Self:
        """Render an attempt."""
        return cls(
            arrived=found.arrived,
            status=found.status,
            failure=found.failure,
            milliseconds=found.milliseconds,
            beginning=found.beginning,
        )


class DeliveryOut(Out):
    """Events that a receiver has yet to take, or never took."""

    delivery_id: str
    event_ids: tuple[str, ...]
    state: DeliveryState
    attempts: int = Field(description="Those that failed.")
    outcome: str = Field(
        description="Of the last attempt: the status, or a word; empty: there was none."
    )
    due_at: datetime | None = Field(description="When it is tried again; null: it is not.")
    created_at: datetime

    @classmethod
    def of(cls, found: Delivery) -> Self:
        """Render a delivery."""
        is_waiting = found.state is DeliveryState.WAITING
        return cls(
            delivery_id=found.delivery_id,
            event_ids=tuple(public_id(sequence) for sequence in found.sequences),
            state=found.state,
            attempts=found.attempts,
            outcome=found.outcome,
            due_at=found.due_at if is_waiting else None,
            created_at=found.created_at,
        )


class DeliveriesOut(Out):
    """A page of deliveries."""

    items: tuple[DeliveryOut, ...]
    next_cursor: str | None


def _described(found: Subscription, *, at: datetime) -> dict[str, Any]:
    return {
        "subscription_id": found.subscription_id,
        "url": found.url,
        "filter": found.filter,
        "mode": found.mode,
        "description": found.description,
        "state": found.state,
        "reason": found.reason,
        "failing_since": found.failing_since,
        "secrets": len(found.signing(at)),
        "version": found.version,
        "created_at": found.created_at,
        "updated_at": found.updated_at,
    }

"""Facts the contact events domain publishes itself: what is done with triggers, and by them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from shared.kernel.events import Channel, DomainEvent, Purpose

SOURCE = "contact_events"


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerEvent(DomainEvent):
    """Somebody did something with a trigger."""

    source: ClassVar[str] = SOURCE
    about: ClassVar[str] = "trigger_id"
    trigger_id: str
    name: str
    version: int
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerCreated(TriggerEvent):
    """A marketer drafted a trigger."""

    type: ClassVar[str] = "trigger.created.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerUpdated(TriggerEvent):
    """A marketer drafted a trigger's next version; what was approved before goes on."""

    type: ClassVar[str] = "trigger.updated.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerApproved(TriggerEvent):
    """Somebody else than its authors put a version of a trigger in force."""

    type: ClassVar[str] = "trigger.approved.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerPaused(TriggerEvent):
    """Nothing starts and nothing fires until the trigger is resumed."""

    type: ClassVar[str] = "trigger.paused.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerResumed(TriggerEvent):
    """A paused trigger goes on with what happens from now on."""

    type: ClassVar[str] = "trigger.resumed.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerDeleted(TriggerEvent):
    """A marketer deleted a trigger; ``version`` was its last."""

    type: ClassVar[str] = "trigger.deleted.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactRequested(DomainEvent):
    """A trigger asks whoever speaks on a channel to contact a person, once.

    ``text`` names what to say in the words of that channel. The policy allowed it: the touch
    counts under ``reservation_id`` until ``reserved_until``, and for good once the channel's
    ``message.sent.v1`` names the reservation. The envelope's cause is the event that started it.
    """

    type: ClassVar[str] = "contact.requested.v1"
    source: ClassVar[str] = SOURCE
    channel: Channel = field()  # type: ignore[misc]
    contact_id: str
    purpose: Purpose
    trigger_id: str
    trigger_version: int
    instance_id: str
    text: str
    topic: str | None = None
    offer_key: str | None = None
    reservation_id: str | None = None
    reserved_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerFired(DomainEvent):
    """A trigger has our own domains do something for a person; ``action`` says what.

    ``redemption_ids`` are the reservations that are given back by ``release_reservations``.
    """

    type: ClassVar[str] = "trigger.fired.v1"
    source: ClassVar[str] = SOURCE
    contact_id: str
    trigger_id: str
    trigger_version: int
    instance_id: str
    action: str
    redemption_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerSuppressed(DomainEvent):
    """A trigger was due for a person, and a rule of ours said no; ``reason`` names the rule.

    ``because`` has the reasons of the policy in plain values, as a decision gives them.
    """

    type: ClassVar[str] = "trigger.suppressed.v1"
    source: ClassVar[str] = SOURCE
    contact_id: str
    trigger_id: str
    trigger_version: int
    instance_id: str
    reason: str
    because: tuple[Mapping[str, object], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionEvent(DomainEvent):
    """A fact about a subscription; its URL and secrets are never told."""

    source: ClassVar[str] = SOURCE
    about: ClassVar[str] = "subscription_id"
    subscription_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionCreated(SubscriptionEvent):
    """A marketer had events sent to another system."""

    type: ClassVar[str] = "subscription.created.v1"
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionUpdated(SubscriptionEvent):
    """A marketer changed a subscription, or its secret; ``changed`` names the fields."""

    type: ClassVar[str] = "subscription.updated.v1"
    changed: tuple[str, ...]
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionPaused(SubscriptionEvent):
    """We stopped to send: the receiver is ``gone``, or was ``failing`` for days."""

    type: ClassVar[str] = "subscription.paused.v1"
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionReplayed(SubscriptionEvent):
    """A marketer has events sent once more: those that were recorded in a range."""

    type: ClassVar[str] = "subscription.replayed.v1"
    replay_id: str
    since: datetime
    until: datetime
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionReplayEnded(SubscriptionEvent):
    """A replay is ``done``, or was ``cancelled``; ``sent`` is how many events it sent."""

    type: ClassVar[str] = "subscription.replay_ended.v1"
    replay_id: str
    outcome: str
    sent: int
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionDeleted(SubscriptionEvent):
    """A marketer ended a subscription."""

    type: ClassVar[str] = "subscription.deleted.v1"
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionTested(SubscriptionEvent):
    """A marketer tries out a subscription; its receiver alone is told."""

    type: ClassVar[str] = "subscription.tested.v1"
    by: str

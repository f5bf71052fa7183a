"""Facts the push domain publishes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from shared.kernel.events import Channel, Direction, DomainEvent, Purpose

SOURCE = "push"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagesQueued(DomainEvent):
    """A marketer's messages are to be sent; the sender works on this event."""

    type: ClassVar[str] = "message.queued.v1"
    source: ClassVar[str] = SOURCE
    about: ClassVar[str] = "chunk_id"
    channel: ClassVar[Channel | None] = Channel.PUSH
    direction: ClassVar[Direction | None] = Direction.OUT
    chunk_id: str
    purpose: Purpose
    messages: int
    send_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEvent(DomainEvent):
    """A fact about one message, on its contact's timeline.

    ``channel`` is ``inapp`` of what stands in an inbox or is shown in the app. What was put into an
    inbox without a push has no ``device_id``. ``variant`` is the text of the campaign, where the
    message is part of one; ``in_app_id`` names what was shown by a device's own judgement.
    """

    source: ClassVar[str] = SOURCE
    channel: Channel = Channel.PUSH  # type: ignore[misc]
    direction: ClassVar[Direction | None] = Direction.OUT
    contact_id: str
    device_id: str | None
    message_id: str
    purpose: Purpose
    campaign_id: str | None = None
    variant: str | None = None
    in_app_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSent(MessageEvent):
    """FCM took the message, or it stands in an inbox, or was shown in the app.

    ``ambiguous``: an earlier answer was lost, it may be there twice.
    """

    type: ClassVar[str] = "message.sent.v1"
    provider_id: str | None
    ambiguous: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFailed(MessageEvent):
    """The message will never be taken; ``state`` is invalid (a dead address) or failed."""

    type: ClassVar[str] = "message.failed.v1"
    state: str
    code: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageExpired(MessageEvent):
    """The message was not sent in time."""

    type: ClassVar[str] = "message.expired.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageUnconfirmed(MessageEvent):
    """FCM's answer was lost and the message not tried again: it may have been sent, or not."""

    type: ClassVar[str] = "message.unconfirmed.v1"
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reported(MessageEvent):
    direction: ClassVar[Direction | None] = Direction.IN


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDelivered(_Reported):
    """The device has the message."""

    type: ClassVar[str] = "message.delivered.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageOpened(_Reported):
    """The person opened the message."""

    type: ClassVar[str] = "message.opened.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageClicked(_Reported):
    """The person followed the message's link or button."""

    type: ClassVar[str] = "message.clicked.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSeen(_Reported):
    """The message was on the screen, in the list of an inbox."""

    type: ClassVar[str] = "message.seen.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageArchived(_Reported):
    """The person put the message away."""

    type: ClassVar[str] = "message.archived.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDismissed(_Reported):
    """The person closed what was shown in the app."""

    type: ClassVar[str] = "message.dismissed.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageConverted(_Reported):
    """The person did what the message was for."""

    type: ClassVar[str] = "message.converted.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class _TemplateEvent(DomainEvent):
    source: ClassVar[str] = SOURCE
    about: ClassVar[str] = "template_id"
    channel: ClassVar[Channel | None] = Channel.PUSH
    template_id: str
    name: str
    version: int
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateCreated(_TemplateEvent):
    """A marketer wrote a template."""

    type: ClassVar[str] = "template.created.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateUpdated(_TemplateEvent):
    """A marketer replaced a template by its next version."""

    type: ClassVar[str] = "template.updated.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateDeleted(_TemplateEvent):
    """A marketer deleted a template; ``version`` was its last."""

    type: ClassVar[str] = "template.deleted.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class InAppEvent(DomainEvent):
    """Somebody did something with an in-app message."""

    source: ClassVar[str] = SOURCE
    about: ClassVar[str] = "in_app_id"
    channel: ClassVar[Channel | None] = Channel.INAPP
    in_app_id: str
    name: str
    version: int
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InAppCreated(InAppEvent):
    """A marketer drafted an in-app message."""

    type: ClassVar[str] = "in_app.created.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class InAppUpdated(InAppEvent):
    """A marketer changed an in-app message."""

    type: ClassVar[str] = "in_app.updated.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class InAppActivated(InAppEvent):
    """A marketer has an in-app message shown from now on."""

    type: ClassVar[str] = "in_app.activated.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class InAppPaused(InAppEvent):
    """Devices that ask from now on are not told of the in-app message."""

    type: ClassVar[str] = "in_app.paused.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignEvent(DomainEvent):
    """Somebody did something with a campaign."""

    source: ClassVar[str] = SOURCE
    about: ClassVar[str] = "campaign_id"
    channel: ClassVar[Channel | None] = Channel.PUSH
    campaign_id: str
    name: str
    version: int
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignCreated(CampaignEvent):
    """A marketer drafted a campaign."""

    type: ClassVar[str] = "campaign.created.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignUpdated(CampaignEvent):
    """A marketer changed a draft."""

    type: ClassVar[str] = "campaign.updated.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignApproved(CampaignEvent):
    """Somebody approved a campaign."""

    type: ClassVar[str] = "campaign.approved.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignRehearsed(CampaignEvent):
    """A rehearsal began; nobody is told anything by it."""

    type: ClassVar[str] = "campaign.rehearsed.v1"
    run_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignScheduled(CampaignEvent):
    """A marketer had a campaign sent; its planning begins at ``starts_at``.

    ``conversion`` is the type of event that the campaign is for, if it names one: it counts for so
    long as ``converts_within`` after a message, of which none is sent from ``ends_at`` on.
    """

    type: ClassVar[str] = "campaign.scheduled.v1"
    run_id: str
    starts_at: datetime
    audience: int
    conversion: str | None = None
    converts_within: timedelta | None = None
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignPaused(CampaignEvent):
    """Nothing more is sent until the campaign is resumed."""

    type: ClassVar[str] = "campaign.paused.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignResumed(CampaignEvent):
    """A paused campaign goes on."""

    type: ClassVar[str] = "campaign.resumed.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignCancelled(CampaignEvent):
    """Nothing more is sent, for good."""

    type: ClassVar[str] = "campaign.cancelled.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignFinished(CampaignEvent):
    """Every planned message has its final state; ``books`` says how many stand where."""

    type: ClassVar[str] = "campaign.finished.v1"
    run_id: str
    planned: int
    books: dict[str, int]

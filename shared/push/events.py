"""Facts the push domain publishes."""

from dataclasses import dataclass
from datetime import datetime
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
    """A fact about one message, on its contact's timeline."""

    source: ClassVar[str] = SOURCE
    channel: ClassVar[Channel | None] = Channel.PUSH
    direction: ClassVar[Direction | None] = Direction.OUT
    contact_id: str
    device_id: str
    message_id: str
    purpose: Purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSent(MessageEvent):
    """FCM took the message. ``ambiguous``: an earlier answer was lost, it may be there twice."""

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

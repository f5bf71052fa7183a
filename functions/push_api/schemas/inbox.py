"""Inboxes, on the wire."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Self

from pydantic import Field

from functions.push_api.schemas import DataKey, Link, Text, Topic
from shared.kernel.decisions import DEFAULT_PRIORITY
from shared.kernel.events import Purpose
from shared.kernel.paging import cursor_of
from shared.platform.http.schemas import In, Out
from shared.push.model import Content, Terms
from shared.push.model.inbox import (
    KEPT_FOR,
    LONGEST_KEPT,
    SHORTEST_KEPT,
    InboxMessage,
    InboxState,
    Placed,
    Placing,
)
from shared.push.service.inbox import Listed


class CopyIn(In):
    """That a message stays in the inbox, and for how long."""

    ttl_seconds: Annotated[
        int,
        Field(ge=SHORTEST_KEPT // timedelta(seconds=1), le=LONGEST_KEPT // timedelta(seconds=1)),
    ] = KEPT_FOR // timedelta(seconds=1)

    @property
    def kept_for(self) -> timedelta:
        """Return for how long the message stays."""
        return timedelta(seconds=self.ttl_seconds)


class CopyOut(Out):
    """That a message stays in the inbox, and for how long."""

    ttl_seconds: int

    @classmethod
    def of(cls, kept_for: timedelta | None) -> Self | None:
        """Render for how long copies stay; ``None``: there are none."""
        return None if kept_for is None else cls(ttl_seconds=kept_for // timedelta(seconds=1))


class InboxContentIn(In):
    """What an inbox shows."""

    title: Text | None = None
    body: Text | None = None
    image: Annotated[str, Field(max_length=2_048)] | None = None
    link: Link | None = None
    data: Annotated[dict[DataKey, str], Field(max_length=64)] = Field(default_factory=dict)

    def content(self) -> Content:
        """Return the content in the words of the model."""
        return Content(
            title=self.title,
            body=self.body,
            image=self.image,
            link=self.link,
            data=dict(self.data),
        )


class PlaceIn(CopyIn):
    """A message for the inboxes of some contacts, without a push."""

    contact_ids: Annotated[
        tuple[Annotated[str, Field(pattern=r"^con_[0-9A-Z]{26}$")], ...],
        Field(min_length=1, max_length=100),
    ]
    content: InboxContentIn
    purpose: Purpose = Purpose.TRANSACTIONAL
    topic: Topic | None = None
    offer_key: Annotated[str, Field(min_length=1, max_length=128)] | None = Field(
        default=None, description="The same offer on another channel has the same key."
    )
    priority: Annotated[int, Field(ge=0, le=100)] = DEFAULT_PRIORITY

    def terms(self) -> Terms:
        """Return what the contact policy needs to know."""
        return Terms(topic=self.topic, offer_key=self.offer_key, priority=self.priority)


class PlacedOut(Out):
    """What became of one contact's message."""

    contact_id: str
    message_id: str | None = Field(description="Of a message that stands in the inbox.")
    state: Placing = Field(description="Of what was deferred nothing waits: ask again later.")
    reason: str | None = Field(description="The gate of the contact policy that refused.")
    detail: str | None
    until: datetime | None = Field(description="When to ask again.")

    @classmethod
    def of(cls, placed: Placed) -> Self:
        """Render what became of a message."""
        is_there = placed.placing is Placing.PLACED
        return cls(
            contact_id=placed.contact_id,
            message_id=placed.message_id if is_there else None,
            state=placed.placing,
            reason=placed.reason,
            detail=placed.detail,
            until=placed.until,
        )


class InboxPlacedOut(Out):
    """What became of each contact's message, in the order of the request."""

    items: tuple[PlacedOut, ...]


class InboxButtonOut(Out):
    """Something to tap beside the message."""

    id: str
    title: str
    link: str | None


class InboxMessageOut(Out):
    """A message of an inbox."""

    message_id: str
    state: InboxState
    title: str | None
    body: str | None
    image: str | None
    link: str | None
    buttons: tuple[InboxButtonOut, ...]
    data: Mapping[str, str]
    purpose: Purpose
    sent_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, message: InboxMessage) -> Self:
        """Render a message."""
        content = message.content
        return cls(
            message_id=message.message_id,
            state=message.state,
            title=content.title,
            body=content.body,
            image=content.image,
            link=content.link,
            buttons=tuple(
                InboxButtonOut(id=one.id, title=one.title, link=one.link) for one in content.buttons
            ),
            data=content.data,
            purpose=message.purpose,
            sent_at=message.sent_at,
            expires_at=message.until,
        )


class InboxOut(Out):
    """A page of an inbox, the newest first; the counts are of the whole inbox."""

    items: tuple[InboxMessageOut, ...]
    next_cursor: str | None
    unseen: int
    unread: int = Field(description="Those that were only seen among them.")

    @classmethod
    def of(cls, listed: Listed) -> Self:
        """Render a page."""
        page, counts = listed.page, listed.counts
        return cls(
            items=tuple(InboxMessageOut.of(one) for one in page.items),
            next_cursor=page.next_cursor and cursor_of(page.next_cursor),
            unseen=counts.unseen,
            unread=counts.unread,
        )


class MarkIn(In):
    """How far the person got with a message."""

    state: InboxState

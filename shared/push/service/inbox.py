"""Use cases of a person with an inbox: look into it, and say how far they got with a message."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.kernel.clock import Clock
from shared.kernel.envelope import Envelope, seal
from shared.kernel.events import Channel
from shared.kernel.ids import Ids
from shared.kernel.paging import Page
from shared.push.errors import InboxStateError, MessageNotFoundError
from shared.push.events import (
    MessageArchived,
    MessageClicked,
    MessageEvent,
    MessageOpened,
    MessageSeen,
)
from shared.push.model.inbox import Inbox, InboxCounts, InboxMessage, InboxState, inbox_of
from shared.push.ports import InboxPeople, InboxStore

_EVENT_OF: Mapping[InboxState, type[MessageEvent]] = {
    InboxState.SEEN: MessageSeen,
    InboxState.READ: MessageOpened,
    InboxState.INTERACTED: MessageClicked,
    InboxState.ARCHIVED: MessageArchived,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A page of an inbox, and the counts of the whole of it."""

    page: Page[InboxMessage]
    counts: InboxCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxService:
    """Shows the inbox of whoever uses a device, over all contacts that were joined."""

    inboxes: InboxStore
    people: InboxPeople
    clock: Clock
    ids: Ids

    def list_messages(
        self, device_id: str, *, app_id: str, limit: int, cursor: str | None, archived: bool = False
    ) -> Listed:
        """Return a page of what is not over, the newest first; ``cursor`` is a message's place."""
        inbox = self._inbox(device_id, app_id=app_id)
        listed = inbox.listed(archived=archived)
        left = [one for one in listed if cursor is None or _place_text(one) < cursor]
        more = _place_text(left[limit - 1]) if len(left) > limit else None
        return Listed(page=Page(items=left[:limit], next_cursor=more), counts=inbox.counts)

    def mark(
        self, message_id: str, state: InboxState, *, app_id: str, device_id: str
    ) -> InboxMessage:
        """Move a message on; the same state again changes nothing.

        Raises:
            MessageNotFoundError: whoever uses the device has no such message, or it is over.
            InboxStateError: it is further on already.
        """
        # Whoever loses a race finds the message further on: there are four steps in all.
        for _ in InboxState:
            contact_ids = self.people.contacts_on(device_id, app_id=app_id)
            copies = list(self._copies(message_id, contact_ids, app_id=app_id))
            if not copies:
                raise MessageNotFoundError(message_id)
            furthest = max(copies, key=lambda one: len(one.state.before))
            if furthest.state is state:
                return furthest
            moved = furthest.moved_to(state)
            told = self._told(moved, at=self.clock(), device_id=device_id)
            if self.inboxes.move(furthest, state, told):
                for one in copies:
                    if one != furthest:
                        self.inboxes.move(one, state, None)
                return moved
        raise InboxStateError(message_id)

    def _copies(
        self, message_id: str, contact_ids: Sequence[str], *, app_id: str
    ) -> Iterator[InboxMessage]:
        """Yield what a person's contacts were told by a message, each its own copy of it."""
        found = self._found(contact_ids, app_id=app_id)
        shown = {one.place for one in inbox_of(found, at=self.clock()).messages}
        places = {one.place for one in found if one.message_id == message_id} & shown
        return (one for one in found if one.place in places)

    def _inbox(self, device_id: str, *, app_id: str) -> Inbox:
        contact_ids = self.people.contacts_on(device_id, app_id=app_id)
        return inbox_of(self._found(contact_ids, app_id=app_id), at=self.clock())

    def _found(self, contact_ids: Sequence[str], *, app_id: str) -> Sequence[InboxMessage]:
        return [
            one
            for contact_id in contact_ids
            for one in self.inboxes.newest(contact_id, app_id=app_id)
        ]

    def _told(self, message: InboxMessage, *, at: datetime, device_id: str) -> Envelope:
        event = _EVENT_OF[message.state](
            app_id=message.app_id,
            occurred_at=at,
            channel=Channel.INAPP,
            contact_id=message.contact_id,
            device_id=device_id,
            message_id=message.message_id,
            purpose=message.purpose,
            campaign_id=message.campaign_id,
            variant=message.variant,
        )
        return seal(event, sequence=self.ids.sequence())


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalInbox:
    """The inbox of a person, given out or up."""

    inboxes: InboxStore

    def export(
        self, contact_ids: Sequence[str], *, app_id: str, cursor: str | None, limit: int
    ) -> Page[Mapping[str, Any]]:
        """Return a page of what stands in a person's inbox, also what it does not show."""
        at, _, after = (cursor or "0 ").partition(" ")
        number = int(at)
        if number >= len(contact_ids):
            return Page(items=[])
        found = self.inboxes.messages_of(
            contact_ids[number], app_id=app_id, after=after or None, limit=limit
        )
        items = [_plain(one) for one in found.items]
        if found.next_cursor:
            return Page(items=items, next_cursor=f"{number} {found.next_cursor}")
        last = number + 1 == len(contact_ids)
        return Page(items=items, next_cursor=None if last else f"{number + 1} ")

    def erase(self, contact_ids: Sequence[str], *, app_id: str) -> None:
        """Forget what stands in a person's inbox."""
        for contact_id in contact_ids:
            while True:
                page = self.inboxes.messages_of(contact_id, app_id=app_id, after=None, limit=100)
                self.inboxes.remove(page.items)
                if page.next_cursor is None:
                    break


def _plain(message: InboxMessage) -> Mapping[str, Any]:
    content = message.content
    return {
        "message_id": message.message_id,
        "state": message.state,
        "sent_at": message.sent_at,
        "until": message.until,
        "purpose": message.purpose,
        "campaign_id": message.campaign_id,
        "title": content.title,
        "body": content.body,
        "image": content.image,
        "link": content.link,
        "data": dict(content.data),
    }


def _place_text(message: InboxMessage) -> str:
    return f"{message.order_at.isoformat(timespec='milliseconds')} {message.key}"

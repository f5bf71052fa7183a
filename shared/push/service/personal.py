"""What push keeps about people, given out or up."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.kernel.paging import Page
from shared.push.model import Chunk, Recipient, place_of_message
from shared.push.ports import MessageArchive

_BATCH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalMessages:
    """The texts that a person was sent; that they were sent is the ledger's to tell."""

    archive: MessageArchive

    def export(
        self, contact_ids: Sequence[str], *, app_id: str, cursor: str | None, limit: int
    ) -> Page[Mapping[str, Any]]:
        """Return a page of the messages that a person was sent and that are still kept."""
        at, _, after = (cursor or "0 ").partition(" ")
        number = int(at)
        if number >= len(contact_ids):
            return Page(items=[])
        found = self.archive.messages_of(
            contact_ids[number], app_id=app_id, after=after or None, limit=limit
        )
        items = list(self._told(found.items, app_id=app_id))
        if found.next_cursor:
            return Page(items=items, next_cursor=f"{number} {found.next_cursor}")
        last = number + 1 == len(contact_ids)
        return Page(items=items, next_cursor=None if last else f"{number + 1} ")

    def erase(self, contact_ids: Sequence[str], *, app_id: str) -> None:
        """Forget what a person was sent: whole chunks of theirs, and their places in others'.

        Chunks with messages under way stay: those messages end when the device is found to be gone.
        """
        for contact_id in contact_ids:
            after: str | None = None
            while True:
                page = self.archive.messages_of(
                    contact_id, app_id=app_id, after=after, limit=_BATCH
                )
                for chunk in self._chunks(page.items, app_id=app_id).values():
                    self._forget(chunk, contact_ids)
                after = page.next_cursor
                if after is None:
                    break

    def _forget(self, chunk: Chunk, contact_ids: Sequence[str]) -> None:
        if chunk.pending:
            return
        left = chunk.without(contact_ids)
        if not any(one.contact_id for one in left.recipients):
            self.archive.remove_chunk(chunk)
        elif left != chunk:
            self.archive.replace_recipients(left)

    def _told(self, message_ids: Sequence[str], *, app_id: str) -> Iterator[Mapping[str, Any]]:
        chunks = self._chunks(message_ids, app_id=app_id)
        for message_id in message_ids:
            place = place_of_message(message_id)
            if place is None or place[0] not in chunks:
                continue
            chunk = chunks[place[0]]
            recipient = chunk.recipients[place[1]]
            yield {
                "message_id": message_id,
                "planned_at": chunk.planned_at,
                "purpose": chunk.purpose,
                "state": chunk.states[place[1]],
                "device_id": recipient.device_id,
                **_text_of(chunk, recipient),
            }

    def _chunks(self, message_ids: Sequence[str], *, app_id: str) -> Mapping[str, Chunk]:
        places = (place_of_message(one) for one in message_ids)
        return self.archive.chunks({place[0] for place in places if place}, app_id=app_id)


def _text_of(chunk: Chunk, recipient: Recipient) -> Mapping[str, Any]:
    """Return what a message said; of a campaign, whose texts are not kept, which of them it was."""
    content = chunk.content
    if content is None:
        return {"campaign_id": chunk.terms.campaign_id, "variant": recipient.variant}
    return {
        "title": content.title,
        "body": content.body,
        "image": content.image,
        "link": content.link,
        "data": dict(content.data),
    }

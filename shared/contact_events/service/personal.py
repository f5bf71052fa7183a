"""What the ledger keeps about people, given out or up."""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from shared.contact_events.model.events import RAW
from shared.contact_events.model.timelines import Place, TimelineQuery
from shared.contact_events.ports import EventStore, Vault
from shared.contact_events.service.timeline import merged
from shared.kernel.envelope import Envelope
from shared.kernel.paging import Page


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalEvents:
    """A person's events."""

    ledger: EventStore
    vault: Vault

    def export(
        self, contact_ids: Sequence[str], *, app_id: str, cursor: str | None, limit: int
    ) -> Page[Mapping[str, Any]]:
        """Return a page of a person's events, oldest first, with what foreign senders sent."""
        query = TimelineQuery(after=Place.of_cursor(cursor) if cursor else None)
        timeline = merged(self.ledger, contact_ids, app_id=app_id, query=query)
        found = list(islice(timeline, limit + 1))
        return Page(
            items=[self._plain(placed.event) for placed in found[:limit]],
            next_cursor=found[limit - 1].place.cursor if len(found) > limit else None,
        )

    def erase(self, contact_ids: Sequence[str], *, app_id: str) -> None:
        """Delete every event of a person."""
        for contact_id in contact_ids:
            self.ledger.erase(contact_id, app_id=app_id)

    def _plain(self, event: Envelope) -> Mapping[str, Any]:
        return {
            "id": event.id,
            "type": event.type,
            "source": event.source,
            "time": event.time,
            "channel": event.channel,
            "direction": event.direction,
            "purpose": event.purpose,
            "contact_id": event.subject.id,
            "data": opened(event, vault=self.vault).data,
        }


def opened(event: Envelope, *, vault: Vault) -> Envelope:
    """Return an event with what its sender sent in plain, while its contact's key is there."""
    sealed = event.data.get(RAW)
    if not isinstance(sealed, str):
        return event
    plain = vault.open(sealed, app_id=event.app_id, contact_id=event.subject.id, about=event.id)
    return replace(event, data={**event.data, RAW: _readable(plain)})


def _readable(plain: bytes | None) -> Any:
    """Return JSON as values, other text as text, anything else in base64."""
    if plain is None:
        return None
    try:
        text = plain.decode()
    except UnicodeDecodeError:
        return b64encode(plain).decode()
    try:
        return json.loads(text)
    except ValueError:
        return text

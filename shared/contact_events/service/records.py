"""Records what other systems say happened, each event once."""

from dataclasses import dataclass, replace

from shared.contact_events.errors import EventConflictError, SubjectNotFoundError
from shared.contact_events.model.events import ForeignEvent, Guard, fingerprint
from shared.contact_events.ports import Contacts, ForeignEventStore, Hasher, People, Vault
from shared.kernel.envelope import public_id
from shared.kernel.ids import ULID_LENGTH, Ids

FINGERPRINT = "fingerprint"
"""Fingerprints are hashed like an identifier of this namespace, of which there are none."""
RECKONED_ID = "reckoned_id"
"""So are the ids that follow from what was said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """How an event is recorded: under which id and contact, and whether it was before."""

    event_id: str
    contact_id: str
    is_duplicate: bool

    @property
    def sequence(self) -> str:
        """Return the sequence that the event's public id is made of."""
        return self.event_id[-ULID_LENGTH:]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordService:
    """Takes foreign events into the ledger."""

    events: ForeignEventStore
    people: People
    contacts: Contacts
    vault: Vault
    hasher: Hasher
    ids: Ids

    def record(self, event: ForeignEvent) -> Recorded:
        """Record an event under the contact whom it names; again changes nothing.

        Who is known already is found by reading alone, and the commit tells whether the event is
        new. Only where somebody must be made or joined is that asked before, so that an event which
        came before, or contradicts one, moves nobody.

        Raises:
            EventConflictError: the sender used the id for another event.
            SubjectNotFoundError: the event names a contact of whom nothing is known.
        """
        event = self._hidden(event)
        sequence, said = self.ids.sequence(), self._said(event)
        contact_id = self._recognised(event)
        if contact_id is None:
            standing = self.events.guard_of(event)
            if standing:
                return self._answer(standing, event, is_duplicate=True)
            contact_id = self.people.resolve(
                event.identifiers, app_id=event.app_id, at=event.time, by=public_id(sequence)
            )
        guard = Guard(
            app_id=event.app_id,
            source=event.source,
            id=event.id,
            fingerprint=said[0],
            event_id=public_id(sequence),
            contact_id=contact_id,
        )
        raw = self._sealed(event, guard)
        envelope = event.envelope(sequence=sequence, contact_id=contact_id, raw=raw)
        standing = self.events.commit_once(envelope, guard=guard)
        return self._answer(standing, event, is_duplicate=standing.event_id != guard.event_id)

    def rehearse(self, event: ForeignEvent) -> bool:
        """Say whether recording an event would add it; nothing is written.

        Raises:
            EventConflictError: the sender used the id for another event.
            SubjectNotFoundError: the event names a contact of whom nothing is known.
        """
        event = self._hidden(event)
        self._recognised(event)
        standing = self.events.guard_of(event)
        if standing:
            self._answer(standing, event, is_duplicate=True)
        return standing is None

    def _hidden(self, event: ForeignEvent) -> ForeignEvent:
        """Return an event whose id tells nobody what was said; one that came before keeps its id.

        While the key is rotated it may have come under the former one, which costs a read.
        """
        if not event.is_id_reckoned:
            return event
        former = self.hasher.former(event.id, app_id=event.app_id, namespace=RECKONED_ID)
        if former:
            before = replace(event, id=former)
            if self.events.guard_of(before):
                return before
        current = self.hasher.digest(event.id, app_id=event.app_id, namespace=RECKONED_ID)
        return replace(event, id=current)

    def _recognised(self, event: ForeignEvent) -> str | None:
        if event.contact_id is None:
            return self.people.recognise(event.identifiers, app_id=event.app_id, at=event.time)
        if not self.contacts.is_known(event.contact_id, app_id=event.app_id):
            raise SubjectNotFoundError(event.contact_id)
        return event.contact_id

    def _said(self, event: ForeignEvent) -> list[str]:
        """Return an event's fingerprint under the current key, and under the one before.

        Keyed, since whoever has the ledger could else find out by trying whom an event names.
        """
        plain = fingerprint(event)
        current = self.hasher.digest(plain, app_id=event.app_id, namespace=FINGERPRINT)
        former = self.hasher.former(plain, app_id=event.app_id, namespace=FINGERPRINT)
        return [current, former] if former else [current]

    def _answer(self, standing: Guard, event: ForeignEvent, *, is_duplicate: bool) -> Recorded:
        if standing.fingerprint not in self._said(event):
            raise EventConflictError("this id was used for another event")
        return Recorded(
            event_id=standing.event_id, contact_id=standing.contact_id, is_duplicate=is_duplicate
        )

    def _sealed(self, event: ForeignEvent, guard: Guard) -> str | None:
        if event.raw is None:
            return None
        return self.vault.seal(
            event.raw, app_id=event.app_id, contact_id=guard.contact_id, about=guard.event_id
        )

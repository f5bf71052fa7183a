"""What the contact events' services need from outside."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Protocol

from shared.contact_events.model import ForeignEvent, Guard, Placed, TimelineQuery
from shared.kernel.envelope import Envelope


class EventStore(Protocol):
    """The ledger, read."""

    def timeline(self, contact_id: str, *, app_id: str, query: TimelineQuery) -> Iterator[Placed]:
        """Yield one origin's events after ``query.after``, by place; reads page by page.

        Honours the instants, ``after`` and the order of the query, not its other filters.
        """
        ...

    def erase(self, contact_id: str, *, app_id: str) -> None:
        """Delete every event of one origin; again, it deletes nothing more."""
        ...

    def sequences_of(self, hour: datetime, *, app_id: str) -> Sequence[str]:
        """Return the sequences of all events that were recorded in an hour."""
        ...

    def events_of(self, sequences: Sequence[str], *, app_id: str) -> Sequence[Envelope]:
        """Return the events with these sequences, of one hour, in their order."""
        ...


class ForeignEventStore(Protocol):
    """The ledger, as others write to it: each event of a sender once."""

    def guard_of(self, event: ForeignEvent) -> Guard | None:
        """Return the guard of an event's source and id, if one was recorded under them."""
        ...

    def commit_once(self, event: Envelope, *, guard: Guard) -> Guard:
        """Store an event with its guard; return the guard that stands.

        Where another one stands for the same source and id, that one is returned, and nothing was
        written.
        """
        ...


class ReceiptStore(Protocol):
    """What the relay published, hour by hour; and up to which hour that was audited."""

    def add_receipt(self, hour: datetime, *, batch: str, sequences: Sequence[str]) -> None:
        """Note that these events of an hour are published; the same batch twice is once."""
        ...

    def published_in(self, hour: datetime) -> frozenset[str]:
        """Return the sequences of an hour that are noted as published."""
        ...

    def audited_until(self) -> datetime | None:
        """Return the first hour that was not audited yet."""
        ...

    def set_audited_until(self, hour: datetime) -> None:
        """Note that every hour before this one was audited."""
        ...


class Bus(Protocol):
    """The event bus."""

    def publish(self, events: Sequence[tuple[Envelope, str]]) -> frozenset[str]:
        """Publish events, each with its app's organisation; return the sequences that failed."""
        ...


class Apps(Protocol):
    """The apps, as far as events need them."""

    def app_ids(self) -> Iterable[str]:
        """Yield the ids of all apps."""
        ...

    def org_of(self, app_id: str) -> str:
        """Return the app's organisation."""
        ...


class Contacts(Protocol):
    """The contacts, as far as timelines need them."""

    def origins_of(self, contact_id: str, *, app_id: str, as_of: datetime | None) -> Sequence[str]:
        """Return the contact and all that were joined to it by ``as_of``; one or two reads."""
        ...

    def is_known(self, contact_id: str, *, app_id: str) -> bool:
        """Say whether anything is known under an id."""
        ...


class People(Protocol):
    """Whom identifiers mean; they are pairs of namespace and value.

    Both calls raise the refusals of whoever resolves: an identifier that is none, a person who
    was erased.
    """

    def recognise(
        self, identifiers: Sequence[tuple[str, str]], *, app_id: str, at: datetime
    ) -> str | None:
        """Return what ``resolve`` would, where it would write nothing; at most two reads."""
        ...

    def resolve(
        self, identifiers: Sequence[tuple[str, str]], *, app_id: str, at: datetime, by: str
    ) -> str:
        """Return the contact whom identifiers name, made, joined and named on the way.

        ``at`` is when the event happened, ``by`` its public id.
        """
        ...


class Vault(Protocol):
    """Keeps what may hold personal data readable only while its contact is known."""

    def seal(self, plain: bytes, *, app_id: str, contact_id: str, about: str) -> str:
        """Return bytes sealed for a contact; they open only where ``about`` is the same."""
        ...

    def open(self, sealed: str, *, app_id: str, contact_id: str, about: str) -> bytes | None:
        """Return what was sealed for a contact; ``None`` once the contact's key is gone."""
        ...


class Hasher(Protocol):
    """Hides values: a keyed hash, the key per app."""

    def digest(self, value: str, *, app_id: str, namespace: str) -> str:
        """Return the hash of a value."""
        ...

    def former(self, value: str, *, app_id: str, namespace: str) -> str | None:
        """Return its hash under the key before this one; ``None`` unless the key is rotated."""
        ...

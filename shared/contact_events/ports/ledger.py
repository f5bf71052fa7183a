"""The ledger: what is written to it, read of it, and published."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Protocol, TypeAlias

from shared.contact_events.model.events import ForeignEvent, Guard
from shared.contact_events.model.rejects import Refused
from shared.contact_events.model.replays import HourPage
from shared.contact_events.model.timelines import Placed, TimelineQuery
from shared.kernel.envelope import Envelope

HasTime: TypeAlias = Callable[[], bool]
"""Says whether there is time left for one more piece of work."""


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
        """Return the events with these sequences, of one hour, in their order.

        One that is not there, or was written a moment ago, is left out.
        """
        ...

    def events_in(self, hour: datetime, *, app_id: str) -> Iterator[Envelope]:
        """Yield each event that was recorded in an hour, in any order; reads page by page."""
        ...

    def page_of(
        self, hour: datetime, *, app_id: str, after: str, last: str, limit: int
    ) -> HourPage:
        """Return at most so many events of an hour, by sequence: above ``after``, up to ``last``.

        An event that was erased since is left out, so a page may come short, and still go on.
        """
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


class Effects(Protocol):
    """What follows from an event of another system before its sender is answered.

    All else follows when the bus brings the event, this once more: again it changes nothing.
    """

    def protect(self, event: Envelope) -> None:
        """Heed a complaint or a refusal, so that nobody is bothered whom the bus has yet to tell.

        May raise a ``DomainError`` where it cannot now.
        """
        ...


class RejectStore(Protocol):
    """What was refused of foreign payloads, for 30 days."""

    def add_rejects(self, rejects: Sequence[Refused]) -> None:
        """Keep rejects of one app."""
        ...

    def rejects(
        self, app_id: str, *, before: str | None, at: datetime, limit: int
    ) -> Sequence[Refused]:
        """Return at most so many of an app's rejects, the newest first, as of an instant.

        ``before`` is the id of a reject: only older ones are returned.
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

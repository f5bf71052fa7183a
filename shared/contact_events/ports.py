"""What the contact events' services need from outside."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol, TypeAlias

from shared.contact_events.model.archives import ArchiveFile, Drawer, Forgotten, Index
from shared.contact_events.model.counts import Cell, Counts, Figures, Progress, Sample
from shared.contact_events.model.deliveries import Attempted, Delivery, DeliveryState
from shared.contact_events.model.events import ForeignEvent, Guard
from shared.contact_events.model.firing import Instance
from shared.contact_events.model.rebuilds import Rebuild
from shared.contact_events.model.rejects import Refused
from shared.contact_events.model.replays import HourPage
from shared.contact_events.model.resending import Replay
from shared.contact_events.model.subscriptions import Subscription
from shared.contact_events.model.timelines import Placed, TimelineQuery
from shared.contact_events.model.triggers import Trigger, TriggerRule
from shared.kernel.decisions import Candidate, Decision, Reservation
from shared.kernel.envelope import Envelope
from shared.kernel.idempotency import Attempt, Remembered

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


class CountStore(Protocol):
    """What was counted of the ledger, hour by hour; and up to which hour that is final."""

    def put_counts(self, hour: datetime, counts: Counts, *, app_id: str, at: datetime) -> None:
        """Keep what an hour came to, as its events were at ``at``, but for what is newer."""
        ...

    def cells(
        self, app_id: str, *, since: datetime, until: datetime
    ) -> Iterator[Mapping[Cell, Figures]]:
        """Yield the cells of each hour that was counted, from that of ``since``."""
        ...

    def samples(self, app_id: str, *, since: datetime, until: datetime) -> Iterator[Sample]:
        """Yield the samples of each hour that was counted, from that of ``since``."""
        ...

    def progress(self) -> Progress | None:
        """Return how far counting is; ``None``: nothing was counted yet."""
        ...

    def set_progress(self, progress: Progress) -> None:
        """Note how far counting is."""
        ...

    def forget_counts(self, hour: datetime, *, app_id: str) -> None:
        """Delete what an hour came to; again, it deletes nothing more."""
        ...


class Projection(Protocol):
    """What is made of the ledger, and can be made again from it.

    ``is_forgettable``: it keeps nothing that the ledger may have no more.
    """

    @property
    def is_forgettable(self) -> bool:
        """Say whether it may be deleted."""
        ...

    def forget(self, events: Sequence[Envelope], *, app_id: str) -> None:
        """Delete all that is kept of whom, or of what, some events are about."""
        ...

    def take(self, events: Sequence[Envelope], *, app_id: str) -> None:
        """Fold events, in the order of their sequences; the same again changes nothing."""
        ...


class RebuildStore(Protocol):
    """How far projections are made again: of each the last time."""

    def find(self, projection: str, *, app_id: str) -> Rebuild | None:
        """Return the last rebuild of a projection."""
        ...

    def put(self, rebuild: Rebuild) -> None:
        """Store a rebuild, whose version is the next of what was read.

        Raises:
            StaleError: another came first.
        """
        ...


class Archive(Protocol):
    """The files of what was recorded; an event may lie in several files of its drawer."""

    def add(self, drawer: Drawer, events: Sequence[Envelope]) -> ArchiveFile:
        """Write events of one drawer into a file of theirs; the same again is the same file."""
        ...

    def files(self, app_id: str, *, day: date | None = None) -> Iterator[ArchiveFile]:
        """Yield an app's files, of one day or of all."""
        ...

    def sizes(self, app_id: str, *, day: date | None = None) -> Iterator[tuple[ArchiveFile, int]]:
        """Yield an app's files, of one day or of all, with their sizes in bytes."""
        ...

    def index(self, file: ArchiveFile) -> Index:
        """Return what is in a file."""
        ...

    def merge(
        self,
        files: Sequence[ArchiveFile],
        events: Sequence[Envelope],
        *,
        without: frozenset[str],
    ) -> ArchiveFile | None:
        """Write all events of some files of one drawer, and others of it, into one file.

        It has each once, by sequence, but for those about the contacts ``without``; ``None``: no
        event was left, and nothing was written.
        """
        ...

    def delete(self, files: Sequence[ArchiveFile]) -> None:
        """Delete files; one that is gone is well too."""
        ...

    def note_late(self, file: ArchiveFile) -> None:
        """Note that a file was written when its day was over."""
        ...

    def late(self, app_id: str) -> Sequence[ArchiveFile]:
        """Return the files of an app that are noted as late; they may be gone."""
        ...

    def forget_late(self, files: Sequence[ArchiveFile]) -> None:
        """Take back what was noted of files."""
        ...

    def note_forgotten(self, person: Forgotten) -> None:
        """Keep whom to forget, and how far that is."""
        ...

    def forgotten(self, app_id: str) -> Sequence[Forgotten]:
        """Return whom of an app to forget."""
        ...

    def end_forgetting(self, person: Forgotten) -> None:
        """Forget whom to forget."""
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


class Timelines(Protocol):
    """The ledger, as far as timelines go."""

    def timeline(self, contact_id: str, *, app_id: str, query: TimelineQuery) -> Iterator[Placed]:
        """Yield one origin's events, by place, as ``EventStore`` does."""
        ...


class KnownTriggers(Protocol):
    """Triggers with all their versions, read by whoever starts and fires them."""

    def triggers_of(self, app_id: str) -> Sequence[Trigger]:
        """Return all triggers of an app, in the order of their creation."""
        ...

    def rule_of(self, trigger_id: str, version: int, *, app_id: str) -> TriggerRule | None:
        """Return what a version says, also of a trigger that was deleted."""
        ...


class TriggerStore(KnownTriggers, Protocol):
    """Triggers, each changed by compare-and-swap."""

    def add(self, trigger: Trigger, *, event: Envelope) -> None:
        """Store a new trigger, and tell."""
        ...

    def find(self, trigger_id: str, *, app_id: str) -> Trigger | None:
        """Return a trigger."""
        ...

    def replace(self, trigger: Trigger, *, event: Envelope) -> None:
        """Store a trigger's next write, with its version where that is new, and tell.

        Raises:
            StaleError: another came first, or it was deleted.
        """
        ...

    def remove(self, trigger: Trigger, *, event: Envelope) -> None:
        """Delete a trigger as it was read, and tell; its versions stay.

        Raises:
            StaleError: another came first.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A person's entry into a trigger, kept under the contact that stands for the person.

    ``before`` is when they had entered last, as it was read under this contact.
    """

    contact_id: str
    before: datetime | None


class InstanceStore(Protocol):
    """Instances of triggers under their contacts, and their timers by the minute.

    An instance that waits has a timer; both change together, and the ledger with them.
    """

    def add(self, instance: Instance, *, entry: Entry | None) -> None:
        """Store an instance, with its timer while it waits, and the person's entry.

        Where one stands under its trigger and cause, nothing is written. Where an app's mark is
        not set yet, it is set to the minute in which the instance started.

        Raises:
            StaleError: the person entered otherwise meanwhile.
        """
        ...

    def entries(
        self, contact_ids: Sequence[str], *, trigger_id: str, app_id: str
    ) -> Mapping[str, datetime]:
        """Return when contacts entered a trigger last; without those who never did."""
        ...

    def find(self, trigger_id: str, cause: str, *, contact_id: str, app_id: str) -> Instance | None:
        """Return the instance that an event started for a contact."""
        ...

    def instances_of(self, contact_id: str, *, trigger_id: str, app_id: str) -> Sequence[Instance]:
        """Return a contact's instances of a trigger, by the order of their causes."""
        ...

    def replace(self, instance: Instance, *, event: Envelope | None = None) -> None:
        """Store an instance's next write, move or end its timer, and tell.

        Raises:
            StaleError: another came first, or the contact was erased.
        """
        ...

    def due_in(self, app_id: str, *, minute: datetime) -> Iterator[Instance]:
        """Yield the instances that are due in a minute."""
        ...

    def swept_until(self, app_id: str) -> datetime | None:
        """Return the minute up to which all is swept; ``None`` if nothing ever started."""
        ...

    def mark_swept(self, app_id: str, *, until: datetime) -> None:
        """Note that all before a minute is swept; the mark never goes back."""
        ...

    def kept_of(self, contact_id: str, *, app_id: str) -> Sequence[Instance]:
        """Return all instances of a contact, by trigger and cause."""
        ...

    def erase(self, contact_id: str, *, app_id: str) -> None:
        """Delete a contact's instances, timers and entries; again, it deletes nothing more."""
        ...


class Persons(Protocol):
    """Whom a contact stands for, as far as triggers need it."""

    def origins_of(self, contact_id: str, *, app_id: str) -> Sequence[str]:
        """Return all contacts of a person, first the one that stands for them.

        Of who was erased there is none.
        """
        ...


class Permits(Protocol):
    """The contact policy, as triggers ask it."""

    def ask(self, candidate: Candidate, *, key: str) -> tuple[Decision, Reservation | None]:
        """Decide, and hold a place for what is allowed; the same key gets the same place."""
        ...

    def give_back(self, reservation: Reservation) -> None:
        """Count a place no more; again changes nothing."""
        ...


class Reservations(Protocol):
    """The coupons' reservations."""

    def release(self, redemption_id: str, *, app_id: str) -> None:
        """Give back what is held; what is not held any more stays as it is."""
        ...


class SubscriptionStore(Protocol):
    """Who is sent the events of an app."""

    def subscriptions(self, app_id: str) -> Sequence[Subscription]:
        """Return all of an app, the oldest first, as the last write left them."""
        ...

    def subscription(self, subscription_id: str, *, app_id: str) -> Subscription | None:
        """Return one as the last write left it; ``None``: there is none."""
        ...

    def put_subscription(
        self, subscription: Subscription, event: Envelope, *, attempt: Attempt | None = None
    ) -> None:
        """Store a subscription with what is told of it; version 1 is a new one.

        Its ``failing_since`` is left as it stands.

        Raises:
            SubscriptionStaleError: the version before it does not stand.
        """
        ...

    def delete_subscription(self, subscription: Subscription, event: Envelope) -> None:
        """Delete a subscription.

        Raises:
            SubscriptionStaleError: it changed, or is gone.
        """
        ...

    def note_failing(self, subscription: Subscription, *, since: datetime | None) -> None:
        """Note since when its receiver fails, unless that is noted; ``None``: it does not."""
        ...

    def recall(self, attempt: Attempt, *, app_id: str) -> Remembered | None:
        """Return what an attempt came to before, if it did."""
        ...


class DeliveryStore(Protocol):
    """What receivers did not take at once."""

    def exchange(self, before: Delivery | None, after: Delivery | None) -> bool:
        """Store ``after`` for ``before``; false: what stands is not ``before``.

        ``None`` is that there is none. Of several who exchange the same one succeeds.
        """
        ...

    def due(
        self, subscription_id: str, *, app_id: str, until: datetime, limit: int
    ) -> Sequence[Delivery]:
        """Return what waits and is due by an instant, the longest due first."""
        ...

    def delivery(self, delivery_id: str, *, subscription_id: str, app_id: str) -> Delivery | None:
        """Return one as the last write left it."""
        ...

    def deliveries(
        self,
        subscription_id: str,
        *,
        app_id: str,
        state: DeliveryState,
        after: str | None,
        limit: int,
    ) -> Sequence[Delivery]:
        """Return those of a state by id, at most so many, after the one of an id."""
        ...


class ReplayStore(Protocol):
    """What subscriptions are sent once more, each replay changed by compare-and-swap."""

    def add(self, replay: Replay, *, event: Envelope, attempt: Attempt | None = None) -> None:
        """Store a new replay, and tell.

        Raises:
            StaleError: one of its subscription is running, or the attempt was made.
        """
        ...

    def find(self, replay_id: str, *, subscription_id: str, app_id: str) -> Replay | None:
        """Return a replay as the last write left it."""
        ...

    def page(
        self, subscription_id: str, *, app_id: str, before: str | None, limit: int
    ) -> Sequence[Replay]:
        """Return at most so many of a subscription's replays, the newest first.

        ``before`` is the id of a replay: only older ones are returned.
        """
        ...

    def running(self, app_id: str) -> Sequence[Replay]:
        """Return the replays of an app that are running, one a subscription at most."""
        ...

    def replace(self, replay: Replay, *, event: Envelope | None = None) -> None:
        """Store a replay's next write, and tell.

        Raises:
            StaleError: another came first.
        """
        ...

    def recall(self, attempt: Attempt, *, app_id: str) -> Remembered | None:
        """Return what an attempt came to before, if it did."""
        ...


class Courier(Protocol):
    """Carries a message to a receiver."""

    def carry(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> Attempted:
        """Send a message, and say what came of it; where it may not be sent, that is a failure."""
        ...


class Keys(Protocol):
    """Makes keys, and keeps them sealed."""

    def new_key(self, *, app_id: str, about: str) -> tuple[bytes, str]:
        """Return a fresh key, plain and sealed; ``about`` is what it is for."""
        ...

    def unwrap(self, wrapped: str, *, app_id: str, about: str) -> bytes:
        """Return a key that was sealed."""
        ...

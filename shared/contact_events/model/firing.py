"""What a trigger does for one person: it waits, and fires or is cancelled, never both.

An instance is one start of a trigger, by one event. All that decides about it is in the ledger:
the event that started it, and what is known of the person when it starts, and again when it is
due. So it does not matter in which order events come, how often, or whether one came at all.

What counts is when events happened, not when they came. What happened before the instance was due
cancels it, if it is known when the instance fires; what becomes known later changes nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from zlib import crc32

from shared.contact_events.model.triggers import (
    ReleaseReservations,
    RequestContact,
    Running,
    earliest,
    ids_of,
)
from shared.kernel.clock import whole_milliseconds
from shared.kernel.decisions import Candidate
from shared.kernel.envelope import Envelope

SETTLED = timedelta(minutes=1)
"""A minute is swept so long after its end, and nothing is due nearer to now than this: so no
minute gains a timer after it was swept. It is much longer than the attempts that a write has."""

SHARDS = 16
"""Of each minute: an app may have so many times 1,000 timers written or removed a second."""

KEPT = timedelta(days=90)
"""After it was due, an instance can be explained for so long."""

TOO_LATE = timedelta(days=1)
"""An event that would have been due so long ago starts nothing: imports tell of years."""

KEYED_BEFORE = timedelta(days=1)
"""An event may stand in the ledger so much before it happened: outcomes of a push stand at the
instant for which it was planned."""

LONGEST_RESERVED = timedelta(days=8)
"""A day more than the coupons' longest reservation: no older one is still held."""

_HELD = "coupon.reserved.v1"
_GIVEN_UP = frozenset({"coupon.redeemed.v1", "coupon.released.v1", "coupon.expired.v1"})


class InstanceState(StrEnum):
    """Where an instance stands; all but the first are final."""

    WAITING = "waiting"
    FIRED = "fired"
    CANCELLED = "cancelled"
    SUPPRESSED = "suppressed"
    """It was due, and a rule said no."""

    @property
    def is_final(self) -> bool:
        """Say whether nothing follows any more."""
        return self is not InstanceState.WAITING


class Suppression(StrEnum):
    """Why an instance that was due does not fire, besides the policy's rules."""

    TRIGGER_PAUSED = "trigger_paused"
    TRIGGER_DELETED = "trigger_deleted"
    NOTHING_RESERVED = "nothing_reserved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One start of a trigger: by which event, for whom, until when it waits, and its end.

    ``contact_id`` is the contact whom the event named; after a merge the person is found by it.
    ``cause`` is the public id of the event, ``ids`` are those of its data by which others may share
    something with it. ``first_due_at`` is when it was due before the policy put it off. ``because``
    says why it ended: the public id of the event that cancelled it, or the rule that said no.
    ``writes`` counts its changes.
    """

    app_id: str
    trigger_id: str
    trigger_version: int
    contact_id: str
    cause: str
    caused_at: datetime
    ids: Mapping[str, str]
    started_at: datetime
    due_at: datetime
    first_due_at: datetime
    state: InstanceState = InstanceState.WAITING
    ended_at: datetime | None = None
    because: str | None = None
    writes: int = 1

    @property
    def instance_id(self) -> str:
        """Return a name that follows from trigger and cause: the same start has the same name."""
        return f"tri_{sha256(f'{self.trigger_id}#{self.cause}'.encode()).hexdigest()[:32]}"

    @property
    def minute(self) -> datetime:
        """Return the minute in which it is due."""
        return minute_of(self.due_at)

    @property
    def shard(self) -> int:
        """Return the shard of its minute."""
        return crc32(self.instance_id.encode()) % SHARDS

    def ended(self, state: InstanceState, *, at: datetime, because: str | None) -> "Instance":
        """Return the instance at its end."""
        return replace(self, state=state, ended_at=at, because=because, writes=self.writes + 1)

    def put_off(self, until: datetime, *, at: datetime) -> "Instance":
        """Return the instance, due when the policy lets it be asked again."""
        due_at = whole_milliseconds(max(until, at + SETTLED))
        return replace(self, due_at=due_at, writes=self.writes + 1)


def started(running: Running, cause: Envelope, *, at: datetime) -> Instance:
    """Return the instance that an event starts; it is due after the wait, counted from the event.

    An event that comes late is due soon: a minute from now at the earliest. One that says it will
    happen happens now: a phone's clock may be wrong.
    """
    caused_at = min(cause.time, at)
    due_at = whole_milliseconds(max(caused_at + running.rule.after, at + SETTLED))
    return Instance(
        app_id=cause.app_id,
        trigger_id=running.trigger_id,
        trigger_version=running.version,
        contact_id=cause.subject.id,
        cause=cause.id,
        caused_at=caused_at,
        ids=ids_of(cause),
        started_at=at,
        due_at=due_at,
        first_due_at=due_at,
    )


def is_too_late(running: Running, cause: Envelope, *, at: datetime) -> bool:
    """Say whether an event came so late that it starts nothing any more."""
    return at - (cause.time + running.rule.after) > TOO_LATE


def looks_from(running: Running, instance: Instance) -> datetime | None:
    """Return from when on the person's events decide about an instance; ``None``: none does."""
    asked = [earliest(one.same, caused_at=instance.caused_at) for one in running.rule.unless]
    if isinstance(running.rule.then, ReleaseReservations):
        asked.append(instance.due_at - LONGEST_RESERVED)
    return min(asked, default=None)


def cancelled_by(
    running: Running, instance: Instance, events: Iterable[Envelope]
) -> Envelope | None:
    """Return the event of the person that cancels an instance: it happened before it was due."""
    for event in events:
        if event.id == instance.cause or event.time >= instance.due_at:
            continue
        for one in running.rule.unless:
            if one.covers(event, cause=instance.ids, caused_at=instance.caused_at):
                return event
    return None


def candidate_of(request: RequestContact, instance: Instance, *, contact_id: str) -> Candidate:
    """Return what the policy is asked when an instance is due, for the person's contact."""
    return Candidate(
        app_id=instance.app_id,
        contact_id=contact_id,
        channel=request.channel,
        purpose=request.purpose,
        topic=request.topic,
        offer_key=request.offer_key,
        priority=request.priority,
        expires_at=instance.first_due_at + request.valid_for,
    )


def held_reservations(events: Iterable[Envelope], *, coupon_id: str | None) -> tuple[str, ...]:
    """Return the redemptions that a person holds reserved, by their events; of one coupon, or all.

    Whether each is still held says who gives it back: to give back again changes nothing.
    """
    held: dict[str, None] = {}
    over: set[object] = set()
    for event in events:
        name = event.data.get("redemption_id")
        if event.type in _GIVEN_UP:
            over.add(name)
        elif event.type == _HELD and coupon_id in {None, event.data.get("coupon_id")}:
            held[str(name)] = None
    return tuple(name for name in held if name not in over)


def minute_of(at: datetime) -> datetime:
    """Return the beginning of an instant's minute."""
    return at.replace(second=0, microsecond=0)

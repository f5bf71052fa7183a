"""Triggers: when this event, then that, after so long, unless; and who said yes to them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any, TypeAlias

from shared.contact_events import cesql
from shared.contact_events.errors import (
    OwnTriggerApprovalError,
    TriggerChangedError,
    TriggerStateError,
)
from shared.contact_events.model.timelines import without_raw
from shared.kernel.decisions import DEFAULT_PRIORITY
from shared.kernel.envelope import Envelope, cloudevent
from shared.kernel.events import Channel, Purpose

LONGEST_WAIT = timedelta(days=30)
"""From the event that starts a trigger to the instant at which it is due."""

LONGEST_VALIDITY = timedelta(days=7)
"""For how long after it was due a request is still worth making, at most."""

VALID_UNLESS_SAID = timedelta(days=1)

LONGEST_REENTRY = timedelta(days=365)

MOST_UNLESS = 10

CLOCKS_DIFFER = timedelta(days=1)
"""What a phone says of a message may be so much older than the message: its clock may be wrong."""


class Same(StrEnum):
    """What an event must share with the one that started the trigger, to cancel it.

    ``contact`` is the person. The others are that, and a thing of theirs, by the data's field
    ``<word>_id``: an event without that field shares nothing.
    """

    CONTACT = "contact"
    MESSAGE = "message"
    CAMPAIGN = "campaign"
    COUPON = "coupon"
    REDEMPTION = "redemption"
    ORDER = "order"
    CASE = "case"


class Reentry(StrEnum):
    """How often a trigger starts for one person."""

    ONCE = "once"
    EACH = "each"
    ONCE_PER = "once_per"


class TriggerState(StrEnum):
    """Where a trigger's newest version stands."""

    DRAFT = "draft"
    ACTIVE = "active"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """Which events are meant: of one type, and where there is a filter, for which it holds.

    ``type`` has no organisation before it. ``filter`` is CESQL over the event's CloudEvents
    attributes, its type without the organisation too, and over the scalar members of its data.
    """

    type: str
    filter: str | None = None

    def covers(self, event: Envelope) -> bool:
        """Say whether an event is meant."""
        if event.type != self.type:
            return False
        return self.filter is None or parsed(self.filter).holds(attributes(event))


@dataclass(frozen=True, slots=True, kw_only=True)
class Unless:
    """What cancels a trigger that waits."""

    pattern: Pattern
    same: Same = Same.CONTACT

    def covers(self, event: Envelope, *, cause: Mapping[str, str], caused_at: datetime) -> bool:
        """Say whether an event of the person cancels what was caused at an instant.

        ``cause`` are the ids of the event that started it. What happened before that cancels
        nothing; of a message it does, since phones' clocks differ.
        """
        if event.time < earliest(self.same, caused_at=caused_at):
            return False
        if self.same is not Same.CONTACT:
            ours = cause.get(f"{self.same}_id")
            if ours is None or ids_of(event).get(f"{self.same}_id") != ours:
                return False
        return self.pattern.covers(event)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestContact:
    """Ask whoever speaks on a channel to contact the person, if the policy allows it.

    ``text`` names what to say. ``valid_for`` is how long after it was due it is still worth it.
    """

    channel: Channel
    purpose: Purpose
    text: str
    topic: str | None = None
    offer_key: str | None = None
    priority: int = DEFAULT_PRIORITY
    valid_for: timedelta = VALID_UNLESS_SAID


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseReservations:
    """Give back the coupons that the person holds reserved: those of the event's coupon, or all."""


Action: TypeAlias = RequestContact | ReleaseReservations


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerRule:
    """What a trigger's document says.

    ``after`` is counted from the time of the event that starts it. ``per`` goes with a reentry of
    ``once_per``: a person enters again so long after they entered last.
    """

    name: str
    when: Pattern
    then: Action
    after: timedelta = timedelta()
    unless: tuple[Unless, ...] = ()
    reentry: Reentry = Reentry.EACH
    per: timedelta | None = None

    def admits(self, at: datetime, *, entered_at: datetime | None) -> bool:
        """Say whether a person who entered last at an instant may enter by an event at ``at``."""
        if entered_at is None or self.reentry is Reentry.EACH:
            return True
        return self.per is not None and abs(at - entered_at) >= self.per


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerApproval:
    """Who said yes to which version, and when."""

    version: int
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """A trigger of an app: its newest version, and which one is in force.

    ``authors`` wrote the versions since the last approval: none of them may approve.
    """

    app_id: str
    trigger_id: str
    rule: TriggerRule
    version: int
    authors: tuple[str, ...]
    created_at: datetime
    updated_at: datetime
    approval: TriggerApproval | None = None
    is_paused: bool = False
    writes: int = 1

    @property
    def state(self) -> TriggerState:
        """Return where the newest version stands."""
        if self.is_paused:
            return TriggerState.PAUSED
        is_approved = self.approval is not None and self.approval.version == self.version
        return TriggerState.ACTIVE if is_approved else TriggerState.DRAFT

    @property
    def in_force(self) -> int | None:
        """Return the version that starts and fires; ``None``: none does."""
        return self.approval.version if self.approval and not self.is_paused else None

    def changed(self, rule: TriggerRule, *, by: str, at: datetime) -> "Trigger":
        """Return the trigger with a next version, a draft."""
        is_draft = self.approval is None or self.approval.version != self.version
        before = self.authors if is_draft else ()
        return self._written(
            at=at,
            rule=rule,
            version=self.version + 1,
            authors=before if by in before else (*before, by),
        )

    def approved(self, version: int, *, by: str, at: datetime) -> "Trigger":
        """Return the trigger with its newest version in force.

        Raises:
            TriggerChangedError: another version is the newest.
            TriggerStateError: it is in force already.
            OwnTriggerApprovalError: ``by`` wrote it.
        """
        if version != self.version:
            raise TriggerChangedError(f"version {self.version} is the newest")
        if self.approval and self.approval.version == version:
            raise TriggerStateError(f"version {version} is approved already")
        if by in self.authors:
            raise OwnTriggerApprovalError("another than its authors approves a trigger")
        return self._written(at=at, approval=TriggerApproval(version=version, by=by, at=at))

    def paused(self, *, at: datetime) -> "Trigger":
        """Return the trigger, at rest.

        Raises:
            TriggerStateError: it is at rest already, or was never approved.
        """
        if self.in_force is None:
            raise TriggerStateError(f"it is {self.state}: only what is in force can be paused")
        return self._written(at=at, is_paused=True)

    def resumed(self, *, at: datetime) -> "Trigger":
        """Return the trigger, at work again.

        Raises:
            TriggerStateError: it is not paused.
        """
        if not self.is_paused:
            raise TriggerStateError(f"it is {self.state}: only what is paused can be resumed")
        return self._written(at=at, is_paused=False)

    def _written(self, *, at: datetime, **changes: Any) -> "Trigger":
        return replace(self, **changes, updated_at=at, writes=self.writes + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A version of a trigger that is in force."""

    app_id: str
    trigger_id: str
    version: int
    rule: TriggerRule

    def starts_by(self, event: Envelope) -> bool:
        """Say whether an event starts it; only what a person did, or met with, does."""
        return event.subject.kind == "contact" and self.rule.when.covers(event)

    def may_be_cancelled_by(self, event: Envelope) -> bool:
        """Say whether an event is one of those that cancel it, whatever they share."""
        return any(one.pattern.covers(event) for one in self.rule.unless)


def earliest(same: Same, *, caused_at: datetime) -> datetime:
    """Return from when on events that share something with a cause are looked at."""
    return caused_at - CLOCKS_DIFFER if same is Same.MESSAGE else caused_at


def ids_of(event: Envelope) -> Mapping[str, str]:
    """Return the ids of an event's data by which others may share something with it."""
    named = {f"{word}_id" for word in Same if word is not Same.CONTACT}
    return {name: one for name, one in event.data.items() if name in named and _is_id(one)}


@lru_cache(maxsize=256)
def parsed(text: str) -> cesql.Expression:
    """Return a filter, ready to be held against events.

    Raises:
        CesqlSyntaxError: it is not CESQL.
    """
    return cesql.parse(text)


def attributes(event: Envelope) -> Mapping[str, Any]:
    """Return what filters see of an event; of what its sender sent they see nothing."""
    told = cloudevent(without_raw(event), org="")
    return cesql.attributes_of({**told, "type": event.type})


def _is_id(value: object) -> bool:
    return isinstance(value, str) and bool(value)

"""Whether a person may be contacted: who asks for what, what is answered, and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from shared.kernel.clock import rfc3339
from shared.kernel.events import Channel, Purpose

LOWEST_PRIORITY, DEFAULT_PRIORITY, HIGHEST_PRIORITY = 0, 50, 100


class Gate(StrEnum):
    """What is judged, in this order; the first gate that refuses gives the answer."""

    ERASED = "erased"
    CONSENT = "consent"
    PREFERENCE = "preference"
    """A channel or topic that the person switched off, or a pause."""
    LAW = "law"
    CASE = "case"
    COOLDOWN = "cooldown"
    CONTROL_GROUP = "control_group"
    QUIET_HOURS = "quiet_hours"
    DEDUPE = "dedupe"
    MINIMUM_GAP = "minimum_gap"
    CAP = "cap"
    PRIORITY = "priority"
    """What is left of a cap is reserved for what matters more."""
    PRESSURE_FULL = "pressure_full"
    """So much is known of the person's touches that no more marketing can be counted."""
    EXPIRY = "expiry"
    """The candidate is worth nothing any more, or will not be when its deferral ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a gate refuses, or what an Allow rests on.

    ``rule`` is the id of the policy's rule, or a fixed word where none was written. ``detail`` is
    one sentence for people, with the figure. ``limit`` and ``count`` are the figures, where the
    rule counts. ``until`` is when this reason ends by itself. ``reference`` names what must be
    looked at, such as a case.
    """

    gate: Gate
    rule: str
    detail: str
    limit: float | None = None
    count: float | None = None
    until: datetime | None = None
    reference: str | None = None

    def plain(self) -> Mapping[str, object]:
        """Return the reason in plain values for an event, without what it does not say."""
        told = {
            "gate": self.gate.value,
            "rule": self.rule,
            "detail": self.detail,
            "limit": self.limit,
            "count": self.count,
            "until": rfc3339(self.until) if self.until else None,
            "reference": self.reference,
        }
        return {name: value for name, value in told.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What somebody wants to tell a person.

    ``contact_id`` is any contact id of the person. ``weight`` is how much the touch counts, in
    steps of 0.01; ``None`` is the policy's weight of the channel. ``offer_key`` names what is told:
    the same offer on two channels has one key. ``priority`` goes from 0 to 100. A campaign does not
    tell ``holdout_percent`` of the people, to see what telling does. After ``expires_at`` it is not
    worth telling.
    """

    app_id: str
    contact_id: str
    channel: Channel
    purpose: Purpose
    topic: str | None = None
    weight: float | None = None
    offer_key: str | None = None
    priority: int = DEFAULT_PRIORITY
    campaign_id: str | None = None
    holdout_percent: float = 0
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Allow:
    """The person may be told now; ``because`` holds remarks, mostly none."""

    because: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Defer:
    """Not now: at ``until`` the same request passes the gate that refuses it here.

    ``try_channel`` is a channel on which the same would be allowed now.
    """

    until: datetime
    because: tuple[Reason, ...]
    try_channel: Channel | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """No, and waiting does not help; ``try_channel`` as in a ``Defer``."""

    because: tuple[Reason, ...]
    try_channel: Channel | None = None


Decision: TypeAlias = Allow | Defer | Drop


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """A touch that is counted before it happens.

    A firm one (``expires_at`` is ``None``) counts until it is released. A held one counts until it
    expires, unless it is committed before.
    """

    reservation_id: str
    app_id: str
    contact_id: str
    expires_at: datetime | None = None

"""Why a person was told by a campaign, or not: each gate, what it looked at, what it answered."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from shared.kernel.clock import from_rfc3339
from shared.kernel.decisions import Gate
from shared.kernel.envelope import Envelope
from shared.kernel.events import MessageSuppressed
from shared.push.events import (
    MessageExpired,
    MessageFailed,
    MessageSent,
    MessageUnconfirmed,
)
from shared.push.model.campaigns import CampaignState
from shared.push.model.messages import State


class Asked(StrEnum):
    """What is asked of a device before its message is sent, in this order."""

    CAMPAIGN = "campaign"
    SEGMENT = "segment"
    DEVICE = "device"
    VARIANT = "variant"
    TEMPLATE = "template"
    POLICY = "policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a gate says: whether it lets the message pass, from which input, in one sentence."""

    gate: Asked
    passes: bool
    input: Mapping[str, object] = field(default_factory=dict)
    answer: str


class Fate(StrEnum):
    """What became of a campaign's message to a device, in a marketer's words."""

    SENT = "sent"
    HELD_OUT = "held_out"
    CAPPED = "capped"
    QUIET = "quiet"
    DEAD_ADDRESS = "dead_address"
    OPTED_OUT = "opted_out"
    NO_CONSENT = "no_consent"
    REFUSED = "refused"
    """Another gate of the contact policy; ``reason`` names it."""
    SKIPPED = "skipped"
    """The device could not be told any more; ``reason`` says why."""
    EXPIRED = "expired"
    FAILED = "failed"
    UNKNOWN = "unknown"
    PENDING = "pending"
    NOT_SENT = "not_sent"
    """The campaign was not sent."""
    NOT_IN_AUDIENCE = "not_in_audience"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a device's message; ``is_final``: it stays so.

    ``at`` is when that was. ``reason`` is the word for it in the books. ``due_at`` is when it is
    planned, or may be sent after it was put off.
    """

    fate: Fate
    is_final: bool
    message_id: str | None = None
    at: datetime | None = None
    reason: str | None = None
    due_at: datetime | None = None
    because: tuple[Mapping[str, object], ...] = ()

    @property
    def is_told(self) -> bool:
        """Say whether the ledger tells so, and not what is known of the device now."""
        return self.message_id is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceExplanation:
    """One device of the person: what became of its message, and what each gate says."""

    device_id: str
    outcome: Outcome
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a person was told by a campaign, or not; ``devices`` are those known now or then."""

    campaign_id: str
    contact_id: str
    state: CampaignState
    asked_at: datetime
    answers: tuple[Answer, ...]
    devices: Sequence[DeviceExplanation]


_FATE_OF_GATE = {
    Gate.CONTROL_GROUP: Fate.HELD_OUT,
    Gate.CONSENT: Fate.NO_CONSENT,
    Gate.PREFERENCE: Fate.OPTED_OUT,
    Gate.CAP: Fate.CAPPED,
    Gate.MINIMUM_GAP: Fate.CAPPED,
    Gate.PRIORITY: Fate.CAPPED,
    Gate.PRESSURE_FULL: Fate.CAPPED,
    Gate.QUIET_HOURS: Fate.QUIET,
}

_FATE_OF_TYPE = {
    MessageSent.type: Fate.SENT,
    MessageExpired.type: Fate.EXPIRED,
    MessageUnconfirmed.type: Fate.UNKNOWN,
    MessageFailed.type: Fate.FAILED,
}


def outcomes_told(events: Iterable[Envelope], *, campaign_id: str) -> Mapping[str, Outcome]:
    """Return what the ledger tells of a campaign's messages, by device.

    What ended a message stands; else its latest deferral does.
    """
    found: dict[str, Outcome] = {}
    for event in sorted(events, key=lambda event: event.sequence):
        if event.data.get("campaign_id") != campaign_id:
            continue
        outcome, device_id = _outcome_of(event), str(event.data.get("device_id"))
        before = found.get(device_id)
        if outcome and not (before and before.is_final):
            found[device_id] = outcome
    return found


def _outcome_of(event: Envelope) -> Outcome | None:
    """Return what an event tells; ``None``: it is a report on a message that was sent."""
    told = event.data
    if event.type == MessageSuppressed.type:
        until, reason = told.get("until"), str(told["reason"])
        return Outcome(
            fate=_fate_of_reason(reason),
            is_final=told["decision"] == "drop",
            message_id=told.get("message_id"),
            at=event.time,
            reason=reason,
            due_at=from_rfc3339(until) if isinstance(until, str) else until,
            because=tuple(told.get("because", ())),
        )
    if event.type not in _FATE_OF_TYPE:
        return None
    is_dead = told.get("state") == State.INVALID
    return Outcome(
        fate=Fate.DEAD_ADDRESS if is_dead else _FATE_OF_TYPE[event.type],
        is_final=True,
        message_id=told.get("message_id"),
        at=event.time,
        reason=told.get("code") or told.get("reason"),
    )


def _fate_of_reason(reason: str) -> Fate:
    if reason not in set(Gate):
        return Fate.SKIPPED
    return _FATE_OF_GATE.get(Gate(reason), Fate.REFUSED)

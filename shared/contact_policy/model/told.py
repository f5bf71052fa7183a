"""What another system's event says to the policy: a touch, a word about consent, a bounce.

Such events leave things unsaid. What is unclear is read in the stricter way: a touch of no purpose
is marketing, a refusal covers all that it does not narrow, and an agreement is heard only where it
says to what.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.contact_policy.model.schema import LONGEST_TOPIC
from shared.contact_policy.model.standing import ConsentKey, ConsentStatus
from shared.kernel.envelope import Envelope
from shared.kernel.events import Channel, Direction, Purpose
from shared.kernel.ids import made_at

COMPLAINED = "contact.complained.v1"
GRANTED, WITHDRAWN = "consent.granted.v1", "consent.withdrawn.v1"
BOUNCED = "message.bounced.v1"
SENT = "message.sent.v1"
CALL_ENDED = "call.ended.v1"
CALLS = frozenset({"call.started.v1", CALL_ENDED})
REFUSED = "refused"
"""The outcome of a call in which the person said that they want no such calls."""

_CONSENTS: Mapping[str, ConsentStatus] = {
    GRANTED: ConsentStatus.GRANTED,
    WITHDRAWN: ConsentStatus.WITHDRAWN,
}

_OF_ANOTHER_TOUCH = frozenset({"call", "consent", "contact", "message"})
"""First words of types that tell more of a touch, or of a person; the touch itself is above."""

_CHANNELS = frozenset(Channel)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldTouch:
    """A touch that another system made.

    ``key`` names what is counted as one. ``reservation_id`` is the sender's, who asked before.
    """

    channel: Channel
    purpose: Purpose
    key: str
    reservation_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldConsent:
    """What another system heard a person say."""

    key: ConsentKey
    status: ConsentStatus


def touch_told(event: Envelope) -> ToldTouch | None:
    """Return the touch that an event tells; ``None``: it tells none, or not on which channel.

    A message counts when it is sent, a call out from its start, whatever comes of it, and else
    whatever the company did. A call that has an id of its own counts once, by whichever of its
    events.
    """
    if event.channel is None or not _is_touch(event):
        return None
    call_id = _text(event.data, "call_id") if event.type in CALLS else None
    return ToldTouch(
        channel=Channel(event.channel),
        purpose=Purpose(event.purpose or Purpose.MARKETING),
        key=f"{event.source} {call_id}" if call_id else event.id,
        reservation_id=_text(event.data, "reservation_id"),
    )


def consent_told(event: Envelope) -> ToldConsent | None:
    """Return what an event says of consent; ``None``: nothing, or it agrees to nothing certain.

    The data has ``consent_channel`` and ``topic``, of which null is every one. Without the former
    the event's own channel is meant. A refusal of no purpose is one of marketing.
    """
    status = _CONSENTS.get(event.type)
    if status is None:
        return None
    channel, topic = event.data.get("consent_channel", event.channel), event.data.get("topic")
    key = ConsentKey(
        Purpose(event.purpose or Purpose.MARKETING),
        Channel(channel) if isinstance(channel, str) and channel in _CHANNELS else None,
        topic if isinstance(topic, str) and 0 < len(topic) <= LONGEST_TOPIC else None,
    )
    is_certain = (
        event.purpose is not None
        and (channel is not None or "consent_channel" in event.data)
        and (key.channel, key.topic) == (channel, topic)
    )
    if status is ConsentStatus.GRANTED and not is_certain:
        return None
    return ToldConsent(key=key, status=status)


def bounce_told(event: Envelope) -> Channel | None:
    """Return the channel on which a message did not arrive, and will not if it is tried again."""
    if event.type != BOUNCED or event.channel is None or event.data.get("kind") == "transient":
        return None
    return Channel(event.channel)


def refusal_told(event: Envelope) -> Channel | None:
    """Return the channel on which a person said no, when they were called, to being called so."""
    if event.type != CALL_ENDED or event.channel is None or event.direction == Direction.IN:
        return None
    return Channel(event.channel) if event.data.get("outcome") == REFUSED else None


def happened_at(event: Envelope) -> datetime:
    """Return when an event happened: at the latest when it was recorded, whatever clocks say."""
    return min(event.time, made_at(event.sequence))


def _is_touch(event: Envelope) -> bool:
    if event.type == SENT:
        return event.direction != Direction.IN
    is_of_another = event.type.partition(".")[0] in _OF_ANOTHER_TOUCH and event.type not in CALLS
    return event.direction == Direction.OUT and not is_of_another


def _text(data: Mapping[str, Any], name: str) -> str | None:
    value = data.get(name)
    return value if isinstance(value, str) and value else None

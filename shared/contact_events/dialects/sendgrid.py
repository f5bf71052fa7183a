"""Twilio SendGrid: what became of e-mails, as its Event Webhook tells.

https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event and, for the signature,
.../tracking-events/getting-started-event-webhook-security-features.
"""

import re
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from shared.contact_events.dialects.reading import (
    Part,
    consent,
    document_in,
    original,
    purpose_of,
    translated,
    without_nulls,
    without_query,
)
from shared.contact_events.errors import SignatureMismatchError
from shared.contact_events.model.events import ForeignEvent
from shared.contact_events.model.payloads import Payload, Trust
from shared.contact_events.model.translations import Translation
from shared.kernel.clock import EPOCH
from shared.kernel.events import Channel, Direction, Purpose

SOURCE = "sendgrid"

SIGNATURE_HEADER = "x-twilio-email-event-webhook-signature"
TIMESTAMP_HEADER = "x-twilio-email-event-webhook-timestamp"

TOLERANCE = timedelta(hours=25)
"""SendGrid tries again for 24 hours; what is told again is known by its id."""

_TIMESTAMP = re.compile("[0-9]{1,11}")

_LATEST_SECOND = 253_402_300_799
"""The last second of the calendar."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """What an ``event`` is to us, and what its data say beside the message."""

    type: str
    direction: Direction
    data: Callable[[Part], Mapping[str, Any]] = lambda _event: {}


def translate(payload: Payload, *, app_id: str) -> Translation:
    """Return what a batch of events tells; never raises."""
    return translated(lambda: document_in(payload.body).items(), partial(_read, app_id=app_id))


def verify(payload: Payload, *, trust: Trust) -> None:
    """Check the ECDSA signature over timestamp and body against the public keys (base64, DER).

    Raises:
        SignatureMismatchError: none of the keys made it, or it is older than SendGrid's last try.
    """
    timestamp = payload.headers.get(TIMESTAMP_HEADER, "")
    if not _TIMESTAMP.fullmatch(timestamp):
        raise SignatureMismatchError("no timestamp")
    if abs(payload.received_at - EPOCH - timedelta(seconds=int(timestamp))) > TOLERANCE:
        raise SignatureMismatchError("the events were signed too long ago, or in the future")
    try:
        signature = b64decode(payload.headers.get(SIGNATURE_HEADER, ""), validate=True)
    except ValueError:
        raise SignatureMismatchError("no signature") from None
    if not isinstance(payload.body, bytes):
        raise SignatureMismatchError("the bytes are not there")
    signed = timestamp.encode() + payload.body
    if not any(_is_made_by(key, signature, signed) for key in trust.secrets):
        raise SignatureMismatchError("the events are signed by somebody else")


def _is_made_by(key: str, signature: bytes, signed: bytes) -> bool:
    # 20 ms of cold start that other dialects do not need.
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.ec import (  # noqa: PLC0415
        ECDSA,
        EllipticCurvePublicKey,
    )
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_der_public_key  # noqa: PLC0415

    try:
        public = load_der_public_key(b64decode(key))
    except ValueError:
        return False
    if not isinstance(public, EllipticCurvePublicKey):
        return False
    try:
        public.verify(signature, signed, ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def _read(event: Part, *, app_id: str) -> Sequence[ForeignEvent] | None:
    kind = _KINDS.get(event.text("event"))
    if kind is None:
        return None
    return [
        ForeignEvent(
            app_id=app_id,
            source=SOURCE,
            id=event.text("sg_event_id"),
            type=kind.type,
            time=EPOCH + timedelta(seconds=_second(event)),
            channel=Channel.EMAIL,
            direction=kind.direction,
            purpose=_purpose(event, kind),
            identifiers=(("email", event.text("email")),),
            data={
                **without_nulls(
                    message_id=event.optional_text("sg_message_id"), campaign_id=_campaign(event)
                ),
                **kind.data(event),
            },
            raw=original(event.value),
        )
    ]


def _second(event: Part) -> int:
    second = event.whole_number("timestamp")
    if not 0 <= second <= _LATEST_SECOND:
        raise event.at("timestamp").wrong("seconds since 1970")
    return second


def _purpose(event: Part, kind: _Kind) -> Purpose | None:
    """Return why the person was written to: Marketing Campaigns do nothing but marketing."""
    if kind.type.startswith("consent.") or event.has("marketing_campaign_id"):
        return Purpose.MARKETING
    return purpose_of(event.optional_text("purpose"))


def _campaign(event: Part) -> str | None:
    """Return the sender's own campaign id (a custom argument), or that of Marketing Campaigns."""
    if event.has("campaign_id"):
        return event.text("campaign_id")
    if event.has("marketing_campaign_id"):
        return str(event.whole_number("marketing_campaign_id"))
    return None


def _opened(event: Part) -> Mapping[str, Any]:
    return {"machine": event.has("sg_machine_open") and event.value["sg_machine_open"] is True}


def _clicked(event: Part) -> Mapping[str, Any]:
    return without_nulls(link=without_query(event.optional_text("url")))


def _bounced(event: Part) -> Mapping[str, Any]:
    """Return whether an address is dead: "blocked" may pass, "bounce" will not."""
    is_blocked = event.has("type") and event.value["type"] == "blocked"
    return without_nulls(
        kind="transient" if is_blocked else "permanent", code=event.optional_text("status")
    )


def _unsubscribed(event: Part) -> Mapping[str, Any]:
    """Return the consent: one group of unsubscribes is one topic, by its number."""
    topic = str(event.whole_number("asm_group_id")) if event.has("asm_group_id") else None
    return consent(Channel.EMAIL, topic=topic, obtained_by=SOURCE)


_KINDS: Mapping[str, _Kind] = {
    "processed": _Kind("message.sent.v1", Direction.OUT),
    "delivered": _Kind("message.delivered.v1", Direction.IN),
    "open": _Kind("message.opened.v1", Direction.IN, _opened),
    "click": _Kind("message.clicked.v1", Direction.IN, _clicked),
    "bounce": _Kind("message.bounced.v1", Direction.OUT, _bounced),
    "deferred": _Kind("message.delayed.v1", Direction.OUT),
    "dropped": _Kind(
        "message.failed.v1", Direction.OUT, lambda _event: {"state": "failed", "code": "dropped"}
    ),
    "spamreport": _Kind("contact.complained.v1", Direction.IN),
    "unsubscribe": _Kind("consent.withdrawn.v1", Direction.IN, _unsubscribed),
    "group_unsubscribe": _Kind("consent.withdrawn.v1", Direction.IN, _unsubscribed),
    "group_resubscribe": _Kind("consent.granted.v1", Direction.IN, _unsubscribed),
}

MEANS = {name: [kind.type] for name, kind in _KINDS.items()}
"""What SendGrid calls ``event``, and what it is to us."""

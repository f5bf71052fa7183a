"""Twilio: texts sent, what became of them, and texts received.

Status callbacks (https://www.twilio.com/docs/messaging/guides/track-outbound-message-status) and
incoming messages (https://www.twilio.com/docs/messaging/guides/webhook-request) are forms; Event
Streams (https://www.twilio.com/docs/events) sends lists of CloudEvents, in which the documentation
writes a date as ``datacontenttype``: they are read for what they carry, and not held against
CloudEvents. For the signature: https://www.twilio.com/docs/usage/webhooks/webhooks-security.
"""

import hmac
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import Any
from urllib.parse import SplitResult, parse_qs, parse_qsl, urlsplit

from shared.contact_events.dialects.reading import (
    Part,
    UnreadablePartError,
    consent,
    document_in,
    original,
    translated,
    without_nulls,
)
from shared.contact_events.errors import SignatureMismatchError
from shared.contact_events.model.events import ForeignEvent
from shared.contact_events.model.payloads import Payload, Trust
from shared.contact_events.model.translations import Translation
from shared.kernel.events import Channel, Direction, Purpose

SOURCE = "twilio"

SIGNATURE_HEADER = "x-twilio-signature"
SETTINGS_HEADER = "x-twilio-webhooks-signature-settings"
"""Names the algorithm where a shared key signs instead of the account's token."""

WITHDRAWN, GRANTED = "consent.withdrawn.v1", "consent.granted.v1"
RECEIVED = "received"

MEANS: Mapping[str, Sequence[str]] = {
    "sent": ["message.sent.v1"],
    "delivered": ["message.delivered.v1"],
    "read": ["message.opened.v1"],
    "undelivered": ["message.bounced.v1"],
    "failed": ["message.failed.v1"],
    RECEIVED: ["message.received.v1", WITHDRAWN, GRANTED],
}
"""What Twilio calls a message's status, and what it is to us."""

_STREAMS = {f"com.twilio.messaging.message.{status}": status for status in MEANS} | {
    "com.twilio.messaging.inbound-message.received": RECEIVED
}
"""The same by Event Streams."""

_DIRECTIONS = dict.fromkeys(
    ["message.sent.v1", "message.bounced.v1", "message.failed.v1"], Direction.OUT
)
"""All else the person, or their phone, says."""

_CHANNELS = {"": Channel.SMS, "rcs": Channel.SMS, "whatsapp": Channel.CHAT}
"""By what stands before the number."""

_STOP_WORDS = {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"}
"""Twilio's own: after one of them its network keeps texts from a person, whatever we say."""

_ALGORITHMS = {"HMAC_SHA1": "sha1", "HMAC_SHA256": "sha256"}
_PORTS = {"https": "443", "http": "80"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Status:
    """One status of one message, from either form; a person is a number, or ``channel:number``.

    ``at`` is ``None`` where Twilio does not say when: forms carry no time.
    """

    name: str
    message_id: str
    person: Part
    at: datetime | None = None
    error_code: str | None = None
    opt_out: str | None = None
    text: Any = None


def translate(payload: Payload, *, app_id: str) -> Translation:
    """Return what a form, or a list of events, tells; never raises."""
    tell = partial(
        _events,
        status_of=_of_form if _is_form(payload) else _of_stream,
        app_id=app_id,
        received_at=payload.received_at,
    )
    return translated(partial(_found, payload), tell)


def verify(payload: Payload, *, trust: Trust) -> None:
    """Check ``X-Twilio-Signature`` over the URL and the form's fields, or the body's digest.

    Raises:
        SignatureMismatchError: it was not made with a secret of the app's, or of another body.
    """
    if not isinstance(payload.body, bytes):
        raise SignatureMismatchError("the bytes are not there")
    try:
        url = urlsplit(payload.url)
    except ValueError:
        raise SignatureMismatchError("the URL cannot be read") from None
    fields = ""
    if _is_form(payload):
        fields = "".join(f"{name}{value}" for name, value in sorted({*_form(payload.body)}))
    else:
        _check_digest(url, payload.body)
    algorithm = _ALGORITHMS.get(_algorithm(payload.headers.get(SETTINGS_HEADER, "")))
    if algorithm is None:
        raise SignatureMismatchError("no algorithm of Twilio's that is known")
    said = payload.headers.get(SIGNATURE_HEADER, "").encode()
    made = (
        b64encode(hmac.digest(secret.encode(), f"{spelling}{fields}".encode(), algorithm))
        for secret in trust.secrets
        for spelling in _spellings(url)
    )
    if not any(hmac.compare_digest(said, one) for one in made):
        raise SignatureMismatchError("the request is signed by somebody else")


def _check_digest(url: SplitResult, body: bytes) -> None:
    """Hold a body against the digest in its URL, which is signed: without one nothing proves it."""
    digest = parse_qs(url.query).get("bodySHA256", [""])[0]
    if not hmac.compare_digest(digest.encode(), sha256(body).hexdigest().encode()):
        raise SignatureMismatchError("the body is not the one that was signed")


def _algorithm(settings: str) -> str:
    """Return the algorithm that ``key=...,algorithm=...`` names; Twilio's first one if none."""
    named = dict(part.strip().partition("=")[::2] for part in settings.split(","))
    return named.get("algorithm", "HMAC_SHA1").upper()


def _spellings(url: SplitResult) -> Sequence[str]:
    """Return a URL with its port and without: Twilio signs the one or the other."""
    host, _, port = url.netloc.partition(":")
    port = port or _PORTS.get(url.scheme, "443")
    return [url._replace(netloc=netloc).geturl() for netloc in (host, f"{host}:{port}")]


def _is_form(payload: Payload) -> bool:
    return payload.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")


def _form(body: bytes) -> Sequence[tuple[str, str]]:
    return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)


def _found(payload: Payload) -> Sequence[Part]:
    if isinstance(payload.body, bytes) and _is_form(payload):
        return [Part(dict(_form(payload.body)))]
    return document_in(payload.body).items()


def _events(
    part: Part,
    *,
    status_of: Callable[[Part], _Status | None],
    app_id: str,
    received_at: datetime,
) -> Sequence[ForeignEvent] | None:
    status = status_of(part)
    if status is None:
        return None
    prefix, _, number = status.person.as_text().rpartition(":")
    channel = _CHANNELS.get(prefix)
    if channel is None:
        raise UnreadablePartError(status.person.pointer, "nobody_named", "no phone number is said")
    return [
        ForeignEvent(
            app_id=app_id,
            source=SOURCE,
            id=f"{status.message_id}:{type_}",
            type=type_,
            time=status.at or received_at,
            is_time_reckoned=status.at is None,
            channel=channel,
            direction=_DIRECTIONS.get(type_, Direction.IN),
            purpose=Purpose.MARKETING if type_ in {WITHDRAWN, GRANTED} else None,
            identifiers=(("phone", number),),
            data={"message_id": status.message_id, **data},
            raw=original(part.value),
        )
        for type_, data in _told(status, channel)
    ]


def _of_form(form: Part) -> _Status | None:
    """Read a status callback or an incoming message; calls and what is unknown mean nothing."""
    if not (form.has("MessageSid") or form.has("SmsSid")):
        return None
    name = form.text("MessageStatus" if form.has("MessageStatus") else "SmsStatus")
    if name not in MEANS:
        return None
    return _Status(
        name=name,
        message_id=form.text("MessageSid" if form.has("MessageSid") else "SmsSid"),
        person=form.at("From" if name == RECEIVED else "To"),
        error_code=form.optional_text("ErrorCode"),
        opt_out=form.optional_text("OptOutType"),
        text=form.value.get("Body"),
    )


def _of_stream(event: Part) -> _Status | None:
    name = _STREAMS.get(event.text("type"))
    if name is None:
        return None
    data = event.at("data")
    return _Status(
        name=name,
        message_id=data.text("messageSid"),
        person=data.at("from" if name == RECEIVED else "to"),
        at=data.instant("timestamp"),
        error_code=str(data.whole_number("errorCode")) if data.has("errorCode") else None,
        text=data.value.get("body"),
    )


def _told(status: _Status, channel: Channel) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the types that a status is to us, with their data."""
    match status.name:
        case "failed":
            code = status.error_code or "failed"
            yield "message.failed.v1", {"state": "failed", "code": code}
        case "undelivered":
            yield "message.bounced.v1", without_nulls(kind="undetermined", code=status.error_code)
        case "read":
            yield "message.opened.v1", {"machine": False}
        case _:
            yield MEANS[status.name][0], {}
    said = _said_of_consent(status) if status.name == RECEIVED else None
    if said:
        yield said, consent(channel, topic=None, obtained_by=SOURCE)


def _said_of_consent(status: _Status) -> str | None:
    """Return what an incoming text says of consent.

    A word is enough to withdraw. To grant takes Twilio's Advanced Opt-Out, which knows that START
    was meant so: to a question YES is only an answer.
    """
    word = status.text.strip().upper() if isinstance(status.text, str) else ""
    if status.opt_out == "STOP" or (status.opt_out is None and word in _STOP_WORDS):
        return WITHDRAWN
    return GRANTED if status.opt_out == "START" else None

"""CloudEvents 1.0.2 over HTTP: binary, structured and batched (https://github.com/cloudevents/spec).

Whom an event is about: its ``subject`` is ``contact/<contact id>``, ``customer/<number>`` or
``anonymous/<id>``; or its data, a JSON object, has ``identifiers``: a list of objects with
``namespace`` and ``value``. E-mail addresses and phone numbers stand in the data only, since
attributes are written into logs. Any other subject is kept, and says nothing about whom.

| attribute                     | becomes                                                         |
| ----------------------------- | --------------------------------------------------------------- |
| ``source``                    | the source, after ``cloudevents/``                              |
| ``type``                      | the type; one that ends with a type that we share loses what    |
|                               | stands before, as in ``com.example.message.sent.v1``            |
| ``time``                      | the time; without it, when the event came                       |
| channel, direction, purpose   | our extensions of these names                                   |
| every other, ``dataschema`` too | a field of ``extensions`` in the data                         |

Data that is a JSON object is the data, without the identifiers; another JSON value stands in it as
``value``. Data that is no JSON is kept as the original, sealed.
"""

import binascii
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias, TypeVar
from urllib.parse import unquote_to_bytes

from shared.contact_events.errors import UnreadableError
from shared.contact_events.model.documents import document_of, instant_of, size_of, unusable
from shared.contact_events.model.event_types import OPEN_TO_OTHERS
from shared.contact_events.model.events import ForeignEvent
from shared.contact_events.model.outgoing import BATCH, STRUCTURED
from shared.contact_events.model.translations import Reject, Translation
from shared.kernel.errors import DomainError
from shared.kernel.events import Channel, Direction, Purpose

NAME = "cloudevents"

LARGEST_EVENT = 65_536
"""Bytes: what every intermediary must forward (CloudEvents, "Size Limits")."""

MOST_EVENTS = 500
"""Of a batch: as many as are recorded within the time of one request."""

MOST_IDENTIFIERS = 10
"""Of one event, as a contact decision has it."""

_REQUIRED = ("specversion", "id", "source", "type")
_OWN = {*_REQUIRED, "time", "subject", "datacontenttype", "channel", "direction", "purpose"}
_SUBJECTS = frozenset({"customer", "anonymous"})
_ATTRIBUTE = re.compile(r"[a-z0-9]+")
_HEADER = re.compile(r"[ -~]*")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_SHARED_TYPE = re.compile(r"(?:[A-Za-z0-9-]+\.)+([a-z_]+\.[a-z_]+\.v[0-9]+)")
_INTEGERS = range(-(2**31), 2**31)

Attribute: TypeAlias = str | int | bool
WordT = TypeVar("WordT", bound=StrEnum)


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudEvent:
    """One event as it was sent: its attributes by name, and its data, JSON or bytes."""

    attributes: Mapping[str, Attribute]
    data: Any = None

    def text(self, name: str) -> str | None:
        """Return an attribute that is a text.

        Raises:
            InvalidFieldsError: it is there, and is none.
        """
        value = self.attributes.get(name)
        if value is None or (isinstance(value, str) and value):
            return value
        raise unusable(f"/{name}", "attribute", "a text that is not empty")

    def required(self, name: str) -> str:
        """Return an attribute that every event has.

        Raises:
            InvalidFieldsError: it is missing, or no text.
        """
        value = self.text(name)
        if value is None:
            raise unusable(f"/{name}", "missing", "every event has this attribute")
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceTeller:
    """A device, which tells of its own contact alone."""

    device_id: str
    contact_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemTeller:
    """Another system, which tells of the channels that it speaks for."""

    channels: frozenset[Channel]


Teller: TypeAlias = DeviceTeller | SystemTeller


def translate(
    payload: bytes,
    *,
    headers: Mapping[str, str],
    app_id: str,
    received_at: datetime,
    teller: Teller | None = None,
) -> Translation:
    """Return the events of a request; a batch's good ones are kept beside its rejects.

    What a device tells is about its contact, whom it need not name, and has the device as its
    source; an event that names anybody else is a reject, and so is one of a channel that a system
    does not speak for. Without a ``teller`` whatever can be recorded may be told.
    """
    try:
        read = list(_read(payload, _lowered(headers)))
    except DomainError as error:
        return Translation(rejects=(Reject.by(error, index=0),))
    events: list[ForeignEvent] = []
    indices: list[int] = []
    rejects: list[Reject] = []
    for index, (within, source) in enumerate(read):
        try:
            event = _parsed(source)
            events.append(_foreign(event, app_id=app_id, received_at=received_at, teller=teller))
            indices.append(index)
        except DomainError as error:
            rejects.append(Reject.by(error, index=index, within=within))
    return Translation(events=tuple(events), rejects=tuple(rejects), indices=tuple(indices))


def parse(payload: bytes, *, headers: Mapping[str, str]) -> Sequence[CloudEvent]:
    """Return the events of a request as they were sent.

    Raises:
        UnreadableError: the payload is no JSON where it should be.
        InvalidFieldsError: an attribute is missing or unusable; an event is too large, or they are
            too many; the media type is a CloudEvents format that is not JSON.
    """
    return [_parsed(source) for _, source in _read(payload, _lowered(headers))]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Binary:
    """An event in binary mode: its attributes are headers, its data is the body."""

    headers: Mapping[str, str]
    body: bytes


_Source: TypeAlias = _Binary | Any


def _lowered(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _read(payload: bytes, headers: Mapping[str, str]) -> Iterator[tuple[str, _Source]]:
    """Yield each event that is not parsed yet, and where it lies in the payload."""
    media_type = _media_type(headers.get("content-type", ""))
    if media_type == BATCH:
        batch = document_of(payload)
        if not isinstance(batch, list):
            raise unusable("", "batch", "a batch is a JSON array")
        if len(batch) > MOST_EVENTS:
            raise unusable("", "too_many_events", f"at most {MOST_EVENTS} events a batch")
        yield from ((f"/{index}", event) for index, event in enumerate(batch))
    elif media_type == STRUCTURED:
        yield "", document_of(payload)
    elif media_type.startswith("application/cloudevents"):
        raise unusable("", "media_type", f"send {STRUCTURED}, {BATCH} or binary mode")
    else:
        yield "", _Binary(headers=headers, body=payload)


def _parsed(source: _Source) -> CloudEvent:
    return _of_binary(source) if isinstance(source, _Binary) else _of_document(source)


def _of_binary(source: _Binary) -> CloudEvent:
    if len(source.body) > LARGEST_EVENT:
        raise _too_large()
    attributes: dict[str, Attribute] = {}
    for header, value in source.headers.items():
        name = header.removeprefix("ce-")
        if name != header:
            attributes[_checked(name)] = _decoded(value, of=name)
    attributes.pop("datacontenttype", None)
    content_type = source.headers.get("content-type")
    if content_type:
        attributes["datacontenttype"] = content_type
    _check(attributes)
    data = _content(source.body, content_type or "") if source.body else None
    return CloudEvent(attributes=attributes, data=data)


def _of_document(document: Any) -> CloudEvent:
    if not isinstance(document, dict):
        raise unusable("", "event", "an event is a JSON object")
    if size_of(document) > LARGEST_EVENT:
        raise _too_large()
    attributes: dict[str, Attribute] = {
        _checked(name): _value(value, of=name)
        for name, value in document.items()
        if name not in {"data", "data_base64"} and value is not None
    }
    _check(attributes)
    return CloudEvent(
        attributes=attributes,
        data=_data_of(document, str(attributes.get("datacontenttype", "application/json"))),
    )


def _data_of(document: Mapping[str, Any], content_type: str) -> Any:
    """Return the data of an event in the JSON format (its section 3.1)."""
    encoded, plain = document.get("data_base64"), document.get("data")
    if encoded is None:
        if isinstance(plain, str) and not _is_json(content_type):
            return plain.encode()
        return plain
    if plain is not None:
        raise unusable("/data_base64", "data", "an event has one of data and data_base64")
    try:
        content = b64decode(encoded, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise unusable("/data_base64", "base64", "not base64 (RFC 4648)") from None
    return _content(content, content_type) if "datacontenttype" in document else content


def _content(body: bytes, content_type: str) -> Any:
    """Return a body's value where it is JSON, else the body."""
    if not _is_json(content_type):
        return body
    try:
        return document_of(body)
    except UnreadableError as error:
        raise unusable("/data", error.code, error.detail) from error


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _is_json(content_type: str) -> bool:
    """Say whether a type is JSON: its subtype is ``json``, or ends with ``+json``."""
    subtype = _media_type(content_type).partition("/")[2]
    return subtype == "json" or subtype.endswith("+json")


def _decoded(value: str, *, of: str) -> str:
    """Return a header's text: unquoted, then percent-decoded once (HTTP binding, 3.1.3.2)."""
    quoted = _QUOTED.fullmatch(value.strip())
    plain = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else value.strip()
    if not _HEADER.fullmatch(plain) or _STRAY_PERCENT.search(plain):
        raise unusable(f"/{of}", "percent_encoding", "printable ASCII, the rest percent-encoded")
    try:
        return unquote_to_bytes(plain).decode()
    except UnicodeDecodeError:
        raise unusable(f"/{of}", "percent_encoding", "not UTF-8 when decoded") from None


def _checked(name: str) -> str:
    if not _ATTRIBUTE.fullmatch(name):
        pointer = name.replace("~", "~0").replace("/", "~1")
        raise unusable(f"/{pointer}", "attribute_name", "lower-case letters and digits")
    return name


def _value(value: Any, *, of: str) -> Attribute:
    if isinstance(value, str | bool) or (isinstance(value, int) and value in _INTEGERS):
        return value
    raise unusable(f"/{of}", "attribute", "a text, a boolean or an integer of 32 bits")


def _check(attributes: Mapping[str, Attribute]) -> None:
    for name in _REQUIRED:
        if name not in attributes:
            raise unusable(f"/{name}", "missing", "every event has this attribute")
    if attributes["specversion"] != "1.0":
        raise unusable("/specversion", "specversion", "we speak version 1.0")


def _too_large() -> DomainError:
    return unusable("", "too_large", f"at most {LARGEST_EVENT} bytes an event")


def _foreign(
    event: CloudEvent, *, app_id: str, received_at: datetime, teller: Teller | None
) -> ForeignEvent:
    contact_id, identifiers = _whom(event)
    source = f"{NAME}/{event.required('source')}"
    channel = _word(event, "channel", Channel)
    match teller:
        case DeviceTeller():
            if identifiers or contact_id not in {None, teller.contact_id}:
                raise unusable("/subject", "not_yours", "a device speaks of its own contact alone")
            contact_id, source = teller.contact_id, f"device/{teller.device_id}"
        case SystemTeller() if channel not in teller.channels:
            raise unusable("/channel", "channel", f"one of {', '.join(sorted(teller.channels))}")
    is_binary = isinstance(event.data, bytes)
    return ForeignEvent(
        app_id=app_id,
        source=source,
        id=event.required("id"),
        type=_type_of(event),
        time=_time_of(event) or received_at,
        channel=channel,
        direction=_word(event, "direction", Direction),
        purpose=_word(event, "purpose", Purpose),
        identifiers=identifiers,
        contact_id=contact_id,
        data=_told(event),
        raw=event.data if is_binary else None,
        is_time_reckoned="time" not in event.attributes,
    )


def _type_of(event: CloudEvent) -> str:
    given = event.required("type")
    shared = _SHARED_TYPE.fullmatch(given)
    return shared[1] if shared and shared[1] in OPEN_TO_OTHERS else given


def _time_of(event: CloudEvent) -> datetime | None:
    text = event.text("time")
    at = instant_of(text) if text else None
    if text and at is None:
        raise unusable("/time", "time", "an instant of RFC 3339 with its zone")
    return at


def _word(event: CloudEvent, name: str, words: type[WordT]) -> WordT | None:
    text = event.text(name)
    if text is None:
        return None
    try:
        return words(text)
    except ValueError:
        raise unusable(f"/{name}", name, f"one of {', '.join(words)}") from None


def _whom(event: CloudEvent) -> tuple[str | None, tuple[tuple[str, str], ...]]:
    """Return the contact whom an event names, and the identifiers."""
    kind, _, value = (event.text("subject") or "").partition("/")
    named = _identifiers(event.data)
    if kind == "contact" and value:
        return value, named
    return None, ((kind, value), *named) if kind in _SUBJECTS and value else named


def _identifiers(data: Any) -> tuple[tuple[str, str], ...]:
    given = data.get("identifiers") if isinstance(data, dict) else None
    if given is None:
        return ()
    if not isinstance(given, list) or len(given) > MOST_IDENTIFIERS:
        detail = f"a list of at most {MOST_IDENTIFIERS}"
        raise unusable("/data/identifiers", "identifiers", detail)
    return tuple(_identifier(one, index=index) for index, one in enumerate(given))


def _identifier(given: Any, *, index: int) -> tuple[str, str]:
    match given:
        case {"namespace": str(namespace), "value": str(value)}:
            return namespace, value
    detail = "an object with the texts namespace and value"
    raise unusable(f"/data/identifiers/{index}", "identifier", detail)


def _told(event: CloudEvent) -> Mapping[str, Any]:
    """Return the data as the ledger keeps it."""
    extensions = _extensions(event)
    match event.data:
        case None | bytes():
            told: dict[str, Any] = {}
        case dict():
            told = {name: value for name, value in event.data.items() if name != "identifiers"}
        case value:
            told = {"value": value}
    if extensions and "extensions" in told:
        raise unusable("/data/extensions", "reserved", "the event's extensions take this name")
    return {**told, "extensions": extensions} if extensions else told


def _extensions(event: CloudEvent) -> Mapping[str, Attribute]:
    kept = {name: value for name, value in event.attributes.items() if name not in _OWN}
    content_type = str(event.attributes.get("datacontenttype", ""))
    if content_type and not _is_json(content_type):
        kept["datacontenttype"] = content_type
    subject = str(event.attributes.get("subject", ""))
    if subject and subject.partition("/")[0] not in {"contact", *_SUBJECTS}:
        kept["subject"] = subject
    return kept
